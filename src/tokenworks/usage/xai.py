"""xAI: OpenAI's objects with reasoning beside the completion in chat, and with what its server-side tools did.

`num_sources_used` counts what Live Search was billed by, `server_side_tool_usage_details` the calls of each tool.
`cost_in_usd_ticks` is what the operator pays, not what a client does; it stays in the raw object. Sources: the xAI API
reference, "Cost tracking" and "Tools".
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat, read_response
from tokenworks.usage.vector import Usage


class _Calls(msgspec.Struct):
    web_search_calls: int | None = None
    x_search_calls: int | None = None
    code_interpreter_calls: int | None = None
    file_search_calls: int | None = None
    document_search_calls: int | None = None
    mcp_calls: int | None = None
    image_generation_calls: int | None = None


class _Usage(msgspec.Struct):
    num_sources_used: int | None = None
    server_side_tool_usage_details: _Calls | None = None


_USAGE = msgspec.json.Decoder(_Usage)
_NO_CALLS = _Calls()


def read_xai(raw: bytes) -> Usage:
    """A `usage` of /v1/chat/completions; raises UsageError, msgspec.DecodeError."""
    return _with_extras(read_chat(raw), raw)


def read_xai_response(raw: bytes) -> Usage:
    """A `usage` of /v1/responses."""
    return _with_extras(read_response(raw), raw)


def _with_extras(usage: Usage, raw: bytes) -> Usage:
    more = _USAGE.decode(raw)
    calls = more.server_side_tool_usage_details or _NO_CALLS
    said = (more.num_sources_used, *msgspec.structs.astuple(calls))
    if min(count or 0 for count in said) < 0:
        raise UsageError("a count is negative")
    extras = {
        "sources": more.num_sources_used or 0,
        "searches": (calls.web_search_calls or 0) + (calls.x_search_calls or 0),
        "file_searches": (calls.file_search_calls or 0) + (calls.document_search_calls or 0),
        "code_runs": calls.code_interpreter_calls or 0,
        "mcp_calls": calls.mcp_calls or 0,
        "images": calls.image_generation_calls or 0,
    }
    extras = {name: count for name, count in extras.items() if count}
    return msgspec.structs.replace(usage, extras=extras) if extras else usage
