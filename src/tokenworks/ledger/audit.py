"""What must hold in the books, checked from figures that were summed independently of each other.

Checks never raise for what they find: they return sentences, an empty list when all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from tokenworks.ledger import accounts
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.folds import by_kind, trial_balance
from tokenworks.ledger.lots import Lot, lot_faults


class RequestSums(msgspec.Struct, frozen=True):
    """The closed request rows of one account and unit, summed; open ones have nothing charged yet and do not count."""

    account: str
    unit: str
    rated_minor: int
    charged_minor: int
    waived_minor: int
    overrun_minor: int


class LeaseSums(msgspec.Struct, frozen=True):
    """What the leases of one lot have left: with live writers (held or free, only they know), and in doubt."""

    lot: str
    live_minor: int
    in_doubt_minor: int


class Books(msgspec.Struct, frozen=True):
    """All figures that the audit compares. `balances` is folded from postings, `shares` from charge rows by entry.

    `charges` is the sum of charge rows of kind charged per lot. `entries` may be a page of all; each is
    compared with its shares.
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
    return [finding for check in CHECKS for finding in check(books)]


def check_entries(books: Books) -> Iterator[str]:
    """Each entry sums to zero per unit, and what requests paid by it sums to its revenue."""
    for entry in books.entries:
        sums: dict[str, int] = {}
        for posting in entry.postings:
            sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount_minor
        yield from (f"entry {entry.id} is out of balance by {left} {unit}" for unit, left in sums.items() if left)
        earned = sum(one.amount_minor for one in entry.postings if one.account.startswith("revenue:"))
        shares = books.shares.get(entry.id, 0)
        if not entry.reverses and earned != shares:
            yield f"entry {entry.id} earned {earned}, its requests' shares sum to {shares}"


def check_trial(books: Books) -> Iterator[str]:
    """All accounts together are zero."""
    for unit, left in trial_balance(books.balances).items():
        if left:
            yield f"the ledger is out of balance by {left} {unit}"


def check_lots(books: Books) -> Iterator[str]:
    """Each lot holds its identity, and agrees with its leases, its wallet in the ledger and its requests' shares."""
    for lot in books.lots:
        yield from (f"lot {lot.id}: {fault}" for fault in lot_faults(lot))
        leases = books.leases.get(lot.id, LeaseSums(lot.id, 0, 0))
        lent = leases.live_minor + leases.in_doubt_minor
        if lot.leased_minor != lent:
            yield f"lot {lot.id}: leased {lot.leased_minor}, its leases have {lent} left"
        balance = books.balances.get((accounts.wallet(lot.id), lot.unit), 0)
        if balance != lot.leased_minor + lot.available_minor:
            yield (f"lot {lot.id}: the ledger has {balance}, leased + available is "
                   f"{lot.leased_minor + lot.available_minor}")
        charged = books.charges.get(lot.id, 0)
        if lot.posted_minor != charged:
            yield f"lot {lot.id}: posted {lot.posted_minor}, requests' shares sum to {charged}"


def check_requests(books: Books) -> Iterator[str]:
    """rated = charged + waived + overrun for each account; each side agrees with its ledger accounts."""
    totals: dict[str, list[int]] = {}
    for lot in books.lots:
        totals.setdefault(lot.unit, [0, 0, 0])[0] += lot.posted_minor
    for sums in books.requests:
        place = f"account {sums.account}, {sums.unit}"
        if sums.rated_minor != sums.charged_minor + sums.waived_minor + sums.overrun_minor:
            yield (f"{place}: rated {sums.rated_minor}, charged + waived + overrun is "
                   f"{sums.charged_minor + sums.waived_minor + sums.overrun_minor}")
        for name, amount in ((accounts.overrun(sums.account), sums.overrun_minor),
                             (accounts.waived(sums.account), sums.waived_minor)):
            booked = -books.balances.get((name, sums.unit), 0)
            if booked != amount:
                yield f"{place}: {name} has {booked}, its requests sum to {amount}"
        total = totals.setdefault(sums.unit, [0, 0, 0])
        total[1] += sums.charged_minor
        total[2] += sums.rated_minor
    kinds = by_kind(books.balances)
    for unit, (posted, charged, rated) in totals.items():
        if posted != charged:
            yield f"all lots in {unit} posted {posted}, all requests were charged {charged}"
        if kinds.get(("revenue", unit), 0) != rated:
            yield f"revenue in {unit} is {kinds.get(('revenue', unit), 0)}, all requests were rated {rated}"


CHECKS: tuple[Callable[[Books], Iterator[str]], ...] = (check_entries, check_trial, check_lots, check_requests)
