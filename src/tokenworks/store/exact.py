"""Sums that are exact on both databases, and cursors over two columns.

SQLite's SUM stops at 64 bits, PostgreSQL's goes on in NUMERIC. Both can add the upper and the lower halves of 64-bit
numbers, and Python puts them together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, literal_column
from sqlalchemy.sql.functions import coalesce

from tokenworks.errors import Invalid


def halves(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """The sums of the upper (signed) and the lower 32 bits of a column; `whole` makes one number of them."""
    upper: ColumnElement[int] = column.op(">>", return_type=BigInteger())(literal_column("32"))
    lower: ColumnElement[int] = column.op("&", return_type=BigInteger())(literal_column("4294967295"))
    return coalesce(func.sum(upper), 0), coalesce(func.sum(lower), 0)


def whole(upper: Any, lower: Any) -> int:
    """The exact sum from its halves."""
    return (int(upper) << 32) + int(lower)


def pack_cursor(at_ns: int, *rest: object) -> str:
    """Where a page ends in a list by time, then by id."""
    return ".".join(map(str, (at_ns, *rest)))


def read_cursor(cursor: str) -> tuple[int, str]:
    """The time and the rest of a cursor; raises Invalid."""
    at_ns, dot, rest = cursor.partition(".")
    if not dot or not at_ns.isascii() or not at_ns.isdigit() or len(at_ns) > 19:
        raise Invalid("cursor", "give back next_cursor of the page before, unchanged")
    return int(at_ns), rest
