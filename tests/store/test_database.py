"""What can go wrong with a database: too new, two who migrate, races, full, gone; and a crash at every statement."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, text
from tests.store import crowd, postgres
from tests.store.samples import CENT, NOW, SEGMENT, WRITER, ask_for, faults_of, found_world, opened, sold

from tokenworks.clock import SystemClock
from tokenworks.errors import BooksUnreachable, ConfigError, Stale, StoreTooNew
from tokenworks.store import database, schema
from tokenworks.store.database import Database, open_engine
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Batch

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def bare(database_url: str) -> Iterator[Database]:
    """The database under a store, for what a store does not do."""
    opened = Database(open_engine(database_url), SystemClock())
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    with postgres.fresh_database(request.getfixturevalue("server")) as url:
        yield url


def database_of(store: Store) -> Database:
    found = vars(store.books)["_database"]
    assert isinstance(found, Database)
    return found


# --- migration ---


def test_migrated_tables(bare: Database) -> None:
    """The migrations build what the schema says."""
    with bare.engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), schema.metadata) == []


def test_migrating_together(empty_url: str) -> None:
    """Two processes open a new database at once: one builds it, both work, and it has one pepper."""
    crowded = [SPAWN.Process(target=crowd.migrate, args=(empty_url,)) for _ in range(2)]
    for process in crowded:
        process.start()
    for process in crowded:
        process.join(60)
        assert process.exitcode == 0
    store = open_store(empty_url)
    assert len(store.meta.facts().pepper) == 32
    store.close()


def test_too_new(database_url: str, bare: Database) -> None:
    bare.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = 'future'")))
    with pytest.raises(StoreTooNew, match="future"):
        open_store(database_url)
    bare.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '0004'")))
    open_store(database_url).close()


def test_other_urls() -> None:
    for url in ("mysql://host/books", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ConfigError):
            open_store(url)


def test_private_file(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'books.db'}").close()
    assert (tmp_path / "books.db").stat().st_mode & 0o077 == 0


# --- crashes ---


class Crash(BaseException):
    """The process dies here: nothing catches it."""


def test_crash_anywhere(database_url: str) -> None:
    """Posting dies before its first statement, before its second, ... and before its commit: nothing of it stays."""
    store = open_store(database_url)
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(50 * CENT), NOW).grants[0]
    records = [*sold("req_1", grant), opened("req_2")]
    batch = Batch(WRITER, SEGMENT, 0, 3, list(enumerate(records, 1)), NOW)
    engine, left = database_of(store).engine, 0

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Crash

    for hook in ("before_cursor_execute", "commit"):
        event.listen(engine, hook, count)
    before = store.ledger.lots().data
    for crash_at in range(1, 100):
        left = crash_at
        try:
            store.books.post(batch)
            break
        except Crash:
            left = -1
            assert store.ledger.lots().data == before
            assert store.writers.roster()[0].position == 0
            assert faults_of(store) == []
    assert crash_at > 10
    left = -1
    assert store.writers.roster()[0].position == 3
    assert faults_of(store) == []
    store.close()


# --- failures ---


def fail_once(state: str) -> list[str]:
    """For PostgreSQL: an act's statement that fails with this SQLSTATE the first time."""
    return [f"DO $$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '{state}'; END $$"]


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_races_are_repeated(server: str, postgres_template: str, state: str) -> None:
    with postgres.fresh_database(server, postgres_template) as url:
        bare = Database(open_engine(url), SystemClock())
        planned = fail_once(state)

        def act(conn: Connection) -> int:
            if planned:
                conn.execute(text(planned.pop()))
            return 7

        assert bare.write(act) == 7
        bare.close()


@pytest.mark.parametrize("state", ["53100", "53200", "57P03", "58030"])
def test_full_server(server: str, postgres_template: str, state: str) -> None:
    with postgres.fresh_database(server, postgres_template) as url:
        bare = Database(open_engine(url), SystemClock())
        with pytest.raises(BooksUnreachable, match="planned"):
            bare.write(lambda conn: conn.execute(text(fail_once(state)[0])))
        bare.close()


