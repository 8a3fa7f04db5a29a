"""Scores by hand, corrections of delays against other solvers and against planted truth."""

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.memory_game.game import Observers, simulate_trials
from memorability.memory_game.scoring import (
    DelayFit,
    attentive_trials,
    correct_delays,
    count_responses,
    score_counts,
    vigilance_misses,
)

MEMCAT = Path(__file__).resolve().parents[4] / "shared" / "reference" / "memcat_image_data.csv"
ROLES = st.sampled_from(["target", "filler", "vigilance"])


def watched(observer: str, recognised: int, repeats: int = 12) -> pd.DataFrame:
    """Vigilance images of one observer, all first showings taken for repeats."""
    shown = pd.DataFrame(
        {"observer": observer, "role": "vigilance", "repeat": [False, True] * repeats}
    )
    return shown.assign(response=~shown["repeat"] | (shown["repeat"].cumsum() <= recognised))


def repeated(*responses: tuple[str, int, int]) -> pd.DataFrame:
    """Repeats of targets: image, delay, response."""
    table = pd.DataFrame(responses, columns=["image_id", "delay", "response"])
    table = table.astype({"delay": "Int64", "response": bool})
    return table.assign(role="target", repeat=True)


def drawn(images: int, low: int, high: int, seed: int = 0) -> pd.DataFrame:
    """Repeats of targets at random delays, `low` to `high` of each image."""
    generator = np.random.default_rng(seed)
    n = generator.integers(low, high + 1, images)
    image = np.repeat(np.arange(images), n)
    # Long delays go with many responses: then weights matter.
    delay = generator.integers(35, 60 + n[image])
    hit = generator.random(len(image)) < 0.9 - 0.15 * np.log(delay / 35) * (1 + image / images)
    return repeated(*zip([f"i{k:03d}" for k in image], delay, hit, strict=True))


def within(trials: pd.DataFrame, fit: DelayFit, reference: float) -> pd.DataFrame:
    """Log delays and residuals of every response."""
    logs = np.log(trials["delay"].astype(float) / reference)
    expected = trials["image_id"].map(fit.memorability) + fit.decay * logs
    residual = trials["response"].astype(float) - expected
    return pd.DataFrame({"image_id": trials["image_id"], "log": logs, "residual": residual})


# Attention


@pytest.mark.parametrize(
    ("recognised", "excluded"), [(12, False), (9, False), (8, True), (0, True)]
)
def test_more_than_a_quarter_of_misses_excludes(recognised: int, excluded: bool) -> None:
    listed = vigilance_misses(pd.concat([watched("b", recognised), watched("a", 12)]))
    expected = pd.DataFrame(
        {
            "observer": ["a", "b"],
            "vigilance_repeats": [12, 12],
            "misses": [0, 12 - recognised],
            "excluded": [False, excluded],
        }
    )
    pd.testing.assert_frame_equal(listed, expected)


def test_all_trials_of_the_excluded_are_left_out_and_no_others() -> None:
    target = {"observer": ["a", "b"], "role": "target", "repeat": True, "response": False}
    played = pd.concat([watched("a", 8), watched("b", 9), pd.DataFrame(target)], ignore_index=True)
    kept = attentive_trials(played)
    pd.testing.assert_frame_equal(kept, played[played["observer"] == "b"])


def test_inattentive_observers_are_found() -> None:
    def excluded(share: float) -> float:
        observers = Observers(
            reference_delay=74.0, decay=-0.05, inattentive_share=share, lapse_rate=0.7
        )
        return float(vigilance_misses(simulated(observers))["excluded"].mean())

    assert excluded(0.0) == 0.0
    assert excluded(1.0) > 0.95


# Counts and scores


def test_targets_alone_are_counted() -> None:
    rows = [
        ("x", "target", False, True), ("x", "target", True, True),
        ("x", "target", False, False), ("x", "target", True, True),
        ("x", "target", False, False), ("x", "target", True, False),
        ("a", "target", False, False), ("a", "target", True, True),
        ("f", "filler", False, True), ("v", "vigilance", False, True), ("v", "vigilance", True, True),
    ]  # fmt: skip
    trials = pd.DataFrame(rows, columns=["image_id", "role", "repeat", "response"])
    expected = pd.DataFrame(
        {"image_id": ["a", "x"], "hits": [1, 2], "false_alarms": [0, 1], "responses": [1, 3]}
    )
    pd.testing.assert_frame_equal(count_responses(trials.sample(frac=1, random_state=0)), expected)


@given(st.lists(st.tuples(st.sampled_from("abc"), ROLES, st.booleans(), st.booleans()), min_size=1))
@settings(max_examples=30, deadline=None)
def test_counting_agrees_with_counting_one_by_one(pairs: list[tuple[str, str, bool, bool]]) -> None:
    rows = [
        (image, role, repeat, response)
        for image, role, first, again in pairs
        for repeat, response in ((False, first), (True, again))
    ]
    counts = count_responses(
        pd.DataFrame(rows, columns=["image_id", "role", "repeat", "response"])
    ).set_index("image_id")
    targets = [(image, first, again) for image, role, first, again in pairs if role == "target"]
    assert set(counts.index) == {image for image, _, _ in targets}
    for image_id, row in counts.iterrows():
        own = [(first, again) for image, first, again in targets if image == image_id]
        assert row["hits"] == sum(again for _, again in own)
        assert row["false_alarms"] == sum(first for first, _ in own)
        assert row["responses"] == len(own)


