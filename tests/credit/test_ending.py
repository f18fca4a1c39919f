"""A writer's end: what it left is billed or waived once, and its credit comes back, or stands in doubt until then."""

from __future__ import annotations

import pytest
from tests.credit.membooks import MemBooks
from tests.credit.samples import WRITER, amended, closed, opened, part, progressed
from tests.credit.test_booking import books, post, sides

from tokenworks.credit.messages import Ask


def check(found: MemBooks) -> None:
    assert found.audit() == []


def test_bills_progress() -> None:
    found = books()
    post(found, opened(), progressed(10), progressed(25))
    found.lose(WRITER)
    found.end(WRITER)
    check(found)
    row = found.requests["r1"]
    assert (row.state, row.outcome, row.charged_minor, row.parts) == ("expired", "crashed", 25, (part(25),))
    assert (row.closed_at_ns, row.list_minor, row.usage.output) == (150, 25, 25)
    assert (sides(found), found.leases["L1"].state) == ((25, 0, 975), "returned")


def test_waives() -> None:
    found = books()
    post(found, opened(crash="waive"), progressed(25))
    found.end(WRITER)
    check(found)
    row = found.requests["r1"]
    assert (row.charged_minor, row.waived_minor, row.rated_minor, row.parts) == (0, 25, 25, ())
    assert sides(found) == (0, 0, 1_000)


def test_nothing_written() -> None:
    """Dead before its first progress record: nothing is known to be used, nothing is charged."""
    found = books()
    post(found, opened())
    found.end(WRITER)
    check(found)
    assert (found.requests["r1"].state, found.requests["r1"].closed_at_ns, found.charges) == ("expired", 100, {})


def test_progress_beyond_hold() -> None:
    """The record says what was rated and who can pay how much of it; the rest is the operator's."""
    found = books()
    post(found, opened(), progressed(60, part(45)))
    found.end(WRITER)
    check(found)
    row = found.requests["r1"]
    assert (row.charged_minor, row.overrun_minor, row.shifted_minor) == (45, 15, 0)


def test_estimate_is_final() -> None:
    """No count will come any more: the estimate stands and what was kept for it comes back."""
    found = books()
    post(found, opened(), closed(30, basis="estimated"))
    found.end(WRITER)
    check(found)
    assert (found.requests["r1"].state, found.requests["r1"].charged_minor) == ("expired", 30)
    assert sides(found) == (30, 0, 970)
    post(found, amended(20, part(-10)), start=200)
    assert [row.why for row in found.suspense.values()] == ["its request is expired, not estimated"]


@pytest.mark.parametrize("lost", [True, False])
def test_once(lost: bool) -> None:
    found = books()
    post(found, opened(), progressed(25), opened("r2"), closed(30, request="r2"))
    if lost:
        found.lose(WRITER)
    found.end(WRITER)
    before = sides(found), len(found.entries), dict(found.charges)
    plan = found.end(WRITER, 3 * 10**9)
    assert (plan.requests, plan.entries, plan.lots, plan.leases) == ([], [], [], [])
    assert (sides(found), len(found.entries), dict(found.charges)) == before
    assert (found.requests["r1"].charged_minor, found.requests["r2"].charged_minor) == (25, 30)
    check(found)


def test_others_untouched() -> None:
    found = books()
    other = found.lend("h2/0/1", Ask(1, "acc", 50, "cut"))
    found.post("h2/0/1", [(100, opened("r9"))])
    found.end(WRITER)
    check(found)
    assert found.leases[other.opened[0].id].state == "valid"
    assert found.requests["r9"].state == "held"


def test_lose_and_find() -> None:
    """In doubt nothing moves; found again it is as before."""
    found = books()
    found.lose(WRITER)
    assert (found.leases["L1"].state, sides(found)) == ("in_doubt", (0, 100, 900))
    assert found.renew(WRITER, ["L1"]) == ()
    found.lose(WRITER)
    check(found)
    found.find(WRITER)
    assert (found.leases["L1"].state, found.renew(WRITER, ["L1"])) == ("valid", ("L1",))


def test_forget() -> None:
    """Only what is in doubt can be given up. Late records, and the end after all, charge the operator."""
    found = books()
    post(found, opened(), progressed(25))
    assert found.forget(WRITER).leases == []
    found.lose(WRITER)
    found.forget(WRITER)
    check(found)
    assert (found.leases["L1"].state, sides(found)) == ("forgotten", (0, 0, 1_000))
    found.find(WRITER)
    assert found.leases["L1"].state == "forgotten"
    assert found.requests["r1"].state == "held"
    found.end(WRITER)
    check(found)
    row = found.requests["r1"]
    assert (row.state, row.charged_minor, row.overrun_minor, row.shifted_minor) == ("expired", 0, 25, 25)
    assert (sides(found), found.leases["L1"].state) == ((0, 0, 1_000), "forgotten")
