"""Rows of the tables from and to the shapes of the money core, and the statements that write many of them at once.

The tables that grow with every request are written by driver-level statements with plain tuples: ten times less work
than the general way, and the general way's flexibility is of no use here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.records import Attempt, HoldStep, Part
from tokenworks.credit.rows import AttemptRow, ChargeRow, LeaseRow, ObjectRow, RequestRow, SuspenseRow
from tokenworks.errors import Invalid
from tokenworks.ledger.accounts import lot_of
from tokenworks.ledger.entries import Entry, Posting
from tokenworks.ledger.lots import Lot
from tokenworks.store.shapes import Suspended
from tokenworks.usage.vector import Usage

Values = tuple[Any, ...]


class Detail(msgspec.Struct, array_like=True):
    """What of a request nobody filters by or adds up."""

    why: dict[str, str | int] = {}
    hold: tuple[HoldStep, ...] = ()
    notes: tuple[str, ...] = ()
    cut_loss: Usage = Usage()


_encode = msgspec.json.Encoder().encode
_detail = msgspec.json.Decoder(Detail).decode
_parts = msgspec.json.Decoder(tuple[Part, ...]).decode
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_extras = msgspec.json.Decoder(dict[str, int]).decode
_attempt = msgspec.json.Decoder(Attempt).decode
_grant = msgspec.json.Decoder(LeaseGrant).decode


def insert_for(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT; both databases say it in the same words."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def write_rows(conn: Connection, table: Table, rows: Sequence[Values], replace: bool = False) -> None:
    """Inserts rows, each a tuple in the order of the table's columns; `replace`: or puts them in place of old ones."""
    if rows:
        conn.exec_driver_sql(_statement(conn, table, replace), list(rows))


