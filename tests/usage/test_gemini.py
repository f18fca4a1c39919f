"""Gemini: thoughts and cumulative figures (the golden figures are in test_normalise.py)."""

from __future__ import annotations

from tests.goldens import stream
from tests.usage.streams import meter_stream, shown_to, usage_of

from tokenworks.usage.gemini import read_gemini
from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.vector import Usage


def test_trap_thoughts_are_only_in_the_total() -> None:
    """Who bills `completion_tokens` gives the thoughts away."""
    assert read_gemini(b'{"prompt_tokens":20,"completion_tokens":151,"total_tokens":553}').completion == 533


def test_trap_every_chunk_has_the_sum_so_far() -> None:
    """Who adds the chunks up bills three times; the last one counts, and a client is shown one figure at most."""
    assert usage_of("gemini/chat_stream") == Usage(20, output=151, reasoning=382)
    _, got = meter_stream("gemini/chat_stream", shown=True)
    (shown,) = shown_to(got)
    assert (shown["prompt_tokens"], shown["completion_tokens"], shown["total_tokens"]) == (20, 533, 553)
    assert shown["completion_tokens_details"] == {"reasoning_tokens": 382}, "what is billed, as OpenAI tells it"


def test_a_stream_that_breaks_off() -> None:
    """What was thought until then is billed by the last figure, not by the text that could be seen."""
    data = stream("gemini/chat_stream").data
    meter = StreamMeter("chat", "gemini", "visible", Show(False))
    meter.feed(data[: data.index(b"data:", data.index(b" it is"))])
    assert meter.report is None and meter.output_seen == 472
    assert meter.usage_now(5) == (Usage(20, output=90, reasoning=382), "progress")
