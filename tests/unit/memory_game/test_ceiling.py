"""The ceiling from counts against simulations whose truth is known, and MemCat's own counts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.memory_game.beta_binomial import BetaBinomial, TrueRates
from memorability.memory_game.ceiling import TARGETS, noise_ceiling, split_counts
from memorability.memory_game.consistency import spearman_brown
from memorability.memory_game.scoring import score_counts
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

MEMCAT = Path(__file__).resolve().parents[4] / "shared" / "reference" / "memcat_image_data.csv"
BOOTSTRAP = Bootstrap(draws=60, confidence=0.95, seed=0)
COUNTS = st.integers(2, 150).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
)


def simulated(
    images: int, responses: int, spread: float, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Counts drawn from known hit and false-alarm rates, and the two true scores."""
    generator = np.random.default_rng(seed)
    rate = generator.normal(0.7, spread, images).clip(0.05, 0.97)
    false = generator.beta(2, 25, images)
    n = generator.integers(responses * 3 // 4, responses * 5 // 4 + 1, images)
    table = pd.DataFrame(
        {
            "category": np.where(np.arange(images) % 2, "b", "a"),
            "subcategory": "",
            "hits": generator.binomial(n, rate),
            "false_alarms": generator.binomial(n, false),
            "responses": n,
        }
    )
    z_rate, z_false = stats.norm.ppf(rate), stats.norm.ppf(false)
    return table, {
        "score": rate - false, "score_uncorrected": rate, "false_alarm_rate": false,
        "d_prime": z_rate - z_false, "criterion": -(z_rate + z_false) / 2,
    }  # fmt: skip


def of_groups(ceiling: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all images and of each category, by target and group."""
    rows = ceiling[ceiling["method"].isin(["pooled", "within"])]
    return rows.set_index(["target", "group"])


@given(st.lists(COUNTS, min_size=1, max_size=30), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_halves_are_complementary(counts: list[tuple[int, int, int]], seed: int) -> None:
    hits, false_alarms, responses = (np.array(column) for column in zip(*counts, strict=True))
    halves = split_counts(hits, false_alarms, responses, generator=np.random.default_rng(seed))
    for name, whole in (
        ("hits", hits), ("false_alarms", false_alarms), ("responses", responses),
    ):  # fmt: skip
        parts = [getattr(half, name) for half in halves]
        np.testing.assert_array_equal(sum(parts), whole)
        assert all((part >= 0).all() for part in parts)
    for half in halves:
        assert (half.hits <= half.responses).all()
        assert (half.false_alarms <= half.responses).all()
        assert (np.abs(2 * half.responses - responses) <= 1).all()
        assert (np.abs(half.score("score")) <= 1).all()
        assert (
            (half.score("score_uncorrected") >= 0) & (half.score("score_uncorrected") <= 1)
        ).all()


def test_responses_are_drawn_without_replacement() -> None:
    n = 20_000
    first, _ = split_counts(
        np.full(n, 2), np.full(n, 4), np.full(n, 4), generator=np.random.default_rng(0)
    )
    # Two of four: both hits in the first half once in six, one hit in each half four times.
    found = np.bincount(first.hits, minlength=3) / n
    np.testing.assert_allclose(found, [1 / 6, 4 / 6, 1 / 6], atol=4 * 0.5 / np.sqrt(n))
    assert (first.false_alarms == 2).all()


def test_the_odd_response_falls_to_either_half() -> None:
    n = np.full(10_000, 5)
    first, _ = split_counts(n, n, n, generator=np.random.default_rng(0))
    assert set(first.responses) == {2, 3}
    assert abs(first.responses.mean() - 2.5) < 4 * 0.5 / 100


@pytest.mark.parametrize(
    ("images", "responses", "spread"),
    [(4000, 100, 0.12), (4000, 30, 0.12), (4000, 80, 0.06)],
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_predictor_reaches_the_ceiling(
    images: int, responses: int, spread: float, target: str
) -> None:
    table, truth = simulated(images, responses, spread)
    found = noise_ceiling(table, bootstrap=BOOTSTRAP, splits=5)
    found = found[found["target"] == target].set_index("method")
    # Halves of so few responses do not tell.
    modelled = target in ("d_prime", "criterion") and responses < 60
    assert set(found["ceiling_by"]) == {"model" if modelled else "halves"}
    assert found["ceiling_low"].isna().all() == modelled
    reached = stats.spearmanr(truth[target], score_counts(table)[target]).statistic
    assert found["ceiling"]["pooled"] == pytest.approx(reached, abs=0.03 if modelled else 0.02)


@pytest.mark.parametrize("responses", [10, 20, 40])
def test_the_modelled_ceiling_is_reached_where_hits_and_false_alarms_go_together(
    responses: int,
) -> None:
    generator = np.random.default_rng(responses)
    rates = {
        "a": TrueRates(BetaBinomial(0.75, 9.0), BetaBinomial(0.12, 12.0), 0.4),
        "b": TrueRates(BetaBinomial(0.60, 15.0), BetaBinomial(0.20, 12.0), -0.3),
    }
    n = np.full(2000, responses)
    parts, truths = [], []
    for name, model in rates.items():
        hits, false_alarms = model.draw(2000, generator)
        counts = {"hits": generator.binomial(n, hits), "responses": n}
        counts["false_alarms"] = generator.binomial(n, false_alarms)
        parts.append(pd.DataFrame(counts).assign(category=name, subcategory=""))
        truths.append(stats.norm.ppf(hits) - stats.norm.ppf(false_alarms))
    table, truth = pd.concat(parts, ignore_index=True), np.concatenate(truths)
    found = noise_ceiling(table, bootstrap=BOOTSTRAP, splits=5)
    found = found[found["target"] == "d_prime"].set_index(["group", "method"])["ceiling"]
    measured = score_counts(table)["d_prime"]
    for group, method in (("all", "pooled"), ("a", "within"), ("b", "within")):
        chosen = np.ones(4000, dtype=bool) if group == "all" else table["category"] == group
        reached = stats.spearmanr(truth[chosen], measured[chosen]).statistic
        assert found[group, method] == pytest.approx(reached, abs=0.03)


def test_the_model_says_nothing_of_subcategories_and_of_few_images() -> None:
    table, _ = simulated(60, 20, 0.1)
    table["subcategory"] = [f"s{k}" for k in np.arange(60) // 6]
    table.loc[:7, "category"] = "few"
    found = noise_ceiling(table, bootstrap=BOOTSTRAP, splits=2)
    found = found[found["target"] == "criterion"].set_index(["group", "method"])["ceiling_by"]
    assert found["all", "pooled"] == found["a", "within"] == "model"
    assert found["all", "partial_subcategory"] == found["few", "within"] == ""


def test_columns_follow_from_one_another() -> None:
    table, _ = simulated(200, 80, 0.1)
    found = noise_ceiling(table, bootstrap=BOOTSTRAP)
    assert list(found.columns) == [
        "target", "group", "method", "n", "divisions", "consistency", "consistency_sd", "full_length",
        "ceiling", "ceiling_low", "ceiling_high", "unit", "ceiling_by",
    ]  # fmt: skip
    methods = ["pooled", "partial", "mean_within", "between_category"]
    assert found["method"].tolist() == [*methods, "within", "within"] * 5
    assert found["group"].tolist() == [*["all"] * 4, "a", "b"] * 5
    assert found["n"].tolist() == [*[200] * 4, 100, 100] * 5
    assert list(dict.fromkeys(found["target"])) == list(TARGETS)
    full_length = spearman_brown(found["consistency"].to_numpy().clip(0), factor=2)
    np.testing.assert_allclose(found["full_length"], full_length)
    np.testing.assert_allclose(found["ceiling"] ** 2, full_length)
    pd.testing.assert_frame_equal(found, noise_ceiling(table, bootstrap=BOOTSTRAP))
    assert not found.equals(noise_ceiling(table, bootstrap=replace(BOOTSTRAP, seed=1)))


def test_the_interval_contains_the_ceiling_of_many_images() -> None:
    truth = noise_ceiling(simulated(6000, 40, 0.1)[0], bootstrap=BOOTSTRAP, splits=5).iloc[0]
    contained, width = 0, []
    for number in range(60):
        table, _ = simulated(80, 40, 0.1, seed=number + 1)
        found = noise_ceiling(table, bootstrap=replace(BOOTSTRAP, seed=number), splits=8).iloc[0]
        assert found["ceiling_low"] <= found["ceiling"] <= found["ceiling_high"]
        contained += found["ceiling_low"] <= truth["ceiling"] <= found["ceiling_high"]
        width.append(found["ceiling_high"] - found["ceiling_low"])
    assert contained >= 52  # 57 expected, three standard errors are 5
    assert truth["ceiling_high"] - truth["ceiling_low"] < 0.3 * np.mean(width)


def test_the_interval_is_for_new_subcategories_where_there_are_ten() -> None:
    table, _ = simulated(200, 60, 0.1)
    table["subcategory"] = [f"s{k:02d}" for k in np.arange(200) // 20]
    found = noise_ceiling(table, bootstrap=BOOTSTRAP, splits=3).set_index(["target", "method"])
    assert found["unit"]["score", "pooled"] == "subcategories"
    few = noise_ceiling(table.iloc[:9], bootstrap=BOOTSTRAP, splits=3)
    assert few["ceiling_low"].isna().all()
    assert few["ceiling"].notna().any()


def test_more_responses_raise_the_ceiling() -> None:
    ceilings = [
        noise_ceiling(simulated(1500, n, 0.1)[0], bootstrap=BOOTSTRAP, splits=5)["ceiling"].iloc[0]
        for n in (10, 40, 160)
    ]
    assert ceilings == sorted(ceilings)
    assert ceilings[-1] - ceilings[0] > 0.2


def test_images_that_differ_by_chance_alone_have_hardly_a_ceiling() -> None:
    table, _ = simulated(4000, 80, 0.0)
    found = of_groups(noise_ceiling(table, bootstrap=BOOTSTRAP, splits=5))
    assert found.loc[("score_uncorrected", "all"), "consistency"] < 4 / np.sqrt(4000)
    assert (found["ceiling"] >= 0).all()


def test_images_without_counts_are_left_out_and_a_constant_category_has_none() -> None:
    table, _ = simulated(60, 40, 0.1)
    more = pd.DataFrame(
        {
            "category": ["a", "a", *["flat"] * 4, *["rare"] * 2],
            "subcategory": "",
            "hits": [pd.NA, 1, 8, 8, 8, 8, 3, 5],
            "false_alarms": [pd.NA, *[0] * 7],
            "responses": [pd.NA, 1, *[8] * 6],
        }
    )
    counts = dict.fromkeys(["hits", "false_alarms", "responses"], "Int64")
    found = noise_ceiling(pd.concat([table, more]).astype(counts), bootstrap=BOOTSTRAP)
    found = of_groups(found)
    assert found["n"]["score"].to_dict() == {"all": 66, "a": 30, "b": 30, "flat": 4, "rare": 2}
    assert found["ceiling"]["score"].isna().to_dict() == {
        "all": False, "a": False, "b": False, "flat": True, "rare": True,
    }  # fmt: skip


def test_a_table_without_categories_has_one_group() -> None:
    table, _ = simulated(60, 40, 0.1)
    found = noise_ceiling(table.assign(category="all"), bootstrap=BOOTSTRAP)
    assert found["method"].tolist() == ["pooled", "within"] * 5
    assert set(found["group"]) == {"all"}


@pytest.mark.parametrize(
    "change", [{"hits": pd.NA}, {"hits": 1, "false_alarms": 0, "responses": 1}]
)
def test_images_without_two_responses_have_no_ceiling(
    change: dict[str, Any], tmp_path: Path
) -> None:
    table, _ = simulated(20, 40, 0.1)
    found = noise_ceiling(table.assign(**change), bootstrap=BOOTSTRAP)
    assert found.empty
    store.write(found, tmp_path / "ceiling.parquet", "ceiling")
    assert store.read(tmp_path / "ceiling.parquet", "ceiling").empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="hits"), "without the columns .'hits'."),
        (lambda table: table.assign(hits=table["responses"] + 1), "row 0 has"),
    ],
)
def test_counts_that_have_no_ceiling_are_refused(change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        noise_ceiling(change(simulated(20, 30, 0.1)[0]), bootstrap=BOOTSTRAP)


def test_a_single_response_has_no_halves() -> None:
    one = np.array([1])
    with pytest.raises(ValueError, match="1 of 1 images have a single response"):
        split_counts(one, one, one, generator=np.random.default_rng(0))


@pytest.mark.real_data
@pytest.mark.skipif(not MEMCAT.is_file(), reason=f"no counts of MemCat at {MEMCAT}")
def test_halves_of_memcat_agree_as_published() -> None:
    names = {"H": "hits", "FA": "false_alarms", "n_resp": "responses"}
    found = noise_ceiling(pd.read_csv(MEMCAT).rename(columns=names), bootstrap=BOOTSTRAP)
    assert of_groups(found)["n"].tolist() == [10_000, *[2000] * 5] * 5
    pooled = of_groups(found).xs("all", level="group")
    # 0.78 is the halves' own correlation (Needell and Bainbridge 2022), not that of the whole.
    assert pooled["consistency"]["score_uncorrected"] == pytest.approx(0.78, abs=0.005)
    assert pooled["full_length"]["score_uncorrected"] > 0.86
    assert pooled["consistency"]["score"] == pytest.approx(0.745, abs=0.01)
    within = found[(found["target"] == "score") & (found["method"] == "within")]
    assert (within["ceiling"] < pooled["ceiling"]["score"]).all()
