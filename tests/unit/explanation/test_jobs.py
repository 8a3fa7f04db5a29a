from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.explanation import explaining, jobs
from memorability.explanation.jobs import check, explain
from memorability.tables import store
from tests.run_settings import with_changes
from tests.unit.explanation.problems import CHECKS, SETTINGS, problem, small_model, small_predictor


def explained(directory: Path, **changes: Any) -> tuple[pd.DataFrame, np.ndarray]:
    """Return table and maps of a job that keeps its shards in `directory`."""
    pixels, images, predictions = problem()
    table = explain(
        small_model(), small_predictor(), pixels, images, predictions,
        with_changes(SETTINGS, **changes),
        device="cpu", shards=directory / "shards", maps=directory / "maps.npy", images_per_shard=2,
    )  # fmt: skip
    return table, np.load(directory / "maps.npy", mmap_mode="r")


def test_a_job_that_was_stopped_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = explained(tmp_path / "whole")
    whole_bytes = (tmp_path / "whole" / "maps.npy").read_bytes()
    made: list[int] = []
    real = explaining.explain_images

    def killed_in_the_second_shard(*given: Any, **how: Any) -> Any:
        made.append(len(given[2]))
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(*given, **how)

    monkeypatch.setattr(jobs, "explain_images", killed_in_the_second_shard)
    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        explained(stopped)
    assert not list(stopped.glob("*.npy")), "maps appear whole or not at all"
    again, _ = explained(stopped)
    assert made == [2, 2, 2, 2], "the first shard was not made again"
    pd.testing.assert_frame_equal(again, whole)
    assert (stopped / "maps.npy").read_bytes() == whole_bytes


def test_a_disk_that_fills_while_maps_are_written_is_named_and_no_map_is_left(
    tmp_path: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    whole, _ = explained(tmp_path)
    maps = tmp_path / "maps.npy"
    content = maps.read_bytes()
    maps.unlink()
    # What is explained is on the disk already, so that the maps alone fill it.
    half = files_up_to(len(content) // 2)
    with pytest.raises(InputError, match=r"maps\.npy could not be written"), half:
        explained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]
    again, _ = explained(tmp_path)
    pd.testing.assert_frame_equal(again, whole)
    assert maps.read_bytes() == content


def test_the_table_fits_its_schema_and_its_rows_name_their_maps(tmp_path: Path) -> None:
    table, maps = explained(tmp_path, show=["image_13"], images=3)
    _, schema = store.SCHEMAS["attributions"]
    schema.validate(table[list(schema.columns)])
    assert table["drawn"].sum() == 3
    assert maps.shape == (len(table), 3, 32, 32)
    means = np.abs(maps.astype(np.float64)).mean(axis=(1, 2, 3)) * table["scale"]
    np.testing.assert_allclose(means, table["mean_absolute"], rtol=1e-3)


def test_checks_are_made_of_drawn_images_and_go_on_where_they_were(tmp_path: Path) -> None:
    pixels, images, predictions = problem()
    table, maps = explained(tmp_path, show=["image_13"], images=5)
    given = (
        small_model(),
        small_predictor(),
        pixels,
        images,
        predictions,
        table,
        maps,
        CHECKS,
    )
    first = check(*given, device="cpu", shards=tmp_path / "checks")
    checked = set(first[0]["image_id"])
    assert len(checked) == 3
    assert checked <= set(table.loc[table["drawn"], "image_id"])
    (tmp_path / "checks" / "00000002-00000003.npz").unlink()
    for again, before in zip(
        check(*given, device="cpu", shards=tmp_path / "checks"), first, strict=True
    ):
        pd.testing.assert_frame_equal(again, before)
