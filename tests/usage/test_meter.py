"""The meter over every golden stream: any split gives the same bytes and figures; what was not asked for is gone."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.goldens import BODIES, STREAMS, Golden, body, stream
from tests.wire import sdk

from tokenworks.limits import EVENT_BYTES_MAX
from tokenworks.usage.meter import Show, StreamMeter, WholeReport, hide_whole, mark_whole, read_whole
from tokenworks.usage.vector import Usage
from tokenworks.wire.ends import End
from tokenworks.wire.refusals import Refusal

SHOWS = [Show(False), Show(True), Show(True, True)]
SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
IDS = [golden.name for golden in SOUND]


def meter_of(golden: Golden, show: Show = SHOWS[0], keep_text: bool = False) -> StreamMeter:
    meter = StreamMeter(golden.dialect, golden.engine, "exact", show, keep_text=keep_text)
    meter.prompts = 2 if golden.name.endswith("completions_batch.sse") else 1
    return meter


def reported(golden: Golden) -> bool:
    """Some were recorded without asking for usage."""
    return b'"usage":{' in golden.data


def state(meter: StreamMeter) -> tuple[object, ...]:
    return (meter.output_seen, meter.visible_bytes, meter.report, meter.progress_usage, meter.ended, meter.finished,
            meter.error, meter.broken, meter.object_ids, meter.finish_reason, meter.first_output, meter.text_seen)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STREAMS), st.sampled_from(SHOWS), st.data())
def test_any_split(golden: Golden, show: Show, data: st.DataObject) -> None:
    whole = meter_of(golden, show, True)
    expected = whole.feed(golden.data) + whole.flush()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(golden.data)), max_size=40)))
    meter = meter_of(golden, show, True)
    got = b"".join(meter.feed(golden.data[a:b]) for a, b in pairwise([0, *cuts, len(golden.data)]))
    assert got + meter.flush() == expected
    assert state(meter) == state(whole)


@pytest.mark.parametrize("golden", [stream("openai/chat_crlf"), stream("openai/responses_tools")], ids=["crlf", "lf"])
@pytest.mark.parametrize("show", SHOWS)
def test_byte_by_byte(golden: Golden, show: Show) -> None:
    whole, meter = meter_of(golden, show), meter_of(golden, show)
    expected = whole.feed(golden.data)
    got = [meter.feed(golden.data[at : at + 1]) for at in range(len(golden.data))]
    assert b"".join(got) == expected and state(meter) == state(whole)
    for piece in got:  # whole events only: at any moment the stream can be ended
        assert not piece or piece.endswith((b"\n\n", b"\r\n\r\n"))


OWN_WORDS = ("sglang/", "gemini/", "dashscope/", "moonshot/")  # whose usage is told as it is billed: test_reshown.py


@pytest.mark.parametrize("golden", [golden for golden in SOUND if not golden.name.startswith(OWN_WORDS)])
def test_nothing_removed(golden: Golden) -> None:
    """A client that asked for all figures gets the very bytes of the upstream, in the same objects."""
    if golden.name.endswith("completions_batch.sse"):
        pytest.skip("begins with a null")
    if golden.name.startswith("llamacpp/") and "_two" in golden.name:
        pytest.skip("its usage is of one answer: test_several_answers")
    meter = meter_of(golden, Show(True, True))
    for block in golden.blocks:
        assert meter.feed(block) is block
    assert meter.ended and meter.finished and not meter.broken and meter.error is None


def test_several_answers() -> None:
    """llama.cpp's usage speaks of one answer; what a client is shown is what all of them are billed for."""
    golden = stream("llamacpp/chat_two_timings")
    meter = meter_of(golden, Show(True))
    out = b"".join(meter.feed(block) for block in golden.blocks)
    assert meter.report is not None
    billed = meter.report.usage
    shown = [json.loads(event[6:])["usage"] for event in out.split(b"\n\n") if b'"usage"' in event]
    assert [(usage["prompt_tokens"], usage["completion_tokens"]) for usage in shown] == [
        (billed.prompt, billed.completion)]
    assert billed.completion > 6, "the upstream said six, of one of the two"


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_nothing_unasked(golden: Golden) -> None:
    meter = meter_of(golden)
    said = [json.loads(text) for _, text in sdk.events(meter.feed(golden.data)) if text != b"[DONE]"]
    before = [json.loads(text) for _, text in sdk.events(golden.data) if text not in (b"[DONE]", b"null")]
    chunked = golden.dialect in ("chat", "completions")
    for event in said:
        assert "timings" not in event and not (chunked and event.get("usage"))
    bare = [{key: value for key, value in event.items() if key not in ("timings", "usage")} for event in before]
    if chunked:
        bare = [event for event in bare if event["choices"]]
        for choice in (choice for event in bare for choice in event["choices"]):
            choice.pop("usage", None)
    assert [{key: value for key, value in event.items() if key != "usage"} for event in said] == bare
    assert (meter.report is not None) == reported(golden)


