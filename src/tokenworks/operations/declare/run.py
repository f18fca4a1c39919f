"""The steps of a plan as the operations that there are; and a rehearsal of them, so that what they refuse is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tokenworks.errors import CallerError, Invalid
from tokenworks.operations.account import ACCOUNT
from tokenworks.operations.declare.kinds import KINDS
from tokenworks.operations.declare.live import Found, walk_shelf
from tokenworks.operations.declare.shapes import Fault, Ident, Step
from tokenworks.operations.deployment import DEPLOYMENT
from tokenworks.operations.desk import Desk
from tokenworks.operations.key import KEY
from tokenworks.operations.model import MODEL
from tokenworks.operations.operation import Operation
from tokenworks.operations.ratecard import RATE_CARD
from tokenworks.operations.view import read_time
from tokenworks.store.memory.open import open_memory
from tokenworks.store.ports import Store

_OPERATIONS: dict[str, Operation] = {one.name: one for one in (*RATE_CARD, *MODEL, *DEPLOYMENT, *ACCOUNT, *KEY)}


class Call(NamedTuple):
    """One operation and what it is given."""

    operation: str
    given: dict[str, Any]


def calls_of(step: Step, spec: Mapping[str, Any], there: Found, now_ns: int) -> list[Call]:
    """What a step comes to. `spec` is what its document wants, empty for a removal."""
    changed = {change.field.partition(".")[0] for change in step.changes}
    match step.kind:
        case "RateCard":
            return list(_set_card(step, spec, now_ns))
        case "Model":
            return [_remove_one(step, "model")] if step.action == "remove" else [
                Call("model.set", {"model": step.name, **spec, "if_version": step.version})]
        case "Deployment":
            return list(_place_deployment(step, spec, changed))
        case "Account":
            return list(_keep_account(step, spec, changed))
        case _:
            return [Call("key.revoke", {"key": there[step.ident].id})] if step.action == "remove" else [
                Call("key.create", {"name": step.name, **spec})]


def run_call(desk: Desk, call: Call) -> Any:
    """One operation, noted under its own name as a part of the whole."""
    operation = _OPERATIONS[call.operation]
    ask = msgspec.convert(call.given, operation.takes)
    return operation.run(desk.step(call.operation, "document.apply"), ask)


def rehearse(desk: Desk, steps: Sequence[Step], specs: Mapping[Ident, Mapping[str, Any]], there: Found) -> list[Fault]:
    """What the operations would refuse: the steps are done to a copy in memory, with the checks that really hold."""
    stage = desk._replace(store=_copy_policy(desk.store, any(step.kind == "Key" for step in steps)), actor=None)
    faults: list[Fault] = []
    for step in steps:
        spec = specs.get(step.ident, {})
        try:
            for call in calls_of(step, spec, there, desk.clock.now_ns()):
                given = {name: value for name, value in call.given.items() if name != "if_version"}
                run_call(stage, Call(call.operation, given))
        except CallerError as error:
            faults.append(_place_fault(step, spec, error))
    return faults


def _copy_policy(store: Store, keys: bool) -> Store:
    copy = open_memory()
    for card in sorted((kept.row for kept in walk_shelf(store.cards)), key=lambda card: (card.name, card.version)):
        copy.cards.add(card)
    for secret in walk_shelf(store.secrets):
        copy.secrets.add(secret.row)
    for model in walk_shelf(store.models):
        copy.models.add(model.row)
    for deployment in walk_shelf(store.deployments):
        copy.deployments.add(deployment.row)
    for account in walk_shelf(store.accounts):
        copy.accounts.add(account.row)
    for key in walk_shelf(store.keys) if keys else ():
        copy.keys.add(key.row)
    return copy


def _place_fault(step: Step, spec: Mapping[str, Any], error: CallerError) -> Fault:
    """The field that an operation complains about, as its document calls it."""
    if not isinstance(error, Invalid):
        return Fault(step.document, [], str(error))
    field = str(error.fields[0])
    own = KINDS[step.kind].own
    if field.partition(".")[0] not in spec and (field in own or field == "name"):
        return Fault(step.document, ["metadata", "name"], str(error.fields[1]))
    field = {"unit": "currency"}.get(field, field)
    return Fault(step.document, ["spec", *_split_way(spec, field)], str(error.fields[1]))


def _split_way(spec: Any, dotted: str) -> Iterator[str]:
    """A dotted way as the names it is made of, which may have dots themselves."""
    while dotted:
        names = sorted(spec if isinstance(spec, Mapping) else (), key=len, reverse=True)
        name = next((one for one in names if dotted == one or dotted.startswith(f"{one}.")), "")
        if not name:
            return
        yield name
        spec, dotted = spec[name], dotted[len(name) + 1:]


def _set_card(step: Step, spec: Mapping[str, Any], now_ns: int) -> Iterator[Call]:
    """Every version that is missing; one that begins in the past keeps its time only in a card that is new."""
    version = step.version
    if step.action == "create":
        for card in spec["earlier"]:
            yield Call("rate-card.set", {"card": step.name, **card, "if_version": version})
            version += 1
    start = spec["effective_from"]
    if step.action != "create" and (start is None or read_time(start, "effective_from") <= now_ns):
        start = None
    yield Call("rate-card.set", {"card": step.name, "currency": spec["currency"], "models": spec["models"],
                                 "effective_from": start, "if_version": version})


def _place_deployment(step: Step, spec: Mapping[str, Any], changed: set[str]) -> Iterator[Call]:
    if step.action in ("remove", "replace"):
        yield _remove_one(step, "deployment")
    if step.action in ("create", "replace"):
        yield Call("deployment.add", {"deployment": step.name, **spec})
    if step.action == "change":
        said = changed | ({"secret"} if "url" in changed else set())  # a secret is bound to its host: say it again
        yield Call("deployment.change", {"deployment": step.name, **{name: spec[name] for name in sorted(said)},
                                         "if_version": step.version})


def _keep_account(step: Step, spec: Mapping[str, Any], changed: set[str]) -> Iterator[Call]:
    if step.action == "create":
        yield Call("account.create", {"id": step.name, **{name: spec[name] for name in spec if name != "active"}})
        if not spec["active"]:
            yield Call("account.change", {"account": step.name, "active": False})
        return
    given = {"active": False} if step.action == "remove" else {name: spec[name] for name in sorted(changed)}
    yield Call("account.change", {"account": step.name, **given, "if_version": step.version})


def _remove_one(step: Step, noun: str) -> Call:
    return Call(f"{noun}.remove", {noun: step.name, "if_version": step.version})