def test_a_game_that_was_broken_off_is_named() -> None:
    trials = repeated(("x", 50, 1), ("y", 50, 1)).assign(repeat=[True, False])
    with pytest.raises(ValueError, match="'x' was shown 0 times first and 1 times again"):
        count_responses(trials)


def test_scores_by_hand() -> None:
    counts = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "hits": [8, 0, 10],
            "false_alarms": [1, 10, 0],
            "responses": 10,
        }
    )
    scored = score_counts(counts)
    z = NormalDist().inv_cdf
    assert scored["score"].tolist() == [0.7, -1.0, 1.0]
    assert scored["score_uncorrected"].tolist() == [0.8, 0.0, 1.0]
    assert scored["false_alarm_rate"].tolist() == [0.1, 1.0, 0.0]
    assert scored["d_prime"].tolist() == pytest.approx(
        [z(8.5 / 11) - z(1.5 / 11), z(0.5 / 11) - z(10.5 / 11), z(10.5 / 11) - z(0.5 / 11)]
    )
    assert scored["criterion"].tolist() == pytest.approx(
        [-(z(8.5 / 11) + z(1.5 / 11)) / 2, 0.0, 0.0]
    )
    assert scored["image_id"].tolist() == ["a", "b", "c"]


@given(
    st.integers(1, 200).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
    )
)
def test_scores_stay_within_their_ranges(count: tuple[int, int, int]) -> None:
    scored = score_counts(pd.DataFrame([count], columns=["hits", "false_alarms", "responses"]))
    row = scored.iloc[0]
    assert -1 <= row["score"] <= 1
    assert 0 <= row["score_uncorrected"] <= 1
    assert 0 <= row["false_alarm_rate"] <= 1
    assert np.isfinite(row[["d_prime", "criterion"]].astype(float)).all()
    # Sensitivity and score agree on which way an image was told from a new one.
    assert np.sign(round(row["d_prime"], 9)) == np.sign(row["score"])


@pytest.mark.parametrize("count", [(-1, 0, 5), (6, 0, 5), (0, 6, 5), (0, 0, 0), (0.5, 0, 5)])
def test_counts_that_cannot_be_are_refused(count: tuple[float, ...]) -> None:
    table = pd.DataFrame([(1, 1, 5), count], columns=["hits", "false_alarms", "responses"])
    with pytest.raises(ValueError, match=r"row 1 has .* \(1 such rows\)"):
        score_counts(table)


@pytest.mark.real_data
@pytest.mark.skipif(not MEMCAT.is_file(), reason=f"no scores of MemCat at {MEMCAT}")
def test_memcats_own_scores_follow_from_its_counts() -> None:
    images = pd.read_csv(MEMCAT)
    names = {"H": "hits", "FA": "false_alarms", "n_resp": "responses"}
    scored = score_counts(images.rename(columns=names))
    assert len(scored) == 10_000
    for ours, theirs in (("score", "w"), ("score_uncorrected", "wo")):
        published = images[f"memorability_{theirs}_fa_correction"]
        np.testing.assert_allclose(scored[ours], published, rtol=0, atol=1e-14)


# Correction of delays


def test_two_images_by_hand() -> None:
    # At log delays 0 and 1 of T = 100 the first image loses 1, the second 0: slope −1/2.
    e = round(100 * np.e)
    trials = repeated(("a", 100, 1), ("a", e, 0), ("b", 100, 1), ("b", e, 1))
    for method in ("paper", "exact"):
        fit = correct_delays(trials, reference_delay=100, method=method)
        assert fit.decay == pytest.approx(-0.5, rel=1e-2)
        # 1/2 + 1/4 and 1 + 1/4: scores are not cut.
        assert fit.memorability.to_dict() == pytest.approx({"a": 0.75, "b": 1.25}, rel=1e-2)


def test_exact_is_least_squares_with_one_level_per_image() -> None:
    trials = drawn(30, 3, 40)
    fit = correct_delays(trials, reference_delay=70, method="exact")
    levels = pd.get_dummies(trials["image_id"]).astype(float)
    design = np.column_stack([levels, np.log(trials["delay"].astype(float) / 70)])
    solution = np.linalg.lstsq(design, trials["response"].astype(float), rcond=None)[0]
    np.testing.assert_allclose(fit.memorability[levels.columns], solution[:-1], atol=1e-12)
    assert fit.decay == pytest.approx(solution[-1], abs=1e-12)
    assert fit.iterations == 0


