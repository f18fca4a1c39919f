"""Anthropic's usage object: `input_tokens` excludes what was read from and written to the cache.

Cache writes are split by time to live (5 minutes, 1 hour); without the split they are of the short one, which is the
default. Tokens of a server-side compaction stand only among `iterations` and are added; an iteration of another model
(fallback, advisor) cannot be rated by this request's price and is refused. Source: `Usage` and `BetaUsage` of the
Messages API reference.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.vector import Usage


class _Creation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _ServerTools(msgspec.Struct):
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Creation | None = None


class _Iteration(_Counts):
    type: str = "message"


class _Usage(_Counts):
    output_tokens_details: _Details | None = None
    server_tool_use: _ServerTools | None = None
    iterations: list[_Iteration] | None = None


_USAGE = msgspec.json.Decoder(_Usage)
_FIGURES = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_message(raw: bytes) -> Usage:
    """A `usage` of /v1/messages; raises UsageError, msgspec.DecodeError."""
    usage = _USAGE.decode(raw)
    if usage.input_tokens is None or usage.output_tokens is None:
        raise UsageError("input_tokens or output_tokens is missing")
    thinking = (usage.output_tokens_details.thinking_tokens or 0) if usage.output_tokens_details else 0
    if thinking > usage.output_tokens:
        raise UsageError(f"{thinking} thinking tokens are more than the output's {usage.output_tokens}")
    rows = [_row(usage), *(_row(step) for step in usage.iterations or () if _separate(step))]
    if thinking < 0 or min(map(min, rows)) < 0:
        raise UsageError("a count is negative")
    fresh, read, short, long, completion = map(sum, zip(*rows, strict=True))
    return Usage(fresh, read, short, long, completion - thinking, thinking, _extras(usage.server_tool_use))


def merge_message(earlier: bytes, later: bytes) -> bytes:
    """`message_start` and `message_delta` as one object: `later` wins wherever it has a figure, null is none."""
    figures = _FIGURES.decode(earlier)
    figures.update((key, value) for key, value in _FIGURES.decode(later).items() if bytes(value) != b"null")
    return msgspec.json.encode(figures)


def _separate(step: _Iteration) -> bool:
    """Whether an iteration's tokens come on top of the sums; raises UsageError for one of another model."""
    if step.type in ("message", "compaction"):
        return step.type == "compaction"
    raise UsageError(f"an iteration of type {step.type!r} was billed by the upstream at a price of its own")


def _row(counts: _Counts) -> tuple[int, int, int, int, int]:
    """Fresh input, read, written for 5 minutes, written for 1 hour, output."""
    short, long = _cache_writes(counts)
    return counts.input_tokens or 0, counts.cache_read_input_tokens or 0, short, long, counts.output_tokens or 0


def _cache_writes(counts: _Counts) -> tuple[int, int]:
    """Tokens written to the cache for 5 minutes and for 1 hour."""
    written, split = counts.cache_creation_input_tokens, counts.cache_creation
    if split is None:
        return written or 0, 0
    short, long = split.ephemeral_5m_input_tokens or 0, split.ephemeral_1h_input_tokens or 0
    if written is not None and short + long != written:
        raise UsageError(f"cache_creation_input_tokens is {written}, its parts are {short} and {long}")
    return short, long


def _extras(tools: _ServerTools | None) -> dict[str, int]:
    if tools is None:
        return {}
    counts = {"searches": tools.web_search_requests, "fetches": tools.web_fetch_requests}
    if min(count or 0 for count in counts.values()) < 0:
        raise UsageError("a count is negative")
    return {name: count for name, count in counts.items() if count}
