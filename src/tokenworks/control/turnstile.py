"""Whoever asks for credit goes first: the poster waits a moment before each transaction while somebody is being served.

SQLite has one writer at a time, and on any database the same lots are locked. A request waits 50 ms for an answer; a
batch of records can wait.
"""

from __future__ import annotations

from threading import Event

TURN_WAIT_S = 0.02  # and no longer: what is posted may be what an ask waits for


class Turnstile:
    """`enter` and `leave` on the event loop, `wait` on the poster's thread."""

    def __init__(self) -> None:
        self._inside = 0
        self._free = Event()
        self._free.set()

    def enter(self) -> None:
        """An ask is at the books."""
        self._inside += 1
        self._free.clear()

    def leave(self) -> None:
        """It has its answer."""
        self._inside -= 1
        if not self._inside:
            self._free.set()

    def wait(self) -> None:
        """Returns when nobody is inside, or after a moment."""
        self._free.wait(TURN_WAIT_S)
