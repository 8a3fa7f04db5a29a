"""What the preparation of images depends on: which files there are and what is in them, not when."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from memorability.base.errors import InputError
from memorability.base.files import atomic, file_sha256
from memorability.base.hashes import settings_hash
from memorability.data.scores import read_scores
from memorability.data.trials import read_trials, score_trials
from memorability.images.folder import find_images, locate

CONTENTS = Path("resources/contents")
"""SHA-256 of images by their place, below the working directory. It may be deleted at any time."""


def file_hash(table: Path) -> str:
    """Return the SHA-256 of a file, or "" where there is none."""
    if not table.is_file():
        return ""
    return file_sha256(table)


def listing_hash(directory: Path) -> str:
    """Return a hash of the paths of the images in and below a directory."""
    return settings_hash(find_images(directory))


def scored_images_hash(
    directory: Path,
    table: Path,
    columns: Mapping[str, str],
    index: Path,
    *,
    single_trials: bool = False,
) -> str:
    """Return a hash of the images that a table scores: of their names, places and contents.

    Parameters
    ----------
    directory, table, columns
        See `memorability.images.store.prepare` and `memorability.data.scores.read_scores`, or
        `memorability.data.trials.read_trials`.
    single_trials
        Whether the table holds trials.
    index
        See `contents`.

    Returns
    -------
    str
        Scores, categories and other files have no part in it. Of a table or a directory that the
        preparation will refuse it is the hash of the table.
    """
    try:
        if single_trials:
            files = score_trials(*read_trials(table, columns))["file"]
            rows = pd.DataFrame({"image_id": files, "file": files})
        else:
            rows = read_scores(table, columns)
            rows = rows[rows["missing"] == ""]
        paths, _ = locate(list(rows["file"]), directory)
    except (InputError, OSError):
        return file_hash(table)
    hashes = contents(directory, [path for path in paths if path], index)
    return settings_hash(
        [
            [image_id, file, path, hashes.get(path or "")]
            for image_id, file, path in zip(rows["image_id"], rows["file"], paths, strict=True)
        ]
    )


def folder_hash(directory: Path, index: Path) -> str:
    """Return a hash of the images in and below a directory: of their places and contents."""
    return settings_hash(contents(directory, find_images(directory), index))


def contents(directory: Path, files: Iterable[str], index: Path) -> dict[str, str]:
    """Return the SHA-256 of files, which are read again only where they may have changed.

    Parameters
    ----------
    directory
        What `files` are relative to.
    files
        Paths; what cannot be read is left out.
    index
        JSON file in which hashes are kept with size, times and inode of their files.
    """
    kept: dict[str, list[Any]] = {}
    with suppress(OSError, ValueError):
        kept = json.loads(index.read_text(encoding="utf-8"))
    hashes: dict[str, str] = {}
    states: dict[str, list[Any]] = {}
    for file in files:
        with suppress(OSError):
            path = directory / file
            status = path.stat()
            # A program may set the time of modification back, but not that of the change.
            state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            known, digest = kept.get(str(path), (None, ""))
            hashes[file] = digest if known == state else file_hash(path)
            states[str(path)] = [state, hashes[file]]
    if states != kept:
        # It saves time alone, and the place may be read-only.
        with suppress(InputError), atomic(index) as temporary:
            temporary.write_text(json.dumps(states), encoding="utf-8")
    return hashes
