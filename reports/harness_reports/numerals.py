"""Numbers as people read them: percent with one decimal, points with a sign, thin spaces between thousands."""

from __future__ import annotations

from math import isnan

NONE = "–"
"""What stands where a number is unknown or not defined."""

_THIN = "\u202f"
_MINUS = "\u2212"


def percent(value: float, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage without its sign."""
    return NONE if isnan(value) else _signed(f"{100 * value:.{digits}f}")


def share(value: float, digits: int = 1) -> str:
    """A share in [0, 1] with its sign, which no line break parts from it."""
    return NONE if isnan(value) else f"{percent(value, digits)}{_THIN}%"


def interval(low: float, high: float) -> str:
    """Two shares as a range of percentages; empty where one is unknown."""
    return "" if isnan(low + high) else f"{percent(low)}–{percent(high)}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, always with a sign."""
    return NONE if isnan(difference) else _signed(f"{100 * difference:+.1f}")


def points_interval(low: float, high: float) -> str:
    """The ends of a difference's interval; empty where one is unknown."""
    return "" if isnan(low + high) else f"{points(low)} to {points(high)}"


def decimal(number: float, digits: int = 3) -> str:
    """A number that is no percentage."""
    return NONE if isnan(number) else _signed(f"{number:.{digits}f}")


def count(number: float) -> str:
    """How many; a mean over seeds that is no whole number keeps one decimal."""
    if isnan(number):
        return NONE
    return _signed(f"{number:,.{0 if number == int(number) else 1}f}".replace(",", _THIN))


def fraction(value: float) -> str:
    """A label fraction as its author would say it: 6 %, 0.5 %."""
    return "" if isnan(value) else f"{round(100 * value, 6):g}{_THIN}%"


def probability(p: float) -> str:
    """A p value; what is smaller than a thousandth is not told apart."""
    if isnan(p):
        return NONE
    return f"<{_THIN}0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours, so that two digits stand before the point at most."""
    if isnan(seconds):
        return NONE
    for unit, length in (("s", 1.0), ("min", 60.0), ("h", 3600.0)):
        if seconds < 99.95 * length:
            return f"{seconds / length:.1f}{_THIN}{unit}"
    return f"{count(round(seconds / 3600))}{_THIN}h"


def money(usd: float) -> str:
    """US dollars to the cent; a price below a cent is not rounded to nothing."""
    if isnan(usd):
        return NONE
    if 0 < usd < 0.01:
        return f"<{_THIN}0.01"
    return f"{usd:,.2f}".replace(",", _THIN)


def _signed(text: str) -> str:
    """With a true minus sign, and none before zero."""
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)
