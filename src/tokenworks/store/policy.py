"""Policy in SQL: shelves of accounts, keys, models, deployments and cards under one version.

Every change takes the version's row first, so that changes are committed in the order of their versions: who has seen
version n has seen everything before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Table, select, update

from tokenworks.errors import NotFound
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.store import nouns, schema
from tokenworks.store.bell import AnyBell
from tokenworks.store.database import Database
from tokenworks.store.nouns import Noun
from tokenworks.store.scribe import Scribe
from tokenworks.store.shapes import AccountRow, Kept, KeyRow, PolicyRows, Rows, SecretRow
from tokenworks.tariff.card import RateCard

T = TypeVar("T")


class SqlShelf(Generic[T]):
    """One noun's rows (ports.Shelf)."""

    def __init__(self, database: Database, bell: AnyBell, noun: Noun[T], table: Table, scribe: Scribe) -> None:
        self._database, self._bell, self._noun, self._table, self._scribe = database, bell, noun, table, scribe

    def add(self, row: T) -> int:
        """See ports.Shelf. The same row a second time is the same addition."""
        return self._change(lambda conn, version: self._add(conn, row, version))

    def put(self, row: T, if_version: int = 0) -> int:
        """See ports.Shelf."""
        nouns.check_fixed(self._noun, self._noun.ident(row))
        return self._change(lambda conn, version: self._put(conn, row, version, if_version))

    def drop(self, ident: str, if_version: int = 0) -> int:
        """See ports.Shelf."""
        nouns.check_drops(self._noun)
        return self._change(lambda conn, version: self._drop(conn, ident, version, if_version))

    def get(self, ident: str) -> Kept[T]:
        """See ports.Shelf."""
        kept = self._database.read(lambda conn: self._find(conn, ident))
        if kept is None:
            raise NotFound(self._noun.name, ident)
        return kept

    def page(self, cursor: str = "", limit: int = 50, under: str = "") -> Rows[Kept[T]]:
        """See ports.Shelf."""
        table = self._table
        query = select(table.c.row, table.c.version, table.c.id).where(table.c.dropped.is_(False), table.c.id > cursor)
        if under:
            query = query.where(table.c.under == under)
        found = self._database.read(lambda conn: conn.execute(query.order_by(table.c.id).limit(limit + 1)).all())
        data = [Kept(self._decode(row.row), row.version) for row in found[:limit]]
        return Rows(data, found[limit - 1].id if len(found) > limit else None)

    def _change(self, act: Any) -> int:
        """`act(conn, new version)` returns the version that its row has then: an older one when nothing changed."""
        version: int = self._database.write(lambda conn: self._stamp(conn, act))
        self._bell.echo("policy", str(version))
        return version

    def _stamp(self, conn: Connection, act: Any) -> int:
        books = schema.books
        held: int = conn.execute(select(books.c.policy_version).with_for_update()).scalar_one()
        version: int = act(conn, held + 1)
        if version > held:
            conn.execute(update(books).values(policy_version=version))
            self._bell.enlist(conn, "policy", str(version))
        return version

    def _add(self, conn: Connection, row: T, version: int) -> int:
        ident = self._noun.ident(row)
        kept = self._find(conn, ident)
        if kept is not None:
            if kept.row == row:
                return kept.version
            raise nouns.taken(self._noun, ident)
        table = self._table
        if isinstance(row, RateCard):
            nouns.check_next(row, len(conn.execute(select(table.c.id).where(table.c.under == row.name)).all()))
        if isinstance(row, KeyRow) and conn.execute(select(table.c.id).where(table.c.digest == row.digest)).first():
            raise nouns.taken(self._noun, row.masked)
        conn.execute(table.delete().where(table.c.id == ident))  # one that was dropped before
        conn.execute(table.insert().values(id=ident, version=version, dropped=False, **self._columns(row)))
        self._scribe.tell(conn, (self._noun.name, ident), None, row)
        return version

    def _put(self, conn: Connection, row: T, version: int, if_version: int) -> int:
        ident, table = self._noun.ident(row), self._table
        kept = self._find(conn, ident)
        if kept is None:
            raise NotFound(self._noun.name, ident)
        if if_version and kept.version != if_version:
            if kept.row == row:
                return kept.version
            raise nouns.changed(self._noun, ident)
        conn.execute(update(table).where(table.c.id == ident).values(version=version, **self._columns(row)))
        self._scribe.tell(conn, (self._noun.name, ident), kept.row, row)
        return version

    def _drop(self, conn: Connection, ident: str, version: int, if_version: int) -> int:
        kept = self._find(conn, ident)
        if kept is None:
            raise NotFound(self._noun.name, ident)
        if if_version and kept.version != if_version:
            raise nouns.changed(self._noun, ident)
        gone: dict[str, Any] = {"row": ""} if self._noun.erases else {}
        conn.execute(update(self._table).where(self._table.c.id == ident).values(version=version, dropped=True, **gone))
        self._scribe.tell(conn, (self._noun.name, ident), kept.row, None)
        return version

    def _find(self, conn: Connection, ident: str) -> Kept[T] | None:
        table = self._table
        found = conn.execute(select(table.c.row, table.c.version).where(table.c.id == ident, ~table.c.dropped)).first()
        return None if found is None else Kept(self._decode(found.row), found.version)

    def _columns(self, row: T) -> dict[str, object]:
        columns: dict[str, object] = {"row": msgspec.json.encode(row).decode(), "under": self._noun.under(row)}
        if isinstance(row, KeyRow):
            columns["digest"] = row.digest
        return columns

    def _decode(self, row: str) -> T:
        return msgspec.json.decode(row, type=self._noun.shape)


