"""One coarse timer for everything that waits: a request that arrives costs no timer of its own.

Time is counted in ticks. Who waits notes the tick and is swept about once a second, a part of all at each tick, so
that thousands of connections never make the loop wait. A loop that stood still counts no ticks and cuts nobody for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

TICK_S = 0.25
PARTS = 4


class Swept(Protocol):
    """Something that looks at its own waiting when it is swept. `part` belongs to the wheel."""

    part: int

    def sweep(self, tick: int) -> None:
        """Compares its notes with `tick`; may leave the wheel."""


class Wheel:
    """Calls `sweep` of everything in it, each PARTS ticks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_s: float = TICK_S) -> None:
        self.tick = 0
        self._loop = loop
        self._tick_s = tick_s
        self._parts: list[set[Swept]] = [set() for _ in range(PARTS)]
        self._timer: asyncio.TimerHandle | None = loop.call_later(tick_s, self._turn)
        self._next = 0

    def add(self, item: Swept) -> None:
        """Sweeps `item` from now on."""
        self._next = item.part = (self._next + 1) % PARTS
        self._parts[item.part].add(item)

    def drop(self, item: Swept) -> None:
        """No longer."""
        self._parts[item.part].discard(item)

    def ticks(self, seconds: float) -> int:
        """So many ticks, at least one."""
        return max(1, round(seconds / self._tick_s))

    def stop(self) -> None:
        """Sweeps no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = self._loop.call_later(self._tick_s, self._turn)
        self.tick += 1
        self._sweep(iter(tuple(self._parts[self.tick % PARTS])))

    def _sweep(self, items: Iterator[Swept]) -> None:
        """All of a part; one that raises is reported by the loop, and the rest comes in its next turn."""
        done = False
        try:
            for item in items:
                item.sweep(self.tick)
            done = True
        finally:
            if not done:
                self._loop.call_soon(self._sweep, items)
