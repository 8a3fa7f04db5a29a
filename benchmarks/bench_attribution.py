"""Integrated Gradients of one photograph at full width, 224 × 224 pixels, 50 steps, two threads.

The straightforward way calls captum for one image with its default settings, which interpolate all 50
steps in one pass, through the modules as they are trained. Ours folds batch normalisation, freezes
weights, lays channels beside each other, passes the first convolution, which is affine, once an image
and fills passes that fit the memory. The autoencoder has random weights, whose batch normalisation
knows three photographs; the predictor's scores of these photographs differ by as much as memorability
does (standard deviation 0.1). Such a network answers to the last digits of its sums: what single
precision makes of single pixels is compared with double precision for both. What can be reached at
most is the peak of matrix products on the same threads (benchmarks/bench_cost.py); arithmetic is that
of 50 passes forwards and back.
"""

import copy

import numpy as np
import skimage.data
import torch
from captum.attr import IntegratedGradients
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bench_cost import matrix_peak
from benchmarks.harness import Row, Timing, paired, peak_memory_mb
from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.reconstruction import recompute_batch_norm
from memorability.base.seeding import make_deterministic
from memorability.explanation.integrated_gradients import (
    images_per_pass,
    integrated_gradients,
    summarise_attributions,
)
from memorability.explanation.network import ScoreNetwork
from memorability.explanation.starts import blurred_mean_baseline
from memorability.images.decoding import resize_image
from memorability.images.pixels import to_unit_range
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.trained import TrainedPredictor

STEPS = 50
LIMIT_GB = 4


def photographs() -> np.ndarray:
    """Return three photographs, uint8 (3, 3, 224, 224)."""
    names = (skimage.data.chelsea, skimage.data.coffee, skimage.data.astronaut)
    return np.stack([resize_image(Image.fromarray(name()), "center_crop") for name in names])


def models() -> tuple[Autoencoder, TrainedPredictor, torch.Tensor, torch.Tensor]:
    """Return autoencoder, predictor, an image and the baseline, for two threads."""
    make_deterministic(2)
    pixels = photographs()
    model = initial_autoencoder(0, Architecture())
    recompute_batch_norm(model.encoder, pixels, device="cpu")
    model.eval()
    images = to_unit_range(pixels, "cpu")
    head = Predictor(model.latent_dim, hidden=(1024, 512), dropout=0.3, seed=0).eval()
    with torch.no_grad():
        latents = model.encode(images)
        mean, sd = latents.mean(dim=0), latents.std(dim=0)
        predictor = TrainedPredictor(head, mean, sd.where(sd > 0, 1), history=[])
        last = head.layers[-1]
        last.weight.mul_(0.1 / predictor.score(latents).std())
    return model, predictor, images[:1], blurred_mean_baseline(pixels.transpose(0, 2, 3, 1))


def ours(network: ScoreNetwork, image: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
    """Attribute as the workflow does."""
    size = images_per_pass(network, baseline, STEPS)
    attributions, _ = integrated_gradients(
        network.score_maps,
        image,
        baseline,
        affine=network.first,
        steps=STEPS,
        internal_batch_size=size,
    )
    return attributions


def straightforward(
    model: Autoencoder,
    predictor: TrainedPredictor,
    image: torch.Tensor,
    baseline: torch.Tensor,
) -> torch.Tensor:
    """Attribute as captum's documentation shows, with the convergence delta."""
    method = IntegratedGradients(lambda batch: predictor.score(model.encode(batch)))
    found, _ = method.attribute(image, baseline, n_steps=STEPS, return_convergence_delta=True)
    return found.detach()


def our_job() -> None:
    """Attribute one image in a process of its own."""
    model, predictor, image, baseline = models()
    ours(ScoreNetwork(model, predictor, "cpu"), image, baseline)


def their_job() -> None:
    """Attribute one image the straightforward way in a process of its own."""
    straightforward(*models())


def rows() -> list[Row]:
    """Compare time, memory and values."""
    model, predictor, image, baseline = models()
    network = ScoreNetwork(model, predictor, "cpu")
    found: dict[str, torch.Tensor] = {}

    def run_ours() -> None:
        found["ours"] = ours(network, image, baseline)

    def run_other() -> None:
        found["other"] = straightforward(model, predictor, image, baseline)

    first, second, speedup = paired(run_ours, run_other)
    share = arithmetic(network, image) / first.median / matrix_peak("fp32", threads=2)[0]
    rate = Timing(tuple(1 / value for value in first.values))
    peak, other_peak = (peak_memory_mb(job) / 1000 for job in (our_job, their_job))
    exact = in_double_precision(model, predictor, image, baseline)
    summaries = [summarise_attributions(values, torch.zeros(1)) for values in found.values()]
    apart = float((summaries[0] - summaries[1]).abs().to_numpy().max())
    return [
        Row(
            what=f"one image, {STEPS} steps: {rate} images per second",
            ours=first,
            other=second,
            speedup=speedup,
            target=f"1.3×, at most {LIMIT_GB} GB, summaries to 1e-5",
            met=speedup.median >= 1.3 and peak <= LIMIT_GB and apart <= 1e-5,
            agreement=f"{100 * share:.0f}% of the arithmetic that matrix products reach; "
            f"peak {peak:.1f} GB against {other_peak:.1f}; summaries differ by up to "
            f"{apart:.1e}; attributions of single pixels by {far(found['ours'], found['other'])}; from "
            f"double precision ours by {far(found['ours'], exact)}, captum's own by "
            f"{far(found['other'], exact)}",
        )
    ]


def arithmetic(network: ScoreNetwork, image: torch.Tensor) -> int:
    """Return the floating-point operations of an image's gradients at all steps."""
    with FlopCounterMode(display=False) as counter:
        network(image)
    return 2 * STEPS * counter.get_total_flops()


def in_double_precision(
    model: Autoencoder, predictor: TrainedPredictor, image: torch.Tensor, baseline: torch.Tensor
) -> torch.Tensor:
    """Attribute the straightforward way in double precision, a few steps at a time."""
    model, head = copy.deepcopy(model).double(), copy.deepcopy(predictor.model).double()
    mean, sd = predictor.latent_mean.double(), predictor.latent_sd.double()
    method = IntegratedGradients(lambda batch: head((model.encode(batch) - mean) / sd))
    ends = (image.double(), baseline.double())
    return method.attribute(*ends, n_steps=STEPS, internal_batch_size=5).detach()


def far(values: torch.Tensor, others: torch.Tensor) -> str:
    """Say how far two attributions are apart, beside how large they are."""
    apart, size = (values - others).abs(), others.abs()
    return f"up to {apart.max():.1e} of {size.max():.1e} (mean {apart.mean():.1e} of {size.mean():.1e})"
