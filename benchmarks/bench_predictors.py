"""Predictors that read pixels: scoring with ResMem's weights, training steps, HOG2x2, and memory.

*Scoring.* 32 photographs of MemCat, from file to score. The straightforward way is that of the
publisher's package: open an image, bring it to the network's size by torchvision, and call the network
with one image, in PyTorch's own memory layout, with batch normalisation computed apart. Ours decodes on
threads of its own and scores 16 images together, with normalisation folded into the convolutions.
Weights are fetched beforehand (docs/predictors.md); without them, or without the photographs, scoring
is not timed.

*Training.* One step of 32 images and the validation of one more, of ResMem's network as published (its
ResNet stays) and of MemNet, from random weights. The straightforward loop opens and squashes a JPEG
file at every step (DataLoader without workers), computes in eager single precision in PyTorch's own
memory layout, and takes one place and one side for the crops of a batch. Photographs are crops of those
inside scikit-image. Both begin with the same weights; dropout and crops differ.

*HOG2x2.* The fit of `hog2x2`, see there, to 1,000 images. All threads are used. Memory is the peak of a
process of its own, its start included.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.transforms import v2

from benchmarks.bench_finetuning import crops, write_jpegs
from benchmarks.bench_hog2x2 import fit_seconds
from benchmarks.harness import Row, memory_row, paired, repeated
from memorability.base.seeding import make_deterministic
from memorability.images.decoding import decode
from memorability.networks.computing import Precision
from memorability.networks.weights import load_strictly, read_state_dict
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.opening import open_predictor
from memorability.pixel_predictors.resmem import TwoBranches, resmem_network
from memorability.pixel_predictors.training import memnet, resmem
from memorability.pixel_predictors.training.fitting import Kind
from memorability.pixel_predictors.training.learning import MOMENTUM, Recipe, ScoringNetwork, learn
from memorability.pixel_predictors.views import SQUARE, squashed
from memorability.scorer.score_images import find_files
from memorability.scorer.side_by_side import score_side_by_side
from memorability.sources.downloads import registry

PHOTOGRAPHS = Path(__file__).parents[2] / "shared/data/memcat_subset/images"
RESOURCES = Path("resources")
SCORED = 32
BATCH = 32
"""Images of a step, as in the recipes of both networks."""
DESCRIBED = 1_000
"""Images of HOG2x2."""
RUNS = 3
SPEEDUP = 1.5
AGREEMENT = 1e-3
MINUTES = 10
GIGABYTES = 4
KINDS = {
    "resmem_trained": resmem.KINDS["resmem_trained"],
    "memnet_trained": memnet.KINDS["memnet_trained"],
}
LEAST: dict[Precision, float] = {"fp32": 1.0, "bf16": 2.5}
AS_PUBLISHED = transforms.Compose(
    [transforms.Resize((256, 256)), transforms.CenterCrop(227), transforms.ToTensor()]
)


def rows() -> list[Row]:
    """Time scoring, training steps and descriptors, and weigh them."""
    make_deterministic(torch.get_num_threads())
    weights = RESOURCES / registry()["resmem"].path
    found = []
    if PHOTOGRAPHS.is_dir() and weights.is_file():
        found += _scoring(weights)
    else:
        logging.warning("Scoring is not timed: %s or %s is not there.", PHOTOGRAPHS, weights)
    with tempfile.TemporaryDirectory() as name:
        write_jpegs(crops(BATCH + 1), Path(name))
        files = sorted(Path(name).rglob("*.jpg"))
        for kind in KINDS:
            found += [_training(kind, precision, files) for precision in LEAST]
            found.append(
                memory_row(
                    f"{kind}, fp32: such a step", GIGABYTES, trained_alone, kind, prepared(files)
                )
            )
    return [*found, _described()]


def _scoring(weights: Path) -> list[Row]:
    files = find_files([str(PHOTOGRAPHS)])[0]
    files = files[:: len(files) // SCORED][:SCORED]
    predictor, network = open_predictor("resmem_published", resources=RESOURCES), plain(weights)
    threads = torch.get_num_threads()
    ours, other, speedup = paired(
        partial(side_by_side, predictor, files, threads), partial(one_by_one, network, files),
        runs=RUNS,
    )  # fmt: skip
    decoding = repeated(partial(prepared, files), runs=RUNS)
    difference = float(
        np.abs(side_by_side(predictor, files, threads) - one_by_one(network, files)).max()
    )
    what = f"{len(files)} photographs of MemCat"
    share = decoding.median / ours.median
    return [
        Row(
            f"{what} scored by ResMem, {threads} threads",
            ours,
            other,
            speedup,
            f"at least {SPEEDUP} ×, scores equal to {AGREEMENT:g}",
            speedup.median >= SPEEDUP and difference <= AGREEMENT,
            f"{len(files) / ours.median:.2g} photographs per second; largest difference of a score "
            f"{difference:.1g}",
        ),
        Row(
            f"{what}, decoded and squashed alone, one thread",
            decoding,
            target="under half of the time in which they are scored",
            met=share < 0.5,
            agreement=f"{share:.0%} of it",
        ),
        memory_row(f"{what} scored by ResMem", GIGABYTES, scored_alone, files),
    ]


def side_by_side(predictor: PixelPredictor, files: list[Path], threads: int) -> NDArray[np.float64]:
    """Return the scores as the command makes them."""
    table = score_side_by_side([predictor], files, device="cpu", threads=threads)
    return table["score"].to_numpy()


def scored_alone(files: list[Path]) -> None:
    """Open ResMem and score files, as a process of its own."""
    make_deterministic(torch.get_num_threads())
    predictor = open_predictor("resmem_published", resources=RESOURCES)
    side_by_side(predictor, files, torch.get_num_threads())


def prepared(files: Sequence[Path]) -> NDArray[np.uint8]:
    """Return what ResMem reads of files, one after the other."""
    return np.stack([squashed(decode(file)) for file in files])


def plain(weights: Path) -> TwoBranches:
    """Return the network as its publisher calls it."""
    with torch.device("meta"):
        network = resmem_network()
    network.to_empty(device="cpu")
    load_strictly(network, read_state_dict(weights)[0], "network of ResMem", weights)
    return network.eval()


@torch.no_grad()
def one_by_one(network: TwoBranches, files: list[Path]) -> NDArray[np.float64]:
    """Return the scores of one image after the other."""
    scores = []
    with any_kernel():
        for file in files:
            image = AS_PUBLISHED(Image.open(file).convert("RGB"))
            scores.append(float(network(image.view(-1, 3, 227, 227))))
    return np.array(scores)


@contextmanager
def any_kernel() -> Iterator[None]:
    """Let PyTorch choose its kernels, as it does by itself."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    yield
    torch.use_deterministic_algorithms(before)


