"""SGLang: OpenAI's object with `reasoning_tokens` at its top level; they are part of the completion.

Cached tokens are told only with `--enable-cache-report`, and then only when there are any. With
`continuous_usage_stats` each chunk has its choice's figures so far, without the reasoning. Source:
`entrypoints/openai/usage_processor.py` of sgl-project/sglang.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat
from tokenworks.usage.vector import Usage


class _Reasoning(msgspec.Struct):
    reasoning_tokens: int | None = None


_REASONING = msgspec.json.Decoder(_Reasoning)


def read_sglang(raw: bytes) -> Usage:
    """A `usage` of /v1/chat/completions or /v1/completions; raises UsageError, msgspec.DecodeError."""
    usage, reasoning = read_chat(raw), _REASONING.decode(raw).reasoning_tokens or 0
    if not reasoning or usage.reasoning:
        return usage
    if not 0 <= reasoning <= usage.output:
        raise UsageError(f"{reasoning} reasoning tokens are more than the completion's {usage.output}, or negative")
    return msgspec.structs.replace(usage, output=usage.output - reasoning, reasoning=reasoning)
