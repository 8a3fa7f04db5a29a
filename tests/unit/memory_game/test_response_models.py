"""Models of responses recover what was planted; without GPBoost they say how to get it."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from memorability.base.errors import InputError
from memorability.memory_game import mixed_models
from memorability.memory_game.beta_binomial import fit_beta_binomial
from memorability.memory_game.mixed_models import Estimate
from memorability.memory_game.response_models import (
    COLUMNS,
    ResponseModelSettings,
    model_counts,
    model_trials,
)
from memorability.tables import store

SETTINGS = ResponseModelSettings(confidence=0.95, seed=0)
needs_library = pytest.mark.skipif(
    importlib.util.find_spec(mixed_models.LIBRARY) is None,
    reason=f"{mixed_models.LIBRARY} is not installed ({mixed_models.REQUIREMENTS})",
)


def counted(
    images: int = 400, *, slope: float = 0.3, subcategories: int = 40, seed: int = 0
) -> pd.DataFrame:
    """Return a table per_image of images whose hits follow errors; false alarms do not."""
    rng = np.random.default_rng(seed)
    subcategory = np.arange(images) % subcategories
    category = subcategory % 2
    error = rng.normal(size=images)
    responses = rng.integers(20, 61, images)
    hits = special.expit(
        0.8
        + 0.4 * (category - 0.5)
        + rng.normal(0, 0.4, subcategories)[subcategory]
        + slope * error
    )
    false_alarms = np.full(images, 0.12)
    counts = [
        rng.binomial(responses, rng.beta(mean * 12, (1 - mean) * 12))
        for mean in (hits, false_alarms)
    ]
    return pd.DataFrame(
        {
            "image_id": [f"image{number:04d}" for number in range(images)],
            "category": np.where(category, "animal", "food"),
            "subcategory": [f"s{number:02d}" for number in subcategory],
            "hits": counts[0],
            "false_alarms": counts[1],
            "responses": responses,
            "error_mse": 5 + 2 * error,
        }
    ).astype(dict.fromkeys(("hits", "false_alarms", "responses"), "Int64"))


def answered(
    per_image: pd.DataFrame, *, observers: int = 40, slope: float = 0.25, seed: int = 1
) -> pd.DataFrame:
    """Return trials of observers who each see a third of the images twice."""
    rng = np.random.default_rng(seed)
    error = per_image["error_mse"].to_numpy()
    of_images = slope * (error - error.mean()) / error.std() + rng.normal(0, 0.4, len(error))
    parts = []
    for number, of_observer in enumerate(rng.normal(0, 0.5, observers)):
        seen = rng.permutation(len(error))[: len(error) // 3]
        delay = rng.integers(35, 151, len(seen))
        probit = 0.6 + of_images[seen] + of_observer - 0.3 * np.log(delay / 74)
        for again in (False, True):
            said = rng.normal(size=len(seen)) < (probit if again else -1.2 + of_observer)
            parts.append(
                pd.DataFrame(
                    {
                        "observer": f"p{number}",
                        "image_id": per_image["image_id"].to_numpy()[seen],
                        "role": "target",
                        "position": np.arange(len(seen)) + again * len(seen),
                        "repeat": again,
                        "delay": pd.array(delay if again else [pd.NA] * len(seen), dtype="Int64"),
                        "response": said,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def by_quantity(table: pd.DataFrame, answers: str, predictor: str = "") -> pd.DataFrame:
    rows = table[(table["answers"] == answers) & (table["predictor"] == predictor)]
    return rows.set_index("quantity")


@needs_library
def test_planted_effects_on_counts_are_recovered(tmp_path: Path) -> None:
    images = counted()
    models, rates = model_counts(images, SETTINGS)
    for name, table in (("response_models", models), ("modelled_rates", rates)):
        store.write(table, tmp_path / f"{name}.parquet", name)
    hits = by_quantity(models, "hits", "error_mse")
    assert hits["ci_low"]["effect"] < 0.3 < hits["ci_high"]["effect"]
    assert hits["p"]["effect"] < 1e-6
    assert 0.02 < hits["estimate"]["change_of_rate"] < 0.08
    false_alarms = by_quantity(models, "false_alarms", "error_mse")
    assert false_alarms["ci_low"]["effect"] < 0 < false_alarms["ci_high"]["effect"]
    plain = by_quantity(models, "false_alarms")
    assert plain["ci_low"]["overdispersion"] < 1 / 13 < plain["ci_high"]["overdispersion"]
    shares = models[models["quantity"].str.startswith("share_")]
    assert shares.groupby("answers")["estimate"].sum().to_numpy() == pytest.approx([1, 1])
    reliability = by_quantity(models, "hits").loc["reliability"]
    chance = by_quantity(models, "hits").loc["share_chance"]
    assert reliability["estimate"] == pytest.approx(1 - chance["estimate"])
    assert reliability["ci_low"] < reliability["estimate"] < reliability["ci_high"]


@needs_library
def test_the_reliability_is_what_new_responses_correlate_at() -> None:
    images = counted(1500, slope=0.0, seed=2)
    models, rates = model_counts(images.drop(columns="error_mse"), SETTINGS)
    reliability = by_quantity(models, "hits")["estimate"]["reliability"]
    # The square of the correlation of measured with true rates, simulated from the planted values.
    rng = np.random.default_rng(3)
    categories = np.where(images["category"] == "animal", 0.2, -0.2)
    mean = special.expit(0.8 + categories + rng.normal(0, 0.4, 1500))
    true = rng.beta(mean * 12, (1 - mean) * 12)
    n = images["responses"].to_numpy(dtype=int)
    measured = rng.binomial(n, true) / n
    assert reliability == pytest.approx(np.corrcoef(true, measured)[0, 1] ** 2, abs=0.05)
    hits = rates[rates["answers"] == "hits"]
    assert (hits["low"] < hits["modelled"]).all()
    assert (hits["modelled"] < hits["high"]).all()
    assert hits["modelled"].std() < hits["rate"].std()


@needs_library
def test_without_subcategories_categories_are_random_and_without_both_nothing_is_modelled() -> None:
    images = counted(120).assign(subcategory="")
    models, _ = model_counts(images, SETTINGS)
    names = set(by_quantity(models, "hits").index)
    assert "share_category" in names
    assert "share_subcategory" not in names
    models, rates = model_counts(images.assign(category="all"), SETTINGS)
    assert models.empty
    assert rates.empty


@needs_library
def test_planted_effects_on_single_responses_are_recovered(tmp_path: Path) -> None:
    images = counted(120, subcategories=12)
    models = model_trials(answered(images), images, SETTINGS)
    store.write(models, tmp_path / "response_models.parquet", "response_models")
    effect = by_quantity(models, "hits", "error_mse").loc["effect"]
    assert effect["ci_low"] < 0.25 < effect["ci_high"]
    assert effect["estimate"] > 0
    assert effect["p"] < 0.01
    plain = by_quantity(models, "hits")
    doubled = -0.3 * np.log(2)
    assert plain["ci_low"]["delay"] < doubled < plain["ci_high"]["delay"]
    assert plain["ci_low"]["sd_observer"] < 0.5 < plain["ci_high"]["sd_observer"]
    assert plain["observers"]["delay"] == 40
    assert "delay" not in by_quantity(models, "false_alarms").index
    # Half of the observers say more, but of as many images.
    half = answered(images, observers=20)
    fewer = by_quantity(model_trials(half, images, SETTINGS), "hits", "error_mse").loc["effect"]
    widths = [row["ci_high"] - row["ci_low"] for row in (effect, fewer)]
    assert widths[1] < 1.35 * widths[0]


@needs_library
def test_crossed_effects_have_the_standard_errors_of_the_information_matrix() -> None:
    """With few images per subcategory, those by random vectors are missing for some of these."""
    errors = []
    for seed in range(6):
        images = counted(150, slope=0.15, subcategories=30, seed=seed)
        models = model_trials(answered(images), images, SETTINGS)
        effect = by_quantity(models, "hits", "error_mse").loc["effect"]
        errors.append((effect["ci_high"] - effect["ci_low"]) / (2 * stats.norm.ppf(0.975)))
    assert np.isfinite(errors).all()
    assert max(errors) < 1.5 * min(errors)


@needs_library
def test_few_images_that_differ_little_have_a_fit() -> None:
    # From its own start, L-BFGS leaves the range of the likelihood for some of these.
    for seed in range(6):
        images = counted(60, slope=0.5, subcategories=4, seed=seed)
        models, _ = model_counts(images, SETTINGS)
        assert np.isfinite(models["estimate"]).all()
        effect = by_quantity(models, "hits", "error_mse").loc["effect"]
        assert effect["ci_low"] < effect["estimate"] < effect["ci_high"]


def test_a_fit_that_is_not_found_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __init__(self, **_: object) -> None:
            self.tried: list[str] = []

        def fit(self, *, params: dict[str, str], **_: object) -> None:
            self.tried.append(params["optimizer_cov"])
            raise ArithmeticError("no likelihood")

    library = SimpleNamespace(GPModel=Failing, basic=SimpleNamespace(GPBoostError=ArithmeticError))
    monkeypatch.setitem(sys.modules, mixed_models.LIBRARY, library)
    with pytest.raises(InputError, match="GPBoost found no fit of 40 responses"):
        model_counts(counted(40, subcategories=8), SETTINGS)


@needs_library
def test_the_same_responses_give_the_same_bits() -> None:
    images = counted(60, subcategories=6)
    first, second = (model_counts(images, SETTINGS)[0] for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@needs_library
def test_counts_without_groups_differences_are_those_of_the_plain_beta_binomial() -> None:
    images = counted(400, slope=0.0, subcategories=20).drop(columns="error_mse")
    counts = [images[name].to_numpy(dtype=int) for name in ("false_alarms", "responses")]
    plain = fit_beta_binomial(*counts)
    found = by_quantity(model_counts(images, SETTINGS)[0], "false_alarms")
    # False alarms have no effects of groups: the two are one model.
    assert found["estimate"]["overdispersion"] == pytest.approx(plain.overdispersion, rel=0.1)


def test_few_images_end_without_a_model() -> None:
    images = counted(12, subcategories=4)
    models, rates = model_counts(images, SETTINGS)
    assert list(models.columns) == list(COLUMNS)
    assert models.empty
    assert rates.empty
    assert model_trials(answered(images), images, SETTINGS).empty


def test_without_the_library_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, mixed_models.LIBRARY, None)
    with pytest.raises(InputError, match=r"pip install -r envs/requirements-models.txt"):
        model_counts(counted(40, subcategories=8), SETTINGS)


def test_bounds_of_estimates() -> None:
    estimate = Estimate(2.0, 0.5)
    reach = stats.norm.ppf(0.975) * 0.5
    assert estimate.interval(0.95) == pytest.approx((2 - reach, 2 + reach))
    assert estimate.root(0.95) == pytest.approx(np.sqrt([2, 2 - reach, 2 + reach]))
    # A variance that may be 0 is bounded by it.
    assert Estimate(0.1, 0.2).root(0.95)[1] == 0.0
    assert estimate.p == pytest.approx(2 * stats.norm.sf(4))
    assert np.isnan(Estimate(1.0, np.nan).p)
