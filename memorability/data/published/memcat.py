"""MemCat: its archive of images and its score table, checked against each other.

10,000 photographs of five categories with 2,000 each (Goetschalckx & Wagemans 2019,
https://doi.org/10.7717/peerj.8169). The score is (hits − false alarms) / responses.
"""

import logging
import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.data.scores import read_scores
from memorability.images.folder import is_image, match, rows_without_file
from memorability.sources.archives import extract, list_files
from memorability.tables.given import first_place

logger = logging.getLogger(__name__)


CATEGORIES = frozenset({"animal", "food", "landscape", "sports", "vehicle"})
LIMIT_BYTES = 20 * 10**9  # of the unpacked images; photographs of web size take a tenth
COLUMNS = {
    "file": "image_file",
    "score": "memorability_w_fa_correction",
    "category": "category",
    "subcategory": "subcategory",
    "hits": "H",
    "false_alarms": "FA",
    "responses": "n_resp",
}
UNCORRECTED = "memorability_wo_fa_correction"
# The table has 15 significant digits, which leaves 5e-16. One hit more or less moves a score by at
# least 0.007, and a spreadsheet that saves as many digits as it shows by more than this.
TOLERANCE = 1e-12


def unpack(
    archive: Path,
    table: Path,
    directory: Path,
    *,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Unpack MemCat's images and match them with its score table.

    Parameters
    ----------
    archive
        The published archive, in any layout that `images_root` finds, or a zip or tar file that
        holds nothing but it.
    table
        memcat_image_data.csv.
    directory
        Where to unpack <category>/…/<file>; it appears whole or not at all.
    on_image
        Called after each unpacked file.

    Returns
    -------
    tuple of pandas.DataFrame
        The table of scores: image_id (the file name without its extension, as published), file (its
        path below `directory`; the name in the table where there is no image), category,
        subcategory, hits, false_alarms, responses, score. And the differences: file, difference,
        for every row without an image, image without a row, and image in another category or
        subcategory than its row's.

    Raises
    ------
    InputError
        If the table contradicts itself, the archive cannot be unpacked or has not MemCat's layout,
        or more than half of the rows have no image.
    """
    rows = read_table(table)
    paths = list_files(archive)
    inner = _inner_archive(paths)
    if inner is None:
        return _unpack_images(archive, paths, rows, directory, on_image)
    # The storage of MemCat's publisher serves a zip that holds memcat.zip.
    outside = directory.with_name(f".{directory.name}.outside")
    try:
        chosen = {inner: "archive"}
        extract(archive, outside, select=chosen.get, limit_bytes=LIMIT_BYTES)
        nested = outside / "archive"
        return _unpack_images(nested, list_files(nested), rows, directory, on_image)
    finally:
        shutil.rmtree(outside, ignore_errors=True)


def read_table(path: Path) -> pd.DataFrame:
    """Read MemCat's score table, as `read_scores` does, and recompute both of its scores.

    Raises
    ------
    InputError
        As `read_scores`; and if a score is not (H − FA) / n_resp, or H / n_resp, of its own row.
    """
    rows = read_scores(path, COLUMNS, compare_counts=False)
    incomplete = rows.index[rows["missing"] != ""]
    if len(incomplete):
        raise InputError(
            f"{path}, {first_place(incomplete)} is not complete ({len(incomplete)} such rows). The "
            "published table is: fetch it again, and keep it as it is."
        )
    # Read as a score, the second column is held to the same rules as the first.
    columns = COLUMNS | {"score": UNCORRECTED}
    uncorrected = read_scores(path, columns, compare_counts=False)["score"]
    corrected_rate = (rows["hits"] - rows["false_alarms"]) / rows["responses"]
    for name, given, counted, formula in (
        (COLUMNS["score"], rows["score"], corrected_rate, "(H − FA) / n_resp"),
        (UNCORRECTED, uncorrected, rows["score_uncorrected"], "H / n_resp"),
    ):
        recomputed = counted.to_numpy(dtype=float)
        wrong = np.flatnonzero(np.abs(given.to_numpy() - recomputed) > TOLERANCE)
        if wrong.size:
            shown = "".join(
                f"\n  - line {rows.index[row]} ({rows['file'].iloc[row]}): {given.iloc[row]!r}, from "
                f"its counts {recomputed[row]!r}"
                for row in wrong[:5].tolist()
            )
            raise InputError(
                f"{path}: {name} is not {formula} in {wrong.size} of {len(rows)} rows:{shown}\n"
                "The published table agrees to 15 digits. Fetch it again, and keep it as it is: "
                "spreadsheet programs round what they save."
            )
    return rows


def images_root(paths: Collection[str]) -> PurePosixPath:
    """Find the folder that holds MemCat's five category folders, in any letter case.

    Parameters
    ----------
    paths
        Of all files of an archive; below the category folders there may be subcategory folders. Of
        two such folders of which one lies within the other, the outer one counts.

    Raises
    ------
    InputError
        If there is no such folder or more than one.
    """
    categories: dict[PurePosixPath, set[str]] = {}
    for path in filter(_is_photograph, paths):
        for folder in PurePosixPath(path).parents:
            if folder.name.lower() in CATEGORIES:
                categories.setdefault(folder.parent, set()).add(folder.name.lower())
    whole = [root for root, names in categories.items() if names == CATEGORIES]
    roots = [root for root in whole if not set(root.parents) & set(whole)]
    if len(roots) == 1:
        return roots[0]
    if roots:
        raise InputError(
            "The archive holds MemCat's category folders more than once: below "
            f"{', '.join(sorted(map(str, roots)))}. Pack one of them into an archive of its own."
        )
    seen = sorted({str(PurePosixPath(path).parent) for path in paths})
    more = f" and {len(seen) - 10} more" if len(seen) > 10 else ""
    partly = "".join(
        f" {root} lacks {', '.join(sorted(CATEGORIES - names))}."
        for root, names in sorted(categories.items())
    )
    raise InputError(
        "The archive is not MemCat's: no folder in it holds the folders "
        f"{', '.join(sorted(CATEGORIES))} with images.{partly} Folders in it: "
        f"{', '.join(seen[:10]) or 'none'}{more}. Fetch MemCat's archive, or pack your copy again."
    )


def _is_photograph(path: str) -> bool:
    # macOS adds __MACOSX/…/._name.jpg, which is no image, beside each file.
    parts = PurePosixPath(path).parts
    return is_image(path) and not parts[-1].startswith(".") and "__MACOSX" not in parts


def _inner_archive(paths: Collection[str]) -> str | None:
    """Return the one file in an archive without images that is named like an archive."""
    named = [path for path in paths if path.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz"))]
    real = [path for path in named if "__MACOSX" not in PurePosixPath(path).parts]
    return real[0] if len(real) == 1 and not any(map(_is_photograph, paths)) else None


def _differ(folder: str, label: str) -> bool:
    # "forest (broadleaf)" in the table is forest_broadleaf in copies of the images.
    return re.sub(r"\W|_", "", folder.lower()) != re.sub(r"\W|_", "", label.lower())


def _unpack_images(
    archive: Path,
    paths: Collection[str],
    rows: pd.DataFrame,
    directory: Path,
    on_image: Callable[[], object],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        root = images_root(paths)
    except InputError as error:
        raise InputError(f"{archive}: {error}") from None

    def place(path: str) -> str | None:
        pure = PurePosixPath(path)
        if not _is_photograph(path) or not pure.is_relative_to(root):
            return None
        category, *rest = pure.relative_to(root).parts
        # A file beside the category folders belongs to none of them.
        return (
            "/".join([category.lower(), *rest]) if rest and category.lower() in CATEGORIES else None
        )

    # Before anything is written: an archive of other images is refused at once.
    files = [target for target in map(place, paths) if target]
    found, mismatches = match(list(rows["file"]), files)
    if found.count(None) * 2 > len(rows):
        raise InputError(
            f"{found.count(None)} of {len(rows)} rows of MemCat's table have no image of their own in "
            f"{archive}: {rows_without_file(mismatches)}. The archive holds {len(files)} images below "
            f"{root}, for example {files[0]!r}. Fetch both files again."
        )
    extract(archive, directory, select=place, limit_bytes=LIMIT_BYTES, on_file=on_image)
    differences = [(one.file, one.reason) for one in mismatches]
    for path, *labels in zip(found, rows["category"], rows["subcategory"], strict=True):
        folders = PurePosixPath(path).parts[:-1] if path else ()
        # Without subcategory folders only the category is compared.
        if any(map(_differ, folders, labels)):
            differences.append((str(path), f"is {'/'.join(labels)} by the score table"))
    rows["file"] = [path or file for path, file in zip(found, rows["file"], strict=True)]
    table = pd.DataFrame(sorted(differences), columns=["file", "difference"], dtype=str)
    if len(table):
        logger.warning(
            "MemCat's images and its table differ in %d places, for example %s: %s",
            len(table), *table.iloc[0],
        )  # fmt: skip
    return rows.drop(columns=["missing", "score_uncorrected"]), table