@pytest.mark.parametrize("golden", [g for g in SOUND if g.dialect in ("chat", "completions") and reported(g)])
def test_usage_asked(golden: Golden) -> None:
    """Usage was asked for, progress was not: usage is said once, at the end."""
    meter = meter_of(golden, Show(True))
    said = [json.loads(text) for _, text in sdk.events(meter.feed(golden.data)) if text != b"[DONE]"]
    used = [event for event in said if event.get("usage")]
    assert not any("timings" in event for event in said)
    assert len(used) == 1, "of all answers together"


FIGURES = {
    "llamacpp/chat_usage_timings": Usage(16, output=10),
    "llamacpp/chat_two_timings": Usage(16, output=12),
    "llamacpp/completions_batch": Usage(6, output=8),
    "llamacpp/messages_plain": Usage(16, output=10),
    "openai/chat_text": Usage(19, output=10),
    "openai/chat_tools": Usage(16, 64, output=56, reasoning=64),
    "openai/chat_reasoning": Usage(4, 8, output=2, reasoning=7),
    "openai/completions_text": Usage(5, output=2),
    "openai/responses_tools": Usage(56, 64, output=58, reasoning=32),
    "vllm/chat_reasoning": Usage(5, 16, output=5),
    "vllm/chat_two_choices": Usage(9, output=7),
    "anthropic/messages_text": Usage(25, output=12),
    "anthropic/messages_tools": Usage(25, 1024, 100, 200, output=89),
}


@pytest.mark.parametrize("name", FIGURES)
def test_reports(name: str) -> None:
    golden = stream(name)
    meter = meter_of(golden)
    meter.feed(golden.data)
    assert meter.report is not None and meter.report.usage == FIGURES[name]
    assert meter.output_seen == FIGURES[name].completion
    assert meter.usage_now(1) == (FIGURES[name], "reported")


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_counts_rise(golden: Golden) -> None:
    """Event by event no exact count falls, and the first output is seen when it comes."""
    meter, seen = meter_of(golden), 0
    exact = golden.data.count(b'"timings"') > 3 or golden.engine == "vllm"
    for block in golden.blocks:
        meter.feed(block)
        assert meter.first_output or meter.visible_bytes == 0
        if exact:
            assert meter.output_seen >= seen
            seen = meter.output_seen
    assert (meter.report is not None) == reported(golden)


def test_progress_when_cut() -> None:
    golden = stream("llamacpp/chat_usage_timings")
    meter = meter_of(golden)
    for block in golden.blocks[:5]:
        meter.feed(block)
    assert meter.output_seen == 4 and meter.usage_now(99) == (Usage(16, output=4), "progress")
    assert meter.report is None


def test_progress_of_choices() -> None:
    golden = stream("llamacpp/chat_two_timings")
    meter = meter_of(golden)
    for block in golden.blocks[:6]:
        meter.feed(block)
    assert meter.usage_now(99) == (Usage(16, output=4), "progress")
    golden = stream("vllm/chat_two_choices")
    meter = meter_of(golden)
    for block in golden.blocks[:5]:
        meter.feed(block)
    assert meter.usage_now(99) == (Usage(9, output=3), "progress")


def test_one_choice_reported() -> None:
    """One of two choices has said its figure, the other runs: that is no report yet."""
    golden = stream("llamacpp/chat_two_timings")
    meter = meter_of(golden)
    blocks = golden.blocks
    first = next(at for at, block in enumerate(blocks) if b'"choices":[]' in block)
    for block in blocks[: first + 1]:
        meter.feed(block)
    assert meter.report is None and meter.usage_now(0)[0].output == 11


