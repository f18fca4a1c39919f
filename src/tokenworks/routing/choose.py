"""The choice of a deployment among those that may serve a request: healthy first, then the least busy, then by id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from tokenworks.fleet.deployment import Deployment


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
    raise NotImplementedError(candidates, inflight, health, tried)