def test_paper_ends_where_its_two_equations_agree() -> None:
    trials = drawn(30, 3, 40)
    fit = correct_delays(trials, reference_delay=70, method="paper")
    logs = within(trials, fit, 70).assign(x=trials["response"].astype(float))
    above = below = 0.0
    for image_id, own in logs.groupby("image_id"):
        score = fit.memorability[image_id]
        assert score == pytest.approx((own["x"] - fit.decay * own["log"]).mean(), abs=1e-12)
        above += (own["log"] * (own["x"] - score)).mean()
        below += (own["log"] ** 2).mean()
    assert fit.decay == pytest.approx(above / below, abs=1e-12)


def test_paper_and_exact_agree_where_images_have_as_many_responses() -> None:
    trials = drawn(40, 12, 12)
    paper, exact = (
        correct_delays(trials, reference_delay=70, method=method) for method in ("paper", "exact")
    )
    assert paper.decay == pytest.approx(exact.decay, abs=1e-12)
    pd.testing.assert_series_equal(paper.memorability, exact.memorability, rtol=0, atol=1e-11)


def test_the_papers_solution_is_not_stationary_in_the_papers_error() -> None:
    trials = drawn(40, 3, 60)
    slopes, errors = {}, {}
    for method in ("paper", "exact"):
        fit = correct_delays(trials, reference_delay=70, method=method)
        each = within(trials, fit, 70)
        product = each["log"] * each["residual"]
        # Derivatives by α, up to −2: of equation 4, and of the sum of the images' mean errors.
        slopes[method] = product.sum(), product.groupby(each["image_id"]).mean().sum()
        errors[method] = (each["residual"] ** 2).sum()
    assert slopes["exact"][0] == pytest.approx(0, abs=1e-9)
    assert slopes["paper"][1] == pytest.approx(0, abs=1e-9)
    assert abs(slopes["paper"][0]) > 0.1
    assert errors["paper"] > errors["exact"]


@pytest.mark.parametrize("method", ["paper", "exact"])
def test_scores_move_along_the_decay_to_another_delay(method: Any) -> None:
    trials = drawn(20, 3, 20)
    near, far = (correct_delays(trials, reference_delay=t, method=method) for t in (70, 200))
    assert far.decay == pytest.approx(near.decay, abs=1e-10)
    moved = near.memorability + near.decay * np.log(200 / 70)
    pd.testing.assert_series_equal(far.memorability, moved, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("trials", "reference", "message"),
    [
        (repeated(("a", 50, 1), ("a", 50, 0), ("b", 60, 1)), 70, "none of 2 images"),
        (repeated(("a", 0, 1), ("a", 50, 0)), 70, "shortest of 2 delays of targets 0.0"),
        (repeated(("a", 40, 1), ("a", 50, 0)), 0, "the reference delay is 0"),
        (repeated(("a", 40, 1), ("a", 50, 0)).drop(columns="delay"), 70, "lacks the columns"),
        (repeated(("a", 40, 1), ("a", 41, 0)), 1e-9, "have not settled"),
    ],
)
def test_delays_that_cannot_be_corrected_are_refused(
    trials: pd.DataFrame, reference: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        correct_delays(trials, reference_delay=reference, method="paper")


# Recovery of what was planted

IDS = [f"i{k:03d}" for k in range(90)]
PLANTED = np.linspace(0.35, 0.85, len(IDS))
DECAY = -0.08


def simulated(observers: Observers) -> pd.DataFrame:
    return simulate_trials(
        IDS,
        PLANTED,
        np.full(len(IDS), 0.05),
        responses=100,
        observers=observers,
        generator=np.random.default_rng(5),
    )


@pytest.mark.parametrize("method", ["paper", "exact"])
def test_memorability_and_decay_are_recovered_within_their_bootstrap_intervals(method: Any) -> None:
    observers = Observers(reference_delay=74.0, decay=DECAY, inattentive_share=0.1, lapse_rate=0.8)
    trials = attentive_trials(simulated(observers))
    repeats = trials[(trials["role"] == "target") & trials["repeat"]]
    # "Approximately 10 iterations are enough" (Khosla et al. 2015, section 2.2).
    assert correct_delays(repeats, reference_delay=74.0, method=method).iterations <= 10
    rows = np.arange(len(repeats)).reshape(-1, 66)  # of each observer
    generator = np.random.default_rng(6)
    decays, scores = [], []
    for _ in range(200):
        resample = repeats.iloc[rows[generator.integers(0, len(rows), len(rows))].ravel()]
        fit = correct_delays(resample, reference_delay=74.0, method=method)
        decays.append(fit.decay)
        scores.append(fit.memorability[IDS].to_numpy())
    low, high = np.quantile(decays, [0.005, 0.995])
    assert low < DECAY < high
    assert high - low < 0.1
    low, high = np.quantile(scores, [0.025, 0.975], axis=0)
    # 95 % intervals of 90 images: fewer than 77 successes have a probability below 1e-3.
    assert ((low < PLANTED) & (high > PLANTED)).sum() >= 77
