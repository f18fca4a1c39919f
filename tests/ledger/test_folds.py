"""Folds have no bound of their own and lose nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.ledger.entries import Entry, Posting
from tokenworks.ledger.folds import by_kind, fold_entries, fold_postings, trial_balance

BIG = 2**63 - 1
postings = st.lists(st.builds(Posting, st.sampled_from(["wallet:a", "wallet:b", "revenue:0", "suspense"]),
                              st.sampled_from(["CNY", "USD"]), st.integers(-BIG, BIG)), max_size=20)


def test_beyond_64_bits() -> None:
    assert fold_postings([Posting("a", "CNY", BIG)] * 5) == {("a", "CNY"): 5 * BIG}


@given(postings)
def test_sums_agree(found: list[Posting]) -> None:
    balances = fold_postings(found)
    per_unit = {unit: sum(one.amount_minor for one in found if one.unit == unit) for unit in {p.unit for p in found}}
    assert trial_balance(balances) == per_unit
    assert trial_balance(by_kind(balances)) == per_unit


def test_kinds() -> None:
    entry = Entry("e", "usage", "", "", 0, 0, "", (Posting("wallet:a", "CNY", -3), Posting("wallet:b", "CNY", -4),
                                                   Posting("revenue:0", "CNY", 7)))
    assert by_kind(fold_entries([entry])) == {("wallet", "CNY"): -7, ("revenue", "CNY"): 7}
