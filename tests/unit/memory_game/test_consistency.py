"""Agreement of halves: formulas, simulated observers, and splits that keep their promises."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.base import seeding
from memorability.memory_game import consistency
from memorability.memory_game.consistency import (
    consistency_by_responses,
    measure_consistency,
    spearman_brown,
    split_half,
)
from memorability.memory_game.game import Observers, simulate_trials
from memorability.tables import store

IDS = [f"i{k:03d}" for k in range(120)]
DECAY = -0.2
QUICK: dict[str, Any] = {"seed": 1, "splits": 10}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    """80 responses per image, and a decay as strong as the images' differences."""
    generator = np.random.default_rng(0)
    return simulate_trials(
        IDS,
        generator.normal(0.6, 0.1, len(IDS)).clip(0.35, 0.85),
        np.full(len(IDS), 0.05),
        responses=80,
        observers=Observers(
            reference_delay=74.0, decay=DECAY, inattentive_share=0.0, lapse_rate=0.0
        ),
        generator=generator,
    )


@pytest.fixture(scope="module")
def repeats(trials: pd.DataFrame) -> pd.DataFrame:
    chosen = trials[(trials["role"] == "target") & trials["repeat"]]
    return chosen.reset_index(drop=True)


# Spearman and Brown


@pytest.mark.parametrize(
    ("r", "factor", "expected"),
    [(0.5, 2, 2 / 3), (0.6, 1, 0.6), (0.0, 7, 0.0), (1.0, 3, 1.0), (0.8, 0.5, 2 / 3)],
)
def test_spearman_brown_by_hand(r: float, factor: float, expected: float) -> None:
    assert spearman_brown(r, factor=factor) == pytest.approx(expected)


@given(st.floats(0, 1), st.floats(0.1, 50), st.floats(0.1, 50))
def test_lengthening_twice_is_lengthening_by_the_product(r: float, a: float, b: float) -> None:
    twice = spearman_brown(spearman_brown(r, factor=a), factor=b)
    assert twice == pytest.approx(spearman_brown(r, factor=a * b))


def test_spearman_brown_predicts_parallel_measurements() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(50_000, 1))
    items = truth + generator.normal(size=(50_000, 12))
    single = np.corrcoef(items[:, 0], items[:, 1])[0, 1]
    sixfold = np.corrcoef(items[:, :6].mean(axis=1), items[:, 6:].mean(axis=1))[0, 1]
    assert spearman_brown(single, factor=6) == pytest.approx(sixfold, abs=0.01)


# Splits


@given(st.integers(0, 2**32), st.sampled_from(["observers", "delays"]))
@settings(max_examples=10, deadline=None)
def test_halves_hold_every_response_once(repeats: pd.DataFrame, seed: int, splitting: Any) -> None:
    halves = consistency._halves(repeats, splitting, np.random.default_rng(seed))
    pd.testing.assert_frame_equal(pd.concat(halves).sort_index(), repeats)


def test_an_observer_belongs_to_one_half(repeats: pd.DataFrame) -> None:
    halves = consistency._halves(repeats, "observers", np.random.default_rng(0))
    first, second = (set(half["observer"]) for half in halves)
    assert not first & second
    assert abs(len(first) - len(second)) <= 1


def test_short_delays_of_an_image_are_in_one_half_and_which_is_random(
    repeats: pd.DataFrame,
) -> None:
    halves = consistency._halves(repeats, "delays", np.random.default_rng(0))
    first, second = (half.groupby("image_id")["delay"] for half in halves)
    first_is_short = first.max() <= second.min()
    assert (first_is_short ^ (second.max() <= first.min())).all()
    assert 0.3 < first_is_short.mean() < 0.7
    assert ((first.size() - second.size()).abs() <= 1).all()


