"""Amounts and their scales: every quantity of money is an integer at its unit's scale, and every rounding is here.

A unit's scale is the number of decimal places of its smallest amount (DESIGN 4.2): CNY and USD 9, points 6, tokens and
chip-seconds 3, requests 0. An amount fits a signed 64-bit integer; totals are Python integers and have no bound.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from tokenworks.errors import AmountOutOfRange, MalformedAmount, UnknownUnit

SCALES: dict[str, int] = {"CNY": 9, "USD": 9, "points": 6, "tokens": 3, "chip_seconds": 3, "requests": 0}
AMOUNT_MAX = 2**63 - 1
PRICE_PLACES_MAX = 12

_DECIMAL = re.compile(r"-?\d{1,40}(\.\d{1,40})?")


def unit_scale(unit: str) -> int:
    """Decimal places of `unit`; raises UnknownUnit."""
    try:
        return SCALES[unit]
    except KeyError:
        raise UnknownUnit(unit, ", ".join(sorted(SCALES))) from None


def check_amount(amount: int) -> int:
    """`amount` unchanged when it fits a signed 64-bit integer; raises AmountOutOfRange."""
    if -AMOUNT_MAX - 1 <= amount <= AMOUNT_MAX:
        return amount
    raise AmountOutOfRange(amount)


def parse_amount(text: str, unit: str) -> int:
    """A decimal string ("12.50") as an integer at the unit's scale; never rounds, raises MalformedAmount instead."""
    scale = unit_scale(unit)
    if not _DECIMAL.fullmatch(text):
        raise MalformedAmount(text, unit, scale)
    whole, _, places = text.partition(".")
    if len(places.rstrip("0")) > scale:
        raise MalformedAmount(text, unit, scale)
    digits = places[:scale].ljust(scale, "0")
    sign = -1 if whole.startswith("-") else 1
    return check_amount(sign * int(whole.lstrip("-") + digits))


def format_amount(amount: int, unit: str) -> str:
    """An integer at the unit's scale as an exact decimal string, trailing zeros cut down to two places."""
    scale = unit_scale(unit)
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(scale + 1, "0")
    if scale == 0:
        return sign + digits
    whole, places = digits[:-scale], digits[-scale:].rstrip("0")
    shown = places.ljust(2, "0") if scale >= 2 else places
    return f"{sign}{whole}.{shown}" if shown else f"{sign}{whole}"


def parse_price(text: str) -> Fraction:
    """A price as an exact fraction: a non-negative decimal of at most 12 places; raises MalformedAmount."""
    if not _DECIMAL.fullmatch(text) or text.startswith("-") or len(text.partition(".")[2]) > PRICE_PLACES_MAX:
        raise MalformedAmount(text, "price", PRICE_PLACES_MAX)
    return Fraction(Decimal(text))


def round_half_even(value: Fraction) -> int:
    """The one rounding: exact fraction to integer, ties to even (DESIGN 4.2)."""
    return round(value)
