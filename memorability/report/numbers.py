"""Numbers as readers have them: one minus sign, no minus zero, no exponents, one or many."""

import math
from decimal import Decimal
from typing import SupportsFloat

MINUS = "−"


def number(value: SupportsFloat, decimals: int = 2) -> str:
    """Return a number with so many decimals; a dash where there is none.

    What rounds to 0 has no sign.
    """
    plain = float(value)
    if math.isnan(plain):
        return "–"
    return f"{plain:z.{decimals}f}".replace("-", MINUS)


def significant(value: float, digits: int = 2) -> str:
    """Return a number with so many significant digits and without an exponent: "0.007", "7,000"."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else f"{value}".replace("-", MINUS)
    rounded = Decimal(f"{value:z.{digits - 1}e}")
    # Of 7000 the decimal is 7E+3, whose normal form would be an exponent again.
    whole = rounded == rounded.to_integral_value()
    return f"{rounded.to_integral_value() if whole else rounded.normalize():z,f}".replace(
        "-", MINUS
    )


def measured(value: SupportsFloat) -> str:
    """Return a number with three decimals; below 0.001 with the digits that count: "0.00042"."""
    plain = float(value)
    return significant(plain) if 0 < abs(plain) < 0.0009995 else number(plain, 3)


def measured_interval(low: float, high: float) -> str:
    """Return an interval of numbers as `measured` has them; nothing where it is not known."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{measured(low)}, {measured(high)}]"


def measured_with_interval(value: float, low: float, high: float) -> str:
    """Return a number and its interval as `measured` has them: "0.150 [0.100, 0.200]"."""
    return f"{measured(value)} {measured_interval(low, high)}".rstrip()


def p_value(p: float) -> str:
    """Return a p-value; what is below 0.001 is called so."""
    return "< 0.001" if p < 0.001 else measured(p)


def interval(low: float, high: float, decimals: int = 2) -> str:
    """Return an interval in brackets, "[0.10, 0.20]"; nothing where it is not known."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def with_interval(value: float, low: float, high: float, decimals: int = 2) -> str:
    """Return a number and its interval: "0.15 [0.10, 0.20]"."""
    return f"{number(value, decimals)} {interval(low, high, decimals)}".rstrip()


def percent(share: float) -> str:
    """Return a share between 0 and 1 in percent, as "95 %" or "99.9 %"."""
    return f"{significant(100 * share, 3)} %"


def counted(count: int, noun: str) -> str:
    """Return a number of things, "1 seed" or "2,000 seeds"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
