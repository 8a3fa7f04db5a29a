"""What is drawn, and inference in cases worked by hand; simulations are beside its users."""

import numpy as np
import pytest
from scipy import stats

from memorability.statistics.inference import Runs, Units, infer
from memorability.statistics.intervals import Bootstrap

BOOTSTRAP = Bootstrap(draws=400, confidence=0.9, seed=1)
FIXED = Bootstrap(draws=400, confidence=0.9, seed=1, by_category=True)
CATEGORY = np.repeat(["a", "b"], 30)
SUBCATEGORY = np.tile(np.repeat([f"s{k}" for k in range(6)], 5), 2)


def test_ten_subcategories_are_drawn_and_fewer_or_none_are_not() -> None:
    units = Units.of(CATEGORY, SUBCATEGORY, BOOTSTRAP)
    assert (units.count, units.word, units.drawn, units.freedom) == (12, "subcategories", 12, 11)
    assert Units.of(CATEGORY, SUBCATEGORY, FIXED).freedom == 10
    one = Units.of(CATEGORY[:30], SUBCATEGORY[:30], BOOTSTRAP)
    assert (one.count, one.word, one.drawn, one.freedom) == (6, "images", 30, 29)
    nothing = Units.of(CATEGORY, np.full(60, ""), FIXED)
    assert (nothing.count, nothing.word, nothing.freedom) == (None, "images", 58)


def test_a_difference_is_tested_by_the_spread_of_its_resamples() -> None:
    units = Units.of(CATEGORY, SUBCATEGORY, BOOTSTRAP)
    drawn = np.random.default_rng(0).normal([[0.5], [0.2]], 0.1, (2, 400))
    runs = [
        Runs(np.array([r]), each[np.newaxis]) for r, each in zip((0.5, 0.2), drawn, strict=True)
    ]
    found = infer(runs, units, BOOTSTRAP)
    error = (drawn[0] - drawn[1]).std() * np.sqrt(12 / 11)
    assert found.p == pytest.approx(2 * stats.t.sf(0.3 / error, 11))
    reach = stats.t.ppf(0.95, 11) * error
    assert (found.interval.low, found.interval.high) == pytest.approx((0.3 - reach, 0.3 + reach))
    assert found.unit == "subcategories"


def test_resamples_that_never_differ_say_0_or_not() -> None:
    units = Units.of(CATEGORY, SUBCATEGORY, BOOTSTRAP)
    for r, p in ((0.0, 1.0), (0.4, 0.0)):
        found = infer([Runs(np.array([r]), np.full((1, 400), r))], units, BOOTSTRAP)
        assert found.p == pytest.approx(p, abs=1e-12)
        assert (found.interval.low, found.interval.high) == pytest.approx((r, r))


def test_mostly_constant_resamples_have_no_inference() -> None:
    units = Units.of(CATEGORY, SUBCATEGORY, BOOTSTRAP)
    drawn = np.full((1, 400), np.nan)
    drawn[0, :100] = 0.3
    found = infer([Runs(np.array([0.3]), drawn)], units, BOOTSTRAP)
    assert np.isnan([found.p, found.interval.low]).all()
    assert found.interval.method == "undefined (constant resamples)"


def test_seeds_that_differ_widen_the_interval_and_leave_few_degrees_of_freedom() -> None:
    units = Units.of(CATEGORY, SUBCATEGORY, BOOTSTRAP)
    noise = np.random.default_rng(0).normal(0, 0.01, 400)
    runs = [Runs(np.array(each), np.add.outer(each, noise)) for each in ([0.2, 0.2], [0.0, 0.4])]
    same, apart = (infer([each], units, BOOTSTRAP) for each in runs)
    assert same.unit == apart.unit == "subcategories and seeds"
    assert same.interval.method == "bootstrap standard error (t, 11 degrees of freedom)"
    assert apart.interval.method == "bootstrap standard error (t, 1 degrees of freedom)"
    assert same.p < 0.001
    assert apart.p > 0.2
