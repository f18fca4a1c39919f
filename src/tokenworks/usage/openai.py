"""OpenAI's usage objects, and all that copy them: prompt tokens include cached ones, completion tokens reasoning.

Chat, completions and embeddings say `prompt_tokens`; the Responses API says `input_tokens` and details cache writes by
time to live. Sources: the `CompletionUsage` and `ResponseUsage` schemas of OpenAI's API reference.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.vector import Usage


class _Writes(msgspec.Struct):
    ttl_30m_tokens: int | None = None
    ttl_12h_tokens: int | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_tokens_details: _Writes | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Chat(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Response(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    total_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_CHAT = msgspec.json.Decoder(_Chat)
_RESPONSE = msgspec.json.Decoder(_Response)
_NO_INPUT = _InputDetails()
_NO_OUTPUT = _OutputDetails()


def read_chat(raw: bytes) -> Usage:
    """A `usage` of /v1/chat/completions or /v1/completions; raises UsageError, msgspec.DecodeError."""
    usage = _CHAT.decode(raw)
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if completion is None:
        raise UsageError("completion_tokens is missing")
    details, made = usage.prompt_tokens_details, usage.completion_tokens_details
    if made is None and usage.total_tokens == prompt + completion and completion >= 0:
        written = details is not None and (details.cache_write_tokens or details.cache_write_tokens_details)
        cached = details.cached_tokens or 0 if details is not None else 0
        if not written and 0 <= cached <= prompt:  # the usual case, in which nothing contradicts anything
            return Usage(prompt - cached, cached, 0, 0, completion)
    return _vector((prompt, completion, usage.total_tokens), details or _NO_INPUT, made or _NO_OUTPUT)


def read_embeddings(raw: bytes) -> Usage:
    """A `usage` of /v1/embeddings, which has no completion (some engines say 0 or null)."""
    usage = _CHAT.decode(raw)
    counts = (usage.prompt_tokens, usage.completion_tokens or 0, usage.total_tokens)
    return _vector(counts, usage.prompt_tokens_details or _NO_INPUT, _NO_OUTPUT)


def read_response(raw: bytes) -> Usage:
    """A `usage` of /v1/responses."""
    usage = _RESPONSE.decode(raw)
    return _vector(
        (usage.input_tokens, usage.output_tokens, usage.total_tokens),
        usage.input_tokens_details or _NO_INPUT,
        usage.output_tokens_details or _NO_OUTPUT,
    )


def _vector(counts: tuple[int, int, int | None], details: _InputDetails, made: _OutputDetails) -> Usage:
    prompt, completion, total = counts
    cached, reasoning = details.cached_tokens or 0, made.reasoning_tokens or 0
    short = long = 0
    if details.cache_write_tokens is not None or details.cache_write_tokens_details is not None:
        short, long = _cache_writes(details)
    fresh = prompt - cached - short - long
    if prompt | completion | cached | reasoning < 0:
        raise UsageError("a count is negative")
    if fresh < 0:
        raise UsageError(f"{cached} cached and {short + long} written tokens are more than the prompt's {prompt}")
    if total is not None and total != prompt + completion:
        if total != prompt + completion + reasoning:
            raise UsageError(f"total_tokens is {total}, not {prompt} + {completion}")
        completion += reasoning  # xAI counts reasoning beside the completion, and says so by its total
    if reasoning > completion:
        raise UsageError(f"{reasoning} reasoning tokens are more than the completion's {completion}")
    return Usage(fresh, cached, short, long, completion - reasoning, reasoning)


def _cache_writes(details: _InputDetails) -> tuple[int, int]:
    """Tokens written to the cache for the shorter and for the longer time: 30 minutes and 12 hours at OpenAI."""
    written, split = details.cache_write_tokens or 0, details.cache_write_tokens_details
    long = (split.ttl_12h_tokens or 0) if split else 0
    short = (split.ttl_30m_tokens or 0) if split else written
    if min(written, short, long) < 0 or (split and details.cache_write_tokens is not None and short + long != written):
        raise UsageError(f"cache_write_tokens is {written}, its parts are {short} and {long}")
    return short, long
