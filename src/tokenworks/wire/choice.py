"""A tool that has to be called must be there, whoever is asked: some servers do not look, and answer with a text.

Where a request is translated all of it is checked (wire/prompt/sound.py); here it goes as it came, and only this is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from tokenworks.wire.prompt.sound import check_named
from tokenworks.wire.refusals import Malformed

NAMED = frozenset({"function", "tool", "custom"})  # kinds of choices that name a tool of the request
_OBJECT = 0x7B


class _Named(msgspec.Struct, gc=False):
    name: str | None = None


class _Tool(msgspec.Struct, gc=False):
    type: str | None = None
    name: str | None = None
    function: _Named | None = None
    custom: _Named | None = None
    tools: msgspec.Raw = msgspec.Raw(b"")  # of a namespace


_CHOICE = msgspec.json.Decoder(_Tool)
_TOOLS = msgspec.json.Decoder(list[_Tool])


def check_choice(fields: Mapping[str, msgspec.Raw]) -> Malformed | None:
    """Why the tool that `tool_choice` names cannot be called; None where it names none, or what is odd otherwise."""
    raw = fields["tool_choice"]
    if memoryview(raw)[0] != _OBJECT or "prompt" in fields:  # whose tools stand in a template at the upstream
        return None
    try:
        choice = _CHOICE.decode(raw)
        name = _name(choice)
        if choice.type not in NAMED or not name:
            return None
        return check_named("tool_choice", (name,), dict.fromkeys(_names(fields.get("tools"))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _names(raw: msgspec.Raw | None) -> Iterator[str]:
    for tool in _TOOLS.decode(raw) if raw else ():
        if name := _name(tool):
            yield name
        if len(tool.tools):
            yield from _names(tool.tools)


def _name(tool: _Tool) -> str:
    inner = tool.function or tool.custom
    return tool.name or (inner.name if inner else "") or ""
