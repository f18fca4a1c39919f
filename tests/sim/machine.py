"""The machine below a simulated process: its disk, its flusher, its poster's thread, a wallclock that can jump."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from tests.sim.loop import MS, Killed, Process, Time

from tokenworks.clock import Clock
from tokenworks.control.poster import Poster
from tokenworks.control.turnstile import Turnstile
from tokenworks.errors import BooksUnreachable
from tokenworks.journal.flusher import Flusher
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import FLUSH_INTERVAL_MS

SEGMENT_BYTES = 24 * 1024  # small, so that a day has many segments


class HostClock(Clock):
    """A host's clocks: the monotonic one is the world's, the wall clock may be stepped."""

    def __init__(self, time_: Time) -> None:
        self._time = time_
        self.offset_ns = 0

    def now_ns(self) -> int:
        return self._time.clock.now_ns() + self.offset_ns

    def mono_ns(self) -> int:
        return self._time.now_ns


class SeededDice:
    """Random bytes from a seed; unlike FakeDice it never repeats itself within one draw."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def draw(self, size: int) -> bytes:
        return self._random.randbytes(size)


class SimJournal(JournalWriter):
    """The real writer, in small segments. The world hears of every record, and may end the process before or after."""

    def __init__(self, disk: Any, writer: str, clock: Clock, dice: Any) -> None:
        self._inside = False
        super().__init__(disk, writer, clock, dice, SEGMENT_BYTES)
        self.process: Process = disk.time.owner
        disk.time.owner.host.opened(self.process, self, writer)

    def append(self, record: Any) -> int:
        if self._inside:
            return super().append(record)
        day = self.process.host.day
        day.death_point(self.process, f"before {type(record).__name__}")
        self._inside = True
        position = super().append(record)
        self._inside = False
        day.written(self.process, position, record)
        day.death_point(self.process, f"after {type(record).__name__}")
        return position


class SimFlusher(Flusher):
    """The flusher's rounds as timers of the worker's loop; everything else is the real one's."""

    def __init__(self, writer: JournalWriter, loop: Any) -> None:
        super().__init__(writer, loop)
        self._process: Process = loop
        self._round: Any = None

    def start(self) -> None:
        self._plan(FLUSH_INTERVAL_MS * MS)

    async def synced(self, position: int) -> None:
        self._plan(self._process.world.some(0, 3))
        await super().synced(position)

    def stop(self) -> None:
        self._round.cancel()
        self._writer.sync()

    def _plan(self, delay_ns: int) -> None:
        if self._round is not None:
            self._round.cancel()
        self._round = self._process.world.after(delay_ns, self._process, self._flush)

    def _flush(self) -> None:
        self._plan(FLUSH_INTERVAL_MS * MS)
        if not self._writer.failure:
            try:
                if self._writer.synced < self._writer.position:
                    self._writer.sync()
            except OSError as error:
                self._writer.refuse(f"flush failed: {error}")
            self._writer.prepare()
        self._tell()


class SimTurnstile(Turnstile):
    """While the poster waits its turn, between reading a journal and posting it, everybody else goes on."""

    def wait(self) -> None:
        process = asyncio.get_running_loop()
        assert isinstance(process, Process)
        time_ = process.world
        time_.run(time_.now_ns + time_.random.choice((0, 0, 1, 20)) * MS)
        if process.dead:
            raise Killed(process, "while its poster waited")


class SimPosterThread:
    """posting.PosterThread as timers: a step every so often, at once when somebody has written."""

    def __init__(self, poster: Poster, loop: Any, fail: Callable[[], None]) -> None:
        self.poster = poster
        self._process: Process = loop
        self._inside = False
        self._again = False
        self._rounds = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._poll_ms = loop.world.random.choice((50, 50, 400))
        self._timer: Any = None

    def start(self) -> None:
        self._plan(0)

    def wake(self) -> None:
        self.poster.look_soon()
        self._plan(self._process.world.some(0, 2))

    def hear(self, writer: str, position: int) -> None:
        self.poster.hear(writer, position)
        self._plan(self._process.world.some(0, 2))

    async def round(self) -> None:
        waiter = self._process.create_future()
        self._waiters.append((self._rounds + 2, waiter))
        self.wake()
        await waiter

    def _plan(self, delay_ns: int) -> None:
        if self._inside:
            self._again = True
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._process.world.after(delay_ns, self._process, self._step)

    def _step(self) -> None:
        self._inside, self._again = True, False
        try:
            more = self.poster.step()
            poll_ms = self._poll_ms if self._process.host.day.chaos else 500  # in peace nothing new is to be found
            pause_ns = 0 if more or self._again else poll_ms * MS
        except BooksUnreachable:
            pause_ns = 300 * MS
        self._inside = False
        self._rounds += 1
        for due, waiter in self._waiters:
            if due <= self._rounds and not waiter.done():
                waiter.set_result(None)
        self._waiters = [one for one in self._waiters if not one[1].done()]
        self._plan(0 if self._waiters else pause_ns)


class NoProbes:
    """Upstreams are met by calls only."""

    def __init__(self, *parts: Any) -> None:
        self.found: dict[str, Any] = {}

    async def look(self, endpoints: Any) -> None:
        pass


class NoLeakage:
    """Engines are not simulated, so there is nothing to compare the meter with."""

    def __init__(self, *parts: Any) -> None:
        pass

    def look(self, endpoints: Any, alone: Any) -> None:
        pass

    def show(self, meters: Any) -> None:
        pass

    def rows(self) -> list[Any]:
        return []
