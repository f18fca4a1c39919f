"""The purse, step by step: burn order and spill, what is kept for running streams, validity, epochs, what goes back."""

from __future__ import annotations

import pytest
from tests.credit.samples import S, grant, part, purse

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import Renewed
from tokenworks.credit.purse import Purse, Settled, Short
from tokenworks.credit.records import Released
from tokenworks.errors import Broken
from tokenworks.limits import LEASE_IDLE_S


def cut(found: Purse, need: int, keep: int = 0, at: int = 1) -> Hold:
    hold = found.cut(need, keep, at)
    assert isinstance(hold, Hold), hold
    return hold


def sums(found: Purse) -> tuple[int, int, int]:
    return found.free_minor, found.held_minor, found.kept_minor


# --- cut ---

def test_burn_order() -> None:
    """The lower rank pays first, whenever it came; a hold spills into the next lot."""
    found = purse(grant("L2", 100, rank=2), grant("L1", 30, rank=1))
    hold = cut(found, 50)
    assert found.parts(hold, 50) == (part(30), part(20, "L2", 1))
    assert found.parts(hold, 20) == (part(20),)
    assert found.parts(hold, 99) == found.parts(hold, 50)  # never more than is held
    assert sums(found) == (80, 50, 0)


def test_short() -> None:
    found = purse(grant(amount=30))
    assert found.cut(31, 0, 1) == Short(1, 0)
    assert found.cut(31, 0, 1).missing_minor == 1  # type: ignore[union-attr]
    assert sums(found) == (30, 0, 0)
    assert Purse("acc", 1).cut(5, 9, 1) == Short(5, 0)


def test_alone_needs_no_remainder() -> None:
    """The only stream may start with what there is; it ends when the money does."""
    found = purse(grant(amount=30))
    assert sums(found) == (30, 0, 0)
    cut(found, 30, keep=500)
    assert sums(found) == (0, 30, 500)


def test_running_streams_first() -> None:
    """A new request must leave what the running ones keep, and what it will need itself."""
    found = purse(grant(amount=100))
    hold = cut(found, 40, keep=30)
    assert found.cut(31, 0, 1) == Short(0, 1)
    assert found.cut(30, 5, 1) == Short(0, 5)
    assert found.cut(70, 10, 1) == Short(10, 40)
    cut(found, 20, keep=10)
    found.expect(hold, 0)
    cut(found, 30)
    assert sums(found) == (10, 90, 10)


def test_short_is_enough() -> None:
    """Granting exactly what is missing lets the same cut through."""
    for need, keep in ((31, 0), (30, 5), (70, 10), (200, 7)):
        found = purse(grant(amount=100))
        cut(found, 40, keep=30)
        short = found.cut(need, keep, 1)
        assert isinstance(short, Short) and short.missing_minor > 0
        found.grant(grant(amount=short.missing_minor - 1), 1)
        assert isinstance(found.cut(need, keep, 1), Short)
        found.grant(grant(amount=1), 1)
        cut(found, need, keep)


def test_nothing_needed() -> None:
    """What costs nothing is held in nothing, also without any credit."""
    found = Purse("acc", 1)
    hold = cut(found, 0, 0)
    assert found.settle(hold, 0, 2) == Settled((), 0, 0)
    assert found.empty


# --- running ---

def test_extension() -> None:
    found = purse(grant("L1", 30, rank=1), grant("L2", 100, rank=2))
    hold = cut(found, 20, keep=15)
    assert found.extend(hold, 15, 2) == 15
    assert found.parts(hold, 35) == (part(30), part(5, "L2", 1))
    assert sums(found) == (95, 35, 0)  # what was expected is now held
    assert found.extend(hold, 500, 3) == 95
    assert found.extend(hold, 1, 4) == 0


def test_extension_merges_legs() -> None:
    """However often it is extended, a hold has one leg per lease."""
    found = purse(grant("L1", 10, rank=1), grant("L2", 100, rank=2))
    other, hold = cut(found, 5), cut(found, 10)
    found.void(other, 2)
    for _ in range(20):
        found.extend(hold, 3, 3)
    assert [leg.lease.id for leg in hold.legs] == ["L1", "L2"]
    assert sum(leg.held_minor for leg in hold.legs) == hold.held_minor == 70


def test_oldest_first() -> None:
    """The older stream may take what the younger keeps, not the other way round."""
    found = purse(grant(amount=100))
    old, young = cut(found, 20, keep=30), cut(found, 10, keep=40)
    assert sums(found) == (70, 30, 70)
    assert found.extend(young, 100, 2) == 40
    assert found.extend(old, 100, 3) == 30
    assert sums(found) == (0, 100, 0)


def test_old_takes_all() -> None:
    found = purse(grant(amount=100))
    old, young = cut(found, 20, keep=30), cut(found, 10, keep=40)
    assert found.extend(old, 100, 2) == 70
    assert found.extend(young, 1, 3) == 0


