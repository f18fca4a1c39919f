"""Many at once, in threads and processes, on both databases: nothing overdrawn, nothing twice, nobody stuck."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from threading import Thread

import pytest
from sqlalchemy import event
from tests.store import crowd
from tests.store.samples import CENT, NOW, SEGMENT, WRITER, ask_for, faults_of, found_world, sold

from tokenworks.credit.messages import LeaseGrant
from tokenworks.errors import Stale
from tokenworks.fleet.deployment import Model
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Batch, EntryQuery, Funding, RequestQuery

SPAWN = multiprocessing.get_context("spawn")
HOSTS, WRITERS, ROUNDS = 2, 3, 8


def run_all(calls: list[Callable[[], None]]) -> None:
    threads = [Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "stuck"


def test_crowd(database_url: str) -> None:
    """Gateways of two hosts and a customer who pays in fight over the same small lots."""
    store = open_store(database_url)
    found_world(store, 10 * CENT, lots=3)
    hosts = [SPAWN.Process(target=crowd.sell_together, args=(database_url, f"host{number}", WRITERS, ROUNDS))
             for number in range(HOSTS)]
    for host in hosts:
        host.start()
    for number in range(20):
        store.books.fund(Funding(f"lot_more{number:02}", "acc", "paid", CENT, NOW + number))
        assert all(lot.available_minor >= 0 for lot in store.ledger.lots("acc", limit=100).data)
        time.sleep(0.02)
    for host in hosts:
        host.join(60)
        assert host.exitcode == 0
    assert faults_of(store) == []
    lots = store.ledger.lots(limit=100).data
    rows = store.requests.page(RequestQuery(limit=10_000)).data
    assert sum(lot.leased_minor for lot in lots) == 0
    assert sum(lot.credited_minor for lot in lots) == 50 * CENT
    assert sum(row.charged_minor for row in rows) == sum(lot.posted_minor for lot in lots) > 0
    assert sum(row.overrun_minor for row in rows) == 0, "a gateway that keeps to its leases is always paid"
    assert store.suspense.page().data == []
    store.close()


def test_one_poster_wins(store: Store) -> None:
    """The same batch from many posters: one books it, the others find it done."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(50 * CENT), NOW).grants[0]
    records = [record for number in range(20) for record in sold(f"req_{number}", grant, CENT)]
    batch = Batch(WRITER, SEGMENT, 0, 40, list(enumerate(records, 1)), NOW)
    outcomes: list[str] = []

    def try_post() -> None:
        try:
            store.books.post(batch)
            outcomes.append("posted")
        except Stale:
            outcomes.append("stale")

    run_all([try_post] * 6)
    assert sorted(outcomes) == ["posted"] + ["stale"] * 5
    assert len(store.ledger.entries(EntryQuery(cause="usage")).data) == 1
    assert faults_of(store) == []


def test_one_lender_wins(store: Store) -> None:
    """Eight gateways ask for all there is: one gets it, and never a bit more than there is."""
    found_world(store, 10 * CENT)
    granted: list[int] = []

    def try_lend(writer: str) -> None:
        lent = store.books.lend(writer, ask_for(10 * CENT), NOW)
        granted.append(sum(grant.amount_minor for grant in lent.grants))

    run_all([lambda number=number: try_lend(f"host/{number}/1") for number in range(8)])  # type: ignore[misc]
    assert sorted(granted) == [0] * 7 + [10 * CENT]
    assert faults_of(store) == []


def test_policy_order(store: Store) -> None:
    """Whoever follows the versions while many change policy misses nothing."""
    seen: set[str] = set()
    version = store.policy.version()
    target = version + 40

    def follow() -> None:
        held = version
        while held < target:
            step = store.policy.since(held)
            seen.update(model.id for model in step.models)
            held = step.version

    def add(start: int) -> None:
        for number in range(start, start + 10):
            store.models.add(Model(f"model{number}", 1, 1))

    run_all([follow, *(lambda start=start: add(start) for start in range(0, 40, 10))])  # type: ignore[misc]
    assert seen == {f"model{number}" for number in range(40)}


def position_of(store: Store) -> int:
    return {row.writer: row.position for row in store.writers.roster()}.get(WRITER, 0)


@pytest.mark.parametrize("meddle", ["lend", "lose"])
def test_decided_again(database_url: str, meddle: str) -> None:
    """Between the poster's look and its writing, what it saw changes: it decides again, and nothing is below zero."""
    store, other = open_store(database_url), open_store(database_url)
    found_world(store, 10 * CENT)
    lost = LeaseGrant("lse_lost", "lot0", "acc", CENT, 0, 60, 1)  # unknown to the books: paid by what the lot has left
    store.writers.greet(WRITER, NOW)
    first = "BEGIN IMMEDIATE" if database_url.startswith("sqlite") else "UPDATE writers"
    meddled: list[int] = []

    @event.listens_for(vars(store.books)["_database"].engine, "before_cursor_execute")
    def _meddle(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(first) and not meddled:
            meddled.append(1)
            if meddle == "lend":
                other.books.lend("host/1/1", ask_for(10 * CENT), NOW)
            else:
                other.writers.mark(WRITER, "lose", NOW)

    batch = Batch(WRITER, SEGMENT, 0, 2, list(enumerate(sold("req_1", lost, CENT), 1)), NOW)
    assert store.books.post(batch).requests == 1
    assert meddled
    row = store.requests.get("req_1").row
    assert (row.charged_minor, row.overrun_minor) == ((0, CENT) if meddle == "lend" else (CENT, 0))
    assert store.suspense.page().data == []
    assert faults_of(store) == []
    store.close()
    other.close()


@pytest.mark.parametrize("kills", [2])
def test_killed_poster(database_url: str, kills: int) -> None:
    """A poster is killed in the middle, again and again: every time the books are whole and its journal goes on."""
    store = open_store(database_url)
    found_world(store, 10_000 * CENT)
    position = 0
    for _ in range(kills):
        poster = SPAWN.Process(target=crowd.post_forever, args=(database_url, WRITER))
        poster.start()
        deadline = time.monotonic() + 30
        while (now := position_of(store)) <= position:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        poster.kill()
        poster.join()
        position = now
        assert faults_of(store) == []
    store.books.end(WRITER, store.writers.roster()[0].position, NOW)
    assert faults_of(store) == []
    assert [lot.leased_minor for lot in store.ledger.lots().data] == [0]
    store.close()
