"""Rounds of recalls: over when each has answered and its answer is in the books, or when the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tokenworks.control import recall as recall_module
from tokenworks.control.recall import RECALL, RECALLED, RINGS_MAX, Recaller
from tokenworks.credit.messages import Recall
from tokenworks.credit.rows import RecallFrom


class FakePeer:
    """A worker's link that keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Recall] = []

    def send(self, message: Recall) -> bool:
        self.sent.append(message)
        return True


class Hosts:
    """Two hosts on one bell, with the workers a/0/1, a/1/1 and b/0/1."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, str]] = []
        self.peers = {writer: FakePeer() for writer in ("a/0/1", "a/1/1", "b/0/1")}
        ours = {name: peer for name, peer in self.peers.items() if name.startswith("a")}
        theirs = {name: peer for name, peer in self.peers.items() if name.startswith("b")}
        self.a = Recaller("a", ours, self.ring)  # type: ignore[arg-type]
        self.b = Recaller("b", theirs, self.ring)  # type: ignore[arg-type]
        self.deaf = False
        for writer in ours:
            self.a.greet(writer)
        for writer in theirs:
            self.b.greet(writer)

    def ring(self, topic: str, payload: str) -> None:
        self.rings.append((topic, payload))
        for recaller in (self.a, self.b) if not self.deaf else ():
            asyncio.get_running_loop().call_soon(recaller.heard, topic, payload)


def back(writer: str, lot: str = "lot", amount: int = 10, hard: bool = False) -> RecallFrom:
    return RecallFrom(writer, lot, amount, hard)


def drive(scenario: Callable[[Hosts, list[int]], Awaitable[None]]) -> None:
    async def main() -> None:
        done: list[int] = []
        await scenario(Hosts(), done)

    asyncio.run(main())


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_over_when_every_answer_is_in_the_books() -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        hosts.a.begin([back("a/0/1"), back("a/1/1", hard=True)], lambda: done.append(1))
        assert hosts.peers["a/0/1"].sent == [Recall("lot", 10)]
        assert hosts.peers["a/1/1"].sent == [Recall("lot", 10, True)]
        hosts.a.written("a/0/1", 500, 1)
        hosts.a.posted("a/0/1", 499)
        hosts.a.written("a/1/1", 0, 1)  # nothing to give: nothing to wait for in the books
        await turn()
        assert not done
        hosts.a.posted("a/0/1", 500)
        assert done == [1]

    drive(scenario)


def test_an_answer_to_something_else_does_not_count() -> None:
    """A worker that gives idle credit back says Written too; it has not seen the recall by then."""

    async def scenario(hosts: Hosts, done: list[int]) -> None:
        hosts.a.begin([back("a/0/1"), back("a/0/1", "other")], lambda: done.append(1))
        for recalls in (0, 1):
            hosts.a.written("a/0/1", 100, recalls)
            hosts.a.posted("a/0/1", 200)
        assert not done
        hosts.a.written("a/0/1", 150, 2)
        assert done == [1]

    drive(scenario)


def test_who_is_away_is_not_waited_for() -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        hosts.a.begin([back("a/9/1")], lambda: done.append(1))
        await asyncio.sleep(0.01)
        assert done == [1]
        hosts.a.begin([back("a/0/1")], lambda: done.append(2))
        hosts.a.drop("a/0/1")
        assert done == [1, 2]
        hosts.a.greet("a/0/1")
        hosts.a.begin([back("a/0/1")], lambda: done.append(3))
        hosts.a.written("a/0/1", 0, 1)
        assert done == [1, 2, 3], "a new link counts anew"
        hosts.a.begin([back("a/0/1")], lambda: done.append(4))
        hosts.a.ended("a/0/1")
        assert done == [1, 2, 3, 4]

    drive(scenario)


def test_time_is_up(monkeypatch: object) -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        real, recall_module.RECALL_WAIT_MS = recall_module.RECALL_WAIT_MS, 20
        hosts.a.begin([back("a/0/1")], lambda: done.append(1))
        recall_module.RECALL_WAIT_MS = real
        await asyncio.sleep(0.1)
        assert done == [1]
        hosts.a.written("a/0/1", 0, 1)
        assert done == [1], "once"

    drive(scenario)


def test_another_host_is_asked_by_the_bell_and_answers() -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        hosts.a.begin([back("b/0/1"), back("a/0/1")], lambda: done.append(1))
        hosts.a.written("a/0/1", 0, 1)
        await turn()
        assert hosts.peers["b/0/1"].sent == [Recall("lot", 10)]
        assert hosts.b.serves_others("b/0/1")
        assert not done
        hosts.b.written("b/0/1", 70, 1)
        hosts.b.posted("b/0/1", 70)
        await turn()
        assert done == [1]
        assert not hosts.b.serves_others("b/0/1")
        assert [topic for topic, _ in hosts.rings] == [RECALL, RECALLED]

    drive(scenario)


def test_a_host_without_such_workers_answers_too() -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        hosts.a.begin([back("b/7/1")], lambda: done.append(1))
        await asyncio.sleep(0.02)
        assert done == [1]

    drive(scenario)


def test_a_ring_fits_a_notification() -> None:
    async def scenario(hosts: Hosts, done: list[int]) -> None:
        many = [back(f"bbbbbbbb/{number}/1790000000000", "lot_" + "0" * 26, 2**62) for number in range(300)]
        hosts.deaf = True
        hosts.a.begin(many, lambda: done.append(1))
        ((topic, payload),) = hosts.rings
        assert len(topic) + len(payload) < 7900
        assert payload.count('"bbbbbbbb/') == RINGS_MAX

    drive(scenario)
