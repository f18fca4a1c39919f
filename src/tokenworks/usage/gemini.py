"""Gemini through its OpenAI-compatible interface: thoughts count in the total, and not in `completion_tokens`.

So the completion is what the total has above the prompt. Every chunk of a stream carries the figures so far: they are
cumulative and the last one counts (google-gemini forum 127400, ogx issue 5122, any-llm issue 1290).
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.vector import Usage


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Made(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int
    completion_tokens: int | None = None  # left out when nothing but thoughts was made
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Made | None = None


_USAGE = msgspec.json.Decoder(_Usage)


def read_gemini(raw: bytes) -> Usage:
    """A `usage` of /v1beta/openai/chat/completions; raises UsageError, msgspec.DecodeError."""
    usage = _USAGE.decode(raw)
    prompt, visible, completion = usage.prompt_tokens, usage.completion_tokens or 0, usage.total_tokens
    completion -= prompt
    cached = (usage.prompt_tokens_details.cached_tokens or 0) if usage.prompt_tokens_details else 0
    said = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else None
    if min(prompt, visible, cached, said or 0) < 0:
        raise UsageError("a count is negative")
    if cached > prompt:
        raise UsageError(f"{cached} cached tokens are more than the prompt's {prompt}")
    if completion < visible:
        raise UsageError(f"total_tokens is {usage.total_tokens}, less than {prompt} + {visible}")
    thoughts = completion - visible if said is None or visible + said == completion else said
    if thoughts > completion:
        raise UsageError(f"{thoughts} reasoning tokens are more than the completion's {completion}")
    return Usage(prompt - cached, cached, output=completion - thoughts, reasoning=thoughts)
