"""What names what: references that lead nowhere, circles, and the order in which things can be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tokenworks.operations.declare.check import nearest
from tokenworks.operations.declare.kinds import KINDS
from tokenworks.operations.declare.read import name_ident
from tokenworks.operations.declare.shapes import Declared, Fault, Ident


def order_declared(declared: Sequence[Declared]) -> tuple[list[Declared], list[Fault]]:
    """In an order in which everything stands behind what it names; things in a circle are faults instead."""
    by_ident = {one.ident: one for one in declared}
    ranks = {name: rank for rank, name in enumerate(KINDS)}
    left = sorted(declared, key=lambda one: (ranks[one.ident[0]], one.ident))
    placed: dict[Ident, Declared] = {}
    while left:
        ready = [one for one in left
                 if all(target in placed for _, target in links_of(one) if target in by_ident)]
        if not ready:
            return list(placed.values()), list(_tell_circles(left, by_ident))
        placed |= {one.ident: one for one in ready}
        left = [one for one in left if one.ident not in placed]
    return list(placed.values()), []


def find_dangling(declared: Sequence[Declared], known: set[Ident], leaving: set[Ident]) -> Iterator[Fault]:
    """References to what is not `known`: neither declared nor there; or what will be gone."""
    names = {kind: sorted(name_ident(ident) for ident in known if ident[0] == kind) for kind in KINDS}
    for one in declared:
        for field, target in links_of(one):
            if target in known:
                continue
            name = name_ident(target)
            if target in leaving:
                why = f"--prune would take {target[0]} {name} away. Declare it, too."
            else:
                same = names[target[0]]
                why = f"There is no {target[0]} {name}. " + (nearest(name, same) if same else
                                                            f"Declare it: there is no {target[0]} yet.")
            yield Fault(one.document, ["spec", field], why)


def links_of(one: Declared) -> Iterator[tuple[str, Ident]]:
    """(field, what it names) of one thing; an empty field names nothing."""
    for field, kind in KINDS[one.ident[0]].links:
        if one.spec[field]:
            yield field, (kind, "", str(one.spec[field]))


def _tell_circles(left: Sequence[Declared], by_ident: Mapping[Ident, Declared]) -> Iterator[Fault]:
    """One fault for each circle. What only hangs on one is no fault of its own."""
    told: set[Ident] = set()
    waiting = {one.ident for one in left}
    for one in left:
        way: list[Ident] = []
        here: Declared | None = one
        while here is not None and here.ident not in way and here.ident not in told:
            way.append(here.ident)
            here = next((by_ident[target] for _, target in links_of(here) if target in waiting), None)
        if here is not None and here.ident in way:
            circle = way[way.index(here.ident):]
            names = " -> ".join(name_ident(ident) for ident in [*circle, circle[0]])
            field = next(field for field, target in links_of(here) if target in circle)
            yield Fault(here.document, ["spec", field], f"These name each other in a circle: {names}. Take one out.")
        told |= set(way)
