"""An upstream's usage object written anew, where its words would tell a client something else than what he is billed.

So it is with those who count thoughts beside the completion or tell of the cache in words of their own, and with those
who tell in it what the operator pays. All others' objects reach the client as they came.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.normalise import FINAL, READERS
from tokenworks.usage.shown import show_usage
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect, Engine

COSTS: dict[Engine, bytes] = {"xai": b'"cost_in_usd_ticks"'}  # the word for what the operator pays


def may_reshow(engine: Engine, dialect: Dialect) -> bool:
    """Whether its objects have to be looked at. Messages tell theirs in two pieces, which nobody is known to bend."""
    return (engine, dialect) in FINAL and dialect != "messages"


def reshow_usage(engine: Engine, dialect: Dialect, raw: bytes, usage: Usage) -> bytes | None:
    """What a client is shown in place of an object that means `usage`; None when it can stay as it is."""
    if not may_reshow(engine, dialect):
        return None
    if engine not in COSTS or COSTS[engine] not in raw:
        try:
            if READERS[dialect](raw) == msgspec.structs.replace(usage, extras={}):
                return None
        except (UsageError, msgspec.DecodeError):
            pass  # who reads it as the dialect says can make nothing of it
    return msgspec.json.encode(show_usage(dialect, usage))
