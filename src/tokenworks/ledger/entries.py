"""Entries and postings: the only form in which money moves in the books.

An entry sums to zero per unit and is never changed, only reversed. Its `cause` says what made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec

from tokenworks.clock import encode_base32
from tokenworks.errors import Broken
from tokenworks.units import check_amount

Cause = Literal["topup", "usage", "unfunded", "cost", "refund", "expiry", "transfer", "rounding", "reversal"]
_DAY_NS = 86_400 * 10**9
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Posting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A credit-positive amount on one ledger account (see ledger/accounts.py)."""

    account: str
    unit: str
    amount_minor: int


class Entry(msgspec.Struct, frozen=True):
    """One movement. `ref` names what caused it (a batch, a lot, a reversed entry); `owner` the customer, "" for none.

    `period` is the month, in UTC, that it is booked in ("2026-09"); `occurred_at_ns` is when its newest cause happened.
    """

    id: str
    cause: Cause
    ref: str
    owner: str
    occurred_at_ns: int
    booked_at_ns: int
    period: str
    postings: tuple[Posting, ...]
    reverses: str = ""


class Unbalanced(Broken):
    """Entry {0} does not sum to zero in {1}: {2} is left over. It has not been booked; report it."""


def check_entry(entry: Entry) -> Entry:
    """`entry` unchanged when it balances per unit and each posting fits; raises Unbalanced, AmountOutOfRange."""
    sums: dict[str, int] = {}
    for posting in entry.postings:
        sums[posting.unit] = sums.get(posting.unit, 0) + check_amount(posting.amount_minor)
    for unit, total in sums.items():
        if total:
            raise Unbalanced(entry.id, unit, total)
    return entry


def entry_id(at_ns: int, *cause: object) -> str:
    """An id that sorts by booking time and is the same for the same cause: a cause is never booked twice."""
    digest = hashlib.blake2b("\0".join(map(str, cause)).encode(), digest_size=10).digest()
    return "ent_" + encode_base32(((at_ns // 1_000_000) << 80) | int.from_bytes(digest, "big"), 26)


def period_of(at_ns: int) -> str:
    """The month, in UTC, of a Unix time in nanoseconds: "2026-09"."""
    return date.fromordinal(_EPOCH_DAY + at_ns // _DAY_NS).isoformat()[:7]


def reversal(entry: Entry, now_ns: int, why: str) -> Entry:
    """The entry that undoes `entry`; its ref says why."""
    turned = tuple(Posting(one.account, one.unit, -one.amount_minor) for one in entry.postings)
    return Entry(entry_id(now_ns, "reversal", entry.id), "reversal", why, entry.owner, now_ns, now_ns,
                 period_of(now_ns), turned, reverses=entry.id)


def postings_of(sums: Iterable[tuple[str, str, int]]) -> tuple[Posting, ...]:
    """Postings of (account, unit, amount) without the zeros."""
    return tuple(Posting(account, unit, amount) for account, unit, amount in sums if amount)
