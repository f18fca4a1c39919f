"""Movements of lots and leases: both sides at once, never below zero, as a table over the states of a lease."""

from __future__ import annotations

import pytest
from tests.credit.samples import part

from tokenworks.credit.rows import LeaseDelta, LeaseRow
from tokenworks.credit.stock import Stock
from tokenworks.ledger.lots import Lot, LotDelta, move_lot

LOT = Lot("l1", "acc", "CNY", "paid", 1, credited_minor=100, posted_minor=10, leased_minor=50, available_minor=40)


def stock(state: str = "valid", lease_epoch: int = 2, epoch: int = 2, lot: str = "l1") -> Stock:
    lease = LeaseRow("L1", lot, "acc", "w", lease_epoch, state, 60, 10, 0)
    return Stock({"l1": LOT}, {"L1": lease}, epoch)


def movement(found: Stock) -> tuple[int, int, int]:
    """(posted, leased, available) of the lot; that the movement is sound is checked by applying it."""
    deltas = found.lot_deltas()
    for delta in deltas:
        move_lot(LOT, delta)
    return (deltas[0].posted_minor, deltas[0].leased_minor, deltas[0].available_minor) if deltas else (0, 0, 0)


@pytest.mark.parametrize(("state", "lease_epoch", "amount", "booked", "moved"), [
    ("valid", 2, 30, 30, (30, -30, 0)),
    ("in_doubt", 2, 50, 50, (50, -50, 0)),
    ("valid", 2, 70, 50, (50, -50, 0)),  # of this epoch: the books know all of it, the rest is overrun
    ("valid", 1, 70, 70, (70, -50, -20)),  # restored books may not know of a later grant
    ("valid", 1, 500, 90, (90, -50, -40)),
    ("forgotten", 2, 30, 0, (0, 0, 0)),
    ("forgotten", 1, 30, 0, (0, 0, 0)),
    ("returned", 2, 30, 0, (0, 0, 0)),
])
def test_charge(state: str, lease_epoch: int, amount: int, booked: int, moved: tuple[int, int, int]) -> None:
    found = stock(state, lease_epoch)
    assert found.charge(part(amount)) == booked
    assert movement(found) == moved


@pytest.mark.parametrize(("amount", "booked"), [(30, 30), (40, 40), (41, 40)])
def test_unknown_lease(amount: int, booked: int) -> None:
    """Granted after the backup that the books were restored from: what the lot has available pays."""
    found = stock()
    assert found.charge(part(amount, "L9", lot="l1")) == booked
    assert movement(found) == (booked, 0, -booked)
    assert found.lease_deltas() == []


def test_unknown_lot() -> None:
    assert stock().charge(part(30, "L1", lot="l9")) == 0
    assert stock().charge(part(30, "L9", lot="l9")) == 0
    assert stock(lot="l2").charge(part(30)) == 0  # a lease of another lot


@pytest.mark.parametrize(("state", "amount", "back"), [
    ("valid", 20, 20), ("valid", 99, 50), ("in_doubt", 20, 20), ("returned", 20, 0), ("forgotten", 20, 0)])
def test_give_back(state: str, amount: int, back: int) -> None:
    found = stock(state)
    assert found.give_back("L1", amount) == back
    assert movement(found) == (0, -back, back)
    assert found.lease_deltas() == ([LeaseDelta("L1", state, returned_minor=back)] if back else [])


def test_give_back_unknown() -> None:
    assert stock().give_back("L9", 5) == 0
    assert stock(lot="l9").give_back("L1", 5) == 0


@pytest.mark.parametrize(("state", "amount", "moved", "lease_posted"), [
    ("valid", 5, (-5, 5, 0), -5),
    ("in_doubt", 5, (-5, 5, 0), -5),
    ("forgotten", 5, (-5, 0, 5), 0),
    ("returned", 5, (-5, 0, 5), 0),
])
def test_refund(state: str, amount: int, moved: tuple[int, int, int], lease_posted: int) -> None:
    """What comes back is the lease's again while it lives, so that gateway and books go on agreeing."""
    found = stock(state)
    found.refund(part(9), amount)
    assert movement(found) == moved
    assert sum(delta.posted_minor for delta in found.lease_deltas()) == lease_posted


def test_refund_beyond_lease() -> None:
    """Paid from what the lot had available: the lease never gets more than it paid."""
    found = stock(lease_epoch=1)
    assert found.charge(part(70)) == 70
    found.refund(part(70), 70)
    found.refund(part(10), 10)
    assert movement(found) == (-10, 10, 0)


@pytest.mark.parametrize(("state", "events", "after"), [
    ("valid", ("lose", "read_to_end"), "returned"), ("in_doubt", ("read_to_end",), "returned"),
    ("in_doubt", ("forget",), "forgotten")])
def test_end_lease(state: str, events: tuple[str, ...], after: str) -> None:
    found = stock(state)
    found.charge(part(20))
    found.end_lease("L1", *events)
    assert movement(found) == (20, -50, 30)
    assert found.lease_deltas() == [LeaseDelta("L1", after, 0, 20, 30)]
    assert found.charge(part(20)) == 0


def test_views() -> None:
    found = stock()
    assert (found.lot("l1"), found.lot("l9")) == (LOT, None)
    assert (found.left("L1"), found.left("L9")) == (50, 0)
    assert [found.same_epoch("L1"), found.same_epoch("L9"), stock(lease_epoch=1).same_epoch("L1")] == [
        True, False, False]
    assert found.lot_deltas() == [] and found.lease_deltas() == []


def test_one_movement() -> None:
    """Many parts of one lot are one movement."""
    found = stock()
    for _ in range(5):
        found.charge(part(3))
    found.give_back("L1", 2)
    assert found.lot_deltas() == [LotDelta("l1", posted_minor=15, leased_minor=-17, available_minor=2)]
