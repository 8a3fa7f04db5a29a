"""Features of what networks find in an image: objects, classes, and foreground.

Pure functions of a detector's boxes, a segmentation's class probabilities and a classifier's; which
networks give them is the business of `memorability.features.detectors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from memorability.features.views import Views, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8] | Views
    FloatArray = NDArray[np.floating]


SCRIPTS_THRESHOLD: Final = 0.05
"""Score from which the published scripts count a box: the detector's own default, noise included."""

BACKGROUND: Final = 0
"""Index of the class "background" of the segmentation."""


@dataclass(frozen=True)
class Detections:
    """What a detector found in one image, after its own suppression of overlapping boxes.

    Attributes
    ----------
    boxes
        Shape (K, 4): left, top, right, bottom, in pixels inside the image.
    labels
        Shape (K,), the category of each box.
    scores
        Shape (K,), the detector's confidence, 0-1.
    area
        Height × width of the image in pixels.
    """

    boxes: FloatArray
    labels: NDArray[np.integer]
    scores: FloatArray
    area: int


def object_count(detections: Detections, *, threshold: float) -> float:
    """Count the detected objects of an image.

    The paper (section "Feature Analysis") counts the objects of Faster R-CNN and states no score
    threshold.

    Parameters
    ----------
    detections
        Of one image.
    threshold
        Least score of a box that counts, 0-1.

    Returns
    -------
    float
        A whole number from 0; torchvision's detector finds at most 100.
    """
    return float((detections.scores >= threshold).sum())


def distinct_categories(detections: Detections, *, threshold: float) -> float:
    """Count the different categories among the detected objects of an image.

    The paper (section "Feature Analysis") names it beside ResNet-50; its released code takes it from
    Faster R-CNN, as here.

    Parameters
    ----------
    detections, threshold
        See :func:`object_count`.

    Returns
    -------
    float
        A whole number from 0 (no objects) to the 80 categories of COCO.
    """
    return float(len(np.unique(detections.labels[detections.scores >= threshold])))


def mean_object_size(detections: Detections, *, threshold: float) -> float:
    """Mean area of the boxes of detected objects, as a fraction of the image.

    The paper (section "Feature Analysis") takes the mean area; its released code takes it in pixels of
    the 224 × 224 image, which ranks images alike.

    Parameters
    ----------
    detections, threshold
        See :func:`object_count`.

    Returns
    -------
    float
        0 (no objects) to 1 (each box fills the image).
    """
    left, top, right, bottom = detections.boxes[detections.scores >= threshold].T
    areas = (right - left) * (bottom - top)
    return float(areas.mean() / detections.area) if len(areas) else 0.0


def separation_score(image: Image, probabilities: FloatArray) -> float:
    """How far the mean colours of foreground and background lie apart in CIELAB.

    The paper (section "Feature Analysis") derives a separation score from DeepLabV3, "how well objects
    stood out from the background", without a formula, and its released code does not compute it. The
    definition is ours: foreground are the pixels whose most probable class is not background, and the
    score is the Euclidean distance of the two mean colours (CIE76).

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.
    probabilities
        Shape (classes, H, W), class 0 being background, summing to 1 for each pixel.

    Returns
    -------
    float
        CIE units from 0, about 258 at most; 0 where all is background or all is foreground.
    """
    foreground = _foreground(probabilities)
    if foreground.all() or not foreground.any():
        return 0.0
    lab = views(image).lab
    return float(np.linalg.norm(lab[foreground].mean(axis=0) - lab[~foreground].mean(axis=0)))


def separation_mask_fraction(probabilities: FloatArray) -> float:
    """Fraction of an image that is foreground.

    A variant of :func:`separation_score` that knows nothing of colour.

    Parameters
    ----------
    probabilities
        See :func:`separation_score`.

    Returns
    -------
    float
        0 (all background) to 1.
    """
    return float(_foreground(probabilities).mean())


def separation_certainty(probabilities: FloatArray) -> float:
    """How surely the segmentation tells foreground from background, over all pixels.

    A variant of :func:`separation_score`: the mean distance from 1 of 2 p, p being a pixel's
    probability of background. Certain background counts as much as certain foreground.

    Parameters
    ----------
    probabilities
        See :func:`separation_score`.

    Returns
    -------
    float
        0 (every pixel undecided) to 1.
    """
    return float(np.abs(1 - 2 * probabilities[BACKGROUND]).mean())


def _foreground(probabilities: FloatArray) -> NDArray[np.bool_]:
    foreground: NDArray[np.bool_] = probabilities.argmax(axis=0) != BACKGROUND
    return foreground


def probable_classes(probabilities: FloatArray, *, threshold: float) -> float:
    """Count the ImageNet classes that a classifier takes for probable.

    A variant of :func:`distinct_categories` after the paper's words (section "Feature Analysis"): the
    number of distinct classes, from ResNet-50. A classifier's probabilities sum to 1, so that
    several classes are probable where it is unsure as well as where there are several things.

    Parameters
    ----------
    probabilities
        Shape (classes,), summing to 1.
    threshold
        Least probability of a class that counts, above 0 to 1.

    Returns
    -------
    float
        A whole number from 0 to 1 / `threshold`.
    """
    return float((probabilities >= threshold).sum())
