"""Balances are folds over entries; nothing else knows a balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenworks.ledger.entries import Entry, Posting

# (ledger account, unit) -> credit-positive sum, a Python integer without bound
Balances = Mapping[tuple[str, str], int]


def fold_postings(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    """The balance of each account and unit."""
    sums: dict[tuple[str, str], int] = {}
    for posting in postings:
        place = (posting.account, posting.unit)
        sums[place] = sums.get(place, 0) + posting.amount_minor
    return sums


def fold_entries(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """The balance of each account and unit."""
    return fold_postings(posting for entry in entries for posting in entry.postings)


def trial_balance(balances: Balances) -> dict[str, int]:
    """What each unit sums to over all accounts: zero everywhere, or the books are broken."""
    sums: dict[str, int] = {}
    for (_, unit), amount in balances.items():
        sums[unit] = sums.get(unit, 0) + amount
    return sums


def by_kind(balances: Balances) -> dict[tuple[str, str], int]:
    """Balances summed over shards, lots and accounts: (wallet, revenue, overrun, ...; unit)."""
    sums: dict[tuple[str, str], int] = {}
    for (account, unit), amount in balances.items():
        place = (account.partition(":")[0], unit)
        sums[place] = sums.get(place, 0) + amount
    return sums
