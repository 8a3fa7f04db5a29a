"""LaMem: its archive of images with the five published splits and their scores.

58,741 photographs (Khosla, Raju, Torralba & Oliva 2015, "Understanding and predicting image
memorability at a large scale"), without categories.

The score
---------
One number from 0 to 1 per image *and split*. The paper scores "the train split … by one half of the
workers, and the test split by the other half" (section 4.1), so that an image's score differs from
split to split; in the published files it does. The scores there are rounded fractions of about 40
responses, half of the 80 that an image has on average (section 2.3): shares of responses, not the
coefficients of the delay correction (equation 6). The images' repeats came after 35 to 150 showings.
Not stated anywhere: whether the files' scores account for false alarms (the paper reports both), and
the counts behind them, so that neither d′ nor a noise ceiling can be computed.

An image's one score for a study is the mean of its scores in the splits that list it: each is an
estimate by a random half of the observers, and their mean uses nearly all. A study that must keep
observers of training and test images apart uses the scores of `official_splits` instead.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pandas as pd

from memorability.base.errors import InputError
from memorability.data.published.unpacking import whole
from memorability.images.folder import is_image, match, rows_without_file
from memorability.sources.archives import FETCH_AGAIN, extract

logger = logging.getLogger(__name__)


LIMIT_BYTES = 15 * 10**9  # of what the archive of 2.7 GB unpacks to: photographs do not shrink
PARTS = {"train": "train", "val": "validation", "test": "test"}  # their word -> ours
SPLITS = range(1, 6)


def unpack(
    archive: Path, directory: Path, *, on_file: Callable[[], object] = lambda: None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Unpack LaMem's images and read its splits, in one pass over the archive.

    Parameters
    ----------
    archive
        The published archive, with …/images/<number>.jpg and …/splits/{train,val,test}_{1..5}.txt.
    directory
        Where to unpack the images; it appears whole or not at all.
    on_file
        Called after each unpacked file.

    Returns
    -------
    tuple of pandas.DataFrame
        The table of scores: image_id, file, category ("all"), subcategory (""), hits, false_alarms,
        responses (all missing), score (see above). The splits, as from `read_splits`. And the
        differences: file, difference, for every listed image without a file and the reverse.

    Raises
    ------
    InputError
        If the archive cannot be unpacked, has not LaMem's layout, its splits contradict themselves,
        or more than half of the images are missing.
    """
    with whole(directory) as place:
        paths = extract(archive, place, select=_place, limit_bytes=LIMIT_BYTES, on_file=on_file)
        images = [path.removeprefix("images/") for path in paths if path.startswith("images/")]
        if not images:
            raise InputError(
                f"{archive} is not LaMem's archive: it has no folder `images` with images in it. "
                f"{FETCH_AGAIN}."
            )
        splits = read_splits(place / "splits")
        scores = _scores(splits)
        found, mismatches = match(list(scores["file"]), images)
        if found.count(None) * 2 > len(scores):
            raise InputError(
                f"{archive} lists {len(scores)} images in its splits but has no file of its own for "
                f"{found.count(None)} of them: {rows_without_file(mismatches)}. {FETCH_AGAIN}."
            )
        scores["file"] = [path or file for path, file in zip(found, scores["file"], strict=True)]
    differences = sorted((one.file, one.reason) for one in mismatches)
    table = pd.DataFrame(differences, columns=["file", "difference"], dtype=str)
    if len(table):
        logger.warning(
            "LaMem's images and its splits differ in %d places, for example %s: %s",
            len(table), *table.iloc[0],
        )  # fmt: skip
    return scores, splits, table


def read_splits(directory: Path) -> pd.DataFrame:
    """Read the fifteen files of the five published splits.

    Parameters
    ----------
    directory
        With {train,val,test}_{1..5}.txt, of lines "00051110.jpg 0.675000".

    Returns
    -------
    pandas.DataFrame
        A row per line: official_split (1-5), image_id (the name without extension), split ("train",
        "validation" or "test"), score (0-1, of this part of this split).

    Raises
    ------
    InputError
        Naming file and line, if a file is missing or empty, a line is something else, or a split
        lists an image twice.
    """
    parts = []
    for number in SPLITS:
        listed: dict[str, str] = {}
        for word, part in PARTS.items():
            path = directory / f"{word}_{number}.txt"
            lines = _lines(path)
            for line, file, _ in lines:
                image_id = PurePosixPath(file).stem
                here = f"{path.name}, line {line}"
                if image_id in listed:
                    raise InputError(
                        f"LaMem's split {number} lists {file} twice: {listed[image_id]}, and {here}. "
                        "Each image belongs to one part. Fetch the archive again."
                    )
                listed[image_id] = here
            # One file at a time: as Python objects all five splits would take 200 MB.
            table = pd.DataFrame(lines, columns=["official_split", "image_id", "score"])
            table["official_split"] = number
            table["image_id"] = table["image_id"].str.rsplit(".", n=1).str[0]
            table.insert(2, "split", part)
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _lines(path: Path) -> list[tuple[int, str, float]]:
    """Return line number, file and score of every line; blank lines are passed over."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"LaMem's archive has no splits/{path.name}. It holds five splits of three parts each. "
            f"{FETCH_AGAIN}."
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} of LaMem's splits is no text: {error}.") from None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = re.fullmatch(r"(\S+)\s+([01]\.\d+|[01])\s*", line)
        if not fields or not is_image(fields[1]) or float(fields[2]) > 1:
            raise InputError(
                f"LaMem's {path.name}, line {number}: {line!r} is not a file name and a score from "
                'to 0 to 1, as in "00051110.jpg 0.675000". Fetch the archive again.'
            )
        rows.append((number, fields[1], float(fields[2])))
    if not rows:
        raise InputError(f"LaMem's splits/{path.name} lists no images. Fetch the archive again.")
    return rows


def _place(path: str) -> str | None:
    """Return where a file of the archive goes: images/<file> or splits/<file>; other files nowhere."""
    *_, folder, name = ("", "", *PurePosixPath(path).parts)
    if name.startswith(".") or "__MACOSX" in PurePosixPath(path).parts:
        return None
    if folder.lower() == "images" and is_image(name):
        return f"images/{name}"
    wanted = {f"{word}_{number}.txt" for word in PARTS for number in SPLITS}
    return f"splits/{name}" if folder.lower() == "splits" and name in wanted else None


def _scores(splits: pd.DataFrame) -> pd.DataFrame:
    scores = splits.groupby("image_id")["score"].mean().reset_index()
    missing = pd.Series(pd.NA, index=scores.index, dtype="Int64")
    return scores.assign(
        file=scores["image_id"] + ".jpg",
        category="all",
        subcategory="",
        hits=missing,
        false_alarms=missing,
        responses=missing,
    )
