"""Documents: everything that can be declared, as text that is kept, compared, and applied.

What a document says is done by the operations that there are. Money is never moved: wallets are no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from threading import Lock
from typing import Any

import msgspec

from tokenworks.errors import Conflict, Invalid, TokenworksError, Unavailable
from tokenworks.limits import DOCUMENTS_MAX
from tokenworks.operations.declare.check import nearest
from tokenworks.operations.declare.kinds import KINDS, kind_of
from tokenworks.operations.declare.live import Found, gather_live, write_documents
from tokenworks.operations.declare.plan import make_plan
from tokenworks.operations.declare.read import name_ident, read_documents
from tokenworks.operations.declare.run import calls_of, rehearse, run_call
from tokenworks.operations.declare.shapes import Fault, Plan, Step
from tokenworks.operations.desk import Desk
from tokenworks.operations.key import NewKey
from tokenworks.operations.operation import define
from tokenworks.operations.view import show_time
from tokenworks.store.trail import make_note

_ALONE = Lock()  # one apply after the other: names of keys are no ids, so two at once would make two of each


class PlanDocuments(msgspec.Struct, forbid_unknown_fields=True):
    """`documents` each have apiVersion, kind, metadata and spec. `prune`: take away what is there and not declared, of
    the kinds that occur in them."""

    documents: list[Any]
    prune: bool = False


class ApplyDocuments(msgspec.Struct, forbid_unknown_fields=True):
    """As for a plan. `digest` is that of a plan: nothing is done unless the same would be done now."""

    documents: list[Any]
    prune: bool = False
    digest: str = ""


class ExportDocuments(msgspec.Struct, forbid_unknown_fields=True):
    """`kinds` are names with commas; empty: all."""

    kinds: str = ""


class PlanView(msgspec.Struct):
    """What would be done, in this order, or the faults for which nothing would be. `digest` names this very plan."""

    steps: list[Step]
    unchanged: int
    faults: list[Fault]
    digest: str
    as_of: str | None


class Applied(msgspec.Struct):
    """What was done and what was not. `complete` is false when a step was refused: `stopped` says which and why.

    `keys` are the keys that were made, with their secrets, now and never again.
    """

    complete: bool
    done: list[Step]
    left: list[Step]
    stopped: str
    unchanged: int
    keys: list[NewKey]


class Documents(msgspec.Struct):
    """Documents, in the order in which they can be applied."""

    data: list[dict[str, Any]]
    as_of: str | None


def plan_documents(desk: Desk, ask: PlanDocuments) -> PlanView:
    """Plan documents. What applying them would do, field by field, and everything that is wrong with them."""
    _, plan = _prepare(desk, ask.documents, ask.prune)
    return PlanView(plan.steps, plan.unchanged, plan.faults, _digest_plan(plan), show_time(desk.clock.now_ns()))


def apply_documents(desk: Desk, ask: ApplyDocuments) -> Applied:
    """Apply documents. Creates and changes what they declare; refused as a whole when anything is wrong with them.

    Should a step be refused on the way, because somebody else has changed something meanwhile, what was done stays and
    the rest is left; applying again goes on from there.
    """
    desk = desk._replace(dice=desk.secret_dice)  # called again it does what is left, so its ids are no repeated ones
    with _ALONE:
        return _apply(desk, ask)


def export_documents(desk: Desk, ask: ExportDocuments) -> Documents:
    """Export documents. All that can be declared, as it is now; secrets only as the references that they are."""
    names = [name.strip() for name in ask.kinds.split(",") if name.strip()]
    kinds = [kind_of(name) for name in names]
    for name, kind in zip(names, kinds, strict=True):
        if kind is None:
            raise Invalid("kinds", f"there is no kind {name}. {nearest(name, KINDS)}")
    wanted = [kind.name for kind in kinds if kind] or list(KINDS)
    now_ns = desk.clock.now_ns()
    return Documents(write_documents(gather_live(desk.store, wanted, now_ns)), show_time(now_ns))


def _apply(desk: Desk, ask: ApplyDocuments) -> Applied:
    there, plan = _prepare(desk, ask.documents, ask.prune)
    if plan.faults:
        raise _refuse(plan.faults)
    if ask.digest and ask.digest != _digest_plan(plan):
        raise Conflict("Something has changed since the plan was made. Plan again, then decide.")
    specs = {one.ident: one.spec for one in read_documents(ask.documents)[0]}
    applied = Applied(True, [], list(plan.steps), "", plan.unchanged, [])
    for step in plan.steps:
        try:
            applied.keys += _do_step(desk, step, specs.get(step.ident, {}), there)
        except TokenworksError as error:
            applied.complete, applied.stopped = False, f"{step.kind} {name_ident(step.ident)}: {error}"
            _note_stop(desk, step, str(error))
            break
        applied.done.append(applied.left.pop(0))
    return applied


def _prepare(desk: Desk, documents: list[Any], prune: bool) -> tuple[Found, Plan]:
    """What there is and what is to be done, rehearsed."""
    if len(documents) > DOCUMENTS_MAX:
        raise Invalid("documents", f"at most {DOCUMENTS_MAX} at once; apply them in parts")
    declared, _ = read_documents(documents)
    kinds = [kind for kind in KINDS if kind != "Key" or any(one.ident[0] == "Key" for one in declared)]
    now_ns = desk.clock.now_ns()
    there = gather_live(desk.store, kinds, now_ns)
    plan = make_plan(documents, there, prune, now_ns)
    faults = rehearse(desk, plan.steps, {one.ident: one.spec for one in declared}, there)
    return there, Plan([], 0, faults) if faults else plan


def _do_step(desk: Desk, step: Step, spec: Mapping[str, Any], there: Found) -> list[NewKey]:
    results = [run_call(desk, call) for call in calls_of(step, spec, there, desk.clock.now_ns())]
    return [result for result in results if isinstance(result, NewKey)]


def _note_stop(desk: Desk, step: Step, why: str) -> None:
    """What stopped it, into the audit trail; where the books are out of reach the answer alone says it."""
    if desk.actor is None:
        return
    try:
        desk.store.trail.add(make_note(desk.actor, "document", f"{step.kind} {name_ident(step.ident)}", "{}", "refused",
                                       why))
    except Unavailable:
        pass


def _digest_plan(plan: Plan) -> str:
    return "" if plan.faults else sha256(msgspec.json.encode(plan.steps)).hexdigest()


def _refuse(faults: list[Fault]) -> Invalid:
    first, more = faults[0], len(faults) - 1
    place = ".".join([f"documents[{first.document}]", *first.place]) if first.document >= 0 else "documents"
    return Invalid(place, first.message + (f" ({more} more like this; plan to see all)" if more else ""))


DOCUMENT = (
    define("document.plan", plan_documents, reads=True),
    define("document.apply", apply_documents, once=True),
    define("document.export", export_documents),
)
