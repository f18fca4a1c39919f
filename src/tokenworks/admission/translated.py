"""Deployments that do not speak the client's dialect: what they would be asked instead, and whether they may be.

A request is translated once for all deployments that would be asked the same. What comes out is checked like any other
request, because it is what really goes upstream.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple, Protocol

import msgspec

from tokenworks.admission.offer import Offer
from tokenworks.fleet.deployment import Model
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.fields import check_fields, refuse_dialect
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import Translated, order_reach, translate
from tokenworks.wire.prompt.vocabulary import Target
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts

_CONTENT = ("messages", "input", "prompt")  # where the dialects keep what is said
_KEPT = "This request goes on from something that an upstream keeps, and nobody who keeps it may serve it. "


class Asking(Protocol):
    """What a deployment is asked in place of the client's own request; `asked` is None in the client's own dialect."""

    @property
    def body(self) -> bytes:
        """As it goes upstream, but for our own fields."""

    @property
    def facts(self) -> RequestFacts:
        """Of that body."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped."""

    @property
    def asked(self) -> Asked | None:
        """What the answer must know."""


Told = dict[str, Asking]  # by deployment


class Fault(NamedTuple):
    """Why a deployment may not serve a request: what the client would read, and the field that it is about."""

    deployment: str
    refusal: Refusal
    message: str
    param: str | None = None


class Others(msgspec.Struct, frozen=True):
    """Who may serve a request in another dialect, in the order of their ids; `told`: what each of them is asked."""

    offers: tuple[Offer, ...]
    told: Told
    faults: tuple[Fault, ...]


def speaks(offer: Offer, dialect: Dialect) -> bool:
    """Whether a deployment may be asked in a dialect at all."""
    return dialect in offer.deployment.dialects and not refuse_dialect(offer.source, dialect)


def find_others(
    facts: RequestFacts, model: Model, offers: Iterable[Offer], output_max: int, priced: Container[str] = ()
) -> Others:
    """Those of `offers` that do not speak the client's dialect and may be asked in another.

    `output_max`: output tokens that one answer may have, for interfaces that want a cap. `priced`: as in admission.
    """
    known: dict[tuple[Dialect, Target], Translated | Malformed] = {}
    told: Told = {}
    serving: list[Offer] = []
    faults: list[Fault] = []
    for offer in offers:
        row = offer.deployment
        if not row.enabled or speaks(offer, facts.dialect):
            continue
        target = Target(row.engine, row.own, model.image_tokens_max > 0, max(1, output_max))
        found = _tell(facts, offer, target, priced, known)
        if isinstance(found, Translated):
            told[row.id] = found
            serving.append(offer)
        elif found is not None:
            faults.append(Fault(row.id, found.refusal, found.message, found.param))
    return Others(tuple(serving), told, tuple(faults))


def _tell(
    facts: RequestFacts,
    offer: Offer,
    target: Target,
    priced: Container[str],
    known: dict[tuple[Dialect, Target], Translated | Malformed],
) -> Translated | Malformed | None:
    """The request as this deployment may be asked it; else why not in the closest dialect that it speaks."""
    first: Malformed | None = None
    for dialect in order_reach(facts.dialect, target.engine):
        if not speaks(offer, dialect):
            continue
        found = known.get((dialect, target))
        if found is None:
            found = known[dialect, target] = _translate(facts, dialect, target)
        if isinstance(found, Translated):
            fault = check_fields(found.facts, offer.source, priced)
            if fault is None:
                return found
            found = _own_words(fault, facts)
        first = first or found
    return first


def _translate(facts: RequestFacts, dialect: Dialect, target: Target) -> Translated | Malformed:
    found = translate(facts, dialect, target)
    if isinstance(found, Translated) and facts.object_ids:
        return Malformed(Refusal.FEATURE_UNSUPPORTED, _KEPT + "Send the full input.", None)
    return found


def _own_words(fault: Malformed, facts: RequestFacts) -> Malformed:
    """A fault of the translated request, under the name that the field has in the client's own."""
    if fault.param is None or fault.param in facts.fields:
        return fault
    own = next((key for key in _CONTENT if key in facts.fields), None) if fault.param in _CONTENT else None
    return Malformed(fault.refusal, fault.message, own)
