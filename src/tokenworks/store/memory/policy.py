"""Policy in memory: shelves under one version."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Generic, TypeVar

from tokenworks.errors import NotFound
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.store import nouns
from tokenworks.store.memory.state import State
from tokenworks.store.memory.trail import MemoryScribe
from tokenworks.store.nouns import Noun
from tokenworks.store.shapes import AccountRow, Kept, KeyRow, PolicyRows, Rows, SecretRow
from tokenworks.tariff.card import RateCard

T = TypeVar("T")


class MemoryShelf(Generic[T]):
    """ports.Shelf. `rows` has all of them by id, for decisions."""

    def __init__(self, state: State, noun: Noun[T]) -> None:
        self._state, self._noun, self._scribe = state, noun, MemoryScribe(state)
        self._kept: dict[str, Kept[T]] = {}
        self._dropped: dict[str, int] = {}
        self._digests: dict[bytes, str] = {}
        self.rows: dict[str, T] = {}

    def add(self, row: T) -> int:
        """See ports.Shelf."""
        ident = self._noun.ident(row)
        with self._state.lock:
            self._state.faults("add")
            if ident in self._kept:
                if self._kept[ident].row == row:
                    return self._kept[ident].version
                raise nouns.taken(self._noun, ident)
            if isinstance(row, RateCard):
                nouns.check_next(row, sum(self._noun.under(kept.row) == row.name for kept in self._kept.values()))
            if isinstance(row, KeyRow) and self._digests.setdefault(row.digest, row.id) != row.id:
                raise nouns.taken(self._noun, row.masked)
            self._dropped.pop(ident, None)
            version = self._set(ident, row)
        return self._ring(version)

    def put(self, row: T, if_version: int = 0) -> int:
        """See ports.Shelf."""
        ident = self._noun.ident(row)
        nouns.check_fixed(self._noun, ident)
        with self._state.lock:
            self._state.faults("put")
            kept = self.get(ident)
            if if_version and kept.version != if_version:
                if kept.row == row:
                    return kept.version
                raise nouns.changed(self._noun, ident)
            version = self._set(ident, row)
        return self._ring(version)

    def drop(self, ident: str, if_version: int = 0) -> int:
        """See ports.Shelf."""
        nouns.check_drops(self._noun)
        with self._state.lock:
            self._state.faults("drop")
            kept = self.get(ident)
            if if_version and kept.version != if_version:
                raise nouns.changed(self._noun, ident)
            self._scribe.tell((self._noun.name, ident), kept.row, None)
            del self._kept[ident], self.rows[ident]
            self._state.policy_version += 1
            version = self._dropped[ident] = self._state.policy_version
        return self._ring(version)

    def get(self, ident: str) -> Kept[T]:
        """See ports.Shelf."""
        with self._state.lock:
            self._state.faults("get")
            if ident not in self._kept:
                raise NotFound(self._noun.name, ident)
            return self._kept[ident]

    def page(self, cursor: str = "", limit: int = 50, under: str = "") -> Rows[Kept[T]]:
        """See ports.Shelf."""
        with self._state.lock:
            self._state.faults("page")
            names = [ident for ident, kept in sorted(self._kept.items())
                     if ident > cursor and (not under or self._noun.under(kept.row) == under)]
            data = [self._kept[ident] for ident in names[:limit]]
        return Rows(data, names[limit - 1] if len(names) > limit else None)

    def changed(self, version: int) -> tuple[list[T], list[str]]:
        """Rows put after `version`, and the ids of those dropped after it."""
        gone = [ident for ident, at in sorted(self._dropped.items()) if at > version] if version else []
        return [kept.row for _, kept in sorted(self._kept.items()) if kept.version > version], gone

    def acting(self, scribe: MemoryScribe) -> MemoryShelf[T]:
        """The same shelf in other hands."""
        held = copy(self)
        held._scribe = scribe
        return held

    def _set(self, ident: str, row: T) -> int:
        before = self._kept[ident].row if ident in self._kept else None
        self._scribe.tell((self._noun.name, ident), before, row)
        self._state.policy_version += 1
        self._kept[ident] = Kept(row, self._state.policy_version)
        self.rows[ident] = row
        return self._state.policy_version

    def _ring(self, version: int) -> int:
        self._state.bell.echo("policy", str(version))
        return version


class MemoryKeys(MemoryShelf[KeyRow]):
    """ports.Keys."""

    def find(self, digest: bytes) -> Kept[KeyRow]:
        """See ports.Keys."""
        with self._state.lock:
            return self.get(self._digests.get(digest, ""))


class MemorySecrets(MemoryShelf[SecretRow]):
    """ports.Secrets."""

    def reseal(self, rows: Sequence[Kept[SecretRow]]) -> int:
        """See ports.Secrets."""
        with self._state.lock:
            self._state.faults("reseal")
            given = {kept.row.id: kept.version for kept in rows}
            for ident in sorted(self._kept.keys() ^ given.keys()):
                raise nouns.changed(self._noun, ident)
            for ident, version in given.items():
                if self._kept[ident].version != version:
                    raise nouns.changed(self._noun, ident)
            version = self._state.policy_version = self._state.policy_version + bool(rows)
            for kept in rows:
                self._scribe.tell((self._noun.name, kept.row.id), self._kept[kept.row.id].row, kept.row)
                self._kept[kept.row.id], self.rows[kept.row.id] = Kept(kept.row, version), kept.row
        return self._ring(version)


class Shelves:
    """One shelf per noun."""

    def __init__(self, state: State) -> None:
        self.accounts: MemoryShelf[AccountRow] = MemoryShelf(state, nouns.ACCOUNT)
        self.keys = MemoryKeys(state, nouns.KEY)
        self.models: MemoryShelf[Model] = MemoryShelf(state, nouns.MODEL)
        self.deployments: MemoryShelf[Deployment] = MemoryShelf(state, nouns.DEPLOYMENT)
        self.cards: MemoryShelf[RateCard] = MemoryShelf(state, nouns.CARD)
        self.secrets = MemorySecrets(state, nouns.SECRET)

    def all(self) -> dict[str, Any]:
        """By the name that they have in the store."""
        return vars(self)


class MemoryPolicy:
    """ports.Policy."""

    def __init__(self, state: State, shelves: Shelves) -> None:
        self._state, self._shelves = state, shelves

    def version(self) -> int:
        """See ports.Policy."""
        self._state.faults("version")
        return self._state.policy_version

    def since(self, version: int) -> PolicyRows:
        """See ports.Policy."""
        shelves = self._shelves
        with self._state.lock:
            self._state.faults("since")
            models, dropped_models = shelves.models.changed(version)
            deployments, dropped_deployments = shelves.deployments.changed(version)
            return PolicyRows(
                version, self._state.policy_version,
                tuple(row.policy for row in shelves.accounts.changed(version)[0]),
                tuple(row.policy for row in shelves.keys.changed(version)[0]), tuple(models), tuple(deployments),
                tuple(shelves.cards.changed(version)[0]), tuple(dropped_models), tuple(dropped_deployments))
