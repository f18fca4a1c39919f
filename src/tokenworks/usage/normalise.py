"""The one way from a provider's usage object to the vector: a table of (engine, dialect), one reader each.

Figures that break `input + cache_read + cache_write = prompt`, are negative, or are missing raise UsageError: the caller
treats the usage as missing (estimated, then amended), because a wrong figure is worse than none.
"""

from __future__ import annotations

from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect, Engine


def normalise(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a raw usage object (the JSON object that is the value of `usage`); raises UsageError."""
    raise NotImplementedError(engine, dialect, raw)


def normalise_progress(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a cumulative figure in mid-stream: vLLM's `usage` of a chunk, llama.cpp's `timings` object."""
    raise NotImplementedError(engine, dialect, raw)


def merge_raw(earlier: bytes, later: bytes) -> bytes:
    """Two partial usage objects as one: `later` wins where it has a figure (message_start, then message_delta)."""
    raise NotImplementedError(earlier, later)
