"""Balances are folds over entries; nothing else knows a balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenworks.ledger.entries import Entry, Posting

Balances = Mapping[tuple[str, str], int]  # (ledger account, unit) -> credit-positive sum, a Python integer without bound


def fold_postings(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    """The balance of each account and unit."""
    raise NotImplementedError


def fold_entries(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """The balance of each account and unit."""
    raise NotImplementedError


def trial_balance(balances: Balances) -> dict[str, int]:
    """What each unit sums to over all accounts: zero everywhere, or the books are broken."""
    raise NotImplementedError


def by_kind(balances: Balances) -> dict[tuple[str, str], int]:
    """Balances summed over shards, lots and accounts: (wallet, revenue, overrun, ...; unit)."""
    raise NotImplementedError
