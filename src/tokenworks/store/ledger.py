"""The double-entry books for readers, in SQL. Every balance is a fold of postings, exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_, union_all

from tokenworks.credit.rows import LeaseRow
from tokenworks.credit.stock import LIVE
from tokenworks.errors import Invalid, NotFound
from tokenworks.ledger.audit import Books, LeaseSums, RequestSums
from tokenworks.ledger.entries import Cause, Entry
from tokenworks.ledger.lots import Lot
from tokenworks.ledger.statement import Statement, StatementLine
from tokenworks.store import rows, schema
from tokenworks.store.database import Database
from tokenworks.store.exact import halves, pack_cursor, read_cursor, whole
from tokenworks.store.loading import OPEN
from tokenworks.store.shapes import (
    AccountRow,
    AuditRows,
    Balance,
    EntryQuery,
    Rows,
    StatementPage,
    StatementQuery,
)
from tokenworks.store.writers import least_watermark

_LAST = "\U0010ffff"  # sorts after every character of a name


class SqlLedger:
    """ports.Ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def balances(self, prefix: str = "", cursor: str = "", limit: int = 50) -> Rows[Balance]:
        """See ports.Ledger."""
        table = schema.postings
        query = _folded().where(table.c.account >= prefix, table.c.account < prefix + _LAST).limit(limit + 1)
        if cursor:
            query = query.where(tuple_(table.c.account, table.c.unit) > tuple_(*read_place(cursor)))
        found = self._database.read(lambda conn: conn.execute(query).all())
        data = [Balance(row[0], row[1], whole(row[3], row[4]), row[2]) for row in found[:limit]]
        return Rows(data, f"{data[-1].account}|{data[-1].unit}" if len(found) > limit else None)

    def entries(self, query: EntryQuery) -> Rows[Entry]:
        """See ports.Ledger."""
        return self._database.read(lambda conn: _entries(conn, query))

    def statement(self, query: StatementQuery, now_ns: int) -> StatementPage:
        """See ports.Ledger."""
        return self._database.read(lambda conn: _statement(conn, query, now_ns))

    def lots(self, account: str = "", cursor: str = "", limit: int = 50) -> Rows[Lot]:
        """See ports.Ledger."""
        query = select(schema.lots).where(schema.lots.c.id > cursor).order_by(schema.lots.c.id).limit(limit + 1)
        if account:
            query = query.where(schema.lots.c.account == account)
        found = self._database.read(lambda conn: rows.as_rows(conn.execute(query)))
        data = [rows.read_lot(row) for row in found[:limit]]
        return Rows(data, data[-1].id if len(found) > limit else None)

    def leases(self, account: str = "", writer: str = "", limit: int = 500) -> list[LeaseRow]:
        """See ports.Ledger."""
        table = schema.leases
        query = select(table).where(table.c.state.in_(LIVE)).order_by(table.c.id).limit(limit)
        if account:
            query = query.where(table.c.account == account)
        if writer:
            query = query.where(table.c.writer == writer)
        return [rows.read_lease(row) for row in self._database.read(lambda conn: rows.as_rows(conn.execute(query)))]

    def audit(self) -> AuditRows:
        """See ports.Ledger."""
        return self._database.read(_audit)


def read_place(cursor: str) -> tuple[str, str]:
    """Account and unit of a cursor over balances; raises Invalid."""
    account, bar, unit = cursor.rpartition("|")
    if not bar:
        raise Invalid("cursor", "give back next_cursor of the page before, unchanged")
    return account, unit


def _folded() -> Select[Any]:
    table = schema.postings
    return (select(table.c.account, table.c.unit, func.count(), *halves(table.c.amount))
            .group_by(table.c.account, table.c.unit).order_by(table.c.account, table.c.unit))


def _entries(conn: Connection, query: EntryQuery) -> Rows[Entry]:
    table = schema.entries
    statement = select(table).where(*_wanted(query)).order_by(table.c.booked_at_ns.desc(), table.c.id.desc())
    if query.cursor:
        statement = statement.where(tuple_(table.c.booked_at_ns, table.c.id) < tuple_(*read_cursor(query.cursor)))
    found = rows.as_rows(conn.execute(statement.limit(query.limit + 1)))
    data = _with_postings(conn, found[:query.limit])
    last = data[-1] if len(found) > query.limit else None
    return Rows(data, pack_cursor(last.booked_at_ns, last.id) if last else None)


