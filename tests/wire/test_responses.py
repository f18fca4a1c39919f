"""Responses to the vocabulary: OpenAI's full events, llama.cpp's sparse ones, whole bodies."""

from __future__ import annotations

import json

import pytest
from tests.goldens import body, stream
from tests.wire.gist import events_of, gist

from tokenworks.wire import responses
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    Delta,
    Event,
    Extra,
    Failed,
    Finish,
    Issued,
    Part,
    ProgressSeen,
    Timings,
    UsageSeen,
)


def test_items() -> None:
    events = events_of("responses", stream("openai/responses_tools").data)
    assert [(event.kind, event.name) for event in events if isinstance(event, BlockBegin)] == [
        ("reasoning", ""), ("tool", "get_weather"), ("custom", "apply_patch"), ("other", "")]
    assert gist(events)[0][1][:3] == [
        ("reasoning", "", "**Thinking**"), ("tool", "get_weather", '{"city": "Paris"}'),
        ("custom", "apply_patch", "*** Begin\n*** End")]
    assert [event.id for event in events if isinstance(event, Issued)] == ["resp_68a1", "cntr_9", "cntr_9"]
    assert [event.reason for event in events if isinstance(event, Finish)] == ["tool"]
    assert events[-1] == ENDED


def test_parts() -> None:
    events = events_of("responses", stream("openai/responses_text").data)
    assert [(event.index, event.kind) for event in events if isinstance(event, Part)] == [(0, "text"), (1, "text")]
    assert gist(events) == [(0, [("text", "", "Hello! 你好Second part")], "stop")]


@pytest.mark.parametrize(("name", "kind"), [("llamacpp/responses_plain", "text"), ("llamacpp/responses_tools", "tool")])
def test_sparse(name: str, kind: str) -> None:
    """llama.cpp leaves out output_index and sequence_number."""
    events = events_of("responses", stream(name).data)
    begun = [event for event in events if isinstance(event, Begin)]
    assert len(begun) == 1 and begun[0].id.startswith("resp_")
    assert [block[0] for block in gist(events)[0][1]] == [kind] and gist(events)[0][1][0][2]
    assert any(isinstance(event, UsageSeen) for event in events)


SAID = [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c_1", "name": "f", "arguments": '{"x":1}'}]
MEANT = [(0, [("reasoning", "", "Hm."), ("text", "", "Hi"), ("tool", "f", '{"x": 1}')], "tool")]


def read(*said: dict[str, object]) -> list[Event]:
    reader = responses.Reader()
    return [event for one in said for event in reader.read(json.dumps(one).encode()) or []]


def test_without_pieces() -> None:
    """Some servers tell no deltas, some of them no items either."""
    created = {"type": "response.created", "response": {"id": "r"}}
    completed = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": SAID}}
    items: list[dict[str, object]] = []
    for index, item in enumerate(SAID):
        bare = {key: value for key, value in item.items() if key in ("type", "id", "call_id", "name")}
        items += [{"type": "response.output_item.added", "output_index": index, "item": bare},
                  {"type": "response.output_item.done", "output_index": index, "item": item}]
    assert gist(read(created, *items, completed)) == MEANT
    assert gist(read(created, completed)) == MEANT


def test_without_items() -> None:
    """Others tell text alone, and calls with the last event."""
    pieces = [{"type": f"response.{kind}.delta", "delta": text} for kind, text in (
        ("reasoning_summary_text", "H"), ("reasoning_summary_text", "m."), ("output_text", "Hi"))]
    completed = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": SAID}}
    events = read({"type": "response.created", "response": {"id": "r"}}, *pieces, completed)
    assert gist(events) == MEANT and [event.text for event in events if isinstance(event, Delta)][:2] == ["H", "m."]
    ends = [event.block for event in events if isinstance(event, BlockEnd)]
    assert ends == [0, 1, 2]
    lost = {"type": "response.function_call_arguments.delta", "delta": "{}"}
    assert not any(isinstance(event, BlockBegin) for event in read(lost))


def test_timings() -> None:
    events = events_of("responses", stream("llamacpp/responses_timings").data)
    counts = [event.timings.predicted_n for event in events if isinstance(event, ProgressSeen)]
    assert len(counts) > 3 and counts == sorted(counts)


def test_sequence() -> None:
    reader = responses.Reader()
    reader.read(b'{"type":"response.created","sequence_number":4,"response":{"id":"r"}}')
    assert reader.sequence == 4
    reader.read(b'{"type":"response.in_progress"}')
    assert reader.sequence == 5


def test_incomplete() -> None:
    events = events_of("responses", stream("openai/responses_incomplete").data)
    assert [(event.reason, event.native) for event in events if isinstance(event, Finish)] == [
        ("length", "max_output_tokens")]


@pytest.mark.parametrize("data", [
    b'{"type":"response.failed","response":{}}', b'{"type":"error","message":"x"}', b'{"error":{"message":"x"}}'])
def test_errors(data: bytes) -> None:
    assert responses.Reader().read(data) == [Failed(data)]
    assert responses.Reader().read(b"{") is None and responses.Reader().read_body(b"{") is None
    assert responses.Reader().read_body(b'{"error":{"code":"x"}}') == [Failed(b'{"error":{"code":"x"}}')]


def test_odd_engines() -> None:
    """Empty pieces, parts that begin with text, log probabilities, a last event that is the first, timings inside."""
    reader = responses.Reader()
    assert reader.read(b'{"type":"response.output_text.delta","delta":""}') == []
    reader.read(b'{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m"}}')
    part = b'{"type":"response.content_part.added","item_id":"m","part":{"type":"output_text","text":"Hi"}}'
    assert (reader.read(part) or [])[-1] == Delta(0, 0, "Hi")
    piece = b'{"type":"response.output_text.delta","item_id":"m","delta":"x","logprobs":[{"token":"x"}]}'
    assert reader.read(piece) == [Delta(0, 0, "x"), Extra(0, 0, "logprobs", b'[{"token":"x"}]')]
    note = b'{"type":"response.output_text.annotation.added","item_id":"m","annotation":{"type":"url_citation"}}'
    assert reader.read(note) == [Extra(0, 0, "annotation", b'{"type":"url_citation"}')]
    last = b'{"type":"response.completed","response":{"id":"r","timings":{"predicted_n":4},"usage":null}}'
    events = reader.read(last) or []
    assert isinstance(events[0], Begin) and ProgressSeen(Timings(0, 0, 4)) in events and events[-1] == ENDED
    conversation = b'{"type":"response.created","response":{"id":"r","conversation":{"id":"conv_1"}}}'
    assert Issued("conv_1") in (responses.Reader().read(conversation) or [])


def test_unknown() -> None:
    assert responses.Reader().read(b'{"type":"response.from_the_future","delta":{"x":1}}') == []
    assert responses.Reader().read(b"[DONE]") == []


def test_body() -> None:
    events = responses.Reader().read_body(body("openai/responses_whole").data) or []
    kinds = [block[0] for block in gist(events)[0][1]]
    assert kinds == ["reasoning", "tool", "custom", "other", "text"]
    assert [event.id for event in events if isinstance(event, Issued)] == ["resp_68a1", "conv_7", "cntr_9"]
