"""What each host has metered, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from tokenworks.store import schema
from tokenworks.store.database import Database
from tokenworks.store.exact import halves, whole
from tokenworks.store.rows import as_rows, write_rows
from tokenworks.store.shapes import WorkSum


class SqlMetering:
    """ports.Metering."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own(self, host: str) -> list[WorkSum]:
        """See ports.Metering."""
        table = schema.metered
        query = select(table.c.deployment, table.c.hour_ns, table.c.prompt, table.c.completion).where(
            table.c.host == host).order_by(table.c.deployment, table.c.hour_ns)
        return [WorkSum(*row) for row in self._database.read(lambda conn: as_rows(conn.execute(query)))]

    def others(self, host: str) -> list[WorkSum]:
        """See ports.Metering."""
        table = schema.metered
        groups = (table.c.deployment, table.c.hour_ns)
        query = select(*groups, *halves(table.c.prompt), *halves(table.c.completion)).where(
            table.c.host != host).group_by(*groups).order_by(*groups)
        found = self._database.read(lambda conn: as_rows(conn.execute(query)))
        return [WorkSum(row[0], row[1], whole(row[2], row[3]), whole(row[4], row[5])) for row in found]

    def put(self, host: str, sums: Sequence[WorkSum], least_ns: int) -> None:
        """See ports.Metering."""
        self._database.write(lambda conn: _put(conn, host, sums, least_ns))


def _put(conn: Connection, host: str, sums: Sequence[WorkSum], least_ns: int) -> None:
    table = schema.metered
    rows = [(host, row.deployment, row.hour_ns, row.prompt, row.completion) for row in sums]
    write_rows(conn, table, rows, replace=True)
    conn.execute(delete(table).where(table.c.hour_ns > 0, table.c.hour_ns < least_ns))
