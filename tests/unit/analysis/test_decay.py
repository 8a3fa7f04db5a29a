"""The decay curve: a correlation per epoch, per seed, and what the ledger reads of it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memorability.analysis.decay import Decay, decay_curve
from memorability.claims.answers import (
    PUBLISHED_POINTS,
    as_correlations,
    our_figures,
    published_points,
)
from memorability.claims.ledger import ledger
from memorability.claims.published import load_published
from memorability.statistics.intervals import Bootstrap

N = 40
STRENGTHS = {1: 1.0, 2: 0.4, 20: 0.1}


def images() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"image{k:02d}" for k in range(N)],
            "category": np.array(["animal", "food"])[np.arange(N) % 2],
            "subcategory": "",
            "score": rng.random(N),
        }
    )


def errors(loss: str = "lpips_squeeze") -> pd.DataFrame:
    rng = np.random.default_rng(1)
    parts = [
        images()[["image_id"]].assign(
            protocol="paper", loss=loss, metric=loss,
            backbone="none", trained_by="", published="",
            sign="distance",
            lr="5e-6", seed=seed, epoch=epoch,
            error=strength * images()["score"] + 0.1 * rng.normal(size=N),
        )
        for epoch, strength in STRENGTHS.items()
        for seed in "01"
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)


def decay(table: pd.DataFrame | None = None) -> Decay:
    table = errors() if table is None else table
    bootstrap = Bootstrap(draws=100, confidence=0.95, seed=0)
    return decay_curve(table, images(), target="score", bootstrap=bootstrap)


def test_each_epoch_and_seed_has_scipys_correlation_and_the_curve_their_mean() -> None:
    found = decay()
    wide = errors().pivot_table(index=["epoch", "seed"], columns="image_id", values="error")
    expected = wide.apply(lambda row: stats.spearmanr(row, images()["score"]).statistic, axis=1)
    by_seed = found.seeds.set_index(["epoch", "seed"])["r"]
    np.testing.assert_allclose(by_seed, expected[by_seed.index])
    pooled = found.curve[found.curve["method"] == "pooled"].set_index("epoch")
    np.testing.assert_allclose(pooled["r"], expected.groupby("epoch").mean())
    assert list(pooled.index) == [1, 2, 20]
    assert (pooled["ci_low"] < pooled["r"]).all()
    assert set(found.curve["method"]) == {"pooled", "within", "partial"}


def test_a_seed_that_diverged_leaves_the_curve_to_the_others() -> None:
    table = errors()
    lost = (table["epoch"] == 20) & (table["seed"] == "1")
    found = decay(table.assign(error=table["error"].mask(lost)))
    last = found.curve[found.curve["epoch"] == 20]
    alone = decay(table[table["seed"] == "0"]).curve
    pd.testing.assert_frame_equal(last, alone[alone["epoch"] == 20])
    assert set(last["seeds"]) == {1}
    assert set(found.curve.loc[found.curve["epoch"] < 20, "seeds"]) == {2}
    assert found.seeds.set_index(["epoch", "seed"])["r"].isna().to_dict() == {
        (epoch, seed): (epoch, seed) == (20, "1") for epoch in STRENGTHS for seed in "01"
    }


def test_an_epoch_at_which_every_seed_had_diverged_keeps_a_row_that_says_so() -> None:
    table = errors()
    found = decay(table.assign(error=table["error"].mask(table["epoch"] == 20)))
    last = found.curve[found.curve["epoch"] == 20]
    assert last["r"].isna().all()
    assert set(last["seeds"]) == {0}
    assert set(last["ci_method"]) == {"none (diverged)"}


def test_the_published_points_are_those_of_the_paper() -> None:
    points = published_points().set_index("epoch")
    assert points["r"].to_dict() == {1: 0.452, 20: 0.22}
    assert points.loc[20, ["ci_low", "ci_high"]].to_list() == [0.21, 0.24]


@pytest.mark.parametrize("loss", ["lpips_squeeze", "mse"])
def test_the_ledger_judges_both_published_epochs_of_the_published_loss_alone(loss: str) -> None:
    found = decay(errors(loss))
    feature = found.curve.head(1).assign(quantity="feature", selected=True).drop(columns="epoch")
    figures = our_figures(
        [feature, as_correlations(found.curve)], images(),
        confidence=0.95, protocol="paper", selected_loss=loss,
    )  # fmt: skip
    table = ledger(
        figures, claims=load_published(), dataset_kind="memcat", margin=0.05, confidence=0.95
    )
    for epoch in PUBLISHED_POINTS:
        row = table.set_index("claim").loc[f"decay.epoch_{epoch}"]
        pooled = found.curve[(found.curve["method"] == "pooled") & (found.curve["epoch"] == epoch)]
        if loss == "lpips_squeeze":
            assert row["ours"] == pooled["r"].iloc[0]
            assert row["n"] == N
            assert "40 images" in row["why"]
        else:
            assert np.isnan(row["ours"])
            assert row["verdict"] == "not testable"
