"""The audit trail in SQL. A change and its note are one transaction; notes are only added, triggers see to that."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from tokenworks.errors import NotFound
from tokenworks.store import schema
from tokenworks.store.database import Database
from tokenworks.store.rows import read_number
from tokenworks.store.shapes import Rows
from tokenworks.store.trail import Actor, AuditNote, Sealed, TrailQuery, make_note, seal_note, tell_changes


class Scribe:
    """Notes what its actor does; without one nothing is noted: the gateways' own work stands in journals and books."""

    def __init__(self, actor: Actor | None = None) -> None:
        self._actor = actor

    def tell(self, conn: Connection, what: tuple[str, str], before: object, after: object) -> None:
        """A change of one thing, (noun, id), within its transaction; nothing when nothing differs."""
        if self._actor is not None and (changes := tell_changes(before, after)) != "{}":
            write_note(conn, make_note(self._actor, *what, changes))


def write_note(conn: Connection, note: AuditNote) -> Sealed:
    """Adds a note. The head of the chain is locked last of all, so that nobody waits for another lock behind it."""
    head = conn.execute(select(schema.trail.c.number, schema.trail.c.digest).with_for_update()).one()
    sealed = seal_note(head.number + 1, note, bytes(head.digest or b""))
    conn.execute(schema.notes.insert().values(
        id=sealed.number, at_ns=note.at_ns, actor=note.actor, action=note.action, noun=note.noun, noun_id=note.id,
        detail=note.detail, login=note.login, origin=note.origin, request=note.request, outcome=note.outcome,
        reason=note.reason, changes=note.changes, digest=sealed.digest))
    conn.execute(update(schema.trail).values(number=sealed.number, digest=sealed.digest))
    return sealed


class SqlTrail:
    """ports.Trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, note: AuditNote) -> Sealed:
        """See ports.Trail."""
        return self._database.write(lambda conn: write_note(conn, note))

    def get(self, number: int) -> Sealed:
        """See ports.Trail."""
        query = select(schema.notes).where(schema.notes.c.id == number)
        row = self._database.read(lambda conn: conn.execute(query).first())
        if row is None:
            raise NotFound("audit", str(number))
        return _read(row)

    def page(self, query: TrailQuery) -> Rows[Sealed]:
        """See ports.Trail."""
        found = self._database.read(lambda conn: conn.execute(_select(query)).all())
        return Rows([_read(row) for row in found[:query.limit]],
                    str(found[query.limit - 1].id) if len(found) > query.limit else None)

    def head(self) -> tuple[int, bytes]:
        """See ports.Trail."""
        row = self._database.read(lambda conn: conn.execute(select(schema.trail)).one())
        return row.number, bytes(row.digest or b"")


def _select(query: TrailQuery) -> Select[Any]:
    table = schema.notes
    asked = {"actor": query.actor, "action": query.action, "noun": query.noun, "noun_id": query.id,
             "outcome": query.outcome, "request": query.request}
    found = select(table).order_by(table.c.id.desc()).limit(query.limit + 1)
    found = found.where(*(table.c[name] == wanted for name, wanted in asked.items() if wanted))
    if query.since_ns:
        found = found.where(table.c.at_ns >= query.since_ns)
    if query.until_ns:
        found = found.where(table.c.at_ns < query.until_ns)
    return found.where(table.c.id < read_number(query.cursor)) if query.cursor else found


def _read(row: Row[Any]) -> Sealed:
    note = AuditNote(row.at_ns, row.actor, row.action, row.noun, row.noun_id, row.detail, row.login, row.origin,
                     row.request, row.outcome, row.reason, row.changes)
    return Sealed(row.id, note, bytes(row.digest or b""))