def _training(name: str, precision: Precision, files: Sequence[Path]) -> Row:
    kind, least = KINDS[name], LEAST[precision]
    network, same = _network(kind), _network(kind)
    ours = partial(step, network, kind.recipe, prepared(files), precision)
    other = partial(straightforward_step, same, kind.recipe, files)
    # These are also the runs that are not counted.
    errors = f"squared error of the step {ours():.3g} and {other():.3g}"
    speedup = paired(ours, other, runs=RUNS, warmup=0)
    what = f"{name}, {precision}: a step of {len(files) - 1} images, validation of 1"
    return Row(what, *speedup, f"at least {least:g} ×", speedup[2].median >= least, errors)


def _network(kind: Kind) -> ScoringNetwork:
    torch.manual_seed(0)
    return kind.build()


def targets_of(count: int) -> NDArray[np.float32]:
    """Return scores (N,) by chance."""
    return np.random.default_rng(0).uniform(0.4, 1, count).astype(np.float32)


def step(
    network: ScoringNetwork, recipe: Recipe, pixels: NDArray[np.uint8], precision: Precision
) -> float:
    """Learn from all images but the last, which validates; return the mean squared error before."""
    count = len(pixels)
    learned = learn(
        network, pixels, targets_of(count), np.array(["train"] * (count - 1) + ["validation"]),
        replace(recipe, epochs=1, patience=None), seed=0, device="cpu", precision=precision,
    )  # fmt: skip
    return learned.history[0].train_error


class Files(Dataset[tuple[Tensor, Tensor]]):
    """Squashed images and scores, as one would read them first."""

    squash = v2.Compose([v2.Resize((SQUARE, SQUARE)), v2.PILToTensor()])

    def __init__(self, files: Sequence[Path], targets: NDArray[np.float32]) -> None:
        self.files, self.targets = files, torch.from_numpy(targets)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return an image uint8 (3, 256, 256) and its score."""
        with Image.open(self.files[number]) as image:
            return self.squash(image.convert("RGB")), self.targets[number]


def straightforward_step(network: ScoringNetwork, recipe: Recipe, files: Sequence[Path]) -> float:
    """Learn and validate as `step` does, as one would write it first."""
    images = Files(files, targets_of(len(files)))
    train = DataLoader(Subset(images, range(len(files) - 1)), recipe.batch_size, shuffle=True)
    validation = DataLoader(Subset(images, [len(files) - 1]), recipe.batch_size)
    cropped = v2.Compose([v2.RandomCrop(network.crop), v2.RandomHorizontalFlip()])
    optimizer = torch.optim.SGD(
        [weight for weight in network.parameters() if weight.requires_grad],
        lr=recipe.learning_rate, momentum=MOMENTUM, weight_decay=recipe.weight_decay,
    )  # fmt: skip
    with any_kernel():
        network.train()
        for pixels, targets in train:
            inputs = network.inputs(pixels)
            crops = cropped(inputs) if recipe.random_crop else network.centre(inputs)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network.of_crops(crops), targets)
            torch.autograd.backward(loss)
            optimizer.step()
            error = loss.item()
        network.eval()
        with torch.no_grad():
            for pixels, targets in validation:
                nn.functional.mse_loss(network(pixels), targets).item()
    return error


def trained_alone(name: str, pixels: NDArray[np.uint8]) -> None:
    """Build a network and make a step, as a process of its own."""
    make_deterministic(torch.get_num_threads())
    step(_network(KINDS[name]), KINDS[name].recipe, pixels, "fp32")


def _described() -> Row:
    what = f"hog2x2, a fit to {DESCRIBED:,} images of 400 × 300"
    row = memory_row(what, GIGABYTES, fit_seconds, DESCRIBED)
    return replace(
        row,
        target=f"at most {MINUTES} minutes, {row.target}",
        met=row.met and row.ours.median <= 60 * MINUTES,
    )
