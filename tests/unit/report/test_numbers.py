import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.report.numbers import (
    counted,
    interval,
    measured,
    measured_interval,
    measured_with_interval,
    number,
    p_value,
    percent,
    significant,
    with_interval,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.146, "0.15"), (-0.2, "−0.20"), (-0.0, "0.00"), (-0.001, "0.00"), (NAN, "–")],
)
def test_a_number_has_one_minus_sign_and_no_minus_zero(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.007, "0.007"), (7e-5, "0.00007"), (0.0, "0"), (-0.0, "0"), (7000.0, "7,000"),
        (1234.0, "1,200"), (0.25, "0.25"), (-1.5, "−1.5"), (1e7, "10,000,000"), (NAN, "–"),
    ],
)  # fmt: skip
def test_a_number_of_any_size_has_no_exponent(value: float, shown: str) -> None:
    assert significant(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_whatever_is_shown_reads_back_as_the_number(value: float) -> None:
    for shown in (number(value, 3), significant(value, 3)):
        assert "e" not in shown.lower()
        assert "-" not in shown
        back = float(shown.replace("−", "-").replace(",", ""))
        assert back == pytest.approx(value, rel=0.01, abs=0.0005)
        assert not (back == 0 and shown.startswith("−"))


def test_an_interval_is_left_out_where_it_is_not_known() -> None:
    assert with_interval(0.15, -0.001, 0.2) == "0.15 [0.00, 0.20]"
    assert with_interval(0.15, NAN, NAN) == "0.15"
    assert interval(0.1, NAN) == ""


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 seeds"), (1, "1 seed"), (2, "2 seeds"), (2000, "2,000 seeds")]
)
def test_things_are_one_or_many(count: int, shown: str) -> None:
    assert counted(count, "seed") == shown


@pytest.mark.parametrize(("share", "shown"), [(0.95, "95 %"), (0.999, "99.9 %"), (1.0, "100 %")])
def test_a_share_is_shown_in_percent(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_a_p_value_below_a_thousandth_is_called_so() -> None:
    assert [p_value(p) for p in (1e-9, 0.00099, 0.001, 0.5, NAN)] == [
        "< 0.001", "< 0.001", "0.001", "0.500", "–",
    ]  # fmt: skip


def test_small_numbers_have_the_digits_that_count() -> None:
    assert [measured(value) for value in (0.12345, -0.00042, 0.0, -0.0, NAN)] == [
        "0.123", "−0.00042", "0.000", "0.000", "–",
    ]  # fmt: skip
    assert measured_interval(-0.1234, 0.5) == "[−0.123, 0.500]"
    assert measured_interval(NAN, 0.5) == ""
    assert measured_with_interval(0.2, -0.00042, 0.5) == "0.200 [−0.00042, 0.500]"
    assert measured_with_interval(0.2, NAN, NAN) == "0.200"
