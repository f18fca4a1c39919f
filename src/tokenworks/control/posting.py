"""The thread that posts: steps again and again, at once when somebody says that something was written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event, Thread

import structlog

from tokenworks.control.poster import Poster
from tokenworks.errors import BooksUnreachable
from tokenworks.limits import POST_POLL_MS

RETRY_S_MAX = 2.0

_LOG = structlog.get_logger()


class PosterThread:
    """Runs a Poster. `fail` is called when the thread dies of something that it should not have met.

    All but `_run` and what it calls belongs to the event loop.
    """

    def __init__(self, poster: Poster, loop: asyncio.AbstractEventLoop, fail: Callable[[], None]) -> None:
        self._poster, self._loop, self._fail = poster, loop, fail
        self._wake = Event()
        self._ending = Event()
        self._rounds = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._thread = Thread(target=self._run, name="poster", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """A worker came or went: step at once; from any thread."""
        self._poster.look_soon()
        self._wake.set()

    def hear(self, writer: str, position: int) -> None:
        """The writer has written up to `position`: somebody waits for it."""
        self._poster.hear(writer, position)
        self._wake.set()

    async def round(self) -> None:
        """Returns when everything that stands in the journals now has been posted, or could not be."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((self._rounds + 2, waiter))  # the round under way may have passed the place
        self.wake()
        await waiter

    def stop(self) -> None:
        """One last time round, then the end; blocks until then."""
        self._ending.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        well = False
        try:
            self._repeat()
            well = True
        finally:
            if not well:
                self._loop.call_soon_threadsafe(self._fail)

    def _repeat(self) -> None:
        pause_s = 0.0
        while True:
            last = self._ending.is_set()
            self._wake.clear()
            try:
                more = self._poster.step()
                pause_s = 0.0 if more else POST_POLL_MS / 1000
            except BooksUnreachable as error:
                pause_s = min(max(2 * pause_s, 0.1), RETRY_S_MAX)
                more = False
                _LOG.warning("journals_not_posted", why=str(error), retry_s=pause_s)
            if last and not more:
                self._poster.save()
                return
            if not self._ending.is_set():
                self._loop.call_soon_threadsafe(self._count)
            if pause_s and not self._ending.is_set():
                self._wake.wait(pause_s)

    def _count(self) -> None:
        self._rounds += 1
        for _, waiter in [one for one in self._waiters if one[0] <= self._rounds and not one[1].done()]:
            waiter.set_result(None)
        self._waiters = [one for one in self._waiters if not one[1].done()]
        if self._waiters:
            self._wake.set()
