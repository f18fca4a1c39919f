"""Admission as pure decisions in the order of `Refusal`: key, account, model, rights, dialect, features, length.

Credit comes after (credit/purse.py), because only what may be asked at all is worth holding money for.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice

import msgspec

from tokenworks.admission.offer import Offer
from tokenworks.admission.translated import Fault, Told, find_others
from tokenworks.admission.trimmed import trim_tools
from tokenworks.credit.bound import find_overlength
from tokenworks.credit.policy import Account, Key
from tokenworks.fleet.deployment import Model
from tokenworks.wire.dialects import FAMILY
from tokenworks.wire.fields import check_fields, refuse_dialect
from tokenworks.wire.paths import INFERENCE
from tokenworks.wire.prompt.translate import REACHES
from tokenworks.wire.refusals import Refusal, context_message
from tokenworks.wire.request import RequestFacts

NEAREST_OF = 200  # models that a misspelt name is compared with: whoever misspells must not keep the loop busy
_SAID = re.compile(r"""(["'])(?:\\.|(?!\1).)*\1?""", re.S)  # what a message quotes of the request, cut short or not
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

    `output_max` bounds one answer in tokens, at least 1: the client's cap, the model's limit, the context. `told` is
    the request as each of them is asked it, by deployment, when none of them may be asked it as it came.
    """

    caller: Caller
    model: Model
    offers: tuple[Offer, ...]
    output_max: int
    why: Why
    told: Told = {}


def admit_key(
    digest: bytes | None, keys: Mapping[bytes, Key], accounts: Mapping[str, Account], now_ns: int
) -> Caller | Denied:
    """The caller of a key's digest (None: there was no key in the request)."""
    if digest is None:
        return Denied(Refusal.KEY_MISSING)
    key = keys.get(digest)
    if key is None:
        return Denied(Refusal.KEY_UNKNOWN)
    if key.revoked:
        return Denied(Refusal.KEY_REVOKED, why={"key": key.id})
    if key.expires_at_ns and key.expires_at_ns <= now_ns:
        return Denied(Refusal.KEY_EXPIRED, why={"key": key.id, "expires_at_ns": key.expires_at_ns})
    account = accounts.get(key.account)
    if account is None or not account.active:
        return Denied(Refusal.ACCOUNT_INACTIVE, why={"key": key.id, "account": key.account})
    return Caller(key, account)


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
    model = models.get(facts.model)
    if model is None:
        message = miss_model(facts.model, caller.key.models or models, offers)
        return Denied(Refusal.MODEL_UNKNOWN, message, "model", {"model": _cut(facts.model)})
    if caller.key.models and model.id not in caller.key.models:
        return Denied(Refusal.MODEL_NOT_ALLOWED, param="model", why={"model": model.id, "key": caller.key.id})
    serving, faults = _find_native(facts, offers.get(model.id, ()), priced)
    output_max, told = bound_output(facts, model), Told()
    if not serving:
        others = trim_tools(facts, offers.get(model.id, ()), priced)
        if not others.offers:
            others = find_others(facts, model, offers.get(model.id, ()), output_max, priced)
        serving, told = list(others.offers), others.told
        tried = {fault.deployment for fault in others.faults} | told.keys()
        faults = [*(fault for fault in faults if fault.deployment not in tried), *others.faults]
    why: Why = {"model": model.id, "candidates": len(serving)}
    for fault in faults:
        why[f"passed over {fault.deployment}"] = _SAID.sub("'…'", fault.message)  # records hold nothing that was said
    if not serving:
        return _deny_all(facts, faults, why, offers.get(model.id, ()))
    if facts.token_ids and (tokens := find_overlength(facts, model)) > 0:
        message = context_message(FAMILY[facts.dialect], tokens, model.context_tokens)
        return Denied(Refusal.CONTEXT_TOO_LONG, message, None, {**why, "tokens": tokens})
    return Admitted(caller, model, tuple(serving), output_max, why, told)


def miss_model(name: str, usable: Iterable[str], offers: Mapping[str, tuple[Offer, ...]]) -> str:
    """What is said of a model that does not exist, with the nearest name among those on sale to the key."""
    on_sale = [model for model in islice(usable, NEAREST_OF) if offers.get(model)]
    near = get_close_matches(_cut(name), on_sale, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no model {_cut(name)!r}.{meant} List them with GET /v1/models."


def _find_native(
    facts: RequestFacts, offers: tuple[Offer, ...], priced: Container[str]
) -> tuple[list[Offer], list[Fault]]:
    """Who may be asked just as the client asks."""
    serving: list[Offer] = []
    faults: list[Fault] = []
    for offer in offers:
        fault = _refuse_offer(facts, offer, priced)
        if fault is None:
            serving.append(offer)
        else:
            faults.append(fault)
    return serving, faults


def _refuse_offer(facts: RequestFacts, offer: Offer, priced: Container[str]) -> Fault | None:
    row = offer.deployment
    if not row.enabled:
        return Fault(row.id, Refusal.NO_CAPACITY, "switched off")
    if facts.dialect not in row.dialects:
        return Fault(row.id, Refusal.DIALECT_UNSUPPORTED, f"does not speak {facts.dialect}")
    if reason := refuse_dialect(offer.source, facts.dialect):
        return Fault(row.id, Refusal.DIALECT_UNSUPPORTED, reason)
    fault = check_fields(facts, offer.source, priced)
    return None if fault is None else Fault(row.id, fault.refusal, fault.message, fault.param)


def _deny_all(facts: RequestFacts, faults: list[Fault], why: Why, offers: tuple[Offer, ...]) -> Denied:
    """The answer when nobody may serve it: the refusal that came furthest, as another request could still be served."""
    if not faults:
        return Denied(Refusal.NO_CAPACITY, why=why)
    features = [fault for fault in faults if fault.refusal in (Refusal.FIELD_INVALID, Refusal.FEATURE_UNSUPPORTED)]
    if features:
        return Denied(features[0].refusal, features[0].message, features[0].param, why)
    if any(fault.refusal is Refusal.DIALECT_UNSUPPORTED for fault in faults):
        spoken = {dialect for offer in offers for dialect in offer.deployment.dialects
                  if offer.deployment.enabled and not refuse_dialect(offer.source, dialect)}
        where = " or ".join(f"/v1{path}" for path, dialect in INFERENCE.items()
                            if dialect in spoken or not spoken.isdisjoint(REACHES[dialect]))
        message = f"The model {facts.model!r} is not offered at this endpoint. Use {where or 'another model'}."
        return Denied(Refusal.DIALECT_UNSUPPORTED, message, None, why)
    return Denied(Refusal.NO_CAPACITY, why=why)


def bound_output(facts: RequestFacts, model: Model) -> int:
    """The most tokens of one answer: the client's cap, the model's limit, the context; at least 1 if any."""
    if facts.dialect == "embeddings":
        return 0
    most = min(model.output_tokens_max, model.context_tokens)
    return max(1, most if facts.output_cap is None else min(facts.output_cap, most))


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
