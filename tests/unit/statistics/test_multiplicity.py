"""Adjusted p-values against hand computation and statsmodels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from memorability.statistics.multiplicity import benjamini_hochberg, holm

TINY = np.finfo(float).tiny  # p-values below it have fewer digits than rtol asks for


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.03, 0.04: times 3, 2, 1 is 0.03, 0.06, 0.04, made monotone.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


def test_holm_missing_tests_do_not_count() -> None:
    np.testing.assert_allclose(holm([np.nan, 0.01, np.nan, 0.6]), [np.nan, 0.02, np.nan, 0.6])


def test_holm_stays_below_one() -> None:
    assert holm([0.9, 0.8, 0.7]).max() == 1


def test_holm_nothing_tested() -> None:
    assert np.isnan(holm([np.nan, np.nan])).all()
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("wrong", [[-0.1, 0.2], [0.2, 1.1], [[0.1, 0.2]]])
def test_holm_refuses_what_is_no_family_of_p_values(wrong: Any) -> None:
    with pytest.raises(ValueError, match="one dimension and values from 0 to 1"):
        holm(wrong)


def test_benjamini_hochberg_by_hand() -> None:
    # Sorted 0.01, 0.03, 0.04: times 3, 3/2, 1 is 0.03, 0.045, 0.04, made monotone from above.
    np.testing.assert_allclose(benjamini_hochberg([0.04, 0.01, 0.03]), [0.04, 0.03, 0.04])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_both_agree_with_statsmodels_and_holm_is_the_stricter(p: list[float]) -> None:
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-9, atol=TINY)
    found = benjamini_hochberg(p)
    np.testing.assert_allclose(found, multipletests(p, method="fdr_bh")[1], rtol=1e-9, atol=TINY)
    assert (np.asarray(p) <= found + 1e-12).all()
    assert (found <= holm(p) + 1e-12).all()
