"""Changes of images: ablations of the whole image, and the controls that stand beside them.

Images are uint8 (H, W, 3), sRGB, working copies as `working_copy` makes them.
"""

import io
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from skimage.restoration import denoise_tv_chambolle

from memorability.where.names import MIRRORED, REENCODED, WHOLE, Ablation

Pixels = npt.NDArray[np.uint8]

SIDE = 256
"""Shorter side, in pixels, of a working copy; a smaller image stays as it is."""

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and the Columbia project take it
_ROUNDS = 8


def working_copy(image: Image.Image, side: int = SIDE) -> Pixels:
    """Return an image with a shorter side of at most `side` pixels, bilinear with antialiasing.

    Radii and sizes of changes are in pixels of this copy, so that they mean the same of a photograph
    from any camera. Its aspect is kept.
    """
    scale = side / min(image.size)
    if scale < 1:
        size = [max(1, round(length * scale)) for length in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.BILINEAR)
    return np.asarray(image.convert("RGB"))


def blurred(image: Pixels, radius: float) -> Pixels:
    """Return an image under Pillow's Gaussian blur of a standard deviation in pixels."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def detail_alone(image: Pixels, radius: float) -> Pixels:
    """Return what a blur takes away, around mid-grey 128."""
    return _clipped(128 + image.astype(np.float64) - blurred(image, radius))


def desaturated(image: Pixels, share: float) -> Pixels:
    """Return an image with this share of its colour taken out, 0 to 1; its luma stays."""
    values = image.astype(np.float64)
    luma = (values @ np.asarray(_GREY))[..., None]
    return _clipped(values + share * (luma - values))


def flattened(image: Pixels, weight: float) -> Pixels:
    """Return an image without fine texture, its edges kept.

    Total variation is made small: the larger the weight, the flatter (A. Chambolle, An algorithm for
    total variation minimization and applications, 2004; scikit-image).
    """
    smooth = denoise_tv_chambolle(image / 255, weight=weight, max_num_iter=50, channel_axis=-1)
    return _clipped(255 * smooth)


def shuffled(image: Pixels, tiles: float, stream: np.random.Generator) -> Pixels:
    """Return an image whose tiles, so many in each direction, change places at random.

    The rows and columns that no tile needs, at the bottom and the right, stay. An image with fewer
    pixels than tiles stays as it is.
    """
    count = int(tiles)
    height, width = image.shape[0] // count, image.shape[1] // count
    if not height or not width:
        return image
    inside = image[: height * count, : width * count]
    cells = inside.reshape(count, height, count, width, 3).swapaxes(1, 2)
    moved = cells.reshape(-1, height, width, 3)[stream.permutation(count * count)]
    result = image.copy()
    result[: height * count, : width * count] = (
        moved.reshape(count, count, height, width, 3).swapaxes(1, 2).reshape(inside.shape)
    )
    return result


def crop(image: Pixels, share: float, place: tuple[float, float] = (0.5, 0.5)) -> Pixels:
    """Return a part of an image whose sides are a share of the image's.

    Parameters
    ----------
    image
        (H, W, 3).
    share
        0 to 1.
    place
        How much of the rows and columns that are cut off lie above and left of the part, 0 to 1.
    """
    size = [max(1, round(share * length)) for length in image.shape[:2]]
    top, left = (
        round(where * (length - kept))
        for where, length, kept in zip(place, image.shape[:2], size, strict=True)
    )
    return image[top : top + size[0], left : left + size[1]]


def reencoded(image: Pixels, quality: float) -> Pixels:
    """Return an image as it comes back from a JPEG file of Pillow's of this quality."""
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, "JPEG", quality=int(quality))
        file.seek(0)
        with Image.open(file) as opened:
            return np.asarray(opened.convert("RGB"))


def mean_square(before: Pixels, after: Pixels) -> float:
    """Return the mean squared change of pixels, of values in [0, 1]."""
    return float(np.mean(np.square((after.astype(np.float64) - before) / 255)))


def with_noise(image: Pixels, square: float, noise: npt.NDArray[np.float64]) -> Pixels:
    """Return an image with noise that changes its pixels by a mean square.

    Parameters
    ----------
    image
        (H, W, 3).
    square
        Mean squared change to reach, of values in [0, 1]; what is reached is less where pixels leave
        the range too often.
    noise
        (H, W, 3), standard normal values.
    """
    if square <= 0:
        return image
    scale, noisy = 255 * np.sqrt(square), image
    for _ in range(_ROUNDS):  # values that leave the range are cut, so that more noise is needed
        noisy = _clipped(image + scale * noise)
        reached = mean_square(image, noisy)
        if reached <= 0:
            break
        scale *= min(4.0, np.sqrt(square / reached))
    return noisy


def whole_changes(image: Pixels, stream: np.random.Generator) -> dict[str, Pixels]:
    """Return an image under every ablation of the whole image: name -> image.

    Parameters
    ----------
    image
        A working copy.
    stream
        Of the order of tiles.
    """
    of_kind: Mapping[str, Callable[[Ablation], Pixels]] = {
        "blur": lambda one: blurred(image, one.amount),
        "detail": lambda one: detail_alone(image, one.amount),
        "desaturated": lambda one: desaturated(image, one.amount),
        "grey": lambda one: desaturated(image, one.amount),
        "flattened": lambda one: flattened(image, one.amount),
        "shuffled": lambda one: shuffled(image, one.amount, stream),
        "central": lambda one: crop(image, one.amount),
    }
    return {name: of_kind[name.partition("_")[0]](one) for name, one in WHOLE.items()}


def control_changes(image: Pixels, quality: float) -> dict[str, Pixels]:
    """Return an image under the changes that leave what it shows as it is: name -> image."""
    return {REENCODED: reencoded(image, quality), MIRRORED: image[:, ::-1]}


def _clipped(values: npt.NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
