"""What can be declared, as a table: each kind's fields are those of the operation that makes it.

Money is not here: a wallet is filled by `tokenworks topup`, a payment that is made once, not a state that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tokenworks.operations.account import CreateAccount
from tokenworks.operations.declare.check import Fields, fields_of
from tokenworks.operations.deployment import AddDeployment
from tokenworks.operations.engines import ENGINES
from tokenworks.operations.key import CreateKey
from tokenworks.operations.model import SetModel
from tokenworks.operations.ratecard import SetCard
from tokenworks.tariff.card import Price

_NO_PRICE: dict[str, tuple[Any, ...]] = {name: (None, {}, field.default) for name, field in fields_of(Price).items()}
_MONEY = ("wallet", "topup", "lot", "refund", "payment", "credit", "grant", "balance")
_MONEY_REMEDY = ("Documents never move money: a payment is made once, not kept. Use `tokenworks topup`, and leave this "
                 "document out.")
_SECRET_REMEDY = ("Secrets never stand in documents: seal them with `tokenworks secret set`, name them as sealed:NAME, "
                  "and leave this document out.")
# What is no kind, by a word in its name: where it is done instead.
ELSEWHERE: dict[str, str] = {**dict.fromkeys(_MONEY, _MONEY_REMEDY), "secret": _SECRET_REMEDY}


class EarlierCard(msgspec.Struct, forbid_unknown_fields=True):
    """A version of a card before the one that is declared."""

    currency: str
    models: dict[str, Price]
    effective_from: str | None = None


class CardHistory(msgspec.Struct):
    """What the document of a card has besides: versions to make first, where the card is not there yet."""

    earlier: list[EarlierCard] = []


class Activity(msgspec.Struct):
    """What the document of an account has besides."""

    active: bool = True


class Kind(NamedTuple):
    """One kind. `takes` is what makes one, without the fields in `own`; `more` has fields that come with a second step.

    `links`: fields that name another kind. `fixed`: fields that never change once it is made; `replaced`: then it is
    removed and made again instead of being refused. `under`: the field that names whom it stands under. `always`:
    fields that are exported even where they have their default. `gone`: what `remove` comes to, "" for not at all.
    """

    name: str
    takes: Any
    own: tuple[str, ...]
    more: Any = None
    links: tuple[tuple[str, str], ...] = ()
    fixed: tuple[str, ...] = ()
    replaced: bool = False
    under: str = ""
    always: tuple[str, ...] = ()
    gone: str = ""

    def fields(self) -> Fields:
        """The fields of a spec, in the order in which they are written."""
        made = fields_of(self.takes) | (fields_of(self.more) if self.more else {})
        return {name: field for name, field in made.items() if name not in self.own}


# In the order in which they are made: nothing is made before what it names.
KINDS: dict[str, Kind] = {kind.name: kind for kind in (
    Kind("RateCard", SetCard, ("card", "if_version"), CardHistory, always=("effective_from",)),
    Kind("Model", SetModel, ("model", "if_version"), gone="removed"),
    Kind("Deployment", AddDeployment, ("deployment",), links=(("model", "Model"), ("cost_card", "RateCard")),
         fixed=("model", "engine", "own"), replaced=True, gone="removed"),
    Kind("Account", CreateAccount, ("id",), Activity, links=(("rate_card", "RateCard"), ("parent", "Account")),
         fixed=("currency", "parent"), always=("currency", "rate_card"), gone="closed"),
    Kind("Key", CreateKey, ("name",), links=(("account", "Account"),), fixed=("models", "expires_at"), under="account",
         gone="revoked"),
)}
REMEDIES = {
    "Account": "An account keeps it for life: declare another account.",
    "Key": "A key keeps it for life: declare another key under a new name, and leave this one out.",
}


def settle_spec(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with what is left out worked out, as the operation that makes the thing would."""
    if kind == "Model":
        most = spec["context_tokens"]
        return {**spec, "output_tokens_max": min(spec["output_tokens_max"] or most, most)}
    if kind == "Deployment":
        known = ENGINES[spec["engine"]]
        return {**spec, "upstream_model": spec["upstream_model"] or spec["model"], "url": spec["url"].rstrip("/"),
                "dialects": spec["dialects"] or list(known.dialects), "progress": spec["progress"] or known.progress}
    if kind == "RateCard":
        return {**tell_card(spec), "earlier": [tell_card(card) for card in spec["earlier"]]}
    return spec


def tell_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """A version of a card with prices that say something: none of what costs nothing, and no empty extras."""
    return {**card, "models": {model: {name: value for name, value in price.items() if value not in _NO_PRICE[name]}
                               for model, price in card["models"].items()}}


def kind_of(name: str) -> Kind | None:
    """A kind as people write it: Deployment, deployment, deployments, rate-card."""
    plain = name.lower().replace("-", "").replace("_", "")
    return next((kind for kind in KINDS.values() if plain in (kind.name.lower(), f"{kind.name.lower()}s")), None)
