"""Entries balance or are refused; ids come from causes; a reversal undoes to the last digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.errors import AmountOutOfRange
from tokenworks.ledger.entries import (
    Entry,
    Posting,
    Unbalanced,
    check_entry,
    entry_id,
    period_of,
    postings_of,
    reversal,
)
from tokenworks.ledger.folds import fold_entries

DAY_NS = 86_400 * 10**9


def entry(*postings: Posting) -> Entry:
    return Entry("ent_1", "topup", "pay-1", "acc", 1, 2, "2026-09", postings)


def test_balanced() -> None:
    one = entry(Posting("a", "CNY", 5), Posting("b", "CNY", -5), Posting("a", "USD", 1), Posting("b", "USD", -1))
    assert check_entry(one) is one


def test_unbalanced() -> None:
    """A surplus in one unit does not make up for a lack in another."""
    with pytest.raises(Unbalanced, match="ent_1 does not sum to zero in CNY: 1 is left over"):
        check_entry(entry(Posting("a", "CNY", 5), Posting("b", "CNY", -4), Posting("b", "USD", -1)))


def test_posting_range() -> None:
    with pytest.raises(AmountOutOfRange):
        check_entry(entry(Posting("a", "CNY", 2**63), Posting("b", "CNY", -(2**63))))


def test_ids() -> None:
    assert entry_id(10**9, "usage", 1) == entry_id(10**9, "usage", 1)
    assert len({entry_id(10**9, "usage", 1), entry_id(10**9, "usage", 2), entry_id(10**9, "usag", "e1")}) == 3
    assert entry_id(1_790_000_000_000_000_000, "b") < entry_id(1_790_000_000_001_000_000, "a")
    assert entry_id(0, "x").startswith("ent_") and len(entry_id(0, "x")) == 30


@pytest.mark.parametrize(("at_ns", "period"), [
    (0, "1970-01"), (31 * DAY_NS - 1, "1970-01"), (31 * DAY_NS, "1970-02"), (1_790_000_000_000_000_000, "2026-09"),
    (951_782_400 * 10**9, "2000-02"), (951_868_800 * 10**9, "2000-03")])
def test_periods(at_ns: int, period: str) -> None:
    assert period_of(at_ns) == period


def test_dropped_zeros() -> None:
    assert postings_of([("a", "CNY", 1), ("b", "CNY", 0), ("c", "CNY", -1)]) == (
        Posting("a", "CNY", 1), Posting("c", "CNY", -1))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["CNY", "USD"]), st.integers(-10**15, 10**15)),
                min_size=1, max_size=6))
def test_reversal(sums: list[tuple[str, str, int]]) -> None:
    balanced = entry(*(Posting(name, unit, amount) for name, unit, amount in sums),
                     *(Posting("z", unit, -amount) for _, unit, amount in sums))
    undone = check_entry(reversal(balanced, 7 * DAY_NS, "a mistake"))
    assert set(fold_entries([balanced, undone]).values()) <= {0}
    assert (undone.reverses, undone.ref, undone.cause, undone.owner) == ("ent_1", "a mistake", "reversal", "acc")
    assert undone.id != balanced.id
