"""Admission as pure decisions in the order of `Refusal`: key, account, model, rights, dialect, features.

Credit comes after (credit/purse.py), because only what may be asked at all is worth holding money for.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from tokenworks.admission.offer import Offer
from tokenworks.credit.policy import Account, Key
from tokenworks.fleet.deployment import Model
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.request import RequestFacts

Why = dict[str, str | int]


class Denied(msgspec.Struct, frozen=True):
    """No, and why: what the client reads (`message` "" is the refusal's own sentence), what the record keeps."""

    refusal: Refusal
    message: str = ""
    param: str | None = None
    why: Why = {}


class Caller(msgspec.Struct, frozen=True):
    """Who asks: a key that is in force and the account that pays."""

    key: Key
    account: Account


class Admitted(msgspec.Struct, frozen=True):
    """What may be asked of whom: `offers` are the deployments that may serve it, in the order of their ids.

    `output_max` bounds one answer in tokens: the client's cap, the model's limit, the context.
    """

    caller: Caller
    model: Model
    offers: tuple[Offer, ...]
    output_max: int
    why: Why


def admit_key(
    digest: bytes | None, keys: Mapping[bytes, Key], accounts: Mapping[str, Account], now_ns: int
) -> Caller | Denied:
    """The caller of a key's digest (None: there was no key in the request)."""
    raise NotImplementedError(digest, keys, accounts, now_ns)


def admit_request(
    facts: RequestFacts,
    caller: Caller,
    models: Mapping[str, Model],
    offers: Mapping[str, tuple[Offer, ...]],
    priced: Container[str] = (),
) -> Admitted | Denied:
    """What the body asks for, against the models on sale and the offers by model.

    `priced` names the extras (searches, ...) that the account's rate card has a price for.
    """
    raise NotImplementedError(facts, caller, models, offers, priced)
