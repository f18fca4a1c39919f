"""What was asked and what it cost, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, tuple_

from tokenworks.credit.rows import RequestRow
from tokenworks.errors import Invalid, NotFound
from tokenworks.store import rows, schema
from tokenworks.store.database import Database
from tokenworks.store.exact import halves, pack_cursor, read_cursor, whole
from tokenworks.store.shapes import GROUPS, RequestQuery, RequestRecord, Rows, UsageQuery, UsageSum

_DAY_NS = 86_400 * 10**9
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class SqlRequests:
    """ports.Requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, ident: str) -> RequestRecord:
        """See ports.Requests."""
        return self._database.read(lambda conn: _get(conn, ident))

    def page(self, query: RequestQuery) -> Rows[RequestRow]:
        """See ports.Requests."""
        statement = _page_statement(query)
        found = self._database.read(lambda conn: rows.as_rows(conn.execute(statement)))
        data = [rows.read_request(row) for row in found[:query.limit]]
        last = data[-1] if len(found) > query.limit else None
        return Rows(data, pack_cursor(last.opened_at_ns, last.id) if last else None)

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        """See ports.Requests."""
        statement = _usage_statement(query)
        found = self._database.read(lambda conn: rows.as_rows(conn.execute(statement)))
        return fold_usage(query.by, [_read_sums(row, len(query.by)) for row in found])

    def owners(self, objects: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """See ports.Requests."""
        table = schema.objects
        query = select(table.c.id, table.c.account, table.c.deployment).where(table.c.id.in_(list(objects)))
        found = {row[0]: (row[1], row[2]) for row in self._database.read(lambda conn: conn.execute(query).all())}
        return tuple(found.get(name, ("", "")) for name in objects)


def _get(conn: Connection, ident: str) -> RequestRecord:
    row = conn.execute(select(schema.requests).where(schema.requests.c.id == ident)).first()
    if row is None:
        raise NotFound("request", ident)
    tried = conn.execute(select(schema.attempts).where(schema.attempts.c.request == ident)
                         .order_by(schema.attempts.c.number))
    shares = conn.execute(select(schema.charges).where(schema.charges.c.request == ident)
                          .order_by(schema.charges.c.number))
    return RequestRecord(rows.read_request(row), tuple(map(rows.read_attempt, rows.as_rows(tried))),
                         tuple(map(rows.read_charge, rows.as_rows(shares))))


def _page_statement(query: RequestQuery) -> Select[Any]:
    table = schema.requests
    light = list(table.columns)[:-2]  # without detail and raw
    statement = select(*light).order_by(table.c.opened_at_ns.desc(), table.c.id.desc()).limit(query.limit + 1)
    for name in ("account", "key", "model", "outcome"):
        if value := getattr(query, name):
            statement = statement.where(table.c[name] == value)
    if query.since_ns:
        statement = statement.where(table.c.opened_at_ns >= query.since_ns)
    if query.until_ns:
        statement = statement.where(table.c.opened_at_ns < query.until_ns)
    if query.cursor:
        place = tuple_(table.c.opened_at_ns, table.c.id)
        statement = statement.where(place < tuple_(*read_cursor(query.cursor)))
    return statement


def check_groups(by: Iterable[str]) -> None:
    """Raises Invalid for a group that there is not."""
    for name in by:
        if name not in GROUPS:
            raise Invalid("by", f"{name!r} is none of {', '.join(GROUPS)}")


def _usage_statement(query: UsageQuery) -> Select[Any]:
    check_groups(query.by)
    table = schema.requests
    groups: list[ColumnElement[Any]] = [
        table.c.closed_at_ns // _DAY_NS if name == "day" else table.c[name] for name in query.by]
    groups += [table.c.unit, table.c.extras]
    sums = [half for name in (*schema.USAGE, *schema.SUMS) for half in halves(table.c[name])]
    wanted = [table.c.closed_at_ns > 0, table.c.state != "refused"]
    wanted += [table.c[name] == getattr(query, name) for name in ("account", "key", "model") if getattr(query, name)]
    if query.since_ns:
        wanted.append(table.c.closed_at_ns >= query.since_ns)
    if query.until_ns:
        wanted.append(table.c.closed_at_ns < query.until_ns)
    return select(*groups, func.count(), *sums).where(and_(*wanted)).group_by(*groups)


def _read_sums(row: Sequence[Any], width: int) -> tuple[tuple[Any, ...], UsageSum]:
    """The group of a row, and its sums with the extra counts of one request times the number of such requests."""
    unit, extras, count = row[width:width + 3]
    numbers = row[width + 3:]
    sums = [whole(numbers[place], numbers[place + 1]) for place in range(0, len(numbers), 2)]
    many = {name: times * count for name, times in rows.read_extras(extras).items()}
    rated, charged, waived, overrun, listed = sums[6:]
    usage = rows.add_extras(sums[:6], many)
    return tuple(row[:width]), UsageSum(unit, count, usage, rated, charged, waived, overrun, listed)


def fold_usage(by: Sequence[str], parts: Iterable[tuple[tuple[Any, ...], UsageSum]]) -> list[UsageSum]:
    """One sum per group and unit, in their order. Days come as numbers since 1970."""
    sums: dict[tuple[Any, ...], UsageSum] = {}
    for group, part in parts:
        place = (*group, part.unit)
        sums[place] = _add(sums[place], part) if place in sums else part
    return [_named(by, place, sums[place]) for place in sorted(sums)]


def _add(one: UsageSum, other: UsageSum) -> UsageSum:
    extras = {name: one.usage.extras.get(name, 0) + other.usage.extras.get(name, 0)
              for name in sorted({*one.usage.extras, *other.usage.extras})}
    usage = rows.add_extras([getattr(one.usage, name) + getattr(other.usage, name) for name in schema.USAGE], extras)
    return UsageSum(one.unit, one.requests + other.requests, usage, *(
        getattr(one, f"{name}_minor") + getattr(other, f"{name}_minor") for name in schema.SUMS))


def _named(by: Sequence[str], place: tuple[Any, ...], total: UsageSum) -> UsageSum:
    group = {name: day_name(value) if name == "day" else value for name, value in zip(by, place, strict=False)}
    return UsageSum(total.unit, total.requests, total.usage, total.rated_minor, total.charged_minor,
                    total.waived_minor, total.overrun_minor, total.list_minor, **group)


def day_of(at_ns: int) -> int:
    """The number of a day in UTC since 1970."""
    return at_ns // _DAY_NS


def day_name(day: int) -> str:
    """YYYY-MM-DD."""
    return date.fromordinal(_EPOCH_DAY + int(day)).isoformat()
