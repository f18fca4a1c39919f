"""Moonshot (Kimi): OpenAI's object with `cached_tokens` at its top level, and in a stream inside the last choice.

Newer answers say it in `prompt_tokens_details` too; the two are the same tokens, which are part of the prompt. Source:
"Chat" of the Kimi API reference; AstrBot issue 6614 for the stream.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat
from tokenworks.usage.vector import Usage


class _Cache(msgspec.Struct):
    cached_tokens: int | None = None


_CACHE = msgspec.json.Decoder(_Cache)


def read_moonshot(raw: bytes) -> Usage:
    """A `usage` of /v1/chat/completions; raises UsageError, msgspec.DecodeError."""
    usage, cached = read_chat(raw), _CACHE.decode(raw).cached_tokens
    if cached is None or cached == usage.cache_read:
        return usage
    if usage.cache_read:
        raise UsageError(f"cached_tokens is {cached} and {usage.cache_read}")
    if not 0 <= cached <= usage.input:
        raise UsageError(f"{cached} cached tokens are more than the prompt's {usage.prompt}, or negative")
    return msgspec.structs.replace(usage, input=usage.input - cached, cache_read=cached)
