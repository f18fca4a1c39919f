"""Moonshot: where it says its usage (the golden figures are in test_normalise.py)."""

from __future__ import annotations

from tests.goldens import stream
from tests.usage.streams import meter_stream, usage_of

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.moonshot import read_moonshot
from tokenworks.usage.vector import Usage


def test_trap_cached_tokens_at_the_top_level() -> None:
    """Who looks for them in the details bills a cached prompt as fresh."""
    assert read_moonshot(b'{"prompt_tokens":9,"completion_tokens":1,"cached_tokens":8}') == Usage(1, 8, output=1)


def test_trap_the_usage_of_a_stream_is_in_its_choice() -> None:
    """Who looks at the chunk finds none, and bills an estimate."""
    assert usage_of("moonshot/chat_stream") == Usage(56, 1280, output=31)
    _, got = meter_stream("moonshot/chat_stream")
    assert b"cached_tokens" not in got and b'"finish_reason":"stop"' in got
    data = stream("moonshot/chat_stream").data
    meter = StreamMeter("chat", "moonshot", "visible", Show(False))
    meter.feed(data[: data.index(b'data: {', data.index(b'"stop"'))])  # it answers so when usage was not asked for
    assert meter.report is not None and meter.report.usage == Usage(56, 1280, output=31)
