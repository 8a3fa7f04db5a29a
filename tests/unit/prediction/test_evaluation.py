from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from memorability.data.published.memcat import COLUMNS
from memorability.data.scores import read_scores
from memorability.data.splits import published_split
from memorability.prediction.evaluation import (
    Evaluation,
    by_head,
    calibration,
    class_threshold,
    evaluate,
)
from memorability.prediction.metrics import METRICS, evaluate_prediction
from memorability.prediction.names import LEFT_OUT
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

MEMCAT = Path(__file__).resolve().parents[4] / "shared" / "reference" / "memcat_image_data.csv"


def predictions(n: int = 400, *, noise: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table `predictions`, the predictor being good, and the image table."""
    generator = np.random.default_rng(2)
    category = np.arange(n) % 4
    score = np.clip(0.5 + 0.05 * category + 0.1 * generator.normal(size=n), 0, 1)
    ids = [f"i{i:03d}" for i in range(n)]
    table = pd.DataFrame(
        {
            "image_id": ids, "split": np.where(np.arange(n) < n // 2, "train", "test"),
            "score": score, "predicted": score + noise * generator.normal(size=n),
            "category_mean": 0.5 + 0.05 * category, "subcategory_mean": 0.5 + 0.05 * category,
            "image_size": np.nan,
        }
    )  # fmt: skip
    images = pd.DataFrame({"image_id": ids, "category": np.array(list("abcd"))[category]})
    return table, images.assign(subcategory="")


def head(table: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    ids = table["image_id"]
    return pd.DataFrame({"image_id": ids, "other_image_id": ids, "predicted": values})


def evaluated(
    table: pd.DataFrame,
    images: pd.DataFrame,
    heads: dict[str, pd.DataFrame] | None = None,
    left_out: pd.DataFrame | None = None,
) -> Evaluation:
    return evaluate(
        table, heads or {}, left_out, images,
        median_of="train", bootstrap=Bootstrap(draws=200, confidence=0.95, seed=0),
    )  # fmt: skip


def test_every_table_fits_its_schema_and_holds_test_images_alone() -> None:
    table, images = predictions()
    other = head(table, table["predicted"].to_numpy() ** 2)
    left_out = images.merge(table.loc[table["split"] == "test", ["image_id", "predicted"]])
    found = evaluated(table, images, {"ridge": other}, left_out)
    for name, made in (
        ("prediction_metrics", found.metrics),
        ("prediction_by_category", found.by_category),
        ("prediction_gains", found.gains),
        ("prediction_calibration", found.calibration),
    ):
        schema = store.SCHEMAS[name][1]
        schema.validate(made[list(schema.columns)])
    assert (found.metrics["n"] == 200).all()
    assert LEFT_OUT not in set(found.calibration["head"])
    heads = {"mlp", "ridge", "left_out", "category_mean", "subcategory_mean"}
    assert set(found.metrics["head"]) == heads
    assert set(found.metrics["metric"]) == {*METRICS, "mean_within"}
    assert set(found.by_category["group"]) == set("abcd")
    assert (found.by_category["n"] == 50).all()
    test = table[table["split"] == "test"]
    values = found.metrics.set_index(["head", "metric"])["value"]
    threshold = table.loc[table["split"] == "train", "score"].median()
    expected = evaluate_prediction(
        test["predicted"].to_numpy(), test["score"].to_numpy(), threshold=threshold
    )
    within = values["mlp"].to_dict()
    assert within.pop("mean_within") < within["spearman"]
    assert within == expected


def test_of_categories_left_out_only_what_is_within_them_is_told() -> None:
    table, images = predictions()
    test = table[table["split"] == "test"].merge(images[["image_id", "category"]], on="image_id")
    means = test.groupby("category")["score"].mean()
    # What a predictor says that knows the scores of the other categories and nothing else.
    others = {name: means.drop(name).mean() for name in means.index}
    knows_nothing = test["category"].map(others) + 1e-6 * np.random.default_rng(0).random(len(test))
    assert stats.spearmanr(knows_nothing, test["score"]).statistic < -0.3
    left_out = test[["image_id", "category"]].assign(predicted=knows_nothing)
    found = evaluated(table, images, left_out=left_out)
    metrics = found.metrics.set_index(["head", "metric"])
    shown = metrics.loc[LEFT_OUT]
    assert list(shown.index[shown["value"].notna()]) == ["mean_within"]
    by_hand = [
        stats.spearmanr(rows["score"], knows_nothing[rows.index]).statistic
        for _, rows in test.groupby("category")
    ]
    assert shown.loc["mean_within", "value"] == pytest.approx(np.mean(by_hand))
    assert shown.loc["mean_within", "ci_low"] < 0 < shown.loc["mean_within", "ci_high"]
    of_all = found.gains[(found.gains["group"] == "all") & (found.gains["head"] == LEFT_OUT)]
    assert set(of_all.loc[of_all["difference"].notna(), "metric"]) <= {"mean_within"}
    mine = found.gains[(found.gains["group"] == "all") & (found.gains["head"] == "mlp")]
    assert mine.loc[mine["metric"] == "roc_auc", "difference"].notna().any()
    assert set(found.by_category.loc[found.by_category["head"] == LEFT_OUT, "group"]) == set("abcd")


@pytest.mark.real_data
@pytest.mark.skipif(not MEMCAT.is_file(), reason=f"no scores of MemCat at {MEMCAT}")
def test_on_memcat_a_predictor_that_knows_nothing_has_a_strong_wrong_correlation() -> None:
    images = read_scores(MEMCAT, COLUMNS)
    images["split"] = images["image_id"].map(published_split(images))
    train, test = (images[images["split"] == part] for part in ("train", "test"))
    others = {
        name: train.loc[train["category"] != name, "score"].mean()
        for name in train["category"].unique()
    }
    knows_nothing = test["category"].map(others)
    r = stats.spearmanr(knows_nothing, test["score"]).statistic
    assert r == pytest.approx(-0.570, abs=0.0005)
    predictions_ = images[["image_id", "split", "score"]].assign(
        predicted=images["score"], category_mean=0.7, subcategory_mean=0.7, image_size=np.nan
    )
    left_out = test[["image_id", "category"]].assign(predicted=knows_nothing)
    found = evaluate(
        predictions_, {}, left_out, images, median_of="train", bootstrap=Bootstrap(100, 0.95, 0)
    )
    shown = found.metrics[found.metrics["head"] == LEFT_OUT]
    assert shown["value"].isna().all(), "within a category it says the same of every image"


def test_metrics_of_a_category_are_those_of_its_images_at_the_threshold_of_all() -> None:
    table, images = predictions()
    found = evaluated(table, images).by_category.set_index(["group", "head", "metric"])["value"]
    found = found.sort_index()
    rows = table[(table["split"] == "test") & (images["category"] == "b")]
    threshold = table.loc[table["split"] == "train", "score"].median()
    expected = evaluate_prediction(
        rows["predicted"].to_numpy(), rows["score"].to_numpy(), threshold=threshold
    )
    assert found["b", "mlp"].to_dict() == expected
    assert np.isnan(found["b", "category_mean", "spearman"]), "constant within a category"


def test_the_threshold_is_the_median_of_training_or_of_all_images() -> None:
    table = pd.DataFrame({"split": ["train", "train", "test"], "score": [0.2, 0.4, 0.9]})
    assert class_threshold(table, "train") == pytest.approx(0.3)
    assert class_threshold(table, "all") == 0.4


def test_constant_baselines_have_areas_but_no_rank_correlation() -> None:
    table, images = predictions()
    table[["category_mean", "subcategory_mean"]] = 0.5
    nothing = pd.DataFrame({"image_id": [], "category": [], "predicted": []})
    found = evaluated(table, images.assign(category="all"), left_out=nothing)
    values = found.metrics.set_index(["head", "metric"])["value"]
    assert np.isnan(values["category_mean", "spearman"])
    assert values["category_mean", "roc_auc"] == 0.5
    gains = found.gains.set_index(["head", "baseline", "metric"])
    assert gains.loc[("mlp", "category_mean", "roc_auc"), "ci_low"] > 0.3
    assert np.isnan(gains.loc[("mlp", "category_mean", "spearman"), "difference"])


def test_pairs_of_test_images_are_measured_beside_images() -> None:
    table, images = predictions()
    single = head(table, table["predicted"].to_numpy())
    ids = table.loc[table["split"] == "test", "image_id"].to_numpy()
    scores = table.set_index("image_id")["score"]
    pairs = pd.DataFrame({"image_id": ids[::2], "other_image_id": ids[1::2]})
    means = (scores[pairs["image_id"]].to_numpy() + scores[pairs["other_image_id"]].to_numpy()) / 2
    both = pd.concat([single, pairs.assign(predicted=means)], ignore_index=True)
    metrics = evaluated(table, images, {"gru_pair": both}).metrics.set_index(["head", "metric"])
    assert metrics.loc[("gru_pair_of_pairs", "spearman"), "value"] == pytest.approx(1)
    assert metrics.loc[("gru_pair_of_pairs", "mse"), "value"] == 0
    assert (metrics.loc["gru_pair_of_pairs", "n"] == 100).all()
    assert (metrics.loc["gru_pair", "n"] == 200).all()


def test_sizes_count_as_a_baseline_where_every_test_image_has_one() -> None:
    table, _ = predictions()
    assert "image_size" not in by_head(table, {}, None)
    assert "image_size" in by_head(table.assign(image_size=0.5), {}, None)


def test_calibration_is_the_regression_of_scores_on_predictions() -> None:
    table, _ = predictions()
    test = by_head(table, {}, None)
    units = Units(len(test), None, None)
    found = calibration(test, units, 0.95).set_index("head")
    reference = stats.linregress(test["mlp"], test["score"])
    assert found.loc["mlp", "slope"] == pytest.approx(reference.slope)
    assert found.loc["mlp", "intercept"] == pytest.approx(reference.intercept)
    assert found.loc["mlp", "floor"] == test["mlp"].min()
    assert found.loc["mlp", "ceiling"] == test["mlp"].max()
    below = (test["score"] < test["category_mean"].min()).mean()
    assert found.loc["category_mean", "share_below_floor"] == below > 0
    constant = calibration(test.assign(mlp=0.5), units, 0.95).set_index("head")
    assert np.isnan(constant.loc["mlp", ["slope", "slope_low", "slope_high"]].astype(float)).all()
    assert constant.loc["mlp", "sd_predicted"] == 0


def test_the_interval_of_a_slope_is_that_of_leaving_out_one_at_a_time() -> None:
    rng = np.random.default_rng(0)
    subcategory = np.repeat(np.arange(30), 5)
    x = rng.normal(size=30)[subcategory] + rng.normal(size=150) / 2
    y = 0.6 + 0.05 * x + 0.1 * rng.normal(size=30)[subcategory] + 0.1 * rng.normal(size=150)
    table = pd.DataFrame({"image_id": np.arange(150).astype(str), "score": y, "mlp": x})
    images = np.arange(150)
    for units, group in (
        (Units(150, subcategory, None), subcategory),
        (Units(150, None, None), images),
    ):
        found = calibration(table, units, 0.95).iloc[0]
        slopes = [stats.linregress(x[group != one], y[group != one]).slope for one in set(group)]
        whole, count = stats.linregress(x, y).slope, len(slopes)
        error = np.sqrt((count - 1) / count * np.sum((np.array(slopes) - whole) ** 2))
        half = stats.t.ppf(0.975, count - 1) * error
        assert found["slope_low"] == pytest.approx(whole - half)
        assert found["slope_high"] == pytest.approx(whole + half)
        assert found["unit"] == units.word
    # Left out one at a time, images have HC3's standard errors, but for a factor near 1.
    robust = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC3").bse[1]
    assert half / stats.t.ppf(0.975, 149) == pytest.approx(robust, rel=0.01)


def test_few_units_and_slopes_of_one_image_have_no_interval() -> None:
    table = pd.DataFrame({"image_id": np.arange(30).astype(str), "score": np.arange(30) / 30})
    few = calibration(table.assign(mlp=table["score"])[:24], Units(24, None, None), 0.95).iloc[0]
    one = calibration(table.assign(mlp=np.arange(30) == 7), Units(30, None, None), 0.95).iloc[0]
    for found in (few, one):
        assert np.isfinite(found["slope"])
        assert np.isnan(found["slope_low"])
        assert np.isnan(found["slope_high"])


def test_with_ten_subcategories_intervals_hold_for_new_ones() -> None:
    table, images = predictions()
    of_ten = images["category"] + (np.arange(len(images)) // 4 % 5).astype(str)
    found = evaluated(table, images.assign(subcategory=of_ten))
    whole = found.metrics[found.metrics["metric"] == "spearman"]
    assert set(whole["unit"]) == {"subcategories"}
    assert set(whole["clusters"]) == {20}
    # Five in a category are too few.
    assert set(found.by_category["unit"]) == {"images"}
    assert set(evaluated(table, images).metrics["unit"]) == {"images"}
