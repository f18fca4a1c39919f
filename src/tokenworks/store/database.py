"""One database behind one small interface: `write(act)` and `read(act)` run a function in a transaction.

What differs between SQLite and PostgreSQL in connecting, locking and failing is here and nowhere else. An act may run
more than once: a transaction that lost a race, or its connection, changed nothing and is tried again for a while. What
is left is one error, BooksUnreachable.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tokenworks.clock import Clock
from tokenworks.errors import BooksUnreachable, ConfigError
from tokenworks.limits import (
    BOOKS_CONNECT_S,
    BOOKS_CONNECTIONS_MAX,
    BOOKS_RETRY_MS_MAX,
    BOOKS_STATEMENT_S,
    BOOKS_WAIT_S,
)

T = TypeVar("T")

_RACE_STATES = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock timeout
_AWAY_STATES = ("08", "53", "57", "58")  # classes: connection, resources (disk full), operator, system
_AWAY_WORDS = ("unable to open", "disk i/o", "is full", "readonly", "malformed", "not a database")
_BUSY_WORDS = ("database is locked", "database table is locked", "busy")


class Database:
    """An engine and what is known of it. `sqlite` tells which of the two it is."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self._clock = clock
        self._pause = Event()
        # SQLite has one writer; waiting in a queue of our own is fair, its busy handler is not.
        self._writing: AbstractContextManager[Any] = Lock() if self.sqlite else nullcontext()

    def write(self, act: Callable[[Connection], T]) -> T:
        """`act` in one durable transaction; raises BooksUnreachable."""
        return self._insist(lambda: self._run_write(act))

    def read(self, act: Callable[[Connection], T]) -> T:
        """`act` on one unchanging view of the books; raises BooksUnreachable."""
        return self._insist(lambda: self._run_read(act))

    def close(self) -> None:
        """Ends all connections."""
        self.engine.dispose()

    def _run_write(self, act: Callable[[Connection], T]) -> T:
        with self._writing, self.engine.connect() as conn:
            if self.sqlite:
                conn = conn.execution_options(tokenworks_begin="BEGIN IMMEDIATE")
            with conn.begin():
                return act(conn)

    def _run_read(self, act: Callable[[Connection], T]) -> T:
        with self.engine.connect() as conn:
            if not self.sqlite:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with conn.begin():
                return act(conn)

    def _insist(self, run: Callable[[], T]) -> T:
        """Runs until it is through, BOOKS_WAIT_S have passed, or the database has gone away twice."""
        deadline_ns = self._clock.mono_ns() + BOOKS_WAIT_S * 1_000_000_000
        wait_ms, gone = 1, 0
        while True:
            try:
                return run()
            except PoolTimeout as error:
                raise BooksUnreachable("all connections are in use") from error
            except DBAPIError as error:
                first = _first_cause(error)
                kind = classify_failure(first)
                if kind == "bug":
                    raise
                gone += kind == "gone"
                if kind == "away" or gone > 1 or self._clock.mono_ns() > deadline_ns:
                    raise BooksUnreachable(_explain(first)) from error
            self._pause.wait(wait_ms / 1000)
            wait_ms = min(2 * wait_ms, BOOKS_RETRY_MS_MAX)


def classify_failure(error: DBAPIError) -> str:
    """race: try again; gone: the connection broke, a new one may work; away: no use now; bug: ours."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    words = str(error.orig).lower()
    if state in _RACE_STATES or any(word in words for word in _BUSY_WORDS):
        return "race"
    if error.connection_invalidated:
        return "gone"
    if state.startswith(_AWAY_STATES) or any(word in words for word in _AWAY_WORDS):
        return "away"
    name = type(error.orig).__name__
    return "away" if not state and name in ("OperationalError", "ConnectionTimeout") else "bug"


def open_engine(url: str) -> Engine:
    """An engine for sqlite:///file or postgresql://user@host/name; raises ConfigError for anything else,
    BooksUnreachable for a file that cannot be made."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return _open_postgres(parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError("database.url: write sqlite:///file or postgresql://user@host/name")
    try:
        Path(parsed.database).touch(mode=0o600)
    except OSError as error:
        raise BooksUnreachable(f"{parsed.database}: {error.strerror}") from error
    return _open_sqlite(url)


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BOOKS_WAIT_S}, pool_size=BOOKS_CONNECTIONS_MAX, max_overflow=0,
                           pool_timeout=BOOKS_WAIT_S)

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # the driver begins nothing: we do, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768", "temp_store=MEMORY"):
            raw.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(conn.get_execution_options().get("tokenworks_begin", "BEGIN"))

    return engine


def _open_postgres(url: str) -> Engine:
    """TCP gives up on a silent server before a caller would; a client that hangs with locks is cut by the server."""
    options = (f"-c statement_timeout={BOOKS_STATEMENT_S}s -c lock_timeout={BOOKS_WAIT_S}s "
               f"-c idle_in_transaction_session_timeout={BOOKS_STATEMENT_S}s -c timezone=UTC")
    arguments = {
        "connect_timeout": BOOKS_CONNECT_S, "options": options, "application_name": "tokenworks",
        "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
        "tcp_user_timeout": BOOKS_STATEMENT_S * 1000,
    }
    engine = create_engine(url, connect_args=arguments, pool_size=BOOKS_CONNECTIONS_MAX, max_overflow=0,
                           pool_timeout=BOOKS_WAIT_S)

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: object) -> None:
        """Durable commits even where the server's default is not; a stricter setting stays."""
        raw.execute("SELECT set_config('synchronous_commit', 'on', false) "
                    "WHERE current_setting('synchronous_commit') IN ('off', 'local')")
        raw.commit()

    return engine


def _first_cause(error: DBAPIError) -> DBAPIError:
    """What went wrong first: a database that ended the transaction by itself fails again when it is to undo a part."""
    first, cause = error, error.__context__
    while cause is not None:
        if isinstance(cause, DBAPIError):
            first = cause
        cause = cause.__context__
    return first


def _explain(error: DBAPIError) -> str:
    """The first line of what the database said, without statement and parameters."""
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
