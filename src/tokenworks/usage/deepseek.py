"""DeepSeek's usage: OpenAI's object with the cache in words of its own, hits and misses, which together are the prompt.

Source: "Create chat completion" and "Context caching" of the DeepSeek API reference. OpenAI's `cached_tokens` stands in
newer answers only, and says the same.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat
from tokenworks.usage.vector import Usage


class _Cache(msgspec.Struct):
    prompt_cache_hit_tokens: int | None = None
    prompt_cache_miss_tokens: int | None = None


_CACHE = msgspec.json.Decoder(_Cache)


def read_deepseek(raw: bytes) -> Usage:
    """A `usage` of /chat/completions; raises UsageError, msgspec.DecodeError."""
    usage, cache = read_chat(raw), _CACHE.decode(raw)
    hit, miss = cache.prompt_cache_hit_tokens, cache.prompt_cache_miss_tokens
    if hit is None and miss is None:
        return usage
    hit = usage.prompt - (miss or 0) if hit is None else hit
    miss = usage.prompt - hit if miss is None else miss
    if min(hit, miss) < 0 or hit + miss != usage.prompt:
        raise UsageError(f"prompt_tokens is {usage.prompt}, its cache hits and misses are {hit} and {miss}")
    if usage.cache_read not in (0, hit):
        raise UsageError(f"cached_tokens is {usage.cache_read}, prompt_cache_hit_tokens {hit}")
    return msgspec.structs.replace(usage, input=miss, cache_read=hit)
