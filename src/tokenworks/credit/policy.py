"""What a gateway must know to sell: the policy snapshot and its increments, as the books send them.

A snapshot has a version; an increment takes the gateway from one version to the next. Nothing here is secret beyond
the digests of keys and the resolved upstream credentials, which travel only on the private socket.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.tariff.card import RateCard


class Account(msgspec.Struct, frozen=True, array_like=True):
    """Who pays. `crash` says what a request costs whose gateway died: its last progress, or nothing."""

    id: str
    name: str
    unit: str  # CNY, USD, ...
    rate_card: str  # name of the card; the version in force at the request's start applies
    active: bool = True
    crash: Literal["bill", "waive"] = "bill"


class Key(msgspec.Struct, frozen=True, array_like=True):
    """An API key: found by `digest` = HMAC-SHA256(pepper, key text). `models` empty means all."""

    digest: bytes
    id: str
    account: str
    expires_at_ns: int = 0  # 0 = never
    revoked: bool = False
    models: tuple[str, ...] = ()


class Endpoint(msgspec.Struct, frozen=True):
    """A deployment with its credential resolved by the control process of this host."""

    deployment: Deployment
    credential: str = ""


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """All of the policy at `version`. Large sets of keys come in several `Change`s after a snapshot without them.

    The snapshot then has version 0, and so have all of these changes but the last: whoever holds an older policy goes
    on with it until the new one is whole.
    """

    version: int
    books_epoch: int
    pepper: bytes
    accounts: tuple[Account, ...] = ()
    keys: tuple[Key, ...] = ()
    models: tuple[Model, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    cards: tuple[RateCard, ...] = ()  # every version that is or will be in force


class Change(msgspec.Struct, frozen=True, tag="change"):
    """An increment: rows to put (by id; keys by digest) and ids to drop. Applies when `after` is the version held."""

    after: int
    version: int
    accounts: tuple[Account, ...] = ()
    keys: tuple[Key, ...] = ()
    models: tuple[Model, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    cards: tuple[RateCard, ...] = ()
    dropped_models: tuple[str, ...] = ()
    dropped_deployments: tuple[str, ...] = ()
