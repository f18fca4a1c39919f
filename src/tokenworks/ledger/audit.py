"""What must hold in the books, checked from figures that were summed independently of each other.

Checks never raise for what they find: they return sentences, an empty list when all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot


class RequestSums(msgspec.Struct, frozen=True):
    """The request rows of one account and unit, summed."""

    account: str
    unit: str
    rated_minor: int
    charged_minor: int
    waived_minor: int
    overrun_minor: int


class LeaseSums(msgspec.Struct, frozen=True):
    """The lease rows of one lot, summed: what is left with live writers, what is in doubt, what was ever posted."""

    lot: str
    live_minor: int
    in_doubt_minor: int


class Books(msgspec.Struct, frozen=True):
    """All figures that the audit compares. `balances` is folded from postings, `shares` from charge rows by entry.

    `charges` is the sum of charge rows of kind charged per lot. `entries` may be a page of all.
    """

    lots: Iterable[Lot]
    leases: Mapping[str, LeaseSums]
    requests: Iterable[RequestSums]
    balances: Mapping[tuple[str, str], int]
    charges: Mapping[str, int]
    entries: Iterable[Entry] = ()
    shares: Mapping[str, int] = {}


def audit_books(books: Books) -> list[str]:
    """Every finding of every check, in plain sentences."""
    raise NotImplementedError
