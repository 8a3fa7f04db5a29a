"""Which file is which image: extensions, letter case, Unicode forms, and rows matched to files."""

import logging
import os
import unicodedata
from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from memorability.base.errors import InputError

logger = logging.getLogger(__name__)


_JPEG = frozenset({".jfif", ".jpe", ".jpeg", ".jpg"})
EXTENSIONS = _JPEG | {".bmp", ".gif", ".png", ".tif", ".tiff", ".webp"}
# Folders in which storage devices and archives of macOS keep small copies of photographs.
_COPIES = frozenset({"@eaDir", "__MACOSX"})


def walk(directory: Path) -> list[str]:
    """Return the paths of all files in and below a directory, relative to it, sorted.

    Hidden files and folders and those of copies (`@eaDir`, `__MACOSX`) are left out. Links to folders
    are followed, but each folder is searched once, by its own place where that is below `directory`
    too. A folder that may not be searched is left out, and a warning names it.
    """
    searched: set[tuple[int, int]] = set()
    files: list[str] = []
    folders, links = deque([""]), deque[str]()
    while folders or links:
        folder = (folders or links).popleft()
        try:
            status = (directory / folder).stat()
            if (status.st_dev, status.st_ino) in searched:
                continue
            searched.add((status.st_dev, status.st_ino))
            with os.scandir(directory / folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            logger.warning("%s cannot be searched: %s", directory / folder, error.strerror)
            continue
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.name.startswith(".") or entry.name in _COPIES:
                continue
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(f"{path}/")
            elif entry.is_file():
                files.append(path)
    return sorted(files)


def find_images(directory: Path) -> list[str]:
    """Return the paths of the image files in and below a directory, as `walk` finds them."""
    return [path for path in walk(directory) if is_image(path)]


def is_image(path: str) -> bool:
    """Whether a path ends like an image's, in any letter case."""
    return PurePosixPath(path).suffix.lower() in EXTENSIONS


def composed(text: str) -> str:
    """Return `text` with composed accents (NFC): macOS writes "é" in names as "e" and an accent."""
    return unicodedata.normalize("NFC", text)


def same_image(path: str) -> str:
    """Return what all spellings of one image's path share.

    The extension's letter case, .jpeg, .jpe, .jfif or .jpg, and composed or decomposed accents make no
    difference; the letter case of the rest does.
    """
    pure = PurePosixPath(composed(path))
    extension = pure.suffix.lower()
    return str(pure.with_suffix(".jpg" if extension in _JPEG else extension))


def candidates(files: Sequence[str], present: Collection[str]) -> list[list[str]]:
    """Find, for every file of a table, the paths that it may stand for.

    Parameters
    ----------
    files
        Paths as the table has them: whole, or a bare file name.
    present
        Paths of the files that there are.

    Returns
    -------
    list of list of str
        For each of `files` the path as written, else those with its bare name, else those that are
        spelled otherwise (see `same_image`); sorted.
    """
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    by_spelling: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(present):
        name = path.rsplit("/", 1)[-1]
        by_name[name].append(path)
        by_spelling[same_image(path)].append(path)
        if name != path:
            by_spelling[same_image(name)].append(path)
    paths = set(present)
    return [
        [file] if file in paths else by_name.get(file) or by_spelling.get(same_image(file), [])
        for file in files
    ]


@dataclass(frozen=True)
class Mismatch:
    """Why a row of a table has no file, or a file no row.

    Attributes
    ----------
    kind
        "missing": the row names no file that there is. "ambiguous": it could stand for several.
        "taken": its file is already another row's. "unnamed": no row names the file.
    file
        The path as the table has it; of an unnamed file, its own path.
    others
        The files that an ambiguous row could stand for, or the one that is taken; else none.
    """

    kind: Literal["missing", "ambiguous", "taken", "unnamed"]
    file: str
    others: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The clause about the file that lists of left-out images hold."""
        if self.kind == "unnamed":
            return "is not in the score table"
        what = {
            "missing": "no such file",
            "ambiguous": f"could be any of {', '.join(self.others)}",
            "taken": f"{', '.join(self.others)} is already another row's image",
        }[self.kind]
        return f"is in the score table, but {what}"


def rows_without_file(mismatches: Sequence[Mismatch]) -> str:
    """Return in words how many rows have no file, for each kind of reason with an example."""
    kinds = {
        "missing": "name no file that there is",
        "ambiguous": "could stand for several files",
        "taken": "stand for a file that is already another row's",
    }
    clauses = []
    for kind, words in kinds.items():
        rows = [one for one in mismatches if one.kind == kind]
        if rows:
            others = f" ({', '.join(rows[0].others)})" if rows[0].others else ""
            clauses.append(f"{len(rows)} {words}, for example {rows[0].file!r}{others}")
    return "; ".join(clauses)


def match(
    files: Sequence[str], present: Collection[str]
) -> tuple[list[str | None], list[Mismatch]]:
    """Find the file of every row of a score table.

    Parameters
    ----------
    files
        Paths as the table has them: whole, or a bare file name that occurs once in any directory.
    present
        Paths of the files that there are, as written on disk or in an archive.

    Returns
    -------
    tuple
        For each of `files` its path among `present`, or None; and a mismatch for every row without
        a file of its own, and then for every image that no row names. A path as written goes before
        other spellings of it (see `same_image`).
    """
    paths = set(present)
    found: list[str | None] = []
    named: set[str] = set()
    mismatches: list[Mismatch] = []
    for file, fitting in zip(files, candidates(files, present), strict=True):
        if len(fitting) == 1 and fitting[0] not in named:
            found.append(fitting[0])
            named.add(fitting[0])
            continue
        found.append(None)
        if not fitting:
            mismatches.append(Mismatch("missing", file))
        elif len(fitting) == 1:
            mismatches.append(Mismatch("taken", file, tuple(fitting)))
        else:
            mismatches.append(Mismatch("ambiguous", file, tuple(fitting)))
    unnamed = sorted(path for path in paths - named if is_image(path))
    return found, mismatches + [Mismatch("unnamed", path) for path in unnamed]


def locate(files: Sequence[str], directory: Path) -> tuple[list[str | None], list[tuple[str, str]]]:
    """Find every file of a score table below `directory`.

    Returns
    -------
    tuple
        For each file its path relative to `directory`, or None; and (file, reason) for every file
        not found, named ambiguously, and every image that no row names.

    Raises
    ------
    InputError
        If more than half of the rows have no image: then it is the directory or the column that is
        wrong, not single images.
    """
    present = set(walk(directory))
    # A row may name what is not searched: a hidden file, or a place by another way.
    by_another_way = {
        file for file in files if file not in present and os.path.lexists(directory / file)
    }
    if by_another_way:
        same = {_identity(directory / file) for file in by_another_way}
        present = {path for path in present if _identity(directory / path) not in same}
        present |= by_another_way
    found, mismatches = match(files, present)
    without = found.count(None)
    if without * 2 > len(files):
        images = sorted(path for path in present if is_image(path))
        raise InputError(
            f"{without} of {len(files)} rows of the score table have no image of their own in "
            f"{directory}: {rows_without_file(mismatches)}. The directory holds {len(images)} images"
            f"{f', for example {images[0]!r}' if images else ''}. File names are relative to "
            "dataset.images: correct dataset.images or dataset.columns.file. Where several files have "
            "the same name, give their directories too."
        )
    return found, [(one.file, one.reason) for one in mismatches]


def _identity(path: Path) -> tuple[int, int] | Path:
    """Return what a file has in common with itself under another path."""
    try:
        status = path.stat()
    except OSError:
        return path
    return status.st_dev, status.st_ino
