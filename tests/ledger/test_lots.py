"""The lot identity: movements that keep it pass, all others are refused; burn order as a table."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.ledger.lots import SIDES, Lot, LotBroken, LotDelta, burn_order, expired, lot_faults, move_lot, usable

LOT = Lot("l1", "acc", "CNY", "paid", 5, credited_minor=100, refunded_minor=5, expired_minor=10, transferred_minor=15,
          posted_minor=20, leased_minor=20, available_minor=30)


def test_whole_lot() -> None:
    assert lot_faults(LOT) == []


@pytest.mark.parametrize("side", SIDES)
def test_each_side_counts(side: str) -> None:
    assert lot_faults(msgspec.structs.replace(LOT, **{side: getattr(LOT, side) + 1})) != []


@pytest.mark.parametrize("delta", [
    LotDelta("l1", leased_minor=30, available_minor=-30),
    LotDelta("l1", leased_minor=-20, posted_minor=20),
    LotDelta("l1", refunded_minor=30, available_minor=-30),
    LotDelta("l1", credited_minor=7, available_minor=7),
])
def test_good_moves(delta: LotDelta) -> None:
    moved = move_lot(LOT, delta)
    assert lot_faults(moved) == []
    assert {side: getattr(moved, side) - getattr(LOT, side) for side in SIDES} == {
        side: getattr(delta, side) for side in SIDES}


@pytest.mark.parametrize(("delta", "why"), [
    (LotDelta("l1", leased_minor=31, available_minor=-31), "available_minor is -1"),
    (LotDelta("l1", posted_minor=1), "posted \\+ leased \\+ available = 71"),
    (LotDelta("l1", leased_minor=-21, posted_minor=21), "leased_minor is -1"),
    (LotDelta("l1", credited_minor=-1), "= 69"),
])
def test_bad_moves(delta: LotDelta, why: str) -> None:
    with pytest.raises(LotBroken, match=why):
        move_lot(LOT, delta)


@given(st.permutations([("soon", 50, 9), ("later", 70, 1), ("old", 0, 2), ("new", 0, 8), ("twin", 0, 8)]))
def test_burning(lots: list[tuple[str, int, int]]) -> None:
    """Soonest expiry first, never last; then the oldest; then by id: the order never depends on where it came from."""
    found = burn_order(Lot(name, "acc", "CNY", "paid", created, expires) for name, expires, created in lots)
    assert [lot.id for lot in found] == ["soon", "later", "old", "new", "twin"]


@pytest.mark.parametrize(("available", "expires", "now", "good"), [
    (1, 0, 99, True), (0, 0, 99, False), (1, 100, 99, True), (1, 99, 99, False), (1, 98, 99, False)])
def test_usable(available: int, expires: int, now: int, good: bool) -> None:
    lot = Lot("l", "a", "CNY", "paid", 1, expires, available_minor=available)
    assert usable(lot, now) is good
    assert expired(lot, now) is (0 < expires <= now)