def test_images_keep_as_many_responses_as_asked_for(repeats: pd.DataFrame) -> None:
    shorter = repeats.drop(repeats.index[(repeats["image_id"] == IDS[0])][5:])
    kept = consistency._keep(shorter, 6, np.random.default_rng(0))
    assert set(kept["image_id"]) == set(IDS[1:])
    assert (kept["image_id"].value_counts() == 6).all()
    assert not kept.index.duplicated().any()


# Consistency


def test_observers_who_all_remember_the_same_agree_perfectly(trials: pd.DataFrame) -> None:
    same = trials.assign(response=trials["image_id"].isin(IDS[:40]))
    found = split_half(same, correction="none", **QUICK)
    np.testing.assert_allclose(found.r, 1)
    assert found.full_length == pytest.approx(1)
    assert found.n.tolist() == [120] * 10
    assert np.isnan(found.decay).all()


def test_observers_who_guess_do_not_agree(trials: pd.DataFrame) -> None:
    guesses = np.random.default_rng(3).random(len(trials)) < 0.5
    found = split_half(trials.assign(response=guesses), correction="none", **QUICK)
    # The splits share their responses: the error is that of one correlation over images.
    assert abs(found.consistency) < 4 / np.sqrt(120)


def test_one_split_is_the_correlation_of_the_halves(repeats: pd.DataFrame) -> None:
    rates = [half.groupby("image_id")["response"].mean() for half in first_split(repeats)]
    found = split_half(repeats, correction="none", seed=1, splits=1)
    assert found.r.tolist() == pytest.approx([rates[0].corr(rates[1], method="spearman")])


def first_split(repeats: pd.DataFrame) -> list[pd.DataFrame]:
    generator = seeding.numpy_stream(1, "split halves")
    return consistency._halves(repeats, "observers", generator)


@pytest.mark.parametrize("correction", ["paper", "exact"])
def test_correction_restores_what_adversarial_splits_take(
    trials: pd.DataFrame, correction: Any
) -> None:
    fair = split_half(trials, correction=correction, **QUICK)
    simple = split_half(trials, splitting="delays", correction="none", **QUICK)
    corrected = split_half(trials, splitting="delays", correction=correction, **QUICK)
    assert simple.consistency < fair.consistency - 0.1
    assert corrected.consistency > simple.consistency + 0.1
    assert corrected.consistency == pytest.approx(fair.consistency, abs=0.06)


@pytest.mark.parametrize("correction", ["paper", "exact"])
def test_correction_hardly_matters_at_random_delays_and_finds_the_decay_in_each_half(
    trials: pd.DataFrame, correction: Any
) -> None:
    simple = split_half(trials, correction="none", **QUICK)
    corrected = split_half(trials, correction=correction, **QUICK)
    # Khosla et al. 2015: 0.67 and 0.68.
    assert corrected.consistency == pytest.approx(simple.consistency, abs=0.01)
    assert corrected.decay.shape == (10, 2)
    # About 4,800 binary responses whose log delays have a standard deviation of 0.4.
    assert np.abs(corrected.decay - DECAY).max() < 4 * 0.5 / (0.4 * np.sqrt(4800))


def test_consistency_grows_with_responses_as_predicted(trials: pd.DataFrame) -> None:
    table = consistency_by_responses(trials, responses=[60, 8, 16, 32], correction="none", **QUICK)
    assert table["responses"].tolist() == [8, 16, 32, 60]
    assert table["consistency"].is_monotonic_increasing
    assert (table["predicted"] - table["consistency"]).abs().max() < 0.06
    assert table["predicted"].iloc[-1] == table["consistency"].iloc[-1]
    assert (table["full_length"] > table["consistency"]).all()
    assert table["n"].iloc[0] == 120
    assert (table["consistency_sd"] > 0).all()


def test_images_with_too_few_responses_are_left_out(trials: pd.DataFrame) -> None:
    table = consistency_by_responses(trials, responses=[80], correction="none", **QUICK)
    assert 3 <= table["n"].iloc[0] < 60