def add_new(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Inserts the rows whose key is not there yet."""
    if rows:
        conn.exec_driver_sql(_statement(conn, table, False) + " ON CONFLICT DO NOTHING", list(rows))


def _statement(conn: Connection, table: Table, replace: bool) -> str:
    quote = conn.dialect.identifier_preparer.quote
    names = [quote(column.name) for column in table.columns]
    mark = "?" if conn.dialect.paramstyle == "qmark" else "%s"
    text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    if replace:
        key = [quote(column.name) for column in table.primary_key]
        sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
        text += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets}"
    return text


def _json(value: object) -> str:
    return _encode(value).decode()


def _clean(values: Values) -> Values:
    """PostgreSQL's text holds no NUL; what a client or upstream wrote may."""
    return tuple(value.replace("\0", "�") if type(value) is str and "\0" in value else value for value in values)


def pack_lot(lot: Lot) -> Values:
    """A row of `lots`: fields in the order of the shape are columns in the order of the table."""
    return msgspec.structs.astuple(lot)


def read_lot(row: Sequence[Any]) -> Lot:
    """Columns in the order of the table are fields in the order of the shape."""
    return Lot(*row)


def pack_lease(lease: LeaseRow, ask: int = 0, grant: LeaseGrant | None = None) -> Values:
    """A row of `leases`; `grant` is what its newest ask got."""
    return (lease.id, lease.lot, lease.account, lease.writer, lease.state, lease.epoch, lease.granted_minor,
            lease.posted_minor, lease.returned_minor, lease.created_at_ns, ask, "" if grant is None else _json(grant))


def read_lease(row: Sequence[Any]) -> LeaseRow:
    """A lease without its newest ask."""
    ident, lot, account, writer, state, epoch, granted, posted, returned, created_at_ns = row[:10]
    return LeaseRow(ident, lot, account, writer, epoch, state, granted, posted, returned, created_at_ns)


def pack_grant(grant: LeaseGrant) -> str:
    """A grant as it is kept with its lease."""
    return _json(grant)


def read_grant(text: str) -> LeaseGrant:
    """A grant as it was kept with its lease."""
    return _grant(text)


def pack_request(row: RequestRow) -> Values:
    """A row of `requests`."""
    usage = row.usage
    return _clean((
        row.id, row.account, row.key, row.writer, row.state, row.opened_at_ns, row.dialect, row.model, row.deployment,
        row.unit, row.card, row.stream, row.held_minor, row.crash, row.progressed_at_ns,
        usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output, usage.reasoning,
        _json(usage.extras) if usage.extras else "", row.basis,
        row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor, row.list_minor,
        row.shifted_minor, row.closed_at_ns, row.amended_at_ns, row.booked_at_ns, row.outcome, row.reason,
        row.ttft_ms, row.duration_ms, row.status, _json(row.parts), _json(row.entries),
        _json(Detail(row.why, row.hold, row.notes, row.cut_loss)), row.raw,
    ))


def read_request(row: Sequence[Any]) -> RequestRow:
    """A request from all columns of its row; from a row without the last two, one without detail."""
    (ident, account, key, writer, state, opened_at_ns, dialect, model, deployment, unit, card, stream, held, crash,
     progressed_at_ns, fresh, read, write_5m, write_1h, output, reasoning, extras, basis, rated, charged, waived,
     overrun, listed, shifted, closed_at_ns, amended_at_ns, booked_at_ns, outcome, reason, ttft_ms, duration_ms, status,
     parts, entries, *rest) = row
    detail = _detail(rest[0]) if rest else Detail()
    return RequestRow(
        ident, account, key, writer, state, opened_at_ns, dialect, model, deployment, unit, card, stream, held, crash,
        detail.why, progressed_at_ns, read_usage((fresh, read, write_5m, write_1h, output, reasoning), extras), basis,
        rated, charged, waived, overrun, shifted, listed, _parts(parts), closed_at_ns, amended_at_ns, booked_at_ns,
        outcome, reason, detail.hold, bytes(rest[1] or b"") if rest else b"", detail.notes, detail.cut_loss,
        ttft_ms, duration_ms, status, _names(entries))


def read_usage(counts: Sequence[int], extras: str) -> Usage:
    """Usage from its columns."""
    return add_extras(counts, read_extras(extras))


def add_extras(counts: Sequence[int], extras: dict[str, int]) -> Usage:
    """Usage from its six counts and the extra ones."""
    fresh, read, write_5m, write_1h, output, reasoning = counts
    return Usage(fresh, read, write_5m, write_1h, output, reasoning, extras)


def read_extras(text: str) -> dict[str, int]:
    """Extra counts from their column."""
    return _extras(text) if text else {}


def pack_charge(row: ChargeRow) -> Values:
    """A row of `charges`."""
    return (row.request, row.number, row.kind, row.account, row.unit, row.amount_minor, row.entry, row.segment,
            row.lot, row.lease)


def read_charge(row: Sequence[Any]) -> ChargeRow:
    """Columns in the order of the table are fields in the order of the shape."""
    return ChargeRow(*row)


def pack_attempt(row: AttemptRow) -> Values:
    """A row of `attempts`."""
    return _clean((row.request, row.attempt.number, row.attempt.deployment, row.entry, _json(row.attempt)))


def read_attempt(row: Sequence[Any]) -> AttemptRow:
    """An attempt and its entry."""
    return AttemptRow(row[0], _attempt(row[4]), row[3])


def pack_entry(entry: Entry) -> Values:
    """A row of `entries`."""
    return (entry.id, entry.cause, entry.ref, entry.owner, entry.occurred_at_ns, entry.booked_at_ns, entry.period,
            entry.reverses)


def pack_postings(entry: Entry) -> list[Values]:
    """The rows of `postings` of one entry."""
    return [(entry.id, line, one.account, one.unit, one.amount_minor, lot_of(one.account))
            for line, one in enumerate(entry.postings)]


def read_entry(row: Sequence[Any], postings: Iterable[Sequence[Any]]) -> Entry:
    """An entry from its row and the rows of its postings, in the order of their lines."""
    ident, cause, ref, owner, occurred_at_ns, booked_at_ns, period, reverses = row
    lines = tuple(Posting(account, unit, amount) for _, _, account, unit, amount, _ in postings)
    return Entry(ident, cause, ref, owner, occurred_at_ns, booked_at_ns, period, lines, reverses)


def pack_suspense(row: SuspenseRow) -> Values:
    """A row of `suspense`, not resolved."""
    return _clean((suspense_id(row), row.writer, row.segment, row.position, row.kind, row.why, row.payload, row.at_ns,
                   0, ""))


def read_suspense(row: Sequence[Any]) -> Suspended:
    """What is suspended, and what was done about it."""
    ident, writer, segment, position, kind, why, payload, at_ns, resolved_at_ns, resolution = row
    record = SuspenseRow(writer, segment, position, kind, why, bytes(payload), at_ns)
    return Suspended(ident, record, resolved_at_ns, resolution)


def suspense_id(row: SuspenseRow) -> str:
    """Where in which journal it stands: one place is suspended once."""
    return f"{row.segment}:{row.position:010d}"


def pack_object(row: ObjectRow, now_ns: int) -> Values:
    """A row of `objects`."""
    return _clean((row.object, row.account, row.deployment, row.request, now_ns))


def as_rows(found: Iterable[Any]) -> list[Sequence[Any]]:
    """Database rows as the plain sequences that they are."""
    return cast("list[Sequence[Any]]", list(found))


def read_number(cursor: str) -> int:
    """A cursor that is a number; raises Invalid."""
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("cursor", "give back next_cursor of the page before, unchanged")
    return int(cursor)
