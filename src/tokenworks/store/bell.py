"""Tells other control processes at once: LISTEN/NOTIFY on PostgreSQL, calls within the process otherwise.

A ring belongs to its transaction: `enlist` inside it, `echo` after it. Nothing depends on being heard: listeners also
look by themselves from time to time, so a lost ring costs a delay.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

import psycopg
from sqlalchemy import Connection, text

from tokenworks.limits import BELL_RETRY_S
from tokenworks.store.database import Database

Callback = Callable[[str, str], None]
_CHANNEL = "tokenworks"


class Ringers:
    """Who listens, in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._callbacks: list[Callback] = []

    def add(self, callback: Callback) -> Callable[[], None]:
        """Adds a listener; what is returned removes it."""
        with self._lock:
            self._callbacks = [*self._callbacks, callback]
        return lambda: self._remove(callback)

    def call(self, topic: str, payload: str) -> None:
        """Calls everybody."""
        for callback in self._callbacks:
            callback(topic, payload)

    def _remove(self, callback: Callback) -> None:
        with self._lock:
            self._callbacks = [each for each in self._callbacks if each is not callback]


class LocalBell:
    """For SQLite and memory: one process owns them, so its own listeners are all there are."""

    def __init__(self) -> None:
        self._ringers = Ringers()

    def ring(self, topic: str, payload: str = "") -> None:
        self._ringers.call(topic, payload)

    def listen(self, callback: Callback) -> Callable[[], None]:
        return self._ringers.add(callback)

    def enlist(self, conn: Connection, topic: str, payload: str) -> None:
        """Nothing to do before the commit."""

    def echo(self, topic: str, payload: str) -> None:
        """After the commit."""
        self._ringers.call(topic, payload)

    def close(self) -> None:
        """Nothing to end."""


class PostgresBell:
    """One connection of its own that LISTENs on one thread, from the first listener on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ringers = Ringers()
        self._closing = Event()
        self._starting = Lock()
        self._thread: Thread | None = None

    def ring(self, topic: str, payload: str = "") -> None:
        self._database.write(lambda conn: self.enlist(conn, topic, payload))

    def listen(self, callback: Callback) -> Callable[[], None]:
        remove = self._ringers.add(callback)
        with self._starting:
            if self._thread is None:
                ready = Event()
                self._thread = Thread(target=self._run, args=(ready,), name="bell", daemon=True)
                self._thread.start()
                ready.wait(BELL_RETRY_S)
        return remove

    def enlist(self, conn: Connection, topic: str, payload: str) -> None:
        """Part of the transaction: heard when it commits."""
        conn.execute(text("SELECT pg_notify(:channel, :payload)"),
                     {"channel": _CHANNEL, "payload": f"{topic}\n{payload}"})

    def echo(self, topic: str, payload: str) -> None:
        """The commit has rung already."""

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, ready: Event) -> None:
        first = True
        while not self._closing.is_set():
            try:
                self._hear(ready, first)
            except psycopg.Error:
                self._ringers.call("lost", "")
                self._closing.wait(BELL_RETRY_S)
            first = False

    def _hear(self, ready: Event, first: bool) -> None:
        """One connection's life. What was rung while there was none is made up for by "lost"."""
        with self._connect() as conn:
            conn.execute(f"LISTEN {_CHANNEL}")
            ready.set()
            if not first:
                self._ringers.call("lost", "")
            while not self._closing.is_set():
                for notice in conn.notifies(timeout=0.2):
                    topic, _, payload = notice.payload.partition("\n")
                    self._ringers.call(topic, payload)

    def _connect(self) -> psycopg.Connection:
        arguments = self._database.engine.dialect.create_connect_args(self._database.engine.url)[1]
        return psycopg.connect(**{**arguments, "autocommit": True, "connect_timeout": BELL_RETRY_S,
                                  "application_name": "tokenworks bell", "keepalives_idle": 5,
                                  "keepalives_interval": 2, "keepalives_count": 3})


AnyBell = LocalBell | PostgresBell
