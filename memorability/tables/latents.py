"""Latents of images, a row each, in one parquet file that is read piece by piece."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
from pyarrow import parquet

from memorability.base.arrays import LATENTS_AT_A_TIME, NpyWriter, blocks
from memorability.base.errors import InputError
from memorability.tables.store import readable, write_arrow


def write_latents(
    image_ids: list[str],
    latents: np.ndarray,
    path: str | Path,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write latents (N, D) float32 as rows of image_id and fixed-size list<float32>[D].

    Uncompressed, so that a job that reads them knows its memory by the file's size.
    """
    values = arrow.FixedSizeListArray.from_arrays(latents.reshape(-1), latents.shape[1])
    write_arrow(
        arrow.table({"image_id": image_ids, "latent": values}), path, record,
        compression="none", use_dictionary=False, row_group_size=LATENTS_AT_A_TIME,
    )  # fmt: skip


class LatentFile:
    """Latents of a file of `write_latents`, read by slices of rows.

    Attributes
    ----------
    shape
        (N, D).
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        with readable(path):
            self._file = parquet.ParquetFile(
                path, pre_buffer=False, page_checksum_verification=True
            )
        groups = range(self._file.metadata.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts = np.cumsum([0, *sizes])
        size = self._file.schema_arrow.field("latent").type.list_size
        self.shape: tuple[int, int] = (self._file.metadata.num_rows, size)

    @property
    def image_ids(self) -> list[str]:
        """The image of each row."""
        with readable(self._path):
            ids: list[str] = self._file.read(["image_id"]).column("image_id").to_pylist()
        return ids

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return a copy of consecutive rows, float32 (n, D)."""
        start, stop, _ = rows.indices(self.shape[0])
        latents = np.empty((max(stop - start, 0), self.shape[1]), dtype=np.float32)
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        # Read as one table they would take four times their size.
        for group in range(first, int(np.searchsorted(self._starts, stop))):
            place = self._starts[group]
            with readable(self._path):
                latent = self._file.read_row_group(group, ["latent"]).column("latent")
            chunk = latent.combine_chunks()
            values = chunk.flatten().to_numpy().reshape(-1, self.shape[1])
            low, high = max(start, place), min(stop, self._starts[group + 1])
            latents[low - start : high - start] = values[low - place : high - place]
        return latents


def read_latents(path: str | Path) -> tuple[list[str], np.ndarray]:
    """Return the image ids and the latents (N, D) float32 of a file of `write_latents`."""
    file = LatentFile(path)
    return file.image_ids, file[:]


def map_latents(path: str | Path, target: str | Path, image_ids: Sequence[str]) -> None:
    """Copy the latents of a file of `write_latents` to a .npy file that jobs share by mapping it.

    Raises
    ------
    InputError
        If the latents are not those of the images `image_ids`, in their order.
    """
    file = LatentFile(path)
    if file.image_ids != list(image_ids):
        raise InputError(
            "The latents and the image table do not name the same images in the same order. Delete "
            "both and run again."
        )
    with NpyWriter(target, file.shape, np.float32, sealed=True) as writer:
        for rows in blocks(file.shape[0], LATENTS_AT_A_TIME):
            writer.append(file[rows])