def _wanted(query: EntryQuery) -> list[ColumnElement[bool]]:
    entries, postings, lots = schema.entries, schema.postings, schema.lots
    named = select(postings.c.entry)
    wanted: list[ColumnElement[bool]] = []
    if query.ids:
        wanted.append(entries.c.id.in_(query.ids))
    if query.account:
        wanted.append(entries.c.id.in_(named.where(postings.c.account == query.account)))
    if query.lot:
        wanted.append(entries.c.id.in_(named.where(postings.c.lot == query.lot)))
    if query.wallet:
        mine = named.where(postings.c.lot.in_(select(lots.c.id).where(lots.c.account == query.wallet)))
        wanted.append(or_(entries.c.owner == query.wallet, entries.c.id.in_(mine)))
    if query.cause:
        wanted.append(entries.c.cause == query.cause)
    if query.since_ns:
        wanted.append(entries.c.booked_at_ns >= query.since_ns)
    if query.until_ns:
        wanted.append(entries.c.booked_at_ns < query.until_ns)
    return wanted


def _with_postings(conn: Connection, found: Sequence[Sequence[Any]]) -> list[Entry]:
    table = schema.postings
    lines: dict[str, list[Sequence[Any]]] = {row[0]: [] for row in found}
    query = select(table).where(table.c.entry.in_(list(lines))).order_by(table.c.entry, table.c.line)
    for line in rows.as_rows(conn.execute(query)):
        lines[line[0]].append(line)
    return [rows.read_entry(row, lines[row[0]]) for row in found]


def _statement(conn: Connection, query: StatementQuery, now_ns: int) -> StatementPage:
    unit = _unit_of(conn, query)
    since_ns, until_ns = query.since_ns, query.until_ns or now_ns
    moves = _Moves(conn, query, unit)
    at = schema.entries.c.booked_at_ns
    opening = moves.total(at < since_ns)
    span = and_(at >= since_ns, at < until_ns)
    sums = moves.by_cause(span)
    lines, following = moves.lines(span, opening)
    statement = Statement(query.account, unit, since_ns, until_ns, opening, opening + sum(sums.values()), tuple(lines),
                          sums, now_ns, least_watermark(conn, now_ns))
    return StatementPage(statement, following)


def _unit_of(conn: Connection, query: StatementQuery) -> str:
    account = conn.execute(select(schema.accounts.c.row).where(schema.accounts.c.id == query.account)).scalar()
    if account is None:
        raise NotFound("account", query.account)
    if query.lot:
        lots = schema.lots
        found = conn.execute(select(lots.c.unit).where(lots.c.id == query.lot, lots.c.account == query.account))
        unit: str | None = found.scalar()
        if unit is None:
            raise NotFound("lot", query.lot)
        return unit
    return msgspec.json.decode(account, type=AccountRow).unit


class _Moves:
    """The postings on the lots of a statement, joined with their entries."""

    def __init__(self, conn: Connection, query: StatementQuery, unit: str) -> None:
        entries, postings, lots = schema.entries, schema.postings, schema.lots
        self._conn, self._query = conn, query
        self._joined = postings.join(entries, entries.c.id == postings.c.entry)
        mine = select(lots.c.id).where(lots.c.account == query.account)
        which = postings.c.lot == query.lot if query.lot else postings.c.lot.in_(mine)
        self._mine = and_(which, postings.c.unit == unit)
        self._place = tuple_(entries.c.booked_at_ns, entries.c.id, postings.c.line)

    def total(self, when: ColumnElement[bool]) -> int:
        """The exact sum."""
        query = select(*halves(schema.postings.c.amount)).select_from(self._joined).where(self._mine, when)
        return whole(*self._conn.execute(query).one())

    def by_cause(self, when: ColumnElement[bool]) -> dict[Cause, int]:
        """The exact sum per cause, in the order in which the causes first come."""
        cause, at = schema.entries.c.cause, schema.entries.c.booked_at_ns
        query = select(cause, *halves(schema.postings.c.amount)).select_from(self._joined).where(self._mine, when)
        found = self._conn.execute(query.group_by(cause).order_by(func.min(at), cause)).all()
        return {cast("Cause", row[0]): whole(row[1], row[2]) for row in found}

    def lines(self, span: ColumnElement[bool], opening: int) -> tuple[list[StatementLine], str | None]:
        """One page, with the balance after each line."""
        entries, postings, limit = schema.entries, schema.postings, self._query.limit
        place: ColumnElement[bool] = span
        if self._query.cursor:
            done = tuple_(*_read_line(self._query.cursor))
            opening += self.total(and_(span, self._place <= done))
            place = and_(span, self._place > done)
        query = (select(entries.c.id, entries.c.booked_at_ns, entries.c.occurred_at_ns, entries.c.cause, entries.c.ref,
                        postings.c.lot, postings.c.amount, postings.c.line)
                 .select_from(self._joined).where(self._mine, place)
                 .order_by(entries.c.booked_at_ns, entries.c.id, postings.c.line).limit(limit + 1))
        found = rows.as_rows(self._conn.execute(query))
        lines: list[StatementLine] = []
        for row in found[:limit]:
            opening += row[6]
            ident, booked_at_ns, occurred_at_ns, cause, ref, lot, amount = row[:7]
            lines.append(StatementLine(ident, booked_at_ns, occurred_at_ns, cause, ref, lot, amount, opening))
        last = found[limit - 1] if len(found) > limit else None
        return lines, pack_cursor(last[1], last[0], last[7]) if last else None


