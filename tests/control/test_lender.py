"""Asks and their answers over a real socket, a real store and real journals: nobody is refused for credit that lies
unused elsewhere, and a top-up reaches the streams that wait for it first."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from tests.control.worker import CLOCK, Worker, until
from tests.control.world import World, check_books, found, fund, run_world

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import Answer, Offer, Recall
from tokenworks.credit.purse import Short
from tokenworks.errors import BooksUnreachable
from tokenworks.limits import ASK_HOLD_MS
from tokenworks.store.ports import Store


def answers(worker: Worker) -> list[Answer]:
    return [message for message in worker.heard if isinstance(message, Answer)]


def test_an_ask_is_answered_from_the_lot(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        answer = await worker.ask("acc", 100)
        assert sum(grant.amount_minor for grant in answer.grants) >= 100
        assert answer.books_reached
        assert not answer.pending
        assert world.lot().leased_minor == worker.purse("acc").free_minor
        assert (await worker.ask("acc", 5000)).grants == ()
        assert (await worker.ask("nobody", 1)).grants == ()

    run_world(books, tmp_path, scenario)


def test_what_another_worker_does_not_need_is_called_back(store: Store, tmp_path: Path) -> None:
    """The first holds everything and uses a little: the second gets the rest at once, not after a minute."""
    found(store, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        await first.ask("acc", 1000)
        held = await first.cut("acc", 300)
        assert isinstance(held, Hold)
        began_ns = CLOCK.mono_ns()
        answer = await second.ask("acc", 600)
        took_ms = (CLOCK.mono_ns() - began_ns) // 1_000_000
        assert sum(grant.amount_minor for grant in answer.grants) >= 600
        assert took_ms < 300
        assert [one.pending for one in answers(second)] == [True, False]
        assert any(isinstance(message, Recall) for message in first.heard)
        refused = await second.ask("acc", 500)
        assert refused.grants == ()
        assert refused.books_reached
        await world.posted(first)

    run_world(store, tmp_path, scenario)
    check_books(store)


def test_a_refusal_does_not_wait_for_the_whole_time(books: Store, tmp_path: Path) -> None:
    """The other worker has nothing to give and says so: the final answer comes with it."""
    found(books, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        await first.ask("acc", 1000)
        assert isinstance(await first.cut("acc", 1000), Hold)
        began_ns = CLOCK.mono_ns()
        answer = await second.ask("acc", 10)
        assert answer.grants == ()
        assert (CLOCK.mono_ns() - began_ns) // 1_000_000 < 300

    run_world(books, tmp_path, scenario)


def test_a_worker_that_does_not_answer_a_recall_delays_only(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        await first.ask("acc", 1000)
        first.gives = False
        began_ns = CLOCK.mono_ns()
        assert (await second.ask("acc", 10)).grants == ()
        assert (CLOCK.mono_ns() - began_ns) // 1_000_000 <= ASK_HOLD_MS + 500

    run_world(books, tmp_path, scenario)


def test_a_top_up_reaches_the_waiting_stream_first(store: Store, tmp_path: Path) -> None:
    """A stream was refused and still waits; a new request too. The stream is served, the request gets what is left."""
    found(store, 100)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        hold = await worker.cut("acc", 100)
        assert isinstance(hold, Hold)
        assert (await worker.ask("acc", 50, "extend")).grants == ()
        await asyncio.to_thread(fund, store, 60, "acc", 1)
        await worker.offered()
        offers = [message for message in worker.heard if isinstance(message, Offer) and message.grants]
        assert sum(grant.amount_minor for offer in offers for grant in offer.grants) >= 50
        assert worker.purse("acc").extend(hold, 50, CLOCK.mono_ns()) == 50

    run_world(store, tmp_path, scenario)


def test_a_refused_stream_takes_part_of_a_top_up_and_then_the_rest(books: Store, tmp_path: Path) -> None:
    found(books, 100)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        assert isinstance(await worker.cut("acc", 100), Hold)
        await worker.ask("acc", 50, "extend")
        await asyncio.to_thread(fund, books, 20, "acc", 1)
        await until(lambda: worker.purse("acc").free_minor == 20)
        await asyncio.to_thread(fund, books, 100, "acc", 2)
        await until(lambda: worker.purse("acc").free_minor >= 50)
        await asyncio.sleep(0.05)
        assert worker.purse("acc").free_minor == 20 + 30 + 10, "what was missing and a tenth; not the whole need again"

    run_world(books, tmp_path, scenario)


def test_credit_that_comes_back_by_itself_reaches_the_waiting_stream(books: Store, tmp_path: Path) -> None:
    found(books, 100)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        stream, other = await second.cut("acc", 20), await first.cut("acc", 72)
        assert isinstance(stream, Hold)
        assert isinstance(other, Hold)
        first.gives = False
        await second.ask("acc", 50, "extend")
        request = first.open("acc", other)
        first.close("acc", request, other, 2)
        first.give(Recall("lot_acc_0", 70))  # nobody has asked for it just now
        await until(lambda: second.purse("acc").free_minor >= 50)

    run_world(books, tmp_path, scenario)


def test_a_worker_that_was_refused_hears_that_credit_came(books: Store, tmp_path: Path) -> None:
    found(books, 10)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        assert await worker.cut("acc", 50) is None
        await asyncio.to_thread(fund, books, 100, "acc", 1)
        await until(lambda: Offer("acc") in worker.heard)
        assert isinstance(await worker.cut("acc", 50), Hold)

    run_world(books, tmp_path, scenario)


def test_credit_that_a_request_leaves_free_serves_who_waits(store: Store, tmp_path: Path) -> None:
    """The ask is pending while the other settles: what comes free meanwhile is enough."""
    found(store, 1000)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        hold = await first.cut("acc", 900)
        assert isinstance(hold, Hold)
        request = first.open("acc", hold)
        first.gives = False
        asking = asyncio.create_task(second.ask("acc", 500))
        await until(lambda: answers(second))
        first.close("acc", request, hold, 100)
        for message in [message for message in first.heard if isinstance(message, Recall)]:
            first.give(message)
        answer = await asking
        assert sum(grant.amount_minor for grant in answer.grants) >= 500

    run_world(store, tmp_path, scenario)
    check_books(store)


def test_a_thousand_requests_on_a_wallet_that_funds_exactly_them(store: Store, tmp_path: Path) -> None:
    """Three workers, all at once: total demand fits the balance, so nobody is refused; nothing is left, nothing is
    overdrawn."""
    found(store, 600 * 7)

    async def scenario(world: World) -> None:
        workers = [await world.worker(number) for number in range(3)]
        sold = await asyncio.gather(*(sell_many(worker, 200, 7) for worker in workers))
        assert sold == [200, 200, 200]
        assert await workers[0].cut("acc", 1) is None
        for worker in workers:
            await world.posted(worker)
        lot = world.lot()
        assert (lot.posted_minor, lot.leased_minor, lot.available_minor) == (4200, 0, 0)

    run_world(store, tmp_path, scenario)
    check_books(store)


def test_demand_above_the_balance_sells_the_balance(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        workers = [await world.worker(number) for number in range(2)]
        sold = await asyncio.gather(*(sell_many(worker, 100, 7) for worker in workers))
        assert sum(sold) == 1000 // 7
        for worker in workers:
            await world.posted(worker)
        assert world.lot().posted_minor == 1000 // 7 * 7

    run_world(books, tmp_path, scenario)
    check_books(books)


async def sell_many(worker: Worker, times: int, cost: int) -> int:
    return sum([await worker.sell("acc", cost) for _ in range(times)])


class Failing:
    """Books that do what they are told and then say that they were not reached, or are away altogether."""

    def __init__(self, books: object) -> None:
        self._books, self.lose_answers, self.away = books, False, False

    def __getattr__(self, name: str) -> object:
        verb = getattr(self._books, name)

        def call(*args: object) -> object:
            if self.away:
                raise BooksUnreachable("away")
            result = verb(*args)
            if self.lose_answers and name == "lend":
                raise BooksUnreachable("the answer was lost")
            return result

        return call


def test_books_that_are_away_are_told_of(books: Store, tmp_path: Path) -> None:
    found(books, 1000)
    failing = Failing(books.books)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        failing.away = True
        assert not (await worker.ask("acc", 10)).books_reached
        failing.away = False
        await until(lambda: world.works.reach.reached)
        assert (await worker.ask("acc", 10)).grants

    run_world(books._replace(books=failing), tmp_path, scenario)  # type: ignore[arg-type]


def test_a_grant_whose_answer_was_lost_is_offered_again(books: Store, tmp_path: Path) -> None:
    """The commit went through, its answer did not: without a second look that credit would lie with nobody."""
    found(books, 1000)
    failing = Failing(books.books)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        failing.lose_answers = True
        assert not (await worker.ask("acc", 400)).books_reached
        failing.lose_answers = False
        leased = world.lot().leased_minor
        assert leased >= 400
        await until(lambda: worker.purse("acc").free_minor == leased)

    run_world(books._replace(books=failing), tmp_path, scenario)  # type: ignore[arg-type]


def test_a_hello_that_lacks_a_grant_gets_it(books: Store, tmp_path: Path) -> None:
    """As after a control process that was killed between lending and answering."""
    found(books, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker()
        await worker.ask("acc", 100)
        mine = dict(worker.purse("acc").granted)
        lease = next(iter(mine))
        worker.purse("acc").granted[lease] = 60
        world.link.peers[worker.writer].close()
        await until(lambda: any(isinstance(message, Offer) for message in worker.heard))
        assert worker.purse("acc").granted == mine
        world.link.peers[worker.writer].close()
        await asyncio.sleep(0.3)
        assert sum(isinstance(message, Offer) for message in worker.heard) == 1, "what it knows is not offered again"

    run_world(books, tmp_path, scenario)


def test_a_lost_grant_is_not_given_twice(books: Store, tmp_path: Path) -> None:
    """While we look for what was lost, the same worker asks, and the books have lent before we hear of it."""
    found(books, 10_000)

    class Slow:
        def __init__(self, port: object, verb: str, before_s: float, after_s: float) -> None:
            self.port, self.verb, self.before_s, self.after_s = port, verb, before_s, after_s

        def __getattr__(self, name: str) -> object:
            found_verb = getattr(self.port, name)

            def call(*args: object) -> object:
                pause = threading.Event()
                pause.wait(self.before_s if name == self.verb else 0)
                result = found_verb(*args)
                pause.wait(self.after_s if name == self.verb else 0)
                return result

            return call

    slow = books._replace(books=Slow(books.books, "lend", 0, 0.2),  # type: ignore[arg-type]
                          ledger=Slow(books.ledger, "leases", 0.1, 0))  # type: ignore[arg-type]

    async def scenario(world: World) -> None:
        worker = await world.worker()
        await worker.ask("acc", 100)
        lease = next(iter(worker.purse("acc").granted))
        worker.purse("acc").granted[lease] -= 40
        world.link.peers[worker.writer].close()
        await until(lambda: not worker.link.connected)
        await until(lambda: worker.link.connected)
        await worker.ask("acc", 300)
        await until(lambda: any(isinstance(message, Offer) for message in worker.heard))
        assert worker.purse("acc").granted == {row.id: row.granted_minor for row in books.ledger.leases("acc")}

    run_world(slow, tmp_path, scenario)


def test_a_worker_that_does_not_tell_is_not_offered_anything(books: Store, tmp_path: Path) -> None:
    found(books, 1000)

    async def scenario(world: World) -> None:
        worker = await world.worker(tells=False)
        await worker.ask("acc", 100)
        world.link.peers[worker.writer].close()
        await until(lambda: not worker.link.connected)
        await until(lambda: world.link.peers.get(worker.writer))
        await asyncio.sleep(0.2)
        assert not any(isinstance(message, Offer) for message in worker.heard)

    run_world(books, tmp_path, scenario)


@pytest.mark.parametrize("kind", ["cut", "extend"])
def test_asks_of_a_lost_link_are_void(books: Store, tmp_path: Path, kind: str) -> None:
    found(books, 100)

    async def scenario(world: World) -> None:
        first, second = await world.worker(0), await world.worker(1)
        assert isinstance(await first.cut("acc", 100), Hold)
        first.gives = False
        asking = asyncio.create_task(second.ask("acc", 10, kind))
        await until(lambda: answers(second))
        world.link.peers[second.writer].close()
        assert not (await asking).books_reached
        await asyncio.to_thread(fund, books, 100, "acc", 1)
        await asyncio.sleep(0.1)
        assert isinstance(second.purse("acc").cut(10, 0, CLOCK.mono_ns()), Short)

    run_world(books, tmp_path, scenario)