def test_input_known_early() -> None:
    """Anthropic says the input at the start: a cut stream has it exactly, its output is an upper estimate."""
    golden = stream("anthropic/messages_tools")
    meter = meter_of(golden, keep_text=True)
    for block in golden.blocks[:4]:
        meter.feed(block)
    usage, basis = meter.usage_now(7)
    assert basis == "estimated" and (usage.input, usage.cache_read, usage.cache_write_1h) == (25, 1024, 200)
    assert usage.output == meter.output_seen == -(-meter.visible_bytes * 512 // 1024) > 0
    assert meter.text_seen == "The user wants weather."
    assert meter.report is None


def test_nothing_known() -> None:
    meter = StreamMeter("chat", "openai", "visible", Show(False), 256)
    meter.feed(b'data: {"choices":[{"index":0,"delta":{"content":"\xe4\xbd\xa0\xe5\xa5\xbd"}}]}\n\n')
    assert meter.visible_bytes == 6 and meter.usage_now(40) == (Usage(40, output=2), "estimated")


@pytest.mark.parametrize("name", ["openai/chat_error", "anthropic/messages_error", "openai/responses_error"])
def test_upstream_errors(name: str) -> None:
    """The upstream's own words stay here; the client gets ours, in its dialect."""
    golden = stream(name)
    meter = meter_of(golden)
    out = meter.feed(golden.data)
    assert b"org-secret" not in out and meter.error is not None and b"org-secret" in meter.error
    assert not meter.ended and meter.feed(b"data: {}\n\n") == b""
    end = meter.fail(Refusal.UPSTREAM_FAILED, "It broke.", "req_1")
    assert b"It broke." in end and b"req_secret" not in end
    if golden.dialect == "responses":
        numbers = [json.loads(text)["sequence_number"] for _, text in sdk.events(out + end)]
        assert numbers == list(range(len(numbers)))


def test_garbage() -> None:
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    sound = b'data: {"choices":[]}\n\n'
    assert meter.feed(sound + b'data: {"choi\n\n' + sound) == sound
    assert meter.broken and meter.feed(b"data: {}\n\n") == b""


def test_unexpected_types() -> None:
    """A field of another type than ours is passed on unread."""
    block = b'data: {"choices":[{"index":0,"delta":{"content":["odd"]}}]}\n\n'
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    assert meter.feed(block) is block and not meter.broken and meter.visible_bytes == 0


def test_half_characters() -> None:
    """Half a surrogate pair, as engines send at a token's edge, ends nobody's stream."""
    block = b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    assert meter.feed(block) is block and meter.visible_bytes == 1


def test_too_large() -> None:
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    for _ in range(17):
        meter.feed(b"x" * (1024 * 1024))
    assert "above" in meter.broken and str(EVENT_BYTES_MAX) in meter.broken


def test_flush() -> None:
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    assert meter.feed(b"data: [DONE]\n") == b"" and not meter.ended
    assert meter.flush() == b"data: [DONE]\n\n" and meter.ended
    meter = StreamMeter("chat", "openai", "visible", Show(False))
    assert meter.feed(b'data: {"choices":[{"ind') == b"" and meter.flush() == b"" and not meter.broken
    assert meter.flush() == b"" and meter.ping() == b": ping\n\n"


def test_finish() -> None:
    golden = stream("llamacpp/chat_usage_timings")
    meter = meter_of(golden, Show(True))
    out = b"".join(meter.feed(block) for block in golden.blocks[:6])
    usage, _ = meter.usage_now(0)
    chunks = sdk.consume("chat", out + meter.finish(End.CREDIT, usage))
    assert chunks[-1].usage.completion_tokens == usage.output and chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-2].tokenworks["reason"] == "credit_exhausted"
    meter = meter_of(golden)
    out = b"".join(meter.feed(block) for block in golden.blocks[:6])
    assert all(chunk.usage is None for chunk in sdk.consume("chat", out + meter.finish(End.CREDIT, usage)))
    assert meter.feed(golden.blocks[6]) == b"", "nothing after the end"