def test_full_disk(tmp_path: Path) -> None:
    """SQLite says that it is full; with room again the same call goes through."""
    url = f"sqlite:///{tmp_path / 'books.db'}"
    open_store(url).close()
    store = open_store(url)
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(90 * CENT), NOW).grants[0]
    records = [record for number in range(300) for record in sold(f"req_{number}", grant, CENT // 10)]
    batch = Batch(WRITER, SEGMENT, 0, 600, list(enumerate(records, 1)), NOW)
    engine, pages = database_of(store).engine, 10

    @event.listens_for(engine, "checkout")
    def _squeeze(raw: sqlite3.Connection, *_: object) -> None:
        raw.execute(f"PRAGMA max_page_count={pages}").close()

    with pytest.raises(BooksUnreachable, match="full"):
        store.books.post(batch)
    assert faults_of(store) == []
    pages = 1_000_000
    assert store.books.post(batch).requests == 300
    assert faults_of(store) == []
    store.close()


def test_busy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes: we wait for it, but not for ever."""
    monkeypatch.setattr(database, "BOOKS_WAIT_S", 0.3)
    store = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    other = sqlite3.connect(tmp_path / "books.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BooksUnreachable, match="locked"):
        found_world(store)
    assert store.ledger.lots().data == [], "reading goes on"
    Timer(0.1, lambda: other.execute("COMMIT")).start()
    found_world(store)
    assert len(store.ledger.lots().data) == 1
    other.close()
    store.close()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BooksUnreachable, match="No such file"):
        open_store(f"sqlite:///{tmp_path / 'missing' / 'books.db'}")


def test_nobody_there() -> None:
    with pytest.raises(BooksUnreachable):
        open_store("postgresql://root@127.0.0.1:1/none")


def test_cut_connection(server: str, postgres_template: str) -> None:
    """The server cuts us off in the middle of a transaction: it is run again on another connection."""
    with postgres.fresh_database(server, postgres_template) as url:
        store = open_store(url)
        found_world(store)
        cuts = [1]

        @event.listens_for(database_of(store).engine, "before_cursor_execute")
        def _cut(conn: Connection, _cursor: object, statement: str, *_: object) -> None:
            if cuts and statement.startswith("UPDATE lots"):
                cuts.clear()
                pid = conn.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
                with psycopg.connect(url, autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

        grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
        assert not cuts
        assert sum(lease.granted_minor for lease in store.ledger.leases()) == grant.amount_minor
        assert faults_of(store) == []
        store.close()


def test_server_restarts() -> None:
    """While the server is away every call says so; when it is back, the same store goes on, and its bell too."""
    if postgres._find_binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.own_server() as url:
        assert isinstance(url, postgres.Server)
        store = open_store(f"{url}/postgres")
        found_world(store)
        heard: list[str] = []
        store.bell.listen(lambda topic, payload: heard.append(topic))
        url.stop()
        with pytest.raises(BooksUnreachable):
            store.books.lend(WRITER, ask_for(CENT), NOW)
        with pytest.raises(BooksUnreachable):
            store.policy.version()
        url.start()
        grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
        batch = Batch(WRITER, SEGMENT, 0, 2, list(enumerate(sold("req_1", grant), 1)), NOW)
        store.books.post(batch)
        with pytest.raises(Stale):
            store.books.post(batch)
        assert faults_of(store) == []
        deadline = SystemClock().mono_ns() + 10**10
        while "lost" not in heard[1:] and SystemClock().mono_ns() < deadline:
            Timer(0.05, lambda: None).run()
        assert heard[:2] == ["lost", "lost"], "once when it was cut, once when it heard again"
        store.close()


# --- exact sums ---


def test_sums_beyond_64_bits(database_url: str, bare: Database) -> None:
    """Balances fold exactly what a 64-bit sum, or a float, could not."""
    greatest = 2**63 - 1
    amounts = [greatest, greatest, -(2**63), greatest - 5, -1, 0, -(2**63), -(2**63)]

    def fill(conn: Connection) -> None:
        for line, amount in enumerate(amounts):
            conn.execute(schema.postings.insert().values(
                entry="ent", line=line, account="revenue:x", unit="CNY", amount=amount, lot=""))
            conn.execute(schema.postings.insert().values(
                entry="two", line=line, account="revenue:y", unit="CNY", amount=greatest - line, lot=""))

    bare.write(fill)
    store = open_store(database_url)
    assert [(row.account, row.balance_minor) for row in store.ledger.balances().data] == [
        ("revenue:x", sum(amounts)), ("revenue:y", sum(greatest - line for line in range(len(amounts))))]
    store.close()
