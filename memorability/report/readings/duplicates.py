"""Nearly equal images, as readers have them: sentences, rows and pictures."""

import html
from base64 import b64encode
from io import BytesIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from memorability.report.numbers import counted

_GAP = 8  # pixels between two pictures


def duplicates_in_words(duplicates: pd.DataFrame) -> str:
    """Return that the split separates nearly equal images, in two sentences; "" where it does not."""
    apart = int(duplicates["straddles"].sum())
    if not apart:
        return ""
    return (
        f"{counted(apart, 'pair')} of nearly equal images {'stands' if apart == 1 else 'stand'} in "
        "different parts of the split: the prediction of test images may look better than it is. "
        "prediction.split.group_near_duplicates: true keeps such images in one part of a stratified "
        "split."
    )


def duplicates_for_reading(duplicates: pd.DataFrame) -> pd.DataFrame:
    """Return the table `near_duplicates` from the nearest pair on, with headings for readers."""
    rows = duplicates.sort_values(["straddles", "distance"], ascending=[False, True], kind="stable")
    return pd.DataFrame(
        {
            "image": rows["image_id"],
            "nearly equal to": rows["other_image_id"],
            "bits that differ": rows["distance"],
            "mirrored": rows["mirrored"].map({True: "yes", False: "no"}),
            "category": rows["category"],
            "of the other": rows["other_category"],
            "part": rows["split"],
            "part of the other": rows["other_split"],
        }
    )


def duplicates_lead(duplicates: pd.DataFrame, images: int) -> str:
    """Return how many of the study's images have a near duplicate, in sentences."""
    alike = set(duplicates["image_id"]) | set(duplicates["other_image_id"])
    return (
        f"{len(alike):,} of {counted(images, 'image')} {'has' if len(alike) == 1 else 'have'} a near "
        f"duplicate. {duplicates_in_words(duplicates)}"
    ).strip()


def pictured(
    duplicates: pd.DataFrame, ids: pd.Series, pixels: NDArray[np.uint8], most: int = 20
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Return the first pairs of `duplicates_for_reading` as pictures side by side, with their names.

    Parameters
    ----------
    duplicates
        The table `near_duplicates`.
    ids, pixels
        Of the prepared images: image_id (N,), and uint8 (N, 3, 224, 224).
    most
        Pairs at most.

    Returns
    -------
    list of tuple
        Name, and picture uint8 (224, 456, 3).
    """
    row_of = pd.Series(np.arange(len(ids)), pd.Index(ids))
    shown = duplicates_for_reading(duplicates).head(most)
    pairs = zip(shown["image"], shown["nearly equal to"], strict=True)
    return [
        (
            f"{first} · {second}",
            _beside(pixels[row_of[first]], pixels[row_of[second]]),
        )
        for first, second in pairs
    ]


def _beside(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return two images, (3, 224, 224), beside each other, with white between them."""
    gap = np.full((3, first.shape[1], _GAP), 255, dtype=np.uint8)
    return np.concatenate([first, gap, second], axis=2).transpose(1, 2, 0)


def picture_part(pixels: NDArray[np.uint8], caption: str) -> str:
    """Return a picture, (height, width, 3), inside the page, with its caption below it."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    text = html.escape(caption)
    data = b64encode(file.getvalue()).decode("ascii")
    return f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}"><br>{text}</figure>\n'
