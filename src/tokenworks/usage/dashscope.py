"""DashScope (Qwen): OpenAI's objects whose prompt holds cache writes as well, told the way Anthropic tells them.

Writes stand in `prompt_tokens_details`, as a sum and by time to live; both are part of `prompt_tokens`. Searches and
pages read by tools of the Responses interface are in `x_tools`. Sources: "Context cache", "Explicit cache (Qwen4)" and
"Responses" of Alibaba Cloud Model Studio.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat, read_response
from tokenworks.usage.vector import Usage


class _Creation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Details(msgspec.Struct):
    cache_creation_input_tokens: int | None = None
    cache_creation: _Creation | None = None


class _Tool(msgspec.Struct):
    count: int = 0


class _Tools(msgspec.Struct):
    web_search: _Tool | None = None
    web_extractor: _Tool | None = None


class _Usage(msgspec.Struct):
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    x_tools: _Tools | None = None


_USAGE = msgspec.json.Decoder(_Usage)


def read_dashscope(raw: bytes) -> Usage:
    """A `usage` of /compatible-mode/v1/chat/completions; raises UsageError, msgspec.DecodeError."""
    more = _USAGE.decode(raw)
    return _with_more(read_chat(raw), more.prompt_tokens_details, more.x_tools)


def read_dashscope_response(raw: bytes) -> Usage:
    """A `usage` of its Responses interface."""
    more = _USAGE.decode(raw)
    return _with_more(read_response(raw), more.input_tokens_details, more.x_tools)


def _with_more(usage: Usage, details: _Details | None, tools: _Tools | None) -> Usage:
    short, long = _writes(details) if details is not None else (0, 0)
    if short + long > usage.input:
        raise UsageError(f"{short + long} written tokens are more than the {usage.input} that were not cached")
    extras = {}
    for name, tool in (("searches", tools.web_search), ("fetches", tools.web_extractor)) if tools else ():
        if tool is not None and tool.count:
            extras[name] = tool.count
    if min([short, long, *extras.values()]) < 0:
        raise UsageError("a count is negative")
    fresh = usage.input - short - long
    return msgspec.structs.replace(usage, input=fresh, cache_write_5m=short, cache_write_1h=long, extras=extras)


def _writes(details: _Details) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour; without the split they are of the short time, the default."""
    split = details.cache_creation
    written = details.cache_creation_input_tokens
    if split is None:
        return written or 0, 0
    if written is None:
        written = split.cache_creation_input_tokens
    short, long = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens or 0
    if short is None:
        short = (written or 0) - long
    if written is not None and short + long != written:
        raise UsageError(f"cache_creation_input_tokens is {written}, its parts are {short} and {long}")
    return short, long
