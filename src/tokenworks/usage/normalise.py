"""The one way from a provider's usage object to the vector: tables of dialects and engines, one reader each.

Figures that break `input + cache_read + cache_write = prompt`, are negative, or are missing raise UsageError: the
caller treats the usage as missing (estimated, then amended), because a wrong figure is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.anthropic import merge_message, read_message
from tokenworks.usage.llamacpp import read_timings
from tokenworks.usage.openai import read_chat, read_embeddings, read_response
from tokenworks.usage.vector import Usage
from tokenworks.usage.vllm import read_chunk
from tokenworks.wire.dialects import Dialect, Engine

Reader = Callable[[bytes], Usage]

# The shape of the object follows the dialect, whoever speaks it.
READERS: dict[Dialect, Reader] = {
    "chat": read_chat,
    "completions": read_chat,
    "responses": read_response,
    "messages": read_message,
    "embeddings": read_embeddings,
}
# Where an engine's final figures differ from its dialect's. None is known to: what vLLM and llama.cpp say of cached
# tokens in /v1/messages differs in words, not in sums (their files say how).
FINAL: dict[tuple[Engine, Dialect], Reader] = {}
# Cumulative figures in mid-stream, by the engine that gives them. llama.cpp's /v1/messages gives none.
PROGRESS: dict[tuple[Engine, Dialect], Reader] = {
    ("vllm", "chat"): read_chunk,
    ("vllm", "completions"): read_chunk,
    ("llamacpp", "chat"): read_timings,
    ("llamacpp", "completions"): read_timings,
    ("llamacpp", "responses"): read_timings,
    ("llamacpp", "messages"): read_timings,
}


def find_reader(engine: Engine, dialect: Dialect) -> Reader:
    """Who reads a raw usage object; the reader raises UsageError and msgspec.DecodeError."""
    return FINAL.get((engine, dialect)) or READERS[dialect]


def normalise(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a raw usage object (the JSON object that is the value of `usage`); raises UsageError."""
    return _read(find_reader(engine, dialect), raw)


def normalise_progress(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a cumulative figure in mid-stream: vLLM's `usage` of a chunk, llama.cpp's `timings` object.

    Raises UsageError, also for an engine that reports no progress in that dialect.
    """
    reader = PROGRESS.get((engine, dialect))
    if reader is None:
        raise UsageError(f"{engine} reports no progress in {dialect} streams")
    return _read(reader, raw)


def merge_raw(earlier: bytes, later: bytes) -> bytes:
    """Two partial usage objects as one: `later` wins where it has a figure (message_start, then message_delta)."""
    try:
        return merge_message(earlier, later)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UsageError(fault) from None


def _read(reader: Reader, raw: bytes) -> Usage:
    try:
        return reader(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UsageError(fault) from None
