"""What the preparation of images depends on: which files there are and what is in them, not when."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
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
    code: str,
    single_trials: bool = False,
) -> str:
    """Return a hash of the images that a table scores: of their names, places and contents.

    Parameters
    ----------
    directory, table, columns
        See `memorability.images.store.prepare` and `memorability.data.scores.read_scores`, or
        `memorability.data.trials.read_trials`.
    index
        See `contents`. The list of images is kept there, too.
    code
        Fingerprint of the code that reads the table: other code makes the list anew.
    single_trials
        Whether the table holds trials.

    Returns
    -------
    str
        Scores, categories and other files have no part in it. Of a table or a directory that the
        preparation will refuse it is the hash of the table.
    """
    kept = _Kept(index)
    reader = settings_hash([dict(columns), single_trials, code])
    try:
        named = kept.value(
            f"images named by {table}",
            [*_state(table), reader],
            lambda: _named_images(table, columns, single_trials=single_trials),
        )
        paths, _ = locate([file for _, file in named], directory)
    except (InputError, OSError):
        return file_hash(table)
    hashes = _contents(kept, directory, [path for path in paths if path])
    kept.save()
    return settings_hash(
        [
            [image_id, file, path, hashes.get(path or "")]
            for (image_id, file), path in zip(named, paths, strict=True)
        ]
    )


def _named_images(
    table: Path, columns: Mapping[str, str], *, single_trials: bool
) -> list[list[str]]:
    """Return image_id and file of every image that a table scores."""
    if single_trials:
        files = score_trials(*read_trials(table, columns))["file"]
        rows = pd.DataFrame({"image_id": files, "file": files})
    else:
        rows = read_scores(table, columns)
        rows = rows[rows["missing"] == ""]
    return [[str(cell) for cell in row] for row in rows[["image_id", "file"]].to_numpy()]


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
    kept = _Kept(index)
    hashes = _contents(kept, directory, files)
    kept.save()
    return hashes


def _contents(kept: "_Kept", directory: Path, files: Iterable[str]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for file in files:
        with suppress(OSError):
            path = directory / file
            hashes[file] = kept.value(str(path), _state(path), partial(file_hash, path))
    return hashes


def _state(path: Path) -> list[int]:
    """Return what changes when a file may have changed."""
    status = path.stat()
    # A program may set the time of modification back, but not that of the change.
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


class _Kept:
    """Values in a JSON file, each as long as the state that it was made from lasts."""

    def __init__(self, index: Path) -> None:
        self._index = index
        self._before: dict[str, list[Any]] = {}
        self._now: dict[str, list[Any]] = {}
        with suppress(OSError, ValueError):
            self._before = json.loads(index.read_text(encoding="utf-8"))

    def value(self, name: str, state: list[Any], make: Callable[[], Any]) -> Any:
        """Return the value of a name, made anew if its state is another one."""
        known, value = self._before.get(name, (None, None))
        self._now[name] = [state, value if known == state else make()]
        return self._now[name][1]

    def save(self) -> None:
        """Keep the values that were asked for, and no others."""
        if self._now == self._before:
            return
        # It saves time alone, and the place may be read-only.
        with suppress(InputError), atomic(self._index) as temporary:
            temporary.write_text(json.dumps(self._now), encoding="utf-8")