def _read_line(cursor: str) -> tuple[int, str, int]:
    at_ns, rest = read_cursor(cursor)
    entry, dot, line = rest.rpartition(".")
    if not dot or not line.isdigit():
        raise Invalid("cursor", "give back next_cursor of the page before, unchanged")
    return at_ns, entry, int(line)


def _audit(conn: Connection) -> AuditRows:
    requests = schema.requests
    open_now = conn.execute(select(requests.c.unit, func.count(), *halves(requests.c.held))
                            .where(requests.c.state.in_(OPEN), requests.c.closed_at_ns == 0)
                            .group_by(requests.c.unit)).all()
    suspended = conn.execute(select(func.count()).where(schema.suspense.c.resolved_at_ns == 0)).scalar_one()
    return AuditRows(_books(conn), sum(row[1] for row in open_now),
                     {row[0]: whole(row[2], row[3]) for row in open_now}, suspended)


def _books(conn: Connection) -> Books:
    lots = [rows.read_lot(row) for row in rows.as_rows(conn.execute(select(schema.lots).order_by(schema.lots.c.id)))]
    balances = {(row[0], row[1]): whole(row[3], row[4]) for row in conn.execute(_folded())}
    charges = schema.charges
    shares = conn.execute(select(charges.c.lot, *halves(charges.c.amount)).where(charges.c.kind == "charged")
                          .group_by(charges.c.lot))
    odd = _odd_entries(conn)
    return Books(
        lots, _lease_sums(conn), _request_sums(conn), balances, {row[0]: whole(row[1], row[2]) for row in shares},
        odd, _shares_of(conn, [entry.id for entry in odd]))


def _lease_sums(conn: Connection) -> dict[str, LeaseSums]:
    leases = schema.leases
    left = leases.c.granted - leases.c.posted - leases.c.returned
    query = select(leases.c.lot, leases.c.state, *halves(left)).where(leases.c.state.in_(LIVE))
    sums: dict[str, dict[str, int]] = {}
    for lot, state, upper, lower in conn.execute(query.group_by(leases.c.lot, leases.c.state)):
        sums.setdefault(lot, {})[state] = whole(upper, lower)
    return {lot: LeaseSums(lot, by.get("valid", 0), by.get("in_doubt", 0)) for lot, by in sums.items()}


def _request_sums(conn: Connection) -> list[RequestSums]:
    requests = schema.requests
    sums = [half for name in schema.SUMS[:4] for half in halves(requests.c[name])]
    query = (select(requests.c.account, requests.c.unit, *sums)
             .where(requests.c.closed_at_ns > 0, requests.c.state != "refused")
             .group_by(requests.c.account, requests.c.unit).order_by(requests.c.account, requests.c.unit))
    return [RequestSums(row[0], row[1], *(whole(row[place], row[place + 1]) for place in range(2, 10, 2)))
            for row in rows.as_rows(conn.execute(query))]


def _odd_entries(conn: Connection) -> list[Entry]:
    """Entries that do not sum to zero, or whose revenue is not what requests paid by them."""
    postings, charges = schema.postings, schema.charges
    uneven = (select(postings.c.entry).group_by(postings.c.entry, postings.c.unit)
              .having(func.sum(postings.c.amount) != 0))
    both = union_all(
        select(postings.c.entry, postings.c.amount).where(postings.c.account.like("revenue:%")),
        select(charges.c.entry, (-charges.c.amount).label("amount"))).subquery()
    uncovered = select(both.c.entry).group_by(both.c.entry).having(func.sum(both.c.amount) != 0)
    ids: Iterable[str] = {*conn.execute(uneven).scalars(), *conn.execute(uncovered).scalars()}
    table = schema.entries
    found = conn.execute(select(table).where(table.c.id.in_(sorted(ids))).order_by(table.c.id))
    return _with_postings(conn, rows.as_rows(found))


def _shares_of(conn: Connection, entries: Sequence[str]) -> dict[str, int]:
    charges = schema.charges
    query = (select(charges.c.entry, *halves(charges.c.amount)).where(charges.c.entry.in_(list(entries)))
             .group_by(charges.c.entry))
    return {row[0]: whole(row[1], row[2]) for row in conn.execute(query)}
