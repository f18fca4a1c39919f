"""What happens right now, for `request tail`: the last rows in a ring, and everybody who follows them.

A follower that does not keep up loses the oldest rows and is told how many; nobody waits for a follower.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from tokenworks.limits import LIVE_QUEUE_MAX, LIVE_ROWS_KEPT

Row = dict[str, str | int]


class Follower:
    """One reader's queue. `missed` counts the rows that it was too slow for."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.missed = 0
        self._rows: deque[Row] = deque(rows, LIVE_QUEUE_MAX)
        self._wake = asyncio.Event()

    def push(self, row: Row) -> None:
        """One more row; the oldest gives way when there are too many."""
        self.missed += len(self._rows) == LIVE_QUEUE_MAX
        self._rows.append(row)
        self._wake.set()

    async def take(self) -> Row:
        """The next row, as soon as there is one; {"missed": n} where n rows were lost."""
        while not self._rows and not self.missed:
            self._wake.clear()
            await self._wake.wait()
        if self.missed:
            missed, self.missed = self.missed, 0
            return {"missed": missed}
        return self._rows.popleft()


class LiveFeed:
    """Rows as they come from the workers. Belongs to the event loop."""

    def __init__(self) -> None:
        self._last: deque[Row] = deque(maxlen=LIVE_ROWS_KEPT)
        self._followers: set[Follower] = set()

    def push(self, rows: Iterable[Row]) -> None:
        """New rows, to the ring and to everybody who follows."""
        for row in rows:
            self._last.append(row)
            for follower in self._followers:
                follower.push(row)

    def last(self, count: int) -> list[Row]:
        """The newest `count` rows, oldest first."""
        return list(self._last)[-count:] if count > 0 else []

    async def follow(self, back: int = 0) -> AsyncIterator[Row]:
        """The newest `back` rows, then each new one, until the reader leaves."""
        follower = Follower(self.last(back))
        self._followers.add(follower)
        try:
            while True:
                yield await follower.take()
        finally:
            self._followers.discard(follower)
