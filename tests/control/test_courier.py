"""The smaller messages: owners of objects, renewals, facts, clean ends; and workers that die while connected."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.control.process import spawn_worker
from tests.control.worker import CLOCK, until
from tests.control.world import World, check_books, found, run_world

from tokenworks.credit.messages import Facts, Owned, Renewed, Whose
from tokenworks.limits import LEASE_VALIDITY_S
from tokenworks.store.ports import Store
from tokenworks.store.shapes import RequestQuery


def test_an_object_issued_a_moment_ago_is_found(books: Store, tmp_path: Path) -> None:
    """Its record stands in the other worker's journal only; it is posted before the answer."""
    found(books, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        hold = await first.cut("acc", 10)
        assert hold is not None
        request = first.open("acc", hold)
        first.close("acc", request, hold, 10)
        second.link.send(Whose(3, (f"resp_{request}", "resp_nobody")))
        await until(lambda: Owned(3, (("acc", "dep"), ("", ""))) in second.heard)

    run_world(books, tmp_path, scenario)


def test_leases_are_renewed_for_their_writer_only(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        lease = (await first.ask("acc", 10)).grants[0].lease
        for worker in (first, second):
            worker.renew((lease, "lse_unknown"))
        await until(lambda: any(isinstance(message, Renewed) for message in second.heard))
        await until(lambda: any(isinstance(message, Renewed) for message in first.heard))
        (mine,) = [message for message in first.heard if isinstance(message, Renewed)]
        (foreign,) = [message for message in second.heard if isinstance(message, Renewed)]
        assert (mine.leases, mine.valid_s, mine.books_epoch) == ((lease,), LEASE_VALIDITY_S, 1)
        assert foreign.leases == ()

    run_world(books, tmp_path, scenario)


def test_facts_and_a_clean_end(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        await worker.sell("acc", 10)
        counter = 'tokenworks_requests_total{model="tiny"}'
        live = ({"request": "r", "status": 200},)
        worker.link.send(Facts(worker.writer, CLOCK.now_ns(), {counter: 1}, {}, live=live))
        await until(lambda: world.works.facts.counters().get(counter) == 1)
        assert world.works.facts.feed.last(5) == list(live)
        worker.leave()
        await until(lambda: not world.works.facts.gateways())
        assert world.works.facts.counters()[counter] == 1
        assert world.lot().leased_minor == 0

    run_world(books, tmp_path, scenario)
    check_books(books)


def test_a_worker_killed_with_credit_in_its_hands(store: Store, tmp_path: Path) -> None:
    """Its lease is in doubt until its journal has been read; then who waited for it is served."""
    found(store, 2000)

    async def scenario(world: World) -> None:
        child = await asyncio.to_thread(spawn_worker, tmp_path, f"{world.host}/7/1790000000000", "acc", 40)
        worker = await world.worker()
        await until(lambda: world.lot().posted_minor >= 400)
        child.kill()
        child.communicate()
        await until(lambda: len(world.store.writers.roster(world.host, True)) == 1)
        lot = world.lot()
        assert lot.leased_minor == 0
        answer = await worker.ask("acc", lot.available_minor)
        assert sum(grant.amount_minor for grant in answer.grants) == lot.available_minor
        open_ = [row for row in store.requests.page(RequestQuery(limit=500)).data if row.state == "held"]
        assert open_ == []

    run_world(store, tmp_path, scenario)
    check_books(store)
