"""Lots past their time: expired once, on record, with what gateways had of them called back first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.control.worker import CLOCK, until
from tests.control.world import World, check_books, found, run_world

from tokenworks.credit.hold import Hold
from tokenworks.ledger.lots import Lot
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Funding
from tokenworks.store.trail import TrailQuery

SPAN_S = 0.6


def fund_for(store: Store, amount_minor: int, span_s: float = SPAN_S) -> None:
    now_ns = CLOCK.now_ns()
    store.books.fund(Funding("lot_acc_0", "acc", "granted", amount_minor, now_ns, now_ns + int(span_s * 1e9)))


async def past(lot: Lot) -> None:
    await until(lambda: lot.expires_at_ns < CLOCK.now_ns())


def test_what_is_lent_comes_back_and_expires(store: Store, tmp_path: Path) -> None:
    """A running request is paid to its end from what it holds; everything else of the lot is over."""
    found(store, 0)
    fund_for(store, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        hold = await worker.cut("acc", 300)
        assert isinstance(hold, Hold)
        assert worker.purse("acc").free_minor > 0
        request = worker.open("acc", hold)
        await world.works.expirer.look()
        assert world.lot().expired_minor == 0, "its time is not over"
        await past(world.lot())
        await world.works.expirer.look()
        await until(lambda: world.lot().expired_minor == 700)
        assert worker.purse("acc").free_minor == 0
        assert (world.lot().leased_minor, world.lot().available_minor) == (300, 0)
        assert (await worker.ask("acc", 1)).grants == ()
        worker.close("acc", request, hold, 120)
        await world.posted(worker)
        await world.works.expirer.look()
        await until(lambda: world.lot().expired_minor == 880)
        assert (world.lot().posted_minor, world.lot().leased_minor, world.lot().available_minor) == (120, 0, 0)

    run_world(store, tmp_path, scenario)
    notes = [row.note for row in store.trail.page(TrailQuery()).data if row.note.action == "lot.expire"]
    assert {(note.actor, note.noun, note.id) for note in notes} == {("control", "lot", "lot_acc_0")}
    check_books(store)


def test_a_lot_expires_once_however_many_look(store: Store, tmp_path: Path) -> None:
    found(store, 0)
    fund_for(store, 500, 0.1)

    async def scenario(world: World) -> None:
        await past(world.lot())
        other = World(store, tmp_path / "other", "bbbb")
        await asyncio.gather(*(works.expirer.look() for works in (world.works, other.works) for _ in range(3)))
        assert world.lot().expired_minor == 500

    run_world(store, tmp_path, scenario)
    assert sum(entry.cause == "expiry" for entry in store.ledger.audit().books.entries) <= 1
    check_books(store)


@pytest.mark.parametrize("span_s", [0.1])
def test_control_looks_by_itself(books: Store, tmp_path: Path, span_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenworks.control.works.EXPIRY_LOOK_S", 0.1)
    found(books, 0)
    fund_for(books, 500, span_s)

    async def scenario(world: World) -> None:
        await until(lambda: world.lot().expired_minor == 500)

    run_world(books, tmp_path, scenario)
    check_books(books)
