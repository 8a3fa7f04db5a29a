"""What readers of published data sets share: MATLAB files, counts, and rows matched to images."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from memorability.base.errors import InputError
from memorability.images.folder import is_image, match, rows_without_file
from memorability.sources.archives import FETCH_AGAIN

logger = logging.getLogger(__name__)

COUNTS = ("hits", "false_alarms", "responses")


@contextmanager
def whole(directory: Path) -> Iterator[Path]:
    """Give a place to unpack into; its folder `images` becomes `directory`, or nothing does."""
    temporary = directory.with_name(f".{directory.name}.whole")
    shutil.rmtree(temporary, ignore_errors=True)
    (temporary / "images").mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(directory, ignore_errors=True)
        (temporary / "images").replace(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def folder_and_file(path: str) -> str | None:
    """Return the last folder and the name of an image in an archive; None of what is no image."""
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or not is_image(path) or parts[-1].startswith(".") or "__MACOSX" in parts:
        return None
    return "/".join(parts[-2:])


def read_matlab(path: Path, variable: str) -> Any:
    """Return a variable of a MATLAB file: arrays, and records whose fields are attributes.

    Raises
    ------
    InputError
        If it is no MATLAB file, one of version 7.3, or without the variable.
    """
    try:
        content = loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=[variable])
    except NotImplementedError:
        raise InputError(
            f"{path.name} is a MATLAB file of version 7.3, which the published one is not. "
            f"{FETCH_AGAIN}."
        ) from None
    except (MatReadError, OSError, ValueError, TypeError) as error:
        raise InputError(f"{path.name} is no MATLAB file: {error}. {FETCH_AGAIN}.") from None
    if variable not in content:
        raise InputError(f"{path.name} has no variable {variable!r}. {FETCH_AGAIN}.")
    return content[variable]


def number_of(record: Any, field: str, file: str) -> int:
    """Return a count of a record; InputError if the record has none."""
    value = getattr(record, field, None)
    try:
        count = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        count = np.nan
    if not (count >= 0 and count == int(count)):
        raise InputError(f"{file}: its {field} is {value!r}, not a count. {FETCH_AGAIN}.")
    return int(count)


def counts_of_repeats(
    hits: int, misses: int, false_alarms: int, correct_rejections: int
) -> tuple[int, int, int]:
    """Return hits, false alarms and responses, all out of the number of repeats.

    Hits are counted at an image's repeats, false alarms at its first showings. An observer who stopped
    saw some images once. Where an image has more first showings than repeats, its false alarms are
    brought to the number of repeats and rounded: the rate moves by at most half a response.

    Parameters
    ----------
    hits, misses
        Of the repeats, of which there is at least one.
    false_alarms, correct_rejections
        Of the first showings.
    """
    repeats, first = hits + misses, false_alarms + correct_rejections
    return hits, round(false_alarms / first * repeats) if first else 0, repeats


def matched(
    rows: pd.DataFrame, images: Sequence[str], archive: Path, name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the image of every row.

    Parameters
    ----------
    rows
        Of the table `scores`, with the file as the data set names it.
    images
        Paths below the folder of images.
    archive, name
        Of the images, and of the data set.

    Returns
    -------
    tuple of pandas.DataFrame
        The rows with the paths of their images; a row without an image keeps its name. And the table
        `differences`: rows without an image, and images without a row.

    Raises
    ------
    InputError
        If more than half of the rows have no image.
    """
    found, mismatches = match(list(rows["file"]), images)
    if found.count(None) * 2 > len(rows):
        raise InputError(
            f"{found.count(None)} of {len(rows)} rows of {name}'s table have no image of their own in "
            f"{archive}: {rows_without_file(mismatches)}. {FETCH_AGAIN}."
        )
    rows = rows.assign(file=[new or old for new, old in zip(found, rows["file"], strict=True)])
    return rows, differences([(one.file, one.reason) for one in mismatches], name)


def differences(listed: Sequence[tuple[str, str]], name: str) -> pd.DataFrame:
    """Return the table `differences` of a data set, and say in the log how many there are."""
    table = pd.DataFrame(sorted(listed), columns=["file", "difference"], dtype=str)
    if len(table):
        logger.warning(
            "%s's images and its table differ in %d places, for example %s: %s",
            name, len(table), *table.iloc[0],
        )  # fmt: skip
    return table


def without_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of scores whose counts are not published."""
    missing = pd.Series(pd.NA, index=table.index, dtype="Int64")
    return table.assign(**dict.fromkeys(COUNTS, missing))
