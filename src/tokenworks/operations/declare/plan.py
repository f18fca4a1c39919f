"""From what is declared and what is there to a plan. Nothing here asks or changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenworks.operations.declare.kinds import KINDS, REMEDIES
from tokenworks.operations.declare.links import find_dangling, links_of, order_declared
from tokenworks.operations.declare.read import name_ident, named_by, read_documents
from tokenworks.operations.declare.shapes import Declared, Fault, FieldChange, Ident, Live, Plan, Spec, Step
from tokenworks.operations.view import read_time

_ONLY_NEW = ("earlier",)  # of no account once the thing is there


def make_plan(documents: Sequence[object], there: Mapping[Ident, Live], prune: bool, now_ns: int) -> Plan:
    """The steps from `there` to what the documents say; with faults none.

    `prune` takes away what is there and not declared, of the kinds that occur in the documents.
    """
    declared, faults = read_documents(documents)
    ordered, circles = order_declared(declared)
    leaving = _find_leaving(declared, there) if prune else []
    faults += circles
    gone = {ident for ident in leaving if KINDS[ident[0]].gone == "removed"}
    faults += find_dangling(declared, (named_by(documents) | set(there)) - gone, gone)
    faults += _find_needed(declared, there, set(leaving))
    steps: list[Step] = []
    for one in ordered:
        found = _plan_one(one, there.get(one.ident), now_ns)
        if isinstance(found, Fault):
            faults.append(found)
        elif found is not None:
            steps.append(found)
    if faults:
        return Plan([], 0, sorted(faults, key=lambda fault: (fault.document, fault.place)))
    return Plan([*steps, *(_plan_removal(ident, there[ident]) for ident in leaving)], len(ordered) - len(steps), [])


def spell_changes(before: Spec, after: Spec) -> list[FieldChange]:
    """Field by field, tables down to their innermost names; lists as wholes."""
    old, new = dict(_flatten(before, "")), dict(_flatten(after, ""))
    return [FieldChange(name, old.get(name), new.get(name)) for name in {**new, **old}
            if _plain(old.get(name)) != _plain(new.get(name))]


def _plan_one(one: Declared, live: Live | None, now_ns: int) -> Step | Fault | None:
    kind = KINDS[one.ident[0]]
    if live is None:
        told = [change for change in spell_changes({}, one.spec) if change.after not in (False, 0)]
        return _step("create", one, told, 0)
    before = {name: value for name, value in live.spec.items() if name not in _ONLY_NEW}
    after = {name: value for name, value in one.spec.items() if name not in _ONLY_NEW}
    if kind.name == "RateCard":
        after["effective_from"] = _pick_start(before, after, now_ns)
    changes = spell_changes(before, after)
    if not changes:
        return None
    stuck = [change.field.partition(".")[0] for change in changes if change.field.partition(".")[0] in kind.fixed]
    if stuck and not kind.replaced:
        old, new = before[stuck[0]], after[stuck[0]]
        return Fault(one.document, ["spec", stuck[0]], f"{stuck[0]} of {kind.name} {name_ident(one.ident)} is "
                     f"{_word(old)} and cannot become {_word(new)}. {REMEDIES[kind.name]}")
    if stuck:
        return _step("replace", one, changes, live.version, f"{', '.join(stuck)} is fixed when it is made")
    return _step("change", one, changes, live.version)


def _step(action: Any, one: Declared, changes: list[FieldChange], version: int, remark: str = "") -> Step:
    kind, under, name = one.ident
    return Step(action, kind, name, under, changes, version, remark or _remark(action, one), one.document)


def _remark(action: str, one: Declared) -> str:
    if one.ident[0] == "Key":
        return "its secret is shown once, when it is made"
    if one.ident[0] == "RateCard" and action == "change":
        return "a new version; requests that began before keep theirs"
    return ""


def _pick_start(before: Spec, after: Spec, now_ns: int) -> object:
    """A start that has passed says nothing any more: the version that stands is older, a new one begins now."""
    wanted = after["effective_from"]
    if wanted is not None and read_time(wanted, "effective_from") > now_ns:
        return wanted
    return before["effective_from"]


def _find_leaving(declared: Sequence[Declared], there: Mapping[Ident, Live]) -> list[Ident]:
    """What --prune takes away, in the order in which it can go: users before what they use."""
    kinds = {one.ident[0] for one in declared}
    wanted = {one.ident for one in declared}
    return [ident for kind in reversed(KINDS) if kind in kinds and KINDS[kind].gone
            for ident, live in sorted(there.items()) if ident[0] == kind and ident not in wanted and not live.over]


def _plan_removal(ident: Ident, live: Live) -> Step:
    kind, under, name = ident
    remarks = {"closed": "closed: an account and its money stay in the books", "revoked": "revoked for good",
               "removed": "", "": ""}
    return Step("remove", kind, name, under, [], live.version, remarks[KINDS[kind].gone])


def _find_needed(declared: Sequence[Declared], there: Mapping[Ident, Live], leaving: set[Ident]) -> Iterator[Fault]:
    """What would go although something that stays as it is names it."""
    told = leaving | {one.ident for one in declared}
    for ident, live in there.items() if leaving else ():
        for _, target in links_of(Declared(ident, live.spec, -1)) if ident not in told else ():
            if target in leaving and KINDS[target[0]].gone == "removed":
                yield Fault(-1, [], f"--prune would take {target[0]} {name_ident(target)} away, but {ident[0]} "
                            f"{name_ident(ident)} needs it. Declare it, or remove {name_ident(ident)} first.")


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not name):
        for key, part in value.items():
            yield from _flatten(part, f"{name}.{key}" if name else str(key))
    elif not _empty(value):
        yield name, value


def _empty(value: Any) -> bool:
    """Nothing, said or unsaid. A no is something."""
    return value is None or (value in ("", [], {}) and value is not False)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _word(value: Any) -> str:
    return "empty" if _empty(value) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
