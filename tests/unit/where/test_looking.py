"""Which predictors are looked at: those that are there."""

from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.pixel_predictors.fitted_file import write_diverged
from memorability.where import looking
from memorability.where.looking import open_each


def test_a_predictor_that_diverged_is_left_out_and_one_at_least_must_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost = tmp_path / "score.safetensors"
    write_diverged("resnet50_narrow", "The training diverged: why.", lost)
    files = {"resnet50_narrow": {"weights": [str(lost)], "mean_image": []}}
    with pytest.raises(InputError, match=r"every predictor .*\(resnet50_narrow\) diverged\. Name"):
        open_each(files, "cpu")
    opens = looking.open_with

    class Found:
        def to(self, device: str) -> str:
            return device

    monkeypatch.setattr(
        looking, "open_with",
        lambda name, given: Found() if name == "hog2x2" else opens(name, given),
    )  # fmt: skip
    both = files | {"hog2x2": {"weights": ["there"], "mean_image": []}}
    assert open_each(both, "cpu") == {"hog2x2": "cpu"}
    assert "The training diverged: why." in caplog.text