class SqlKeys(SqlShelf[KeyRow]):
    """ports.Keys."""

    def find(self, digest: bytes) -> Kept[KeyRow]:
        """See ports.Keys."""
        table = self._table
        query = select(table.c.row, table.c.version).where(table.c.digest == digest)
        found = self._database.read(lambda conn: conn.execute(query).first())
        if found is None:
            raise NotFound(self._noun.name, "")
        return Kept(self._decode(found.row), found.version)


class SqlSecrets(SqlShelf[SecretRow]):
    """ports.Secrets."""

    def reseal(self, rows: Sequence[Kept[SecretRow]]) -> int:
        """See ports.Secrets."""
        return self._change(lambda conn, version: self._reseal(conn, rows, version))

    def _reseal(self, conn: Connection, rows: Sequence[Kept[SecretRow]], version: int) -> int:
        table = self._table
        known = {row.id for row in conn.execute(select(table.c.id).where(table.c.dropped.is_(False)))}
        for ident in sorted(known ^ {kept.row.id for kept in rows}):
            raise nouns.changed(self._noun, ident)
        for kept in rows:
            self._put(conn, kept.row, version, kept.version)
        return version if rows else version - 1


class SqlPolicy:
    """The whole at one version (ports.Policy)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        """See ports.Policy."""
        return self._database.read(_version)

    def since(self, version: int) -> PolicyRows:
        """See ports.Policy."""
        return self._database.read(lambda conn: _since(conn, version))


def _version(conn: Connection) -> int:
    return int(conn.execute(select(schema.books.c.policy_version)).scalar_one())


def _since(conn: Connection, version: int) -> PolicyRows:
    accounts, _ = _changed(conn, schema.accounts, AccountRow, version)
    keys, _ = _changed(conn, schema.keys, KeyRow, version)
    models, dropped_models = _changed(conn, schema.models, Model, version)
    deployments, dropped_deployments = _changed(conn, schema.deployments, Deployment, version)
    cards, _ = _changed(conn, schema.cards, RateCard, version)
    return PolicyRows(
        version, _version(conn), tuple(row.policy for row in accounts), tuple(row.policy for row in keys),
        tuple(models), tuple(deployments), tuple(cards), tuple(dropped_models), tuple(dropped_deployments),
    )


def _changed(conn: Connection, table: Table, shape: type[T], version: int) -> tuple[list[T], list[str]]:
    """Rows put after `version`, and the ids of those dropped after it."""
    decode = msgspec.json.Decoder(shape).decode
    found = sorted(map(tuple, conn.execute(select(table.c.id, table.c.row, table.c.dropped)
                                           .where(table.c.version > version))))  # in SQL it would hide the index
    gone = [ident for ident, _, dropped in found if dropped] if version else []
    return [decode(row) for _, row, dropped in found if not dropped], gone