def test_finish_numbers() -> None:
    golden = stream("openai/responses_text")
    meter = meter_of(golden)
    out = b"".join(meter.feed(block) for block in golden.blocks[:6]) + meter.finish(End.CREDIT, Usage(9, output=4))
    numbers = [json.loads(text)["sequence_number"] for _, text in sdk.events(out)]
    assert numbers == list(range(len(numbers)))
    assert json.loads(sdk.events(out)[-1][1])["response"]["usage"]["output_tokens"] == 4


@pytest.mark.parametrize("name", ["llamacpp/chat_cut", "openai/responses_incomplete", "llamacpp/messages_cut"])
def test_marks(name: str) -> None:
    """A cap that was ours is named where the answer ends by it."""
    golden = stream(name)
    meter = meter_of(golden)
    meter.mark(End.CAP)
    out = meter.feed(golden.data)
    assert meter.capped and out.count(b'"output_capped"') == 1
    sdk.consume(golden.dialect, out)
    meter = meter_of(stream("openai/chat_tools"))
    meter.mark(End.CAP)
    assert b"output_capped" not in meter.feed(stream("openai/chat_tools").data), "it stopped by itself"


def test_ids() -> None:
    golden = stream("openai/responses_tools")
    meter = meter_of(golden)
    meter.feed(golden.data)
    assert meter.object_ids == ["resp_68a1", "cntr_9"]


WHOLE = {
    "llamacpp/chat_whole": Usage(16, output=10),
    "llamacpp/messages_whole": Usage(16, output=10),
    "openai/chat_whole": Usage(19, output=10),
    "openai/responses_whole": Usage(36, output=79, reasoning=8),
    "openai/embeddings_whole": Usage(8),
    "anthropic/messages_whole": Usage(10, output=5),
}


@pytest.mark.parametrize("name", WHOLE)
def test_wholes(name: str) -> None:
    golden = body(name)
    found = read_whole(golden.dialect, golden.engine, golden.data)
    assert found.valid and found.report is not None and found.report.usage == WHOLE[name]
    assert found.finish or golden.dialect == "embeddings"


def test_whole_facts() -> None:
    found = read_whole("messages", "anthropic", body("anthropic/messages_whole").data)
    assert found.object_ids == ("container_5",) and found.finish == "tool_use" and found.visible_bytes == 9
    assert read_whole("responses", "openai", body("openai/responses_whole").data).object_ids == (
        "resp_68a1", "conv_7", "cntr_9")
    assert read_whole("chat", "openai", body("openai/chat_whole").data).capped


def test_whole_undercount() -> None:
    """llama.cpp's usage of two choices speaks of one: no figure is better than a wrong one."""
    golden = body("llamacpp/chat_whole_two")
    assert read_whole("chat", "llamacpp", golden.data).report is None


def test_no_whole() -> None:
    assert read_whole("chat", "openai", b"<html>") == WholeReport(None, valid=False)
    found = read_whole("chat", "openai", b'{"error":{"message":"secret"}}')
    assert not found.valid and found.error == b'{"error":{"message":"secret"}}'
    assert read_whole("chat", "openai", b"[]").report is None
    found = read_whole("chat", "openai", b'{"choices":[],"usage":{"prompt_tokens":-1}}')
    assert found.valid and found.report is None


@pytest.mark.parametrize("golden", BODIES, ids=[golden.name for golden in BODIES])
def test_hide_whole(golden: Golden) -> None:
    hidden = hide_whole(golden.dialect, golden.engine, golden.data, Show(False))
    before = json.loads(golden.data)
    had = before.pop("timings", None) if golden.engine == "llamacpp" else None
    assert json.loads(hidden) == before and (had is not None or hidden is golden.data)
    assert hide_whole(golden.dialect, golden.engine, golden.data, Show(True, True)) is golden.data


def test_mark_whole() -> None:
    cut = body("openai/chat_whole").data
    assert json.loads(mark_whole("chat", cut, End.CAP))["tokenworks"]["reason"] == "output_capped"
    sound = body("anthropic/messages_whole").data
    assert mark_whole("messages", sound, End.CAP) is sound
