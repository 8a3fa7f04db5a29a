"""Scoring photographs with ResMem's published weights: 32 of MemCat, from file to score.

The straightforward way is that of the publisher's package: open an image, bring it to the network's
size by torchvision, and call the network with one image, in PyTorch's own memory layout, with batch
normalisation computed apart. Ours decodes on threads of its own and scores 16 images together, with
normalisation folded into the convolutions. Weights are fetched beforehand (docs/predictors.md); without
them nothing is timed.
"""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from benchmarks.harness import Row, paired
from memorability.networks.weights import load_strictly, read_state_dict
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.opening import open_predictor
from memorability.pixel_predictors.resmem import TwoBranches, resmem_network
from memorability.scorer.score_images import find_files
from memorability.scorer.side_by_side import score_side_by_side
from memorability.sources.downloads import registry

PHOTOGRAPHS = Path(__file__).parents[2] / "shared/data/memcat_subset/images"
RESOURCES = Path("resources")
IMAGES = 32
SPEEDUP = 1.5
AGREEMENT = 1e-3
AS_PUBLISHED = transforms.Compose(
    [transforms.Resize((256, 256)), transforms.CenterCrop(227), transforms.ToTensor()]
)


def rows() -> list[Row]:
    """Return the timing; none where photographs or weights are absent."""
    weights = RESOURCES / registry()["resmem"].path
    if not (PHOTOGRAPHS.is_dir() and weights.is_file()):
        logging.warning("predictors: not timed, for %s or %s is not there.", PHOTOGRAPHS, weights)
        return []
    files = find_files([str(PHOTOGRAPHS)])[0]
    files = files[:: len(files) // IMAGES][:IMAGES]
    predictor, network = open_predictor("resmem_published", resources=RESOURCES), plain(weights)
    threads = torch.get_num_threads()
    ours, other, speedup = paired(
        partial(side_by_side, predictor, files, threads), partial(one_by_one, network, files),
        runs=3,
    )  # fmt: skip
    difference = float(
        np.abs(side_by_side(predictor, files, threads) - one_by_one(network, files)).max()
    )
    return [
        Row(
            f"{len(files)} photographs of MemCat scored by ResMem, {threads} threads",
            ours,
            other,
            speedup,
            f"at least {SPEEDUP} ×, scores equal to {AGREEMENT:g}",
            speedup.median >= SPEEDUP and difference <= AGREEMENT,
            f"{len(files) / ours.median:.2g} photographs per second; largest difference of a score "
            f"{difference:.1g}",
        )
    ]


def side_by_side(predictor: PixelPredictor, files: list[Path], threads: int) -> NDArray[np.float64]:
    """Return the scores as the command makes them."""
    table = score_side_by_side([predictor], files, device="cpu", threads=threads)
    return table["score"].to_numpy()


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
    for file in files:
        image = AS_PUBLISHED(Image.open(file).convert("RGB"))
        scores.append(float(network(image.view(-1, 3, 227, 227))))
    return np.array(scores)
