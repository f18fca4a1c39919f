"""How figures are shown to people and programs: amounts as decimal strings with their currency, times as RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from tokenworks.errors import Invalid
from tokenworks.limits import PAGE_ROWS_MAX
from tokenworks.units import format_amount

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,127}")


class Money(msgspec.Struct, frozen=True):
    """An amount: a decimal string, exact, and its currency (or other unit)."""

    amount: str
    currency: str


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list. Give `next_cursor` back as `cursor` for the page after it."""

    data: list[T]
    next_cursor: str | None
    has_more: bool


def show_money(amount_minor: int, unit: str) -> Money:
    """An integer at its unit's scale as Money."""
    return Money(format_amount(amount_minor, unit), unit)


def show_time(at_ns: int) -> str | None:
    """Unix nanoseconds as RFC 3339 in UTC to the microsecond; 0 (never) as None."""
    if at_ns == 0:
        return None
    return (_EPOCH + at_ns // 1000 * _MICRO).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(text: str | None, field: str) -> int:
    """RFC 3339 with an offset as Unix nanoseconds; None as 0; raises Invalid."""
    if text is None:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(field, f"{text!r} is not a time; write it like 2027-01-31T00:00:00Z") from None
    if moment.tzinfo is None:
        raise Invalid(field, f"{text!r} has no offset; write it like 2027-01-31T00:00:00Z")
    return (moment - _EPOCH) // _MICRO * 1000


def check_name(text: str, field: str) -> str:
    """A name that can stand in a path, a label and a command line; raises Invalid."""
    if not _ID.fullmatch(text):
        raise Invalid(field, "write 1 to 128 letters, digits or . _ : / @ -, beginning with a letter or digit")
    return text


def check_text(text: str, field: str, length_max: int = 200) -> str:
    """Free text of one line; raises Invalid."""
    if len(text) > length_max or not text.isprintable():
        raise Invalid(field, f"write one line of at most {length_max} printable characters")
    return text


def check_limit(limit: int) -> int:
    """A page's number of rows; raises Invalid."""
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise Invalid("limit", f"write a number from 1 to {PAGE_ROWS_MAX}")
    return limit
