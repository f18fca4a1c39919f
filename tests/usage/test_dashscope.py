"""DashScope: writes to the cache, and tools of the Responses interface (golden figures: test_normalise.py)."""

from __future__ import annotations

from tests.usage.streams import usage_of

from tokenworks.usage.dashscope import read_dashscope, read_dashscope_response
from tokenworks.usage.vector import Usage


def test_trap_writes_are_part_of_the_prompt() -> None:
    """Anthropic tells writes beside the input, DashScope in the same words within it: added to it, they bill double."""
    raw = b'{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cache_creation_input_tokens":90}}'
    usage = read_dashscope(raw)
    assert usage == Usage(10, 0, 90, output=1) and usage.prompt == 100
    assert usage_of("dashscope/chat_stream") == Usage(6, 0, 29713, output=53, reasoning=382)


def test_searches() -> None:
    raw = b'{"input_tokens":5,"output_tokens":1,"x_tools":{"web_search":{"count":2}}}'
    assert read_dashscope_response(raw) == Usage(5, output=1, extras={"searches": 2})
