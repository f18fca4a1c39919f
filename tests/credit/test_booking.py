"""Booking a journal: once, whole, never below zero, and nothing that does not fit is lost or stops the rest."""

from __future__ import annotations

import msgspec
import pytest
from tests.credit.membooks import MemBooks
from tests.credit.samples import GAP, WRITER, amended, closed, opened, part, place, progressed, released

from tokenworks.credit.booking import needs
from tokenworks.credit.messages import Ask
from tokenworks.credit.records import Attempt, Record, Refused, Served
from tokenworks.credit.rows import Damage, LeaseRow, Needs, ObjectRow
from tokenworks.tariff.card import Price, RateCard
from tokenworks.usage.vector import Usage

CARD = RateCard("list", 1, "CNY", 0, {"m": Price(output="0.001")})  # one minor unit a token
change = msgspec.structs.replace


def books(lent: int = 100, funded: int = 1_000) -> MemBooks:
    """A lot with some credit lent to the writer as lease L1."""
    found = MemBooks([CARD])
    found.fund("l1", funded)
    lot = found.lots["l1"]
    found.lots["l1"] = change(lot, leased_minor=lent, available_minor=funded - lent)
    found.leases["L1"] = LeaseRow("L1", "l1", "acc", WRITER, 1, "valid", lent)
    return found


def post(found: MemBooks, *records: Record | Damage, start: int = 0) -> None:
    found.post(WRITER, place(*records, start=start), start)  # type: ignore[arg-type]
    assert found.audit() == []


def sides(found: MemBooks) -> tuple[int, int, int]:
    lot = found.lots["l1"]
    return lot.posted_minor, lot.leased_minor, lot.available_minor


def reasons(found: MemBooks) -> list[str]:
    return [row.why for row in found.suspense.values()]


# --- the plain way ---

def test_whole_request() -> None:
    found = books()
    post(found, opened(), progressed(10), progressed(25), change(closed(30, waived=3, overrun=2), objects=("resp_1",)))
    row = found.requests["r1"]
    assert (row.state, row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor) == (
        "posted", 35, 30, 3, 2)
    assert (row.parts, row.outcome, row.closed_at_ns, row.booked_at_ns) == ((part(30),), "ok", 200, 10**9)
    assert sides(found) == (30, 70, 900)
    assert found.objects == {"resp_1": ObjectRow("resp_1", "acc", "dep", "r1")}
    assert [found.attempts["r1", 1].attempt.outcome, len(row.entries)] == ["served", 2]
    assert found.alarms == []


def test_both_at_once() -> None:
    one, other = books(), books()
    end = change(closed(30, waived=3, overrun=2), objects=("resp_1",))
    post(one, opened(), end)
    post(other, Served(opened(), end))
    assert needs(place(Served(opened(), end))) == needs(place(opened(), end))
    assert sides(one) == sides(other) == (30, 70, 900)
    assert (one.requests["r1"].charged_minor, one.objects, one.audit()) == (
        other.requests["r1"].charged_minor, other.objects, other.audit())
    post(other, Served(opened(), end), start=50)
    assert reasons(other) == ["its request is known already"] and sides(other) == (30, 70, 900)


@pytest.mark.parametrize("cuts", [(1, 1, 1, 1), (2, 2), (1, 3), (3, 1), (4,)])
def test_any_batches(cuts: tuple[int, ...]) -> None:
    """However the journal is cut into batches, the books end the same."""
    found, items, start = books(), place(opened(), progressed(10), closed(30), released(40)), 0
    for size in cuts:
        found.post(WRITER, items[:size], start)  # type: ignore[arg-type]
        start, items = items[size - 1][0], items[size:]
        assert found.audit() == []
    assert sides(found) == (30, 30, 940)
    assert found.requests["r1"].charged_minor == 30


def test_progress_is_not_charged() -> None:
    found = books()
    post(found, opened(), progressed(10))
    row = found.requests["r1"]
    assert (row.state, row.rated_minor, row.charged_minor, row.parts) == ("held", 10, 0, (part(10),))
    assert sides(found) == (0, 100, 900)


def test_void() -> None:
    found = books()
    post(found, opened(), change(closed(0), outcome="refused_upstream"))
    assert (found.requests["r1"].state, found.charges) == ("voided", {})


