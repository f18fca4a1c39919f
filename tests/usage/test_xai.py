"""xAI: reasoning beside the completion, and what its own tools did (golden figures: test_normalise.py)."""

from __future__ import annotations

from tests.usage.streams import usage_of

from tokenworks.usage.vector import Usage
from tokenworks.usage.xai import read_xai, read_xai_response


def test_trap_reasoning_is_beside_the_completion() -> None:
    """Who takes `completion_tokens` for all of it gives away what costs most."""
    details = b'"completion_tokens_details":{"reasoning_tokens":7}'
    raw = b'{"prompt_tokens":1,"completion_tokens":2,"total_tokens":10,%b}' % details
    assert read_xai(raw) == Usage(1, output=2, reasoning=7)
    assert usage_of("xai/chat_stream") == Usage(24, 8, output=9, reasoning=94, extras={"sources": 3})


def test_tools() -> None:
    raw = b'{"input_tokens":1,"output_tokens":2,"server_side_tool_usage_details":{"image_generation_calls":2}}'
    assert read_xai_response(raw) == Usage(1, output=2, extras={"images": 2})
