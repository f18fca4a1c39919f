"""Money that is short: two hosts of two workers each, with the gateway's own credit desk, on one store.

Everybody who can be served is, all others are told at once, and no credit stays where nobody can use it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.control.worker import CLOCK, DICE, SEGMENT, until
from tests.control.world import World, check_books, drive, found, fund

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import Answer, Hello, More, Offer, Recall, Renewed, ToControl, ToWorker
from tokenworks.credit.policy import Change, Snapshot
from tokenworks.credit.records import Record
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.creditdesk import CreditDesk
from tokenworks.gateway.till import SILENCE_NS, Till
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import ASK_HOLD_MS
from tokenworks.link.client import LinkClient
from tokenworks.store.ports import Store

ACCOUNT = "acc"
on_shared_books = pytest.mark.parametrize("store", ["memory", "postgres"], indirect=True)


class Request:
    """till.Waiting for so much credit. `told`: what came of it, once it is known."""

    def __init__(self, till: Till, need_minor: int) -> None:
        self.till, self.need_minor, self.exact_minor = till, need_minor, 0
        self.kind, self.keep_minor = "cut", 0
        self.short_minor = self.short_keep_minor = self.rounds = 0
        self.opened_ns = CLOCK.mono_ns()
        self.hold: Hold | None = None
        self.told = self.weighed = False
        self.took_ms = 0

    def take_credit(self) -> bool:
        found = self.till.purse.cut(self.need_minor, 0, CLOCK.mono_ns())
        if isinstance(found, Hold):
            self.hold = found
            self.tell()
        else:
            self.short_minor, self.short_keep_minor = found
        return self.told

    def weigh(self) -> None:
        self.weighed = True

    def no_credit(self, available_minor: int) -> None:
        self.tell()

    def tell(self) -> None:
        self.told, self.took_ms = True, (CLOCK.mono_ns() - self.opened_ns) // 1_000_000


class Worker:
    """A gateway worker's journal, link and credit desk. `sent` and `heard` have all messages."""

    def __init__(self, world: World, number: int) -> None:
        self.writer = f"{world.host}/{number}/1790000000000"
        self.journal = JournalWriter(RealDisk(world.state_dir / "journal"), self.writer, CLOCK, DICE, SEGMENT)
        self.sent: list[ToControl] = []
        self.heard: list[ToWorker] = []
        self.ready = False
        self.desk = CreditDesk(self.writer, CLOCK, Budget(10**9), self.send, self.write,
                               lambda: self.journal.position)
        self.link = LinkClient(str(world.state_dir / "run" / "private.sock"),
                               lambda: Hello(self.writer, 1, 0, self.desk.granted(), self.desk.books_epoch),
                               self.take, self.desk.link_changed)
        world.workers.append(self)  # type: ignore[arg-type]

    def send(self, message: ToControl) -> bool:
        self.sent.append(message)
        return self.link.send(message)

    def write(self, record: Record) -> int:
        if self.journal._spare is None:
            self.journal.prepare()
        return self.journal.append(record)

    def take(self, message: ToWorker) -> None:
        self.heard.append(message)
        match message:
            case Snapshot() | Change():
                self.ready = True
            case Answer():
                self.desk.take_answer(message)
            case Offer():
                self.desk.take_offer(message)
            case Recall():
                self.desk.take_recall(message)
            case Renewed():
                self.desk.take_renewed(message)

    def request(self, need_minor: int) -> Request:
        """Served from the purse, or in line for the books."""
        till = self.desk.till(ACCOUNT)
        one = Request(till, need_minor)
        if not one.take_credit():
            self.desk.wait(till, one)  # type: ignore[arg-type]
        return one

    async def takes(self, store: Store, number: int, amount_minor: int) -> None:
        """A lot of its own for it, all of it lent to this worker and free."""
        await asyncio.to_thread(fund, store, amount_minor, ACCOUNT, number)
        one = self.request(amount_minor)
        await until(lambda: one.hold)
        assert one.hold is not None
        one.till.purse.void(one.hold, CLOCK.mono_ns())

    @property
    def free_minor(self) -> int:
        return self.desk.till(ACCOUNT).purse.free_minor


Scenario = Callable[[list[Worker], list[World]], Awaitable[None]]


def two_hosts(store: Store, folder: Path, scenario: Scenario) -> None:
    async def main() -> None:
        worlds = [World(store, folder / host, host) for host in ("aaaa", "bbbb")]
        for world in worlds:
            await world.start()
        workers = [Worker(world, number) for world in worlds for number in range(2)]
        for worker in workers:
            worker.link.start()
        try:
            await until(lambda: all(worker.ready for worker in workers))
            await scenario(workers, worlds)
        finally:
            for world in worlds:
                await world.stop()

    drive(main)


async def posted(worlds: list[World]) -> None:
    for world in worlds:
        await world.works.poster.round()


