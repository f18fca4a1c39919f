"""The thread that makes the journal safe from power loss, and the group commit of those who wait for it.

durability "process": a flush every FLUSH_INTERVAL_MS, nobody waits. "disk": the gateway awaits `synced(position)`
before the last bytes leave; one flush serves all who wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Event, Thread

from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import FLUSH_INTERVAL_MS


class Flusher:
    """Flushes one writer. `start` and `synced` belong to the event loop; the thread only calls back into it."""

    def __init__(self, writer: JournalWriter, loop: asyncio.AbstractEventLoop) -> None:
        self._writer, self._loop = writer, loop
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._wake = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="journal-flusher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def synced(self, position: int) -> None:
        """Returns when everything up to `position` is on the disk; raises OSError when a flush failed."""
        if self._writer.synced >= position:
            return
        if self._writer.failure:
            raise OSError(self._writer.failure)
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((position, waiter))
        self._wake.set()
        await waiter

    def stop(self) -> None:
        """Ends the thread after a last flush; blocks for one flush at most."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(FLUSH_INTERVAL_MS / 1000)
            self._wake.clear()
            if self._writer.failure:
                self._tell()
                continue
            try:
                if self._writer.synced < self._writer.position:
                    self._writer.sync()
            except OSError as error:
                self._writer.refuse(f"flush failed: {error}")
            self._writer.prepare()
            self._tell()

    def _tell(self) -> None:
        if self._waiters:
            self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        """On the loop. The waiters stand in the order of their coming, mostly of their positions too."""
        synced, failure = self._writer.synced, self._writer.failure
        kept: deque[tuple[int, asyncio.Future[None]]] = deque()
        for position, waiter in self._waiters:
            if waiter.done():
                continue
            if position <= synced:
                waiter.set_result(None)
            elif failure:
                waiter.set_exception(OSError(failure))
            else:
                kept.append((position, waiter))
        self._waiters = kept
