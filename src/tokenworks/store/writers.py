"""The journals that feed the books, and what could not be posted, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, case, func, select, update

from tokenworks.credit import ending
from tokenworks.credit.rows import EndView
from tokenworks.errors import Conflict, NotFound
from tokenworks.store import loading, rows, schema
from tokenworks.store.database import Database
from tokenworks.store.scribe import Scribe
from tokenworks.store.shapes import Rows, Suspended, WriterRow

# state -> event -> next state. An ended journal has nothing left to lose.
WRITER: dict[str, dict[str, str]] = {
    "live": {"find": "live", "lose": "lost", "forget": "forgotten"},
    "lost": {"find": "live", "lose": "lost", "forget": "forgotten"},
    "ended": {},
    "forgotten": {"forget": "forgotten"},
}
ACTIVE = ("live", "lost")


def next_state(writer: str, state: str, event: str) -> str:
    """The writer's state after `event`; raises Conflict."""
    try:
        return WRITER[state][event]
    except KeyError:
        raise Conflict(f"The gateway {writer!r} is {state}: there is nothing to {event}.") from None


def host_of(writer: str) -> str:
    """The host in host/worker/epoch."""
    return writer.partition("/")[0]


def greet_writer(conn: Connection, writer: str, now_ns: int) -> None:
    """Makes the writer known, unless it is."""
    conn.execute(rows.insert_for(conn, schema.writers).values(
        id=writer, host=host_of(writer), state="live", position=0, started_at_ns=now_ns, seen_at_ns=now_ns,
        watermark_ns=now_ns, lag_bytes=0).on_conflict_do_nothing())


def find_writer(conn: Connection, writer: str) -> Row[Any] | None:
    """The writer's row, not locked."""
    return conn.execute(select(schema.writers).where(schema.writers.c.id == writer)).first()


def lock_writer(conn: Connection, writer: str, share: bool = False) -> Row[Any]:
    """The writer's row, so that its state stays (`share`: its position may move); raises NotFound."""
    query = select(schema.writers).where(schema.writers.c.id == writer)
    row = conn.execute(query.with_for_update(read=share, key_share=share)).first()
    if row is None:
        raise NotFound("gateway", writer)
    return row


def writer_of(row: Sequence[Any]) -> WriterRow:
    """Columns in the order of the table are fields in the order of the shape."""
    return WriterRow(*row)


class SqlWriters:
    """ports.Writers."""

    def __init__(self, database: Database, scribe: Scribe) -> None:
        self._database, self._scribe = database, scribe

    def greet(self, writer: str, now_ns: int) -> WriterRow:
        """See ports.Writers."""
        return self._database.write(lambda conn: _greet(conn, writer, now_ns))

    def roster(self, host: str = "", active: bool = False) -> list[WriterRow]:
        """See ports.Writers."""
        query = select(schema.writers).order_by(schema.writers.c.id)
        if host:
            query = query.where(schema.writers.c.host == host)
        if active:
            query = query.where(schema.writers.c.state.in_(ACTIVE))
        return [writer_of(row) for row in self._database.read(lambda conn: rows.as_rows(conn.execute(query)))]

    def beat(self, writer: str, now_ns: int, watermark_ns: int, lag_bytes: int) -> None:
        """See ports.Writers."""
        table = schema.writers
        later = case((table.c.watermark_ns < watermark_ns, watermark_ns), else_=table.c.watermark_ns)
        query = update(table).where(table.c.id == writer).values(
            seen_at_ns=now_ns, watermark_ns=later, lag_bytes=lag_bytes)
        self._database.write(lambda conn: conn.execute(query))

    def mark(self, writer: str, event: str, now_ns: int) -> WriterRow:
        """See ports.Writers."""
        return self._database.write(lambda conn: _mark(conn, (writer, event), now_ns, self._scribe))

    def complete(self, now_ns: int) -> int:
        """See ports.Writers."""
        return self._database.read(lambda conn: least_watermark(conn, now_ns))


def least_watermark(conn: Connection, now_ns: int) -> int:
    """Nothing that ended before it is still to come."""
    table = schema.writers
    least = conn.execute(select(func.min(table.c.watermark_ns)).where(table.c.state.in_(ACTIVE))).scalar()
    return now_ns if least is None else int(least)


def _greet(conn: Connection, writer: str, now_ns: int) -> WriterRow:
    greet_writer(conn, writer, now_ns)
    return writer_of(lock_writer(conn, writer))


def _mark(conn: Connection, what: tuple[str, str], now_ns: int, scribe: Scribe) -> WriterRow:
    writer, event = what
    known = lock_writer(conn, writer)
    state = next_state(writer, known.state, event)
    leases, lots = loading.lock_held(conn, writer)
    if event == "find":
        loading.move_leases(conn, ending.find_writer(leases.values()))
    else:
        loading.move_leases(conn, ending.lose_writer(leases.values()))
    if event == "forget":
        leases, lots = loading.lock_held(conn, writer)
        view = EndView(writer, "0", now_ns, loading.read_epoch(conn), {}, leases, lots)
        loading.write_plan(conn, ending.forget_writer(view), now_ns)
    conn.execute(update(schema.writers).where(schema.writers.c.id == writer).values(state=state))
    scribe.tell(conn, ("gateway", writer), {"state": known.state}, {"state": state})
    return writer_of(lock_writer(conn, writer))


class SqlSuspense:
    """ports.Suspense."""

    def __init__(self, database: Database, scribe: Scribe) -> None:
        self._database, self._scribe = database, scribe

    def page(self, unresolved: bool = True, cursor: str = "", limit: int = 50) -> Rows[Suspended]:
        """See ports.Suspense."""
        table = schema.suspense
        query = select(table).where(table.c.id > cursor).order_by(table.c.id).limit(limit + 1)
        if unresolved:
            query = query.where(table.c.resolved_at_ns == 0)
        found = self._database.read(lambda conn: rows.as_rows(conn.execute(query)))
        following = found[limit - 1][0] if len(found) > limit else None
        return Rows([rows.read_suspense(row) for row in found[:limit]], following)

    def resolve(self, ident: str, resolution: str, now_ns: int) -> Suspended:
        """See ports.Suspense."""
        return self._database.write(lambda conn: _resolve(conn, ident, (resolution, now_ns), self._scribe))


def _resolve(conn: Connection, ident: str, done: tuple[str, int], scribe: Scribe) -> Suspended:
    table = schema.suspense
    before = conn.execute(select(table.c.resolution).where(table.c.id == ident)).scalar()
    conn.execute(update(table).where(table.c.id == ident).values(resolution=done[0], resolved_at_ns=done[1]))
    row = conn.execute(select(table).where(table.c.id == ident)).first()
    if row is None:
        raise NotFound("suspense", ident)
    scribe.tell(conn, ("suspense", ident), {"resolution": before}, {"resolution": done[0]})
    return rows.read_suspense(row)