def test_shrink() -> None:
    """The input was cached: the difference is free at once, the last source first."""
    found = purse(grant("L1", 30, rank=1), grant("L2", 100, rank=2))
    hold = cut(found, 50, keep=5)
    assert found.shrink(hold, 40, 2) == 10
    assert found.parts(hold, 40) == (part(30), part(10, "L2", 1))
    assert found.shrink(hold, 25, 3) == 15
    assert [leg.lease.id for leg in hold.legs] == ["L1"]
    assert found.shrink(hold, 60, 4) == 0
    assert found.shrink(hold, -5, 5) == 25
    assert sums(found) == (130, 0, 5)
    assert found.extend(hold, 7, 6) == 7
    assert [step.step for step in hold.history(0)] == ["cut", "released", "released", "released", "extended"]


# --- the end ---

def test_settle() -> None:
    found = purse(grant("L1", 30, rank=1), grant("L2", 100, rank=2))
    hold = cut(found, 50, keep=9)
    assert found.settle(hold, 33, 2) == Settled((part(30), part(3, "L2", 1)), 33, 0)
    assert sums(found) == (97, 0, 0)
    assert [(lease.free_minor, lease.held_minor) for lease in found.leases()] == [(0, 0), (97, 0)]
    assert hold.history(0)[-1].step == "posted" and hold.history(0)[-1].held_minor == 0


def test_overrun() -> None:
    """What the hold cannot pay is the operator's."""
    found = purse(grant(amount=100))
    assert found.settle(cut(found, 10), 25, 2) == Settled((part(10),), 10, 15)
    assert sums(found) == (90, 0, 0)


def test_void() -> None:
    found = purse(grant(amount=100))
    hold = cut(found, 60, keep=7)
    found.void(hold, 2)
    assert (sums(found), hold.state) == ((100, 0, 0), "voided")


@pytest.mark.parametrize("again", ["settle", "void", "extend", "shrink", "amend"])
def test_once_only(again: str) -> None:
    found = purse(grant(amount=100))
    hold = cut(found, 60)
    found.settle(hold, 10, 2)
    with pytest.raises(Broken, match="is not a move from 'posted'"):
        {"void": lambda: found.void(hold, 3)}.get(again, lambda: getattr(found, again)(hold, 5, 3))()
    assert sums(found) == (90, 0, 0)


@pytest.mark.parametrize(("counted", "parts", "charged", "overrun", "free"), [
    (30, (), 30, 0, 100),  # as estimated
    (40, (part(10, "L2", 1),), 40, 0, 90),  # more, from what is still held
    (20, (part(-10),), 20, 0, 110),  # less: it comes back
    (0, (part(-30),), 0, 0, 130),
    (70, (part(20, "L2", 1),), 50, 20, 80),  # never beyond what the hold had
])
def test_amendment(counted: int, parts: tuple[object, ...], charged: int, overrun: int, free: int) -> None:
    found = purse(grant("L1", 30, rank=1), grant("L2", 100, rank=2))
    hold = cut(found, 50)
    assert found.settle(hold, 30, 2, estimated=True) == Settled((part(30),), 30, 0)
    assert sums(found) == (80, 20, 0)  # the rest waits for the count
    assert found.amend(hold, counted, 3) == Settled(parts, charged, overrun)
    assert sums(found) == (free, 0, 0)
    assert hold.state == "posted"


def test_estimate_keeps_lease() -> None:
    """A lease with nothing left stays while a count may bring something back to it."""
    found = purse(grant(amount=50))
    hold = cut(found, 50)
    found.settle(hold, 50, 2, estimated=True)
    assert found.idle(10**15, 0) == [] and not found.empty
    found.amend(hold, 45, 3)
    assert found.idle(10**15, 9) == [Released("L1", "l1", 5, 9)]
    assert found.empty


# --- time and epochs ---

def test_lapse() -> None:
    """A lapsed lease cuts no new hold, extends running ones, and is good again when renewed."""
    found = purse(grant(amount=100))
    hold = cut(found, 10, at=60 * S - 1)
    assert found.cut(10, 0, 60 * S) == Short(10, 0)
    assert found.extend(hold, 20, 61 * S) == 20
    found.renew(Renewed(1, ("L1", "other"), 60, 1), 50 * S)
    cut(found, 10, at=110 * S - 1)
    assert isinstance(found.cut(10, 0, 110 * S), Short)


def test_late_renewal_never_shortens() -> None:
    found = purse(grant(amount=100))
    found.renew(Renewed(1, ("L1",), 60, 1), -30 * S)
    cut(found, 10, at=60 * S - 1)


def test_due() -> None:
    found = purse(grant("L1", 100), grant("L2", 100, rank=1))
    assert found.due(30 * S - 1) == []
    cut(found, 10, at=20 * S)
    assert found.due(30 * S) == ["L1"]  # L2 was not used for LEASE_IDLE_S
    found.renew(Renewed(1, ("L1",), 60, 1), 31 * S)
    assert found.due(31 * S) == []


