"""Credit that other workers hold and do not need, called back: of this host over the link, of others by the bell.

A round asks several workers at once and is over when each of them has answered and its answer is in the books, or after
RECALL_WAIT_MS. Whoever started it then asks the books again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from tokenworks.credit.messages import Recall
from tokenworks.credit.rows import RecallFrom
from tokenworks.limits import RECALL_WAIT_MS
from tokenworks.link.server import Peer

RECALL, RECALLED = "recall", "recalled"  # topics of the bell
RINGS_MAX = 40  # recalls in one ring to one host: a NOTIFY of PostgreSQL carries less than 8,000 bytes


class Wanted(msgspec.Struct):
    """The payload of both topics: `host` started round `number` and wants these back; `by` says which host answers."""

    host: str
    number: int
    back: tuple[RecallFrom, ...] = ()
    by: str = ""


class Round:
    """One question to several. `awaited`: by worker, which of the recalls sent to it must be answered; by other host 0,
    until it rings."""

    __slots__ = ("awaited", "done", "timer")

    def __init__(self, done: Callable[[], None]) -> None:
        self.awaited: dict[str, int] = {}
        self.done = done
        self.timer: asyncio.TimerHandle | None = None


class Recaller:
    """Belongs to the event loop. `ring(topic, payload)` must not block; `peers` has the connected workers."""

    def __init__(self, host: str, peers: Mapping[str, Peer], ring: Callable[[str, str], None]) -> None:
        self._host, self._peers, self._ring = host, peers, ring
        self._sent: dict[str, int] = {}  # recalls sent to a worker since its Hello
        self._answers: dict[str, list[tuple[int, int]]] = {}  # (position, recalls answered up to it), not yet posted
        self._posted: dict[str, int] = {}
        self._rounds: dict[int, Round] = {}
        self._for_others: set[int] = set()
        self._number = 0

    def begin(self, back: Iterable[RecallFrom], done: Callable[[], None]) -> int:
        """Ask them all; `done` is called once, later. Workers that are not connected are passed over. The number."""
        self._number += 1
        number, asked = self._number, Round(done)
        self._rounds[number] = asked
        elsewhere: dict[str, list[RecallFrom]] = {}
        for one in back:
            host = host_of(one.writer)
            if one.writer in self._peers:
                asked.awaited[one.writer] = self._send(one)
            elif host != self._host:
                elsewhere.setdefault(host, []).append(one)
        for host, asks in elsewhere.items():
            asked.awaited[host] = 0
            wanted = Wanted(self._host, number, tuple(asks[:RINGS_MAX]))
            self._ring(RECALL, msgspec.json.encode(wanted).decode())
        wait_s = RECALL_WAIT_MS / 1000 if asked.awaited else 0
        asked.timer = asyncio.get_running_loop().call_later(wait_s, self._end, number)
        return number

    def serves_others(self, writer: str) -> bool:
        """Whether another host waits for what this worker gives back."""
        return any(writer in self._rounds[number].awaited for number in self._for_others)

    def greet(self, writer: str) -> None:
        """A new link: its recalls are counted anew, and what was asked over the old one is not answered any more."""
        self.drop(writer)
        self._sent[writer] = 0

    def drop(self, writer: str) -> None:
        """The worker is gone: nobody waits for it."""
        self._answers.pop(writer, None)
        self._strike(writer, self._sent.pop(writer, 0))

    def written(self, writer: str, position: int, recalls: int) -> None:
        """The worker has answered so many recalls; the answers stand in its journal up to `position`."""
        self._answers.setdefault(writer, []).append((position, recalls))
        self.posted(writer, self._posted.get(writer, 0))

    def posted(self, writer: str, position: int) -> None:
        """The books have the writer's journal up to `position`."""
        self._posted[writer] = position
        answers = self._answers.pop(writer, [])
        answered = max((recalls for place, recalls in answers if place <= position), default=0)
        if rest := [(place, recalls) for place, recalls in answers if place > position]:
            self._answers[writer] = rest
        if answered:
            self._strike(writer, answered)

    def ended(self, writer: str) -> None:
        """The writer's journal is over: nothing of it is kept here."""
        self.drop(writer)
        self._posted.pop(writer, None)

    def heard(self, topic: str, payload: str) -> None:
        """The bell: another host wants credit back from our workers, or has answered for its own."""
        wanted = msgspec.json.decode(payload, type=Wanted)
        if topic == RECALLED and wanted.host == self._host:
            self._drop_host(wanted.number, wanted.by)
        elif topic == RECALL and wanted.host != self._host:
            ours = [one for one in wanted.back if host_of(one.writer) == self._host]
            reply = msgspec.json.encode(Wanted(wanted.host, wanted.number, by=self._host)).decode()
            if ours:
                number = self.begin(ours, lambda: self._ring(RECALLED, reply))
                self._for_others.add(number)

    def _send(self, one: RecallFrom) -> int:
        self._peers[one.writer].send(Recall(one.lot, one.amount_minor, one.hard))
        self._sent[one.writer] = self._sent.get(one.writer, 0) + 1
        return self._sent[one.writer]

    def _strike(self, writer: str, answered: int) -> None:
        for number, asked in list(self._rounds.items()):
            if asked.awaited.get(writer, answered + 1) <= answered:
                del asked.awaited[writer]
                if not asked.awaited:
                    self._end(number)

    def _drop_host(self, number: int, host: str) -> None:
        asked = self._rounds.get(number)
        if asked is not None:
            asked.awaited.pop(host, None)
            if not asked.awaited:
                self._end(number)

    def _end(self, number: int) -> None:
        asked = self._rounds.pop(number, None)
        self._for_others.discard(number)
        if asked is not None:
            if asked.timer is not None:
                asked.timer.cancel()
            asked.done()


def host_of(writer: str) -> str:
    """The host's part of a writer's name."""
    return writer.partition("/")[0]
