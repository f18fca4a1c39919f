"""Providers whose objects are OpenAI's or Anthropic's, and what is known to go wrong with each all the same."""

from __future__ import annotations

import pytest
from tests.goldens import stream
from tests.usage.streams import meter_stream, usage_of

from tokenworks.usage.meter import Show, StreamMeter, read_whole
from tokenworks.usage.vector import Usage

STREAMS = {
    "trtllm/chat_stream": Usage(64, 448, output=28),
    "mindie/chat_stream": Usage(226, output=122),
    "lmdeploy/chat_stream": Usage(91, output=24),
    "zhipu/chat_stream": Usage(400, 800, output=300),
    "minimax/chat_stream": Usage(26, output=9, reasoning=214),
    "bedrock/messages_stream": Usage(50, 1800, 148, 100, 393),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    assert usage_of(name) == STREAMS[name]


def test_trap_minimax_says_zero_until_the_end() -> None:
    """A figure of 0 in mid-stream is none: a stream that breaks off there is billed by what was seen."""
    data = stream("minimax/chat_stream").data
    meter = StreamMeter("chat", "minimax", "visible", Show(False))
    meter.feed(data[: data.index(b"data:", data.index(b" there"))])
    usage, basis = meter.usage_now(26)
    assert basis == "estimated" and usage.prompt == 26 and usage.completion == meter.output_seen > 0


def test_trap_minimax_fails_with_status_200() -> None:
    """`base_resp` has the error: neither an empty answer nor an estimate is billed."""
    body = b'{"id":"05ab","choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}'
    found = read_whole("chat", "minimax", body)
    assert not found.valid and found.error == body and found.report is None
    meter = StreamMeter("chat", "minimax", "visible", Show(False))
    assert meter.feed(b"data: " + body + b"\n\n") == b"" and meter.error == body
    fine = b'{"id":"a","choices":[{"index":0,"message":{"content":"x"}}],"base_resp":{"status_code":0}}'
    assert read_whole("chat", "minimax", fine).valid


def test_trap_bedrock_tells_its_figures_twice() -> None:
    """Its own metrics at the end are the same tokens again, without the cache in the input."""
    meter, got = meter_stream("bedrock/messages_stream")
    assert meter.ended and got.count(b'"output_tokens":393') == 1
    assert meter.report is not None and meter.report.usage.prompt == 2098


def test_trap_lmdeploy_tells_of_no_cache() -> None:
    """Without details everything is fresh input, as the engine says no better; nothing is made up."""
    assert usage_of("lmdeploy/chat_stream").cache_read == 0


def test_trap_mindie_times_are_no_tokens() -> None:
    """`decode_time_arr` has one number per token but the first; it is not counted."""
    body = (b'{"id":"e","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],'
            b'"usage":{"prompt_tokens":226,"completion_tokens":5,"total_tokens":231},"prefill_time":200,'
            b'"decode_time_arr":[56,28,28,28]}')
    found = read_whole("chat", "mindie", body)
    assert found.report is not None and found.report.usage == Usage(226, output=5)


def test_trap_zhipu_has_no_chunk_of_usage_alone() -> None:
    """Its last chunk has finish reason and usage together: what is taken out for a client leaves the rest."""
    _, got = meter_stream("zhipu/chat_stream")
    assert b'"finish_reason":"stop"' in got and b"usage" not in got


def test_trap_trtllm_repeats_the_figure_of_the_last_chunk() -> None:
    """With figures in every chunk the last choice's is not yet the end; counted once more it would double."""
    data = stream("trtllm/chat_stream").data
    meter = StreamMeter("chat", "trtllm", "exact", Show(False))
    meter.feed(data[: data.index(b"data:", data.index(b'"stop"'))])
    assert meter.report is None and meter.usage_now(1) == (Usage(64, 448, output=28), "progress")
    meter.feed(data[data.index(b"data:", data.index(b'"stop"')) :])
    assert meter.report is not None and meter.report.usage == Usage(64, 448, output=28)
