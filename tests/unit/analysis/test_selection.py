"""The choice of a learning rate: published and honest rules, and the test of the maximum."""

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from memorability.analysis.selection import (
    choose_and_report,
    image_halves,
    maximum_test,
    select_learning_rates,
)
from memorability.report.reading import honest_choices_for_reading, selection_for_reading
from memorability.statistics.rank_correlation import standard_ranks, subset_correlations
from memorability.tables import store

NAN = float("nan")
RATES = ("1e-5", "5e-6", "0.1")
QUICK: dict[str, Any] = {"target": "score", "seed": 0, "halves": 40, "permutations": 200}


def images(n: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """Images of two categories with counts out of 80 responses and the score they make."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.2, 0.8, n)
    table = pd.DataFrame(
        {
            "image_id": [f"image{k:03d}" for k in range(n)],
            "category": np.array(["animal", "food"])[np.arange(n) % 2],
            "subcategory": "",
            "hits": rng.binomial(80, rate),
            "false_alarms": rng.binomial(80, 0.1, n),
            "responses": 80,
        }
    ).astype(dict.fromkeys(("hits", "false_alarms", "responses"), "Int64"))
    score = (table["hits"] - table["false_alarms"]) / table["responses"]
    return table.assign(score=score.astype(float))


def errors(
    scored: pd.DataFrame,
    strengths: dict[str, float],
    *,
    loss: str = "mse",
    seeds: int = 2,
    noise: int = 1,
) -> pd.DataFrame:
    """Errors that follow the scores as strongly as asked for, by learning rate."""
    rng = np.random.default_rng(noise)
    parts = [
        scored[["image_id"]].assign(
            quantity="error", metric=loss,
            backbone="none", trained_by="", published="",
            sign="distance", protocol="paper",
            loss=loss, lr=lr, seed=str(seed),
            value=strength * scored["score"] + 0.2 * rng.normal(size=len(scored)),
        )
        for lr, strength in strengths.items()
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def by_rule(table: pd.DataFrame, loss: str = "mse") -> pd.DataFrame:
    return table[table["loss"] == loss].set_index("rule")


# The published rule


def test_the_published_choice_is_the_highest_mean_over_seeds_of_scipys_correlation() -> None:
    scored = images()
    values = errors(scored, dict.fromkeys(RATES, 0.2))
    wide = values.pivot_table(index=["lr", "seed"], columns="image_id", values="value")
    expected = wide.apply(lambda row: stats.spearmanr(row, scored["score"]).statistic, axis=1)
    found = select_learning_rates(values, scored, **QUICK)
    by_seed = found.seeds.set_index(["lr", "seed"])["r"]
    np.testing.assert_allclose(by_seed, expected[by_seed.index])
    means = expected.groupby("lr").mean()
    published = by_rule(found.selection).loc["published"]
    assert published["lr"] == means.idxmax()
    assert published["r"] == pytest.approx(means.max())
    assert (published["n"], published["rates"], published["share"]) == (60, 3, 1)


def test_a_diverged_run_takes_its_learning_rate_out_of_the_choice_and_is_named() -> None:
    scored = images()
    values = errors(scored, {"1e-5": 0.2, "0.1": 5.0})
    values.loc[(values["lr"] == "0.1") & (values["seed"] == "1"), "value"] = NAN
    found = select_learning_rates(values, scored, **QUICK)
    assert set(found.selection["lr"]) == {"1e-5"}
    assert set(found.selection["skipped"]) == {"0.1"}
    assert set(found.choices["lr"]) == {"1e-5"}
    assert found.seeds.set_index(["lr", "seed"])["r"].isna().to_dict() == {
        ("1e-5", "0"): False, ("1e-5", "1"): False, ("0.1", "0"): False, ("0.1", "1"): True,
    }  # fmt: skip


def test_a_loss_whose_runs_all_diverged_has_rows_that_say_so() -> None:
    scored = images()
    lost = errors(scored, dict.fromkeys(RATES, 0.2), loss="style").assign(value=NAN)
    values = pd.concat([lost, errors(scored, {"1e-5": 0.2, "0.1": 0.1})])
    found = select_learning_rates(values, scored, **QUICK)
    rows = by_rule(found.selection, "style")
    assert list(rows["lr"]) == ["", "", ""]
    assert list(rows["skipped"]) == ["5e-6, 1e-5, 0.1"] * 3
    assert rows[["r", "share", "optimism", "p_loss", "p_grid"]].isna().all(axis=None)
    assert by_rule(found.selection).loc["published", "p_loss"] < 0.1
    shown = selection_for_reading(found.selection)
    assert list(shown["training loss"]) == ["MSE", "Style loss"]
    assert list(shown["p of the maximum, this loss"])[-1] == "–"
    assert "p of the maximum, all losses, shuffled within the category" in shown
    honest = honest_choices_for_reading(found.selection, "images")
    assert list(honest["training loss"]) == ["MSE"]


def test_one_learning_rate_leaves_nothing_to_choose_and_nothing_to_say_of_it() -> None:
    scored = images()
    found = select_learning_rates(errors(scored, {"1e-5": 0.2}), scored, **QUICK)
    shown = selection_for_reading(found.selection)
    assert honest_choices_for_reading(found.selection, "images").empty
    assert {"training loss", "r, same images"} <= set(shown)


def test_an_image_without_a_score_is_refused() -> None:
    values = errors(images(), {"1e-5": 0.2})
    with pytest.raises(ValueError, match=r"'image059' has errors but no finite score"):
        select_learning_rates(values, images().iloc[:-1], **QUICK)


# Honest rules


def test_choosing_and_reporting_by_hand() -> None:
    first = np.array([[0.1, 0.4], [0.5, 0.3], [NAN, 0.3]])
    second = np.array([[0.3, 0.2], [0.2, 0.1], [0.1, 0.1]])
    # Repeat 1: the first half chooses rate 1 (0.4, reports 0.2), the second rate 0 (0.3, reports 0.1).
    # Repeat 2: both choose rate 0 (0.5 and 0.2, reporting 0.2 and 0.5). Repeat 3 is undefined.
    choice = choose_and_report(["1e-5", "1e-4"], first, second)
    np.testing.assert_allclose(choice.reported, [0.15, 0.35])
    np.testing.assert_allclose(choice.choosing, [0.35, 0.35])
    np.testing.assert_allclose(choice.share, [0.75, 0.25])


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 5))
def test_the_half_that_chooses_is_never_worse_and_one_rate_leaves_no_choice(
    seed: int, repeats: int, rates: int
) -> None:
    first, second = np.random.default_rng(seed).uniform(-1, 1, (2, repeats, rates))
    choice = choose_and_report([f"1e-{9 - rate}" for rate in range(rates)], first, second)
    assert (choice.choosing - choice.reported >= -1e-15).all()
    assert rates > 1 or (choice.choosing == choice.reported).all()
    assert choice.share.sum() == pytest.approx(1)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=40), st.integers(0, 2**32))
def test_halves_share_every_category_and_no_image(names: list[str], seed: int) -> None:
    category = np.array(names)
    first, second = image_halves(category, np.random.default_rng(seed))
    assert sorted([*first, *second]) == list(range(len(names)))
    for name in set(names):
        assert abs(sum(category[first] == name) - sum(category[second] == name)) <= 1


def test_correlations_in_subsets_are_scipys() -> None:
    rng = np.random.default_rng(0)
    runs, target = rng.integers(0, 9, (3, 50)), rng.integers(0, 9, 50)
    subsets = [rng.permutation(50)[:size] for size in (5, 20, 50)]
    found = subset_correlations(runs, target, subsets)
    expected = [[stats.spearmanr(run[s], target[s]).statistic for s in subsets] for run in runs]
    np.testing.assert_allclose(found, expected)


def test_where_nothing_is_planted_the_published_choice_is_too_high_and_the_honest_one_is_not() -> (
    None
):
    found = []
    for study in range(30):
        scored = images(80, seed=study)
        values = errors(scored, {str(1e-5 * k): 0.0 for k in range(1, 9)}, noise=study, seeds=1)
        table = select_learning_rates(values, scored, **QUICK | {"halves": 10}).selection
        found.append(by_rule(table)["r"])
    means, spread = pd.DataFrame(found).mean(), pd.DataFrame(found).std(ddof=1) / 30**0.5
    # The highest of eight independent correlations with SD 1/√79 is 1.42 SD on average.
    assert means["published"] == pytest.approx(1.42 / 79**0.5, abs=4 * spread["published"])
    assert means["images"] == pytest.approx(0, abs=4 * spread["images"])


def test_halves_of_observers_report_what_scores_of_half_the_responses_would() -> None:
    scored = images(400)
    values = errors(scored, {"1e-5": 1.0}, seeds=1)
    found = by_rule(select_learning_rates(values, scored, **QUICK).selection).loc["observers"]
    rng = np.random.default_rng(5)
    expected = []
    for _ in range(40):
        halves = []
        for name in ("hits", "false_alarms"):
            counts = scored[name].to_numpy(dtype=int)
            # Each image's responses in random order, of which the first 40 fall to this half.
            order = rng.permuted(np.arange(80) < counts[:, np.newaxis], axis=1)
            halves.append(order[:, :40].sum(axis=1))
        score = (halves[0] - halves[1]) / 40
        expected.append(stats.spearmanr(values["value"], score).statistic)
    assert found["r"] == pytest.approx(np.mean(expected), abs=0.005)
    assert found["r_choosing"] == found["r"]
    assert found["n"] == 400


def test_images_without_counts_leave_the_halves_of_observers_out() -> None:
    scored = images()
    values = errors(scored, dict.fromkeys(RATES, 0.2))
    scored.loc[10:, "hits"] = pd.NA
    found = by_rule(select_learning_rates(values, scored, **QUICK).selection)
    assert found["n"].to_dict() == {"published": 60, "images": 60, "observers": 10}
    scored["hits"] = pd.NA
    rules = select_learning_rates(values, scored, **QUICK).selection["rule"]
    assert list(rules) == ["published", "images"]


# The test of the maximum


def test_p_of_the_maximum_is_that_of_all_shuffles() -> None:
    rng = np.random.default_rng(3)
    target = rng.random(6)
    losses = [rng.random((2, 6)), rng.random((3, 6))]
    shuffled = np.array(list(permutations(target)))
    highest = [
        [max(stats.spearmanr(rate, order).statistic for rate in loss) for order in shuffled]
        for loss in losses
    ]
    observed = [max(stats.spearmanr(rate, target).statistic for rate in loss) for loss in losses]
    found = maximum_test(
        [standard_ranks(loss) for loss in losses],
        standard_ranks(target),
        generator=np.random.default_rng(0),
        permutations=20_000,
    )
    for (p_loss, p_grid), ours, reached in zip(found, observed, highest, strict=True):
        exact = np.mean(np.array(reached) >= ours - 1e-9)
        exact_grid = np.mean(np.max(highest, axis=0) >= ours - 1e-9)
        assert p_loss == pytest.approx(exact, abs=0.015)
        assert p_grid == pytest.approx(exact_grid, abs=0.015)


def test_shuffles_within_groups_are_those_that_keep_them() -> None:
    rng = np.random.default_rng(4)
    strata, target = np.array([0, 1, 0, 1, 0, 1]), rng.random(6)
    loss = rng.random((2, 6))
    kept = [
        order
        for order in permutations(range(6))
        if all(strata[place] == group for place, group in zip(order, strata, strict=True))
    ]
    assert len(kept) == 36
    highest = [max(stats.spearmanr(rate, target[[*o]]).statistic for rate in loss) for o in kept]
    observed = max(stats.spearmanr(rate, target).statistic for rate in loss)
    ((p, _),) = maximum_test(
        [standard_ranks(loss)],
        standard_ranks(target),
        generator=np.random.default_rng(0),
        permutations=20_000,
        strata=strata,
    )
    assert p == pytest.approx(np.mean(np.array(highest) >= observed - 1e-9), abs=0.015)


def test_common_means_of_subcategories_are_not_taken_for_an_effect() -> None:
    small = {"pooled": 0, "within": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        strata = np.repeat(np.arange(12), 10)
        means = rng.normal(size=12)
        scores, error = (means[strata] + rng.normal(size=120) for _ in range(2))
        for name, groups in (("pooled", None), ("within", strata)):
            ((p, _),) = maximum_test(
                [standard_ranks(error[np.newaxis])],
                standard_ranks(scores),
                generator=rng,
                permutations=99,
                strata=groups,
            )
            small[name] += p <= 0.05
    # Of 60 valid tests at 0.05, 3 ± 1.7 are rejected.
    assert small["within"] <= 8
    assert small["pooled"] >= 50


def test_p_of_the_maximum_is_rarely_small_where_nothing_is_planted() -> None:
    rng = np.random.default_rng(8)
    p = []
    for _ in range(200):
        ranks = standard_ranks(rng.random((5, 30)))
        found = maximum_test(
            [ranks], standard_ranks(rng.random(30)), generator=rng, permutations=99
        )
        p.append(found[0][0])
    # 200 valid tests at 0.1: 20 ± 4.2 rejections. Testing the best of five as if it were one: 82.
    assert 6 <= sum(value <= 0.1 for value in p) <= 34


def test_the_whole_grid_is_never_more_significant_than_a_loss_and_one_loss_is_the_grid() -> None:
    scored = images()
    several = [errors(scored, {"1e-5": s}, loss=loss) for loss, s in (("mse", 0.1), ("style", 0.0))]
    found = select_learning_rates(pd.concat(several), scored, **QUICK).selection
    published = found[found["rule"] == "published"]
    assert (published["p_grid"] >= published["p_loss"]).all()
    alone = select_learning_rates(several[0], scored, **QUICK).selection.iloc[0]
    assert alone["p_grid"] == alone["p_loss"] == published["p_loss"].iloc[0]


@pytest.mark.parametrize(
    ("subcategories", "within"), [(6, "subcategory"), (40, "category"), (1, "category")]
)
def test_scores_are_shuffled_within_the_smallest_groups_that_are_no_single_images(
    subcategories: int, within: str
) -> None:
    scored = images()
    numbers = np.arange(len(scored)) % subcategories
    scored = scored.assign(
        category=np.where(np.arange(len(scored)) % 2, "a", "b"),
        subcategory=[f"s{number}" for number in numbers],
    )
    values = errors(scored, {"1e-5": 0.5})
    published = select_learning_rates(values, scored, **QUICK).selection.iloc[0]
    assert published["within"] == within
    assert 0 < published["p_grid_within"] <= 1
    alone = scored.assign(category="all", subcategory="")
    published = select_learning_rates(values, alone, **QUICK).selection.iloc[0]
    assert published["within"] == ""
    assert np.isnan(published["p_grid_within"])


# Tables


def test_rows_in_another_order_change_nothing_and_fit_their_schemas(tmp_path: Any) -> None:
    scored = images()
    values = errors(scored, dict.fromkeys(RATES, 0.2))
    once = select_learning_rates(values, scored, **QUICK)
    shuffled = values.sample(frac=1, random_state=1)
    again = select_learning_rates(shuffled, scored.sample(frac=1, random_state=2), **QUICK)
    for name in ("selection", "choices", "seeds"):
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name))
        schema = "selection" if name == "selection" else f"selection_{name}"
        store.write(getattr(once, name), tmp_path / "part.parquet", schema)


def test_protocols_are_chosen_for_apart() -> None:
    scored = images()
    weak = errors(scored, {"1e-5": 0.1, "0.1": 0.0})
    strong = errors(scored, {"1e-5": 0.0, "0.1": 1.0}).assign(protocol="released")
    found = select_learning_rates(pd.concat([weak, strong]), scored, **QUICK).selection
    published = found[found["rule"] == "published"].set_index("protocol")
    assert published["lr"].to_dict() == {"paper": "1e-5", "released": "0.1"}
    assert published.loc["paper", "p_grid"] == published.loc["paper", "p_loss"]
