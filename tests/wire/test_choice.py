"""A tool that has to be called and is not there is refused, whatever else is odd is the upstream's to judge."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tokenworks.wire.choice import check_choice
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request

CHAT = [{"type": "function", "function": {"name": "look"}}, {"type": "custom", "custom": {"name": "say"}}]
FLAT = [{"type": "function", "name": "look"}, {"type": "namespace", "name": "n", "tools": [{"name": "say"}]}]
MESSAGES = [{"name": "look", "input_schema": {}}, {"type": "web_search_20250305", "name": "say"}]
BASE: dict[Dialect, dict[str, Any]] = {
    "chat": {"messages": []}, "responses": {"input": "x"}, "messages": {"messages": [], "max_tokens": 5}}


def read(dialect: Dialect, tools: Any, choice: Any, **more: Any) -> RequestFacts | Malformed:
    said = {"model": "m", **BASE[dialect], "tool_choice": choice, **more}
    return read_request(dialect, msgspec.json.encode({**said, "tools": tools} if tools is not None else said))


@pytest.mark.parametrize(("dialect", "tools", "choice"), [
    ("chat", CHAT, {"type": "function", "function": {"name": "look"}}),
    ("chat", CHAT, {"type": "custom", "custom": {"name": "say"}}),
    ("responses", FLAT, {"type": "function", "name": "say"}), ("responses", FLAT, {"type": "mcp", "name": "odd"}),
    ("responses", FLAT, {"type": "web_search"}), ("messages", MESSAGES, {"type": "tool", "name": "say"}),
    ("messages", MESSAGES, {"type": "any"}), ("chat", CHAT, "auto"), ("chat", None, "none"), ("chat", None, None),
    ("chat", CHAT, {"type": "function"}), ("chat", CHAT, {"type": 5}), ("chat", CHAT, {"type": "allowed_tools"}),
])
def test_passes(dialect: Dialect, tools: Any, choice: Any) -> None:
    assert isinstance(read(dialect, tools, choice), RequestFacts)


@pytest.mark.parametrize(("dialect", "tools", "choice"), [
    ("chat", CHAT, {"type": "function", "function": {"name": "lok"}}),
    ("responses", FLAT, {"type": "function", "name": "lok"}), ("messages", MESSAGES, {"type": "tool", "name": "lok"}),
])
def test_names_none(dialect: Dialect, tools: Any, choice: Any) -> None:
    found = read(dialect, tools, choice)
    assert isinstance(found, Malformed) and (found.refusal, found.param) == (Refusal.FIELD_INVALID, "tool_choice")
    assert "names the tool 'lok'" in found.message and "Name one of: look" in found.message


def test_no_tools() -> None:
    found = read("chat", None, {"type": "function", "function": {"name": "look"}})
    assert isinstance(found, Malformed) and "Send tools" in found.message


def test_tools_elsewhere() -> None:
    """A stored prompt may bring its own; what is no list of tools is somebody else's to refuse."""
    choice = {"type": "function", "name": "look"}
    assert isinstance(read("responses", None, choice, prompt={"id": "pmpt_1"}), RequestFacts)
    fields = {"tools": msgspec.Raw(b"5"), "tool_choice": msgspec.Raw(msgspec.json.encode(choice))}
    assert check_choice(fields) is None
