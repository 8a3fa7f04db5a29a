"""Predictors on the same test images: against scipy, other tables, and in small studies."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memorability.memory_game.scoring import score_counts
from memorability.prediction.comparison import Comparison, ComparisonSettings, compare
from memorability.prediction.evaluation import evaluate
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from tests.unit.prediction.test_evaluation import head, predictions

BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
RATES = ("score_uncorrected", "false_alarm_rate")
KNOWN = {
    "mlp": {"predicts": "score", "trained_on": "training part"},
    "ridge": {"predicts": "score", "trained_on": "training part"},
    "resmem_published": {"predicts": "hit rate", "trained_on": "yes"},
    "elsewhere": {"predicts": "", "trained_on": "unknown"},
}


def study(n: int = 160) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    """Return predictions, heads of which one knows the scores, and images with counts."""
    table, images = predictions(n)
    stream = np.random.default_rng(1)
    hits = stream.binomial(60, table["score"])
    counts = {"hits": hits, "false_alarms": stream.binomial(60, 0.1, n), "responses": 60}
    scored = score_counts(images.assign(**counts))
    images = images.assign(**counts, score=table["score"], **{name: scored[name] for name in RATES})
    heads = {
        "ridge": head(table, table["score"] + 0.1 * stream.normal(size=n)),
        "resmem_published": head(table, table["score"].to_numpy()),
        "elsewhere": head(table, (table["score"] + 0.001 * stream.normal(size=n)).to_numpy()),
    }
    return table, heads, images


def compared(
    table: pd.DataFrame,
    heads: dict[str, pd.DataFrame],
    images: pd.DataFrame,
    of_targets: dict[str, dict[str, pd.DataFrame]] | None = None,
    *,
    targets: tuple[str, ...] = ("score",),
    failures: dict[str, dict[str, str]] | None = None,
) -> Comparison:
    settings = ComparisonSettings(targets=targets, known=KNOWN, bootstrap=BOOTSTRAP)
    found = compare(
        table, heads, of_targets or {}, images, failures=failures or {}, settings=settings
    )
    for name, made in (
        ("predictor_comparison", found.table),
        ("predictor_comparison_by_category", found.by_category),
    ):
        schema = store.SCHEMAS[name][1]
        columns = schema.columns
        schema.validate(store._with_types_of_nothing(made[list(columns)], columns))
    return found


@pytest.fixture(scope="module")
def found() -> tuple[Comparison, tuple[Any, ...]]:
    made = study()
    return compared(*made, targets=("score", *RATES)), made


def test_correlations_are_those_of_scipy_over_all_images_and_in_each_category(
    found: tuple[Comparison, tuple[Any, ...]],
) -> None:
    comparison, (table, heads, images) = found
    test = (table["split"] == "test").to_numpy()
    category = images["category"].to_numpy()
    for target, measured in (("score", table["score"]), ("false_alarm_rate", images[RATES[1]])):
        rows = comparison.table[comparison.table["target"] == target].set_index("head")
        for name, predicted in (
            ("mlp", table["predicted"]),
            ("ridge", heads["ridge"]["predicted"]),
        ):
            x, y = predicted.to_numpy()[test], measured.to_numpy()[test]
            assert rows["r"][name] == pytest.approx(stats.spearmanr(x, y).statistic)
            assert rows["mse"][name] == pytest.approx(np.mean((x - y) ** 2))
            ranks = pd.DataFrame({"x": stats.rankdata(x), "y": stats.rankdata(y)})
            left = ranks - ranks.groupby(category[test]).transform("mean")
            assert rows["given_category"][name] == pytest.approx(left.corr().loc["x", "y"])
            own = comparison.by_category.set_index(["target", "group", "head"])["r"]
            for group in np.unique(category):
                chosen = test & (category == group)
                by_hand = stats.spearmanr(predicted[chosen], measured[chosen]).statistic
                assert own[target, group, name] == pytest.approx(by_hand)


def test_what_two_pages_say_of_a_head_is_the_same(
    found: tuple[Comparison, tuple[Any, ...]],
) -> None:
    comparison, (table, heads, images) = found
    pages = evaluate(table, heads, None, images, median_of="train", bootstrap=BOOTSTRAP)
    metrics = pages.metrics[pages.metrics["metric"] == "spearman"].set_index("head")
    gains = pages.gains[(pages.gains["metric"] == "spearman") & (pages.gains["group"] == "all")]
    gains = gains[gains["baseline"] == "category_mean"].set_index("head")
    rows = comparison.table[comparison.table["target"] == "score"].set_index("head")
    for name in ("mlp", "ridge", "resmem_published", "category_mean"):
        for ours, theirs in (("r", "value"), ("ci_low", "ci_low"), ("ci_high", "ci_high")):
            assert rows[ours][name] == pytest.approx(metrics[theirs][name])
    for ours, theirs in (("", "difference"), ("_low", "ci_low"), ("_high", "ci_high")):
        assert rows[f"beyond_category{ours}"]["mlp"] == pytest.approx(gains[theirs]["mlp"])


def test_who_knows_the_scores_or_may_know_them_is_never_the_best(
    found: tuple[Comparison, tuple[Any, ...]],
) -> None:
    comparison, _ = found
    rows = comparison.table[comparison.table["target"] == "score"].set_index("head")
    assert list(rows.index[rows["best"]]) == ["mlp"]
    assert rows["r"][["resmem_published", "elsewhere"]].min() > rows["r"]["mlp"]
    assert rows["beside_best"]["resmem_published"] == pytest.approx(1 - rows["r"]["mlp"])
    assert rows["beside_best_low"]["resmem_published"] > 0
    assert np.isnan(rows["beside_best"]["mlp"])
    assert dict(rows["trained_on_these_images"]) == {
        **{name: words["trained_on"] for name, words in KNOWN.items()},
        "category_mean": "training part", "subcategory_mean": "training part",
    }  # fmt: skip


def test_each_score_has_its_own_ceiling_label_means_and_fits(
    found: tuple[Comparison, tuple[Any, ...]],
) -> None:
    comparison, (table, heads, images) = found
    ceilings = comparison.table.groupby("target")["ceiling"].first()
    assert ceilings["score_uncorrected"] > ceilings["false_alarm_rate"] + 0.2
    rows = comparison.table.set_index(["target", "head"])
    train = images[(table["split"] == "train").to_numpy()]
    assert rows["mean_predicted"]["false_alarm_rate", "category_mean"] == pytest.approx(
        train.groupby("category")["false_alarm_rate"].mean().mean()
    )
    # A predictor that was fitted to each score predicts it by its own fit.
    fits = {name: {"fitted": head(table, images[name].to_numpy())} for name in RATES}
    both = heads | {"fitted": head(table, table["score"].to_numpy() ** 2)}
    own = compared(table, both, images, fits, targets=("score", *RATES)).table
    own = own[own["head"] == "fitted"].set_index("target")
    np.testing.assert_allclose(own["r"], 1)
    np.testing.assert_allclose(own["mse"][[*RATES]], 0, atol=1e-12)
    assert own["best"].all()
    assert dict(own["predicts"]) == {name: name for name in ("score", *RATES)}


def test_images_without_a_value_of_a_score_are_left_out_of_its_comparison() -> None:
    table, heads, images = study()
    images = images.drop(columns=["hits"])  # without a ceiling
    images["score_uncorrected"] = images["score_uncorrected"].mask(images.index % 8 == 7)
    rows = compared(table, heads, images, targets=("score", "score_uncorrected")).table
    assert dict(rows.groupby("target")["n"].first()) == {"score": 80, "score_uncorrected": 70}
    images["score_uncorrected"] = images["score_uncorrected"].mask(table["split"] == "train")
    rows = compared(table, heads, images, targets=("score", "score_uncorrected")).table
    assert set(rows["target"]) == {"score"}


def test_a_floor_is_the_share_of_images_with_the_lowest_prediction() -> None:
    table, heads, images = study()
    images = images.drop(columns=["hits"])  # without a ceiling
    floor = np.maximum(table["score"].to_numpy(), 0.55)
    rows = compared(table, heads | {"ridge": head(table, floor)}, images).table.set_index("head")
    share = (table.loc[table["split"] == "test", "score"] <= 0.55).mean()
    assert rows["share_at_floor"]["ridge"] == pytest.approx(share)
    assert rows["share_at_floor"]["mlp"] == 0


@pytest.mark.parametrize("kind", ["three images", "one image", "equal scores", "one category"])
def test_of_too_little_there_are_rows_without_figures(kind: str) -> None:
    n = {"three images": 6, "one image": 2}.get(kind, 40)
    table, heads, images = study(n)
    if kind == "equal scores":
        table["score"] = 0.5
    if kind == "one category":
        images["category"] = "a"
    found = compared(table, heads, images.drop(columns=["hits"]))
    rows = found.table.set_index("head")
    assert rows["ceiling"].isna().all()
    if kind == "one category":
        assert found.by_category.empty
        assert rows["given_category"].isna().all()
        assert rows["r"]["mlp"] > 0
    else:
        assert rows["ci_low"].isna().all()
        assert rows["best"].any() == (kind == "three images")


def test_a_predictor_that_ranks_the_wrong_way_round_is_not_the_best() -> None:
    table, _, images = study()
    images = images.drop(columns=["hits"])  # without a ceiling
    wrong = table.assign(predicted=-table["score"])
    rows = compared(wrong, {}, images).table
    assert not rows["best"].any()
    assert rows["beside_best"].isna().all()


def test_a_fit_that_failed_is_a_row_with_its_reason_and_changes_no_other_row() -> None:
    table, heads, images = study()
    fits = {RATES[0]: {"elsewhere": head(table, images[RATES[0]].to_numpy())}}
    del heads["elsewhere"]
    failures = {"score": {"elsewhere": "It diverged."}, RATES[1]: {"elsewhere": "It diverged."}}
    targets = ("score", *RATES)
    rows = compared(table, heads, images, fits, targets=targets, failures=failures).table
    plain = compared(table, heads, images, targets=targets).table
    rows = rows.set_index(["target", "head"]).sort_index()
    plain = plain.set_index(["target", "head"]).sort_index()
    for target in ("score", RATES[1]):
        bad = rows.loc[target, "elsewhere"]
        assert (bad["n"], bad["reason"], bad["best"]) == (0, "It diverged.", False)
        assert np.isnan(bad["r"])
        assert np.isnan(bad["mse"])
        assert bad["ceiling"] == plain.loc[(target, "mlp"), "ceiling"]
        good = rows.loc[[target]].drop(index=(target, "elsewhere")).drop(columns="clusters")
        pd.testing.assert_frame_equal(good, plain.loc[[target]][good.columns])
    # The fit that did not fail is compared.
    assert rows.loc[(RATES[0], "elsewhere"), "r"] == pytest.approx(1)
