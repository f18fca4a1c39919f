"""The policy as this host's gateways hold it, and the messages that bring them there. Decides; push.py acts.

A snapshot with more keys than one message should carry travels without them, as version 0, and so do all pieces but the
last: a worker that holds an older policy goes on with it until the new one is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from tokenworks.credit.policy import Account, Change, Endpoint, Key, Snapshot
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.limits import KEYS_PER_CHANGE
from tokenworks.store.shapes import PolicyRows
from tokenworks.tariff.card import RateCard

T = TypeVar("T")


class PolicyBook:
    """All rows at `version` of books epoch `epoch`. `version` is 0 until the books were read once."""

    def __init__(self) -> None:
        self.version = 0
        self.epoch = 0
        self.pepper = b""
        self.deployments: dict[str, Deployment] = {}
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, Key] = {}
        self._models: dict[str, Model] = {}
        self._cards: dict[str, RateCard] = {}
        self._endpoints: dict[str, Endpoint] = {}

    def replace(self, rows: PolicyRows, endpoints: Mapping[str, Endpoint]) -> list[Snapshot | Change]:
        """Forget everything and take `rows`, which are all there is; what every worker must hear."""
        for table in (self.deployments, self._accounts, self._keys, self._models, self._cards, self._endpoints):
            table.clear()
        self._put(rows)
        self._endpoints.update(endpoints)
        return self.snapshot()

    def apply(self, rows: PolicyRows, endpoints: Mapping[str, Endpoint]) -> list[Snapshot | Change]:
        """Take what changed; `endpoints` has those of the deployments in `rows`. What every worker must hear."""
        after = self.version
        self._put(rows)
        for name in rows.dropped_deployments:
            self._endpoints.pop(name, None)
        self._endpoints.update(endpoints)
        *early, last = _pieces(rows.keys) or [()]
        pieces: list[Snapshot | Change] = [Change(after, after, keys=piece) for piece in early]
        return [*pieces, Change(
            after, rows.version, rows.accounts, last, rows.models, tuple(endpoints.values()), rows.cards,
            rows.dropped_models, rows.dropped_deployments,
        )]

    def refresh(self, endpoints: Mapping[str, Endpoint]) -> list[Snapshot | Change]:
        """Take what deployments resolve to by now; what every worker must hear, nothing if nothing has changed."""
        changed = {name: found for name, found in endpoints.items()
                   if name in self.deployments and self._endpoints.get(name) != found}
        self._endpoints.update(changed)
        return [Change(self.version, self.version, endpoints=tuple(changed.values()))] if changed else []

    def greet(self, version: int, epoch: int) -> list[Snapshot | Change]:
        """What a worker that holds this version must hear: a sign of life, or everything."""
        if self.version and (version, epoch) == (self.version, self.epoch):
            return [self.alive()]
        return self.snapshot() if self.version else []

    def endpoints(self) -> list[Endpoint]:
        """Deployments as they were resolved last."""
        return list(self._endpoints.values())

    def alive(self) -> Change:
        """An increment without content: the policy still holds."""
        return Change(self.version, self.version)

    def snapshot(self) -> list[Snapshot | Change]:
        """Everything, for a worker that holds nothing or something else."""
        pieces = _pieces(tuple(self._keys.values()))
        whole = Snapshot(
            self.version, self.epoch, self.pepper, tuple(self._accounts.values()), (), tuple(self._models.values()),
            tuple(self._endpoints.values()), tuple(self._cards.values()),
        )
        if len(pieces) <= 1:
            return [msgspec.structs.replace(whole, keys=pieces[0] if pieces else ())]
        early: list[Snapshot | Change] = [msgspec.structs.replace(whole, version=0)]
        early += [Change(0, 0, keys=piece) for piece in pieces[:-1]]
        return [*early, Change(0, self.version, keys=pieces[-1])]

    def _put(self, rows: PolicyRows) -> None:
        self.version = rows.version
        _by_id(self._accounts, rows.accounts)
        _by_id(self._keys, rows.keys)
        _by_id(self._models, rows.models)
        _by_id(self.deployments, rows.deployments)
        self._cards.update((card.ref, card) for card in rows.cards)
        for name in rows.dropped_models:
            self._models.pop(name, None)
        for name in rows.dropped_deployments:
            self.deployments.pop(name, None)


def _by_id(table: dict[str, T], rows: Iterable[T]) -> None:
    table.update((row.id, row) for row in rows)  # type: ignore[attr-defined]


def _pieces(rows: Sequence[T]) -> list[tuple[T, ...]]:
    return [tuple(rows[start : start + KEYS_PER_CHANGE]) for start in range(0, len(rows), KEYS_PER_CHANGE)]