@on_shared_books
def test_a_rush_on_money_for_some(store: Store, tmp_path: Path) -> None:
    """A thousand at once on credit for a hundred: a hundred are served, all others told, in a few round trips."""
    found(store, 100 * 7 + 5)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        requests = [worker.request(7) for _ in range(250) for worker in workers]
        await until(lambda: all(one.told for one in requests))
        assert sum(one.hold is not None for one in requests) == 100
        assert max(one.took_ms for one in requests) < 3_000
        asks = sum(type(message).__name__ == "Ask" for worker in workers for message in worker.sent)
        assert asks <= 5 * len(workers)
        assert not any(isinstance(message, Answer) and not message.books_reached
                       for worker in workers for message in worker.heard)
        await posted(worlds)
        lot = worlds[0].lot()
        assert (lot.leased_minor, lot.available_minor) == (705 - lot.available_minor, lot.available_minor)
        assert sum(worker.free_minor for worker in workers) + lot.available_minor == 5

    two_hosts(store, tmp_path, scenario)
    check_books(store)


@on_shared_books
def test_a_rush_on_money_for_all(store: Store, tmp_path: Path) -> None:
    found(store, 1000 * 7)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        requests = [worker.request(7) for _ in range(250) for worker in workers]
        await until(lambda: all(one.told for one in requests))
        assert all(one.hold is not None for one in requests)
        await posted(worlds)

    two_hosts(store, tmp_path, scenario)
    check_books(store)


@on_shared_books
def test_credit_spread_over_all_workers_is_found(store: Store, tmp_path: Path) -> None:
    """No worker has enough, and the books nothing: together it is enough for one request, wherever it comes."""
    found(store, 0)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        for number, worker in enumerate(workers):
            await worker.takes(store, number, 3)
        assert [worker.free_minor for worker in workers] == [3, 3, 3, 3]
        one = workers[3].request(12)
        await until(lambda: one.told)
        assert one.hold is not None
        assert one.took_ms < ASK_HOLD_MS

    two_hosts(store, tmp_path, scenario)


@on_shared_books
@pytest.mark.parametrize("others", [[1], [2], [1, 2, 3]])
def test_who_recall_from_each_other_do_not_both_go_without(store: Store, tmp_path: Path, others: list[int]) -> None:
    """Each has a part of what it needs; the parts of all are enough for some of them, and those are served."""
    found(store, 0)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        for number, worker in enumerate(workers):
            await worker.takes(store, number, 3)
        requests = [workers[number].request(5) for number in (0, *others)]
        await until(lambda: all(one.told for one in requests))
        assert sum(one.hold is not None for one in requests) == 2
        assert any(isinstance(message, More) for worker in workers for message in worker.sent)

    two_hosts(store, tmp_path, scenario)


@on_shared_books
def test_a_small_request_is_not_refused_with_a_large_one(store: Store, tmp_path: Path) -> None:
    """Whoever asked first for too much gives what it has to those who need less."""
    found(store, 0)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        for number, worker in enumerate(workers):
            await worker.takes(store, number, 3)
        large, small = workers[0].request(100), workers[1].request(11)
        await until(lambda: large.told and small.told)
        assert large.hold is None
        assert small.hold is not None

    two_hosts(store, tmp_path, scenario)


class Slow:
    """Books that lend slowly: each time `pause_s`."""

    def __init__(self, books: object, pause_s: float) -> None:
        self._books, self.pause_s = books, pause_s

    def __getattr__(self, name: str) -> object:
        verb = getattr(self._books, name)

        def call(*args: object) -> object:
            threading.Event().wait(self.pause_s if name == "lend" else 0)
            return verb(*args)

        return call


def test_a_long_line_is_not_silence(books: Store, tmp_path: Path) -> None:
    """Every ask takes most of the time in which books count as silent; whoever is last in line is told the truth."""
    found(books, 1_000)
    slow = Slow(books.books, 0)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        slow.pause_s = 0.7
        requests = [worker.request(800) for worker in workers]
        await until(lambda: all(one.told for one in requests))
        assert sum(one.hold is not None for one in requests) == 1
        assert max(one.took_ms for one in requests) > ASK_HOLD_MS
        assert not any(isinstance(message, Answer) and not message.books_reached
                       for worker in workers for message in worker.heard)

    two_hosts(books._replace(books=slow), tmp_path, scenario)  # type: ignore[arg-type]


def test_books_that_hang_are_silence(books: Store, tmp_path: Path) -> None:
    found(books, 1_000)
    slow = Slow(books.books, 0)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        slow.pause_s = 3
        one = workers[0].request(100)
        await until(lambda: any(isinstance(message, Answer) for message in workers[0].heard))
        answer = next(message for message in workers[0].heard if isinstance(message, Answer))
        assert not answer.books_reached
        assert not one.told, "no answer is not a no"
        assert ASK_HOLD_MS <= (CLOCK.mono_ns() - one.opened_ns) // 1_000_000 <= SILENCE_NS // 1_000_000 + 300

    two_hosts(books._replace(books=slow), tmp_path, scenario)  # type: ignore[arg-type]


def test_a_top_up_after_a_refusal_serves_the_next(books: Store, tmp_path: Path) -> None:
    found(books, 5)

    async def scenario(workers: list[Worker], worlds: list[World]) -> None:
        one = workers[0].request(7)
        await until(lambda: one.told)
        assert one.hold is None
        await asyncio.to_thread(fund, books, 7, ACCOUNT, 1)
        two = workers[0].request(12)
        await until(lambda: two.told)
        assert two.hold is not None

    two_hosts(books, tmp_path, scenario)
