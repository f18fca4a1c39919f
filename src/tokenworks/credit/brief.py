"""A usual answer in few words: what the other requests like it have in common is encoded once, not for each of them.

Nearly all requests are whole answers of one attempt that reported their usage and paid within their hold. Their Served
says most of what it says twice, or says what follows from the rest. A Brief says it once; `expand` tells all of it, and
readers of journals see nothing but the Served.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tokenworks.credit.records import Attempt, Closed, HoldStep, Opened, Part, Served
from tokenworks.usage.vector import Usage

COMMONS_KEPT = 256
_MS = 1_000_000
_NOTHING = Usage()


class Common(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is the same for many of a key's requests: all of one model and card, at one deployment, from one lease."""

    account: str
    key: str
    dialect: str
    model: str
    deployment: str
    unit: str
    card: str
    crash: str
    lot: str
    lease: str
    output_held: int


class Brief(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="b"):
    """Served, for a whole answer of one attempt: reported, rated = charged, from one lease. Times by the wall clock.

    `common` is a Common in msgpack. The hold was cut and the attempt began at `begun_at_ns`.
    """

    request: str
    common: msgspec.Raw
    at_ns: int
    begun_at_ns: int
    ended_at_ns: int
    lasted_ms: int
    held_minor: int
    input_bound: int
    rated_minor: int
    usage: Usage
    raw: bytes


def encode_common(common: Common) -> msgspec.Raw:
    """To be kept: it costs as much as the rest of the record."""
    return msgspec.Raw(msgspec.msgpack.encode(common))


def expand(brief: Brief) -> Served:
    """All that the record stands for. Raises msgspec.DecodeError when `common` is none."""
    common = _read_common(bytes(brief.common))
    usage, rated, held, began = brief.usage, brief.rated_minor, brief.held_minor, brief.begun_at_ns
    why: dict[str, str | int] = {
        "route": "only", "input_bound": brief.input_bound, "output_held": common.output_held, "asked": "whole"}
    opened = Opened(
        brief.request, common.account, common.key, brief.at_ns, common.dialect, common.model, common.deployment,
        common.unit, common.card, False, held, "waive" if common.crash == "waive" else "bill", why)  # fmt: skip
    tried_ms = (brief.ended_at_ns - began) // _MS
    attempt = Attempt(1, common.deployment, "served", 200, "", usage, "reported", 0, "", "", began, tried_ms, tried_ms)
    steps = (HoldStep(began, "cut", held, held), HoldStep(brief.ended_at_ns, "posted", rated, 0))
    closed = Closed(
        brief.request, brief.ended_at_ns, "ok", "", usage, "reported", rated, rated, 0, 0, rated,
        (Part(0, common.lot, common.lease, rated),), (attempt,), steps, brief.raw, (), _NOTHING, brief.lasted_ms,
        brief.lasted_ms, 200, (), common.deployment, True)  # fmt: skip
    return Served(opened, closed)


@lru_cache(COMMONS_KEPT)
def _read_common(data: bytes) -> Common:
    return msgspec.msgpack.decode(data, type=Common)
