"""The choice of a deployment among those that may serve a request: healthy first, then the least busy, then by id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from tokenworks.fleet.deployment import Deployment

RANKS = {"up": 0, "failing": 1}  # "down" has none: it is not asked until a probe finds it up


class Choice(msgspec.Struct, frozen=True):
    """The deployment that serves, and why: candidates, their load and health as the decision saw them."""

    deployment: Deployment
    why: dict[str, str | int]


def choose(
    candidates: Sequence[Deployment],
    inflight: Mapping[str, int],
    health: Mapping[str, str],
    tried: Collection[str] = (),
) -> Choice | None:
    """The next deployment to try, None when none is left. Those in `tried` are passed over.

    `health`: up, failing, down per deployment (absent: up). "failing" serves when nobody else does, "down" never.
    """
    if len(candidates) == 1 and not tried and health.get(candidates[0].id, "up") == "up":
        only = candidates[0]
        return Choice(only, {"route": "only", "deployment": only.id})
    ranked = []
    why: dict[str, str | int] = {"route": "least busy", "candidates": len(candidates)}
    for row in candidates:
        state = health.get(row.id, "up")
        if row.id in tried:
            why[f"{row.id} passed over"] = "tried"
        elif state not in RANKS:
            why[f"{row.id} passed over"] = state
        else:
            ranked.append((RANKS[state], inflight.get(row.id, 0), row.id, row))
    if not ranked:
        return None
    rank, busy, name, row = min(ranked)
    for other in ranked:
        why[f"{other[2]} in flight"] = other[1]
    if rank:
        why["health"] = "failing"
    why |= {"deployment": name, "in_flight": busy}
    return Choice(row, why)