def test_grant_renews() -> None:
    found = purse(grant(amount=10))
    found.idle(60 * S, 0)
    found.grant(grant(amount=10), 60 * S)
    hold = cut(found, 10, at=100 * S)
    assert found.parts(hold, 10) == (part(10),)
    assert found.granted == {"L1": 20}


def test_new_epoch() -> None:
    """Books of another epoch: what was lent neither cuts nor extends; what runs is settled; the rest goes back."""
    found = purse(grant(amount=100))
    hold = cut(found, 40, keep=9)
    found.adopt_epoch(2)
    assert found.cut(1, 0, 2) == Short(1, 9)
    assert found.extend(hold, 1, 2) == 0
    found.grant(grant("N1", 30, epoch=2, lot="l1"), 2)
    assert found.extend(hold, 10, 3) == 10
    assert found.idle(3, 7) == [Released("L1", "l1", 60, 7)]
    assert found.settle(hold, 45, 4).parts == (part(40), part(5, "N1", 1, lot="l1"))
    assert sums(found) == (25, 0, 0)
    assert found.due(10**18) == []


def test_grant_brings_epoch() -> None:
    found = purse(grant(amount=100))
    found.grant(grant("N1", 30, epoch=2, lot="l1"), 2)
    assert (found.epoch, found.free_minor) == (2, 30)
    found.grant(grant("L9", 30, epoch=1, lot="l1"), 2)  # an answer from before
    assert found.free_minor == 30
    assert {one.lease: one.amount_minor for one in found.idle(3, 0)} == {"L1": 100, "L9": 30}


def test_renewal_brings_epoch() -> None:
    found = purse(grant(amount=100))
    found.renew(Renewed(1, ("L1",), 60, 2), 5)
    assert (found.epoch, found.free_minor) == (2, 0)


def test_foreign_release_on_void() -> None:
    found = purse(grant(amount=100))
    hold = cut(found, 40)
    found.adopt_epoch(2)
    found.void(hold, 3)
    assert sums(found) == (0, 0, 0)
    assert found.give_back("l1", 1_000, False, 5) == [Released("L1", "l1", 100, 5)]


def test_epoch_comes_again() -> None:
    """Books older than their last restore name an epoch of before: what was foreign stays so."""
    found = purse(grant(amount=100))
    hold = cut(found, 40)
    found.adopt_epoch(2)
    found.adopt_epoch(1)
    found.void(hold, 3)
    assert sums(found) == (0, 0, 0)
    assert found.give_back("l1", 1_000, False, 5) == [Released("L1", "l1", 100, 5)]


# --- going back ---

def test_soft_recall() -> None:
    """A soft recall leaves what running streams keep; a hard one takes all that is not held."""
    found = purse(grant("L1", 50, rank=1), grant("L2", 50, rank=2))
    cut(found, 20, keep=30)
    assert found.give_back("l2", 10, False, 9) == [Released("L2", "l2", 10, 9)]
    assert found.give_back("l2", 100, False, 9) == [Released("L2", "l2", 40, 9)]
    assert found.give_back("l1", 100, False, 9) == []
    assert found.give_back("other", 100, True, 9) == []
    assert found.give_back("l1", 100, True, 9) == [Released("L1", "l1", 30, 9)]
    assert sums(found) == (0, 20, 30)


def test_idle() -> None:
    found = purse(grant("L1", 50, rank=1), grant("L2", 50, rank=2))
    cut(found, 20, keep=10, at=5 * S)
    assert found.idle(LEASE_IDLE_S * S - 1, 9) == []
    assert found.idle(LEASE_IDLE_S * S, 9) == [Released("L2", "l2", 50, 9)]
    assert [lease.id for lease in found.leases()] == ["L1"]
    assert found.idle((LEASE_IDLE_S + 5) * S, 9) == [Released("L1", "l1", 20, 9)]
    assert sums(found) == (10, 20, 10)


def test_lapsed_goes_back() -> None:
    found = purse(grant("L1", 50))
    hold = cut(found, 20, keep=10, at=59 * S)
    assert found.idle(60 * S, 9) == [Released("L1", "l1", 20, 9)]
    assert found.leases()[0].state == "lapsed"
    assert found.extend(hold, 10, 61 * S) == 10


def test_granted_outlives_lease() -> None:
    """The books must hear of all that was ever granted, or they would offer it again."""
    found = purse(grant("L1", 50))
    found.idle(10**15, 9)
    assert found.empty and found.granted == {"L1": 50}
    found.grant(grant("L1", 5), 10**15)
    assert found.granted == {"L1": 55} and found.free_minor == 5


def test_expect_after_end() -> None:
    """A guess that comes late changes nothing for the others."""
    found = purse(grant("L1", 50))
    hold = cut(found, 20, keep=10)
    found.settle(hold, 20, 2)
    found.expect(hold, 30)
    assert (sums(found), hold.keep_minor) == ((30, 0, 0), 0)
