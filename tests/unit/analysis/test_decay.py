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
from memorability.report.table_1 import decay_in_words
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
            assert "since the first epoch" not in row["why"], "not testable"
        else:
            assert np.isnan(row["ours"])
            assert row["verdict"] == "not testable"


# The fall since the first epoch

MANY = 300


def of_runs(strengths: dict[int, float], *, seeds: str = "01234", spread: float = 0.0) -> Decay:
    """Errors that hold so much of the score after each epoch; runs move along it by chance."""
    rng = np.random.default_rng(3)
    scored = pd.DataFrame(
        {"image_id": [f"i{k:03d}" for k in range(MANY)], "score": rng.random(MANY)}
    )
    scored = scored.assign(category="all", subcategory="")
    noise, parts = rng.normal(size=MANY), []
    for seed in seeds:
        moved = spread * rng.normal()
        for epoch, strength in strengths.items():
            error = (strength + moved) * scored["score"] + noise / 3 + rng.normal(size=MANY) / 20
            keys = (
                errors().iloc[0][["protocol", "loss", "metric", "backbone", "trained_by"]].to_dict()
            )
            keys |= errors().iloc[0][["published", "sign", "lr"]].to_dict()
            parts.append(scored[["image_id"]].assign(**keys, seed=seed, epoch=epoch, error=error))
    bootstrap = Bootstrap(draws=300, confidence=0.95, seed=0)
    return decay_curve(pd.concat(parts), scored, target="score", bootstrap=bootstrap)


def last(found: Decay) -> pd.Series:
    pooled = found.curve[found.curve["method"] == "pooled"]
    return pooled.sort_values("epoch").iloc[-1]


def test_a_fall_is_tested_as_a_difference_of_the_same_images_and_runs() -> None:
    found = of_runs({1: 1.0, 2: 0.7, 20: 0.4})
    row = last(found)
    r = found.seeds.pivot_table(index="seed", columns="epoch", values="r")
    assert row["change"] == pytest.approx((r[20] - r[1]).mean())
    assert row["change_ci_high"] < 0
    assert (row["change_unit"], row["change_seeds"]) == ("images and seeds", 5)
    assert row["change_p"] < 0.001
    first = found.curve[found.curve["epoch"] == 1].iloc[0]
    assert np.isnan(first["change"])
    others = found.curve[found.curve["method"] != "pooled"]
    assert others["change"].isna().all()


def test_what_a_seed_moves_alike_after_both_epochs_is_no_part_of_the_change() -> None:
    row = last(of_runs({1: 0.8, 20: 0.6}, spread=0.6))
    assert row["r_seed_sd"] > 0.1
    width = row["change_ci_high"] - row["change_ci_low"]
    assert width < 0.2
    assert row["ci_high"] - row["ci_low"] > 2 * width
    assert row["change_ci_high"] < 0


def test_no_fall_where_strength_stays() -> None:
    row = last(of_runs({1: 0.6, 20: 0.6}))
    assert row["change_ci_low"] < 0 < row["change_ci_high"]
    assert row["change_p"] > 0.05


def test_seeds_that_diverged_later_leave_both_epochs() -> None:
    table = errors()
    lost = (table["epoch"] == 20) & (table["seed"] == "1")
    row = last(decay(table.assign(error=table["error"].mask(lost))))
    assert row["change_seeds"] == 1
    alone = last(decay(table[table["seed"] == "0"]))
    assert row["change"] == pytest.approx(alone["change"])
    gone = last(decay(table.assign(error=table["error"].mask(table["epoch"] == 20))))
    assert np.isnan(gone["change"])
    assert gone["change_seeds"] == 0


@pytest.mark.parametrize(
    ("strengths", "seeds", "says", "never"),
    [
        (
            {1: 1.0, 20: 0.4},
            "01234",
            [
                "The correlation of the error (",
                "falls between epoch 1 and epoch 20",
                "5 seeds",
            ],
            ["one seed"],
        ),
        ({1: 0.6, 20: 0.6}, "01234", ["is not shown to change"], ["falls", "rises", "one seed"]),
        ({1: 0.4, 20: 1.0}, "01234", ["rises"], ["falls", "not shown"]),
        ({1: -0.4, 20: -1.0}, "01234", ["changes between epoch 1"], ["falls", "rises"]),
        ({1: 1.0, 20: 0.4}, "0", ["falls", "It is of one seed"], ["1 seeds"]),
    ],
)
def test_the_sentence_says_what_the_change_shows(
    strengths: dict[int, float], seeds: str, says: list[str], never: list[str]
) -> None:
    text = decay_in_words(of_runs(strengths, seeds=seeds).curve, confidence=0.95)
    assert [part for part in says if part not in text] == [], text
    assert [part for part in never if part in text] == [], text


def test_no_sentence_of_one_epoch_or_without_a_correlation() -> None:
    assert decay_in_words(of_runs({1: 1.0}).curve, confidence=0.95) == ""
    gone = decay(errors().assign(error=errors()["error"].mask(errors()["epoch"] == 20)))
    assert decay_in_words(gone.curve, confidence=0.95) == ""


def test_the_ledger_says_the_change_beside_the_published_end_of_the_curve() -> None:
    found = of_runs({1: 1.0, 20: 0.4})
    curve = found.curve.assign(n=10_000)
    figures = our_figures(
        [as_correlations(curve)], images(), confidence=0.95, protocol="paper",
        selected_loss="lpips_squeeze",
    )  # fmt: skip
    how = {"claims": load_published(), "dataset_kind": "memcat", "margin": 0.05}
    why = ledger(figures, confidence=0.95, **how).set_index("claim")["why"]
    assert "since the first epoch ours changes by -0." in why["decay.epoch_20"]
    assert "for new images and seeds" in why["decay.epoch_20"]
    assert "since the first epoch" not in why["decay.epoch_1"]