def test_refused() -> None:
    found = books()
    refused = Refused("r1", "acc", "key", 100, "chat", "m", "no_credit", 402, {"missing": 5})
    post(found, refused, refused)
    row = found.requests["r1"]
    assert (row.state, row.outcome, row.reason, row.status, row.why) == (
        "refused", "refused", "no_credit", 402, {"missing": 5})
    assert reasons(found) == ["its request is known already"]


def test_several_lots() -> None:
    found = books()
    found.fund("l2", 50)
    grants = found.lend(WRITER, Ask(1, "acc", 920, "cut")).grants
    lease = next(grant.lease for grant in grants if grant.lot == "l2")
    post(found, opened(), closed(40, part(30), part(10, lease, 1, "l2")))
    assert (found.lots["l1"].posted_minor, found.lots["l2"].posted_minor) == (30, 10)
    assert len(found.requests["r1"].entries) == 2


def test_failed_attempts_cost() -> None:
    """One attempt is charged to the customer; each costs the operator what it costs."""
    found = books()
    attempts = (Attempt(1, "d1", "failed", 500, cost_minor=4, cost_unit="USD"),
                Attempt(2, "d2", "served", 200, cost_minor=5, cost_unit="CNY"))
    post(found, opened(), change(closed(30), attempts=attempts, deployment="d2"))
    assert (found.requests["r1"].deployment, sides(found)[0]) == ("d2", 30)
    assert {row.attempt.number: bool(row.entry) for row in found.attempts.values()} == {1: True, 2: True}


# --- exactly once ---

@pytest.mark.parametrize(("records", "why"), [
    ((opened(),), "its request is known already"),
    ((closed(30),), "its request is posted, not held"),
    ((progressed(31),), "its request is posted, not held"),
    ((amended(31, part(1)),), "its request is posted, not estimated"),
])
def test_second_time(records: tuple[Record, ...], why: str) -> None:
    found = books()
    post(found, opened(), closed(30))
    before = sides(found), found.requests["r1"].charged_minor
    post(found, *records, start=200)
    assert (sides(found), found.requests["r1"].charged_minor) == before
    assert reasons(found) == [why]
    assert found.alarms == [
        f"a {type(records[0]).__name__} record of {WRITER}.seg before 300 is in suspense: {why}"]


def test_copied_segment() -> None:
    """The same records from another file: all of them in suspense, nothing moves twice."""
    found = books()
    items = place(opened(), progressed(10), closed(30, basis="estimated"), amended(28, part(-2)))
    post(found, *[record for _, record in items])  # type: ignore[misc]
    before = sides(found)
    found.post(WRITER, items, 0, segment="copy.seg")  # type: ignore[arg-type]
    assert (sides(found), len(found.suspense), found.audit()) == (before, 4, [])


def test_other_writer() -> None:
    found = books()
    post(found, opened())
    found.post("h2/0/1", place(closed(30)))  # type: ignore[arg-type]
    assert reasons(found) == [f"its request belongs to {WRITER}"]
    assert (found.requests["r1"].state, sides(found)[0]) == ("held", 0)


def test_unknown_request() -> None:
    """Its opening was lost with damaged bytes: nobody is charged, nothing is forgotten."""
    found = books()
    post(found, GAP, progressed(5), closed(30), amended(5), Damage("unreadable", b"\x93", "of a newer version"))
    assert reasons(found) == ["2 damaged bytes", *["its request is not known"] * 3, "of a newer version"]
    assert [row.kind for row in found.suspense.values()] == ["gap", "record", "record", "record", "unreadable"]
    assert sides(found) == (0, 100, 900)
    waiting = found.suspense[f"{WRITER}.seg", 300]
    assert msgspec.msgpack.decode(waiting.payload, type=Record) == closed(30)


def test_suspense_blocks_nothing() -> None:
    """A closing that does not add up waits; the request stays open for what can still be believed."""
    found = books()
    post(found, opened(), change(closed(30), rated_minor=99), opened("r2"), closed(20, request="r2"))
    assert (found.requests["r1"].state, found.requests["r2"].state) == ("held", "posted")
    assert reasons(found) == ["99 was rated, but 30 charged, 0 waived and 0 overrun"]


def test_other_unit() -> None:
    found = books()
    post(found, opened(unit="USD"), closed(30))
    assert reasons(found) == ["lot l1 is in CNY, its request in USD"]


# --- never below zero ---

