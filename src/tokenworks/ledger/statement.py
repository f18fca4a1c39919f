"""A statement: what happened to an account's lots in a span of time, from balance to balance, to the last digit."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from tokenworks.ledger.accounts import lot_of
from tokenworks.ledger.entries import Cause, Entry


class StatementLine(msgspec.Struct, frozen=True):
    """One posting on one lot; `balance_minor` is the account's balance after it."""

    entry: str
    booked_at_ns: int
    occurred_at_ns: int
    cause: Cause
    ref: str
    lot: str
    amount_minor: int
    balance_minor: int


class Statement(msgspec.Struct, frozen=True):
    """closing = opening + the lines = opening + the sums, exactly. `sums` are credit-positive: usage is negative.

    `complete_until_ns` is the least watermark of all journals: nothing that ended before it is still to come.
    """

    account: str
    unit: str
    from_ns: int
    to_ns: int
    opening_minor: int
    closing_minor: int
    lines: tuple[StatementLine, ...]
    sums: dict[Cause, int]
    as_of_ns: int
    complete_until_ns: int = 0


def draw_statement(account: str, unit: str, lots: Collection[str], entries: Iterable[Entry],
                   span: tuple[int, int], as_of_ns: int) -> Statement:
    """The statement over [from, to) by booking time; `entries` are all that touch the lots, also earlier ones."""
    from_ns, to_ns = span
    balance = opening = 0
    lines: list[StatementLine] = []
    sums: dict[Cause, int] = {}
    for entry in sorted(entries, key=lambda one: (one.booked_at_ns, one.id)):
        if entry.booked_at_ns >= to_ns:
            break
        for posting in entry.postings:
            lot = lot_of(posting.account)
            if lot not in lots or posting.unit != unit:
                continue
            balance += posting.amount_minor
            if entry.booked_at_ns < from_ns:
                opening = balance
                continue
            sums[entry.cause] = sums.get(entry.cause, 0) + posting.amount_minor
            lines.append(StatementLine(entry.id, entry.booked_at_ns, entry.occurred_at_ns, entry.cause, entry.ref,
                                       lot, posting.amount_minor, balance))
    return Statement(account, unit, from_ns, to_ns, opening, balance, tuple(lines), sums, as_of_ns)