def test_the_same_seed_gives_the_same_splits(trials: pd.DataFrame) -> None:
    found = [
        split_half(trials, correction="none", seed=seed, splits=2).r.tolist() for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_what_cannot_be_split_is_refused(trials: pd.DataFrame) -> None:
    one = trials[trials["observer"] == trials["observer"].iloc[0]]
    for wrong in (one, trials.drop(columns="delay")):
        with pytest.raises(ValueError, match="fewer than 2 observers"):
            split_half(wrong, correction="none", **QUICK)
    for responses in ([], [0], [4, 5]):
        with pytest.raises(ValueError, match="expected even numbers"):
            consistency_by_responses(trials, responses=responses, correction="none", **QUICK)


# The table


@pytest.fixture(scope="module")
def measured(trials: pd.DataFrame) -> pd.DataFrame:
    return measure_consistency(trials, seed=1)


def test_the_table_fits_its_schema_and_has_each_way_of_splitting(
    measured: pd.DataFrame, repeats: pd.DataFrame
) -> None:
    key, schema = store.SCHEMAS["consistency"]
    schema.validate(measured[[*schema.columns]])
    assert not measured.duplicated([*key]).any()
    by_number = measured[~measured["all_responses"]]
    # 80 − 2 √80 = 62.
    assert by_number["responses"].tolist() == [2, 4, 8, 16, 32]
    assert measured["all_responses"].sum() == 2 * 3
    of_all = measured.loc[measured["all_responses"], "responses"]
    assert set(of_all) == {len(repeats) / len(IDS)}


def test_rows_of_the_table_are_those_of_the_measures(
    measured: pd.DataFrame, trials: pd.DataFrame
) -> None:
    of_all = measured[measured["all_responses"]].set_index(["splitting", "correction"])
    halves = split_half(trials, splitting="delays", correction="exact", seed=1)
    assert of_all.loc[("delays", "exact"), "consistency"] == halves.consistency
    assert of_all.loc[("delays", "exact"), "full_length"] == halves.full_length
    by_number = consistency_by_responses(
        trials, responses=[2, 4, 8, 16, 32], correction="none", seed=1
    )
    rows = measured.loc[~measured["all_responses"], by_number.columns]
    pd.testing.assert_frame_equal(rows, by_number, check_dtype=False)


def test_inattentive_observers_do_not_count(trials: pd.DataFrame, measured: pd.DataFrame) -> None:
    asleep = trials.copy()
    first = asleep["observer"] == asleep["observer"].iloc[0]
    asleep.loc[first, "response"] = False
    without = measure_consistency(trials[~first], seed=1)
    pd.testing.assert_frame_equal(measure_consistency(asleep, seed=1), without)
    assert not without.equals(measured)


@pytest.mark.parametrize("delay", [pd.NA, 70])
def test_delays_that_are_unknown_or_equal_are_not_corrected(
    trials: pd.DataFrame, delay: Any
) -> None:
    table = measure_consistency(
        trials.assign(delay=pd.array([delay] * len(trials), "Int64")), seed=1
    )
    assert set(table["splitting"]) == {"observers"}
    assert set(table["correction"]) == {"none"}


def test_of_too_few_responses_nothing_is_measured(
    trials: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    few = trials[trials["observer"].isin(trials["observer"].unique()[:6])]
    table = measure_consistency(few, seed=1)
    assert table.empty
    store.SCHEMAS["consistency"][1].validate(table)
    assert "too few to compare halves" in caplog.text


def test_halves_that_all_agree_have_no_consistency(
    trials: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    table = measure_consistency(trials.assign(response=True), seed=1)
    assert table.empty
    assert "the hit rates of a half were all equal" in caplog.text


def test_delays_of_zero_are_not_corrected(
    trials: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    repeats = trials["repeat"] & (trials["role"] == "target")
    at_once = trials.assign(delay=trials["delay"].mask(repeats, 0))
    assert set(measure_consistency(at_once, seed=1)["correction"]) == {"none"}
    assert "nothing is corrected for them" in caplog.text
