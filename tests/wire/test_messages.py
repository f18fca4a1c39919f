"""Anthropic's messages, event by event."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.goldens import body, stream
from tests.wire.gist import events_of, gist

from tokenworks.wire import messages
from tokenworks.wire.events import (
    ENDED,
    BlockBegin,
    Delta,
    Extra,
    Failed,
    Finish,
    Issued,
    ProgressSeen,
    Timings,
    UsageSeen,
)

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 99) | st.none())


def test_usage_grows() -> None:
    """Usage is said twice: what only the start knows is kept, what both say never falls."""
    seen = [event for event in events_of("messages", stream("anthropic/messages_tools").data)
            if isinstance(event, UsageSeen)]
    assert [(event.output, event.final) for event in seen] == [(1, False), (89, True)]
    said = json.loads(seen[-1].raw)
    assert said["cache_creation"] == {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}
    assert said["input_tokens"] == 25 and said["output_tokens"] == 89 and said["service_tier"] == "standard"


@given(st.lists(COUNTS, max_size=5))
def test_merge(objects: list[dict[str, int | None]]) -> None:
    known: dict[str, object] = {}
    for said in objects:
        messages.merge_usage(known, said)
    for key in "abc":
        counts = [said[key] for said in objects if said.get(key) is not None]
        assert known.get(key) == (max(counts) if counts else None)  # type: ignore[type-var]


def test_merge_nested() -> None:
    known: dict[str, object] = {"x": {"a": 1}, "tier": "s"}
    assert messages.merge_usage(known, {"x": {"a": 0, "b": 2}, "tier": "t", "zero": 0})
    assert known == {"x": {"a": 1, "b": 2}, "tier": "t", "zero": 0}
    assert not messages.merge_usage({}, "odd")


def test_thinking() -> None:
    events = events_of("messages", stream("anthropic/messages_tools").data)
    assert Extra(0, 0, "signature", b'"EqQBCgIYAhIM"') in events
    assert [(event.kind, event.name) for event in events if isinstance(event, BlockBegin)] == [
        ("reasoning", ""), ("text", ""), ("tool", "get_weather"), ("tool", "now")]


def test_server_tools() -> None:
    events = events_of("messages", stream("anthropic/messages_search").data)
    assert Delta(0, 0, '{"query":"tea"}') in events
    assert [event.key for event in events if isinstance(event, Extra)] == ["citation"]


@pytest.mark.parametrize("data", [
    b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', b'{"error":{"message":"x"}}'])
def test_errors(data: bytes) -> None:
    assert messages.Reader().read(data) == [Failed(data)] == messages.Reader().read_body(data)
    assert messages.Reader().read(b"{") is None and messages.Reader().read_body(b"{") is None


def test_unknown_events() -> None:
    assert messages.Reader().read(b'{"type":"from_the_future"}') == []
    assert messages.Reader().read(b'{"type":"ping"}') == []


def test_timings() -> None:
    """llama.cpp says none in this dialect yet; should it, they are read."""
    seen = ProgressSeen(Timings(0, 0, 3))
    assert messages.Reader().read(b'{"type":"ping","timings":{"predicted_n":3}}') == [seen]
    assert seen in (messages.Reader().read_body(b'{"type":"message","timings":{"predicted_n":3}}') or [])


def test_whole_arguments() -> None:
    """Some engines give a call's arguments with its beginning, and some both ways: they are said once."""
    start = (b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f",'
             b'"input":{"x":1}}}')
    stop = b'{"type":"content_block_stop","index":0}'
    piece = b'{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"x\\":1}"}}'
    for pieces in ((start, stop), (start, piece, stop), (start.replace(b'{"x":1}', b"{}"), piece, stop)):
        reader = messages.Reader()
        events = [event for data in pieces for event in reader.read(data) or []]
        assert [event.text for event in events if isinstance(event, Delta)] == ['{"x":1}']


def test_type_by_name() -> None:
    assert messages.Reader().read(b"{}", "message_stop") == [ENDED]


def test_container() -> None:
    raw = (b'{"type":"message_delta",'
           b'"delta":{"stop_reason":"stop_sequence","stop_sequence":"X","container":{"id":"c_1"}}}')
    events = messages.Reader().read(raw) or []
    assert events[0] == Issued("c_1") and isinstance(events[1], Finish) and events[1].raw == b'"X"'


def test_body() -> None:
    events = messages.Reader().read_body(body("anthropic/messages_whole").data) or []
    assert gist(events) == [(0, [("text", "", "Hi"), ("tool", "f", '{"x": 1}')], "tool")]
