"""Folders of tables of a finished study, opened as one data set by the readers that people use."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as arrow
from pyarrow import dataset

from memorability.tables import store
from memorability.tables.latents import read_latents


def data_sets(results: Path) -> dict[str, list[Path]]:
    """Return folder of a study -> the parts of its table, whether keys or only files divide it."""
    folders: dict[str, list[Path]] = {}
    for path in sorted(results.rglob("*.parquet")):
        where = path.relative_to(results).parent
        levels = [level for level, part in enumerate(where.parts) if "=" in part]
        folder = Path(*where.parts[: levels[0]]) if levels else where
        if levels or folder.name in ("correlations", "prediction_search"):
            folders.setdefault(folder.as_posix(), []).append(path)
    return folders


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a data set in one order, whatever the order of its parts and columns."""
    columns = sorted(rows)
    return rows[columns].sort_values(columns, ignore_index=True)


def assert_opens_as_one(folder: Path, parts: list[Path], name: str) -> None:
    """Check that every reader makes of a folder what `read_runs` makes of its parts, keys as text."""
    keys = list(store.partition_keys(parts[0].relative_to(folder)))
    text = dataset.partitioning(
        arrow.schema([(key, arrow.string()) for key in keys]), flavor="hive"
    )
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true"
    plain = [
        pd.read_parquet(folder),
        dataset.dataset(folder, partitioning="hive").to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files})").df(),
    ]
    as_text = [
        pd.read_parquet(folder, partitioning=text),
        dataset.dataset(folder, partitioning=text).to_table().to_pandas(),
        duckdb.sql(f"SELECT * FROM {files}, hive_types_autocast=false)").df(),
    ]
    assert {path for path in folder.rglob("*") if path.is_file()} == set(parts)
    if name == "latents":
        (part,) = parts
        ids, latents = read_latents(part)
        for opened in (*plain, *as_text):
            assert set(opened) == {*keys, "image_id", "latent"}
            assert list(opened["image_id"]) == ids
            assert np.array_equal(np.stack(list(opened["latent"])), latents)
        return
    expected = store.read_runs(parts, name)
    for opened in plain:
        assert set(opened) == set(expected)
        assert len(opened) == len(expected)
    for opened in as_text:
        pd.testing.assert_frame_equal(in_order(opened), in_order(expected), check_dtype=False)
