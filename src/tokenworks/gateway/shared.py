"""What all requests of one worker share, in one object that is handed around instead of globals."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import Callable
from typing import Protocol

import structlog

from tokenworks.clock import Clock
from tokenworks.credit.brief import Brief
from tokenworks.credit.messages import ToControl
from tokenworks.credit.records import Record
from tokenworks.errors import JournalFull
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.aside import Aside
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.creditdesk import CreditDesk
from tokenworks.gateway.ids import IdMint
from tokenworks.gateway.owners import Owners
from tokenworks.gateway.policybook import PolicyBook
from tokenworks.gateway.pool import Pool
from tokenworks.gateway.tally import Tally
from tokenworks.journal.flusher import Flusher
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import POLICY_AGE_S_MAX
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Refusal

log = structlog.get_logger()
Counted = tuple[int | None, int | None]


class Counter(Protocol):
    """Counts tokens off the loop."""

    def can_count(self, model: Model) -> bool:
        """Whether the model has a tokenizer here."""

    def count(self, model: Model, dialect: Dialect, body: bytes, text: str, done: Callable[[Counted], None]) -> None:
        """Input tokens of a request's body, output tokens of its answer's text; `done` is called on the loop."""


class NoCounter:
    """No tokenizer: estimates stay estimates."""

    def can_count(self, model: Model) -> bool:
        return False

    def count(self, model: Model, dialect: Dialect, body: bytes, text: str, done: Callable[[Counted], None]) -> None:
        done((None, None))


class Running(Protocol):
    """A request that has begun and not ended, as the beat and the drain see it."""

    def beat(self, tick: int) -> None:
        """About once a second."""

    def drain_over(self) -> None:
        """The time of the drain is over: end now, cleanly."""


class Shared:
    """One per worker. `disk_first`: last bytes wait for the disk. `tick` counts seconds, coarsely."""

    def __init__(
        self,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        journal: JournalWriter,
        budget: Budget,
        writer: str,
        mint: IdMint,
    ) -> None:  # fmt: skip
        self.clock, self.loop, self.journal, self.budget, self.writer = clock, loop, journal, budget, writer
        self.mint = mint
        self.book = PolicyBook()
        self.desk = CreditDesk(writer, clock, budget, self.send, self.write, lambda: journal.position)
        self.owners = Owners(self.send)
        self.tally = Tally()
        self.counter: Counter = NoCounter()
        self.aside = Aside(loop.call_soon_threadsafe)
        self.pool: Pool
        self.flusher: Flusher
        self.link_send: Callable[[ToControl], bool] = lambda message: False
        self.connected = False
        self.heard_ns = 0
        self.wall_ns = clock.now_ns() - clock.mono_ns()  # what to add to the monotonic clock; set anew at each beat
        self.disk_first = False
        self.draining = False
        self.drains = 0
        self.questions: Counts[str] = Counts()  # about inputs, by account, on their way
        self.tick = 0
        self.running: set[Running] = set()

    def send(self, message: ToControl) -> bool:
        """To the control process; False when it is away."""
        return self.link_send(message)

    def write(self, record: Record | Brief) -> int:
        """Into the journal; the position after it, 0 when it has no room: then no new work is taken from now on."""
        try:
            return self.journal.append(record)
        except JournalFull as error:
            self.journal.refuse(str(error))
            log.error("journal_full", record=type(record).__name__)
            return 0

    def closed_door(self) -> Refusal | None:
        """Why no new work is taken now."""
        if self.draining:
            return Refusal.DRAINING
        if not self.journal.accepting:
            return Refusal.DISK_FULL
        if not self.book.version or (not self.connected and self._stale()):
            return Refusal.POLICY_STALE
        return None

    def _stale(self) -> bool:
        return self.clock.mono_ns() - self.heard_ns > POLICY_AGE_S_MAX * 1_000_000_000
