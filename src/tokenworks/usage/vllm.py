"""vLLM's usage: OpenAI's objects, except that figures may be null in mid-stream and that details depend on a flag.

Prompt tokens include cached ones; without `--enable-prompt-tokens-details` the cached part is not known and everything
is fresh input, as the engine says no better. Its /v1/messages leaves cached tokens out of `input_tokens` when it names
them and in when it does not: either way input + cache read is the prompt (vLLM PR 40912), as at Anthropic.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat
from tokenworks.usage.vector import Usage


class _Chunk(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


def read_chunk(raw: bytes) -> Usage:
    """The cumulative `usage` of a chunk (`continuous_usage_stats`); the first one may have no completion yet."""
    chunk = _CHUNK.decode(raw)
    if chunk.completion_tokens is not None:
        return read_chat(raw)
    if chunk.prompt_tokens < 0:
        raise UsageError("a count is negative")
    return Usage(chunk.prompt_tokens)