def test_beyond_lease() -> None:
    """More than was lent is the operator's expense, with an alarm."""
    found = books(lent=100)
    post(found, opened(), closed(130))
    row = found.requests["r1"]
    assert (row.rated_minor, row.charged_minor, row.overrun_minor, row.shifted_minor) == (130, 100, 30, 30)
    assert sides(found) == (100, 0, 900)
    assert found.alarms == ["request r1: lease L1 of lot l1 could not pay 30: charged to overrun:acc"]


def test_forgotten_lease() -> None:
    """Its credit went back to the customer: what comes late is the operator's."""
    found = books()
    found.lose(WRITER)
    found.forget(WRITER)
    assert sides(found) == (0, 0, 1_000)
    post(found, opened(), closed(30, overrun=4), released(70))
    row = found.requests["r1"]
    assert (row.charged_minor, row.overrun_minor, row.shifted_minor, row.parts) == (0, 34, 30, ())
    assert sides(found) == (0, 0, 1_000)


def test_lease_in_doubt() -> None:
    """Not heard of is not gone: its records are booked like any other's."""
    found = books()
    found.lose(WRITER)
    post(found, opened(), closed(30), released(50))
    assert (sides(found), found.leases["L1"].state) == ((30, 20, 950), "in_doubt")


def test_release() -> None:
    found = books()
    post(found, released(60), released(60))
    assert sides(found) == (0, 0, 1_000)
    assert found.alarms == ["lease L1 of lot l1 gave back 60, it had 40 left: the rest is ignored"]
    post(found, released(0), released(-5), released(5, "L9", "l1"), start=200)
    assert reasons(found) == ["it gives back nothing"] * 2
    assert sides(found) == (0, 0, 1_000)


# --- restored books ---

def restored(lent: int) -> MemBooks:
    """Restored from before the lease grew to what its writer had: of the epoch before."""
    found = books(lent=lent)
    found.epoch = 2
    return found


def test_replay_known_lease() -> None:
    """The lease had grown: what it lacks comes from what its lot has available."""
    found = restored(lent=20)
    post(found, opened(), closed(30), released(70))
    assert (sides(found), found.requests["r1"].overrun_minor, found.alarms) == ((30, 0, 970), 0, [])


def test_replay_in_any_order() -> None:
    found = restored(lent=20)
    post(found, opened(), released(70), closed(30))
    assert (sides(found), found.requests["r1"].overrun_minor, found.alarms) == ((30, 0, 970), 0, [])


def test_replay_unknown_lease() -> None:
    found = restored(lent=20)
    post(found, opened(), closed(40, part(40, "L9", lot="l1")), released(9, "L9", "l1"))
    assert (sides(found), found.requests["r1"].charged_minor) == ((40, 20, 940), 40)


def test_replay_unknown_lot() -> None:
    """The lot itself was funded after the backup: overrun, until somebody funds it again."""
    found = restored(lent=20)
    post(found, opened(), closed(40, part(40, "L9", lot="l9")))
    assert (found.requests["r1"].charged_minor, found.requests["r1"].overrun_minor) == (0, 40)


def test_replay_lot_lent_out() -> None:
    """Meanwhile the lot was lent to others: they keep it, the rest is overrun."""
    found = restored(lent=20)
    found.lend("h2/0/1", Ask(1, "acc", 975, "cut"))
    post(found, opened(), closed(40))
    assert (found.requests["r1"].charged_minor, found.requests["r1"].overrun_minor) == (20, 20)


# --- amendments ---

@pytest.mark.parametrize(("counted", "difference", "posted"), [
    (30, (), 30), (34, (part(4),), 34), (21, (part(-9),), 21), (0, (part(-30),), 0)])
@pytest.mark.parametrize("together", [True, False])
def test_amended(counted: int, difference: tuple[object, ...], posted: int, together: bool) -> None:
    """Linked corrections: the figures are the counted ones, the lease follows, entries are only added."""
    found, records = books(), (opened(), closed(30, basis="estimated"))
    late = amended(counted, *difference)  # type: ignore[arg-type]
    if together:
        post(found, *records, late)
    else:
        post(found, *records)
        assert found.requests["r1"].state == "estimated"
        post(found, late, start=200)
    row = found.requests["r1"]
    assert (row.state, row.charged_minor, row.rated_minor, row.basis) == ("posted", posted, posted, "counted")
    assert row.parts == ((part(posted),) if posted else ())
    assert sides(found) == (posted, 100 - posted, 900)
    assert (row.amended_at_ns, row.closed_at_ns) == (300, 200)
    assert found.alarms == []


