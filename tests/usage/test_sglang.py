"""SGLang: reasoning at the top level, and a choice's figures in every chunk (golden figures: test_normalise.py)."""

from __future__ import annotations

from tests.goldens import stream
from tests.usage.streams import usage_of

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.sglang import read_sglang
from tokenworks.usage.vector import Usage


def test_trap_reasoning_is_not_in_the_details() -> None:
    """Who looks in `completion_tokens_details` bills reasoning at the price of output."""
    raw = b'{"prompt_tokens":1,"completion_tokens":9,"total_tokens":10,"reasoning_tokens":7}'
    assert read_sglang(raw) == Usage(1, output=2, reasoning=7)
    twice = raw[:-1] + b',"completion_tokens_details":{"reasoning_tokens":7}}'
    assert read_sglang(twice) == Usage(1, output=2, reasoning=7)


def test_trap_chunks_are_cumulative() -> None:
    assert usage_of("sglang/chat_stream") == Usage(24, 96, output=3, reasoning=7)
    data = stream("sglang/chat_stream").data
    meter = StreamMeter("chat", "sglang", "exact", Show(False))
    meter.feed(data[: data.index(b"data:", data.index(b'"yes"'))])
    assert meter.output_seen == 9 and meter.usage_now(5) == (Usage(120, output=9), "progress")
