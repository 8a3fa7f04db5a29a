"""Both ways of training that the benchmark compares do the same."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from benchmarks import bench_predictors
from benchmarks.bench_finetuning import crops, write_jpegs
from benchmarks.bench_predictors import KINDS, prepared, step, straightforward_step
from memorability.pixel_predictors.training.memnet import MemNetScores


def test_both_loops_take_the_same_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each draws crops and dropout of its own.
    monkeypatch.setattr(F, "dropout", lambda values, training: values)
    recipe = replace(KINDS["memnet_trained"].recipe, random_crop=False, mirror=False)
    kind = replace(KINDS["memnet_trained"], build=partial(MemNetScores, divisor=8))
    write_jpegs(crops(4), tmp_path)
    files = sorted(tmp_path.rglob("*.jpg"))
    ours, other = bench_predictors._network(kind), bench_predictors._network(kind)
    error = step(ours, recipe, prepared(files), "fp32")
    assert error == pytest.approx(straightforward_step(other, recipe, files), rel=1e-4)
    assert error > 0.01
    start = bench_predictors._network(kind).state_dict()
    trained = ours.state_dict()
    assert not torch.equal(
        trained["ten_crops.network.fc8.bias"], start["ten_crops.network.fc8.bias"]
    )
    for name, value in other.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-3, atol=1e-5)
