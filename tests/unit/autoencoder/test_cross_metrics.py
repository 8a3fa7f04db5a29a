"""One model under every metric: the same errors as one by one, from one pass."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from memorability.analysis.correlations import correlations
from memorability.analysis.gathering import from_errors
from memorability.autoencoder.architecture import (
    Architecture,
    initial_autoencoder,
    write_autoencoder,
)
from memorability.autoencoder.cross_metrics import (
    MatrixSettings,
    highest_rate,
    make_metrics,
    measure_best,
    measure_metrics,
)
from memorability.autoencoder.reconstruction import measure_errors
from memorability.networks.catalogue import LOSSES
from memorability.networks.computing import Compute
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from tests.run_settings import loss_choice

NAN = float("nan")
SETTINGS = MatrixSettings(
    losses=(loss_choice("lpips_squeeze"), loss_choice("mse")),
    sign="distance",
    batch_norm_mode="train",
    compute=Compute(device="cpu", threads=1),
    learning_rates=("1e-5",),
    target="score",
)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 3, 176, 176), dtype=np.uint8)


class Blur(torch.nn.Module):
    """A model that counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.nn.functional.avg_pool2d(images, 3, stride=1, padding=1)


def test_metrics_are_the_studys_losses_and_all_that_need_no_weights() -> None:
    metrics = make_metrics(SETTINGS, "cpu")
    assert list(metrics)[:2] == [
        ("lpips_squeeze", "random", "", "no", "distance"), ("mse", "none", "", "", "distance"),
    ]  # fmt: skip
    names = {metric.metric for metric in metrics}
    assert {"mse", "ms_ssim"} <= names
    assert not {name for name in names if "vgg" in name or "alex" in name}
    assert len(metrics) <= len(LOSSES)


def test_one_pass_measures_what_every_metric_measures_alone() -> None:
    metrics, model = make_metrics(SETTINGS, "cpu"), Blur()
    images: list[int] = []
    table = measure_metrics(
        model, metrics, PIXELS, ["a", "b", "c"], device="cpu", on_image=lambda: images.append(1)
    )
    assert (model.calls, len(images)) == (3, 3)
    assert list(table.columns) == [
        "metric",
        "backbone",
        "trained_by",
        "published",
        "sign",
        "image_id",
        "error",
    ]
    for facts, metric in metrics.items():
        rows = table[(table[list(facts._fields)] == list(facts)).all(axis=1)]
        assert list(rows["image_id"]) == ["a", "b", "c"]
        np.testing.assert_array_equal(
            rows["error"], measure_errors(model, metric, PIXELS, device="cpu")
        )


def runs(strengths: dict[str, list[float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Errors, by learning rate and seed, that follow the scores of 30 images as strongly as asked."""
    rng = np.random.default_rng(2)
    images = pd.DataFrame({"image_id": [f"i{k:02d}" for k in range(30)], "score": rng.random(30)})
    images["subcategory"] = ""
    parts = [
        images[["image_id"]].assign(
            protocol="paper", loss="mse", metric="mse",
            backbone="none", trained_by="", published="",
            sign="distance", lr=lr,
            seed=str(seed), epoch=epoch,
            error=(-1) ** epoch * strength * images["score"] + 0.1 * rng.normal(size=30),
        )
        for lr, by_seed in strengths.items()
        for seed, strength in enumerate(by_seed)
        for epoch in (1, 2)
    ]  # fmt: skip
    return pd.concat(parts).sample(frac=1, random_state=0), images


def test_the_highest_rate_is_that_of_scipy_and_of_the_correlations_after_the_last_epoch() -> None:
    errors, images = runs({"1e-5": [0.1, 0.0], "5e-6": [0.3, 0.2], "0.1": [0.9, -0.9]})
    last = errors[errors["epoch"] == 2].sort_values("image_id")
    expected = {
        lr: np.mean([
            stats.spearmanr(run["error"], images["score"]).statistic
            for _, run in rows.groupby("seed")
        ])
        for lr, rows in last.groupby("lr")
    }  # fmt: skip
    found = highest_rate(errors, images, target="score")
    assert found == max(expected, key=lambda lr: expected[lr]) == "5e-6"
    table = correlations(
        from_errors(errors), images.assign(category="all"), target="score",
        bootstrap=Bootstrap(draws=20, confidence=0.9, seed=0),
    )  # fmt: skip
    assert set(table.loc[table["selected"], "lr"]) == {found}


def test_where_every_rate_lost_a_seed_the_seeds_that_finished_choose_as_in_table_1() -> None:
    errors, images = runs({"0.1": [0.9, 0.0], "1e-5": [0.5, 0.4], "5e-6": [0.0, 0.1]})
    lost = {("0.1", "1"), ("1e-5", "0"), ("5e-6", "0")}
    keys = ["protocol", "loss", "lr", "seed"]
    outcomes = errors[keys].drop_duplicates().assign(step=3)
    for table in (errors, outcomes):
        gone = [key in lost for key in zip(table["lr"], table["seed"], strict=True)]
        table["outcome"] = np.where(gone, "diverged", "finished")
    errors["error"] = errors["error"].mask(errors.pop("outcome") == "diverged")
    assert highest_rate(errors, images, target="score") == "0.1"
    table = correlations(
        from_errors(errors), images.assign(category="all"), outcomes, target="score",
        bootstrap=Bootstrap(draws=20, confidence=0.9, seed=0),
    )  # fmt: skip
    assert set(table.loc[table["selected"], "lr"]) == {"0.1"}


def test_the_best_model_of_a_seed_is_measured_unless_it_diverged(tmp_path: Path) -> None:
    errors, images = runs({"0.1": [0.1, 0.1], "1e-5": [0.9, 0.9]})
    # Both learning rates lost a seed: the one that the other seed correlates more with is chosen.
    errors["error"] = errors["error"].mask((errors["epoch"] == 2) & (errors["seed"] == "1"))
    model = initial_autoencoder(0, Architecture(width=1 / 64)).eval()
    write_autoencoder(model, tmp_path / "best", {})
    pixels = np.random.default_rng(1).integers(0, 256, (30, 3, 224, 224), dtype=np.uint8)
    settings = replace(SETTINGS, losses=(loss_choice("mse"),))
    for seed, defined in (("0", True), ("1", False)):
        table = measure_best(
            {"1e-5": tmp_path / "best"}, errors, pixels, images, settings, seed=seed, device="cpu"
        )
        store.SCHEMAS["matrix"][1].validate(
            table[
                ["image_id", "lr", "metric", "backbone", "trained_by", "published", "sign", "error"]
            ]
        )
        assert set(table["lr"]) == {"1e-5"}
        assert table.groupby("metric").size().eq(30).all()
        assert table["error"].notna().eq(defined).all()
        if defined:
            own = replace(settings, batch_norm_mode="evaluate_as_trained")
            few = (pixels[:2], images.iloc[:2])
            other = measure_best(
                {"1e-5": tmp_path / "best"}, errors, *few, own, seed=seed, device="cpu"
            )
            both = other.merge(table, on=["metric", "image_id"])
            assert len(both) == len(other)
            assert not np.isclose(both["error_x"], both["error_y"]).any()
    measured = table[["metric", "backbone", "trained_by", "published", "sign"]].drop_duplicates()
    assert list(make_metrics(settings, "cpu")) == list(measured.itertuples(index=False, name=None))