def test_estimated_for_good() -> None:
    """Nobody will count it: the closing record is the end, and a count that comes all the same is not booked."""
    found = books()
    post(found, opened(), msgspec.structs.replace(closed(30, basis="estimated"), final=True))
    row = found.requests["r1"]
    assert (row.state, row.basis, row.charged_minor) == ("posted", "estimated", 30)
    assert sides(found) == (30, 70, 900)
    post(found, amended(21, part(-9)), start=200)
    assert [one.why for one in found.suspense.values()] == ["its request is posted, not estimated"]


def test_amended_other_lot() -> None:
    found = books()
    found.fund("l2", 50)
    grants = found.lend(WRITER, Ask(1, "acc", 920, "cut")).grants
    lease = next(grant.lease for grant in grants if grant.lot == "l2")
    post(found, opened(), closed(30, basis="estimated"))
    post(found, amended(35, part(5, lease, 1, "l2")), start=200)
    assert found.requests["r1"].parts == (part(30), part(5, lease, 1, "l2"))
    assert (found.lots["l1"].posted_minor, found.lots["l2"].posted_minor) == (30, 5)


def test_amended_sides() -> None:
    """Waived and overrun follow, in both directions."""
    found = books()
    post(found, opened(), closed(30, basis="estimated", waived=5, overrun=6))
    post(found, amended(31, part(1), waived=7, overrun=2), start=200)
    row = found.requests["r1"]
    assert (row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor) == (40, 31, 7, 2)


def test_amended_beyond_lease() -> None:
    found = books(lent=32)
    post(found, opened(), closed(30, basis="estimated"))
    post(found, amended(50, part(20)), start=200)
    row = found.requests["r1"]
    assert (row.charged_minor, row.overrun_minor, row.shifted_minor) == (32, 18, 18)


def test_amended_forgotten() -> None:
    """What never was charged is not refunded."""
    found = books()
    found.lose(WRITER)
    found.forget(WRITER)
    post(found, opened(), closed(30, basis="estimated"))
    post(found, amended(22, part(-8)), start=200)
    row = found.requests["r1"]
    assert (row.charged_minor, row.overrun_minor, row.rated_minor) == (0, 22, 22)
    assert sides(found) == (0, 0, 1_000)


def test_amended_after_forgetting() -> None:
    """Charged before, forgotten, then corrected: it comes back to the lot, since the lease is over."""
    found = books()
    post(found, opened(), closed(30, basis="estimated"))
    found.lose(WRITER)
    found.forget(WRITER)
    post(found, amended(22, part(-8)), start=200)
    assert (found.requests["r1"].charged_minor, sides(found)) == (22, (22, 0, 978))


# --- rating again ---

def test_rated_again() -> None:
    """Rated otherwise than the card says: an alarm, and the charge as the gateway made it."""
    found = books()
    post(found, opened(), change(closed(30), usage=Usage(output=31)))
    assert found.alarms == ["request r1 was rated 30 by its gateway, list@1 makes it 31"]
    assert found.requests["r1"].charged_minor == 30


def test_unpriced_model() -> None:
    found = books()
    post(found, change(opened(), model="x"), closed(30), change(opened("r2"), model="x"), closed(5, request="r2"))
    assert found.alarms == ["rate card list@1 has no price for x, which was sold by it"]


def test_absurd_usage() -> None:
    found = books()
    found.cards["list@1"] = RateCard("list", 1, "CNY", 0, {"m": Price(output="1000000000")})
    post(found, opened(), change(closed(30), usage=Usage(output=10**15)))
    assert found.alarms == ["request r1 was rated 30 by its gateway, list@1 makes it too much to book"]


# --- what to load ---

def test_needs() -> None:
    records = place(opened("r2"), progressed(5, part(5, "L7"), request="r1"), GAP, released(5, "L3"),
                    closed(9, part(4), part(5, "L2", 1), request="r2"), amended(1, part(1, "L4"), request="r1"),
                    Refused("r3", "acc", "key", 1, "chat", "m", "no_credit", 402))
    assert needs(records) == Needs(  # type: ignore[arg-type]
        ("r1", "r2", "r3"), ("L1", "L2", "L3", "L4"), ("l1", "l2", "l3", "l4"))
