"""Chat chunks and bodies, event by event."""

from __future__ import annotations

import json

import pytest
from tests.goldens import body
from tests.wire.gist import gist

from tokenworks.wire import chat
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Failed,
    ProgressSeen,
    Timings,
    UsageSeen,
    finish_of,
)


def read(*deltas: dict[str, object], finish: str | None = None) -> list[Event]:
    reader, found = chat.Reader(), []
    for at, delta in enumerate(deltas):
        last = finish if at == len(deltas) - 1 else None
        choice = {"index": 0, "delta": delta, "finish_reason": last}
        chunk = {"id": "i", "model": "m", "created": 5, "choices": [choice]}
        found += reader.read(json.dumps(chunk).encode()) or []
    return found[1:]


def test_plain() -> None:
    events = chat.Reader().read(
        b'{"id":"i","model":"m","created":5.0,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}')
    assert events is not None and isinstance(events[0], Begin) and (events[0].id, events[0].created_s) == ("i", 0)
    assert events[1:] == [
        ChoiceBegin(0), BlockBegin(0, 0, "text"), Delta(0, 0, "a"), BlockEnd(0, 0), finish_of(0, "stop")]
    assert chat.Reader().read(b"[DONE]") == [ENDED] and chat.Reader().read(b"null") == []


def test_kinds_follow() -> None:
    assert read({"reasoning_content": "a"}, {"content": "b"}, {"content": "c"}, {"refusal": "d"}) == [
        ChoiceBegin(0), BlockBegin(0, 0, "reasoning"), Delta(0, 0, "a"), BlockEnd(0, 0), BlockBegin(0, 1, "text"),
        Delta(0, 1, "b"), Delta(0, 1, "c"), BlockEnd(0, 1), BlockBegin(0, 2, "refusal"), Delta(0, 2, "d")]


def test_reasoning_once() -> None:
    """vLLM says it under two names at once."""
    events = read({"reasoning_content": "a", "reasoning": "a"})
    assert [event.text for event in events if isinstance(event, Delta)] == ["a"]


def call(index: int, identity: str | None, name: str | None, arguments: str) -> dict[str, object]:
    return {"tool_calls": [{"index": index, "id": identity, "function": {"name": name, "arguments": arguments}}]}


def test_calls() -> None:
    events = read(call(0, "c0", "f", ""), call(1, "c1", "g", ""), call(0, None, None, "{}"), call(1, None, None, "[]"),
                  {}, finish="tool_calls")
    assert events == [
        ChoiceBegin(0), BlockBegin(0, 0, "tool", "", "c0", "f"), BlockBegin(0, 1, "tool", "", "c1", "g"),
        Delta(0, 0, "{}"), Delta(0, 1, "[]"), BlockEnd(0, 0), BlockEnd(0, 1), finish_of(0, "tool_calls")]


def test_calls_all_zero() -> None:
    """Some engines number every call 0; another id is another call."""
    events = read(call(0, "c0", "f", "{}"), call(0, "c1", "g", "{}"), finish="tool_calls")
    assert gist([*events])[0] == (0, [("tool", "f", "{}"), ("tool", "g", "{}")], "tool")


def test_ids_of_pieces() -> None:
    """Some engines give every piece of a call an id of its own: only a call that has a name is another."""
    events = read(call(0, "c0", "f", "{"), call(0, "c7", None, "}"), finish="tool_calls")
    assert gist([*events])[0] == (0, [("tool", "f", "{}")], "tool")


def test_named_late() -> None:
    """A call shows itself when its name has come; one that never gets a name shows itself at the end."""
    events = read(call(0, "c0", None, '{"a"'), call(0, None, "", ":1"), call(0, None, "f", "}"), finish="tool_calls")
    assert events[1:] == [BlockBegin(0, 0, "tool", "", "c0", "f"), Delta(0, 0, '{"a":1'), Delta(0, 0, "}"),
                          BlockEnd(0, 0), finish_of(0, "tool_calls")]
    events = read(call(0, "c0", None, "{}"), call(0, "c1", "g", ""), finish="tool_calls")
    assert events[1:] == [BlockBegin(0, 0, "tool", "", "c0"), Delta(0, 0, "{}"), BlockEnd(0, 0),
                          BlockBegin(0, 1, "tool", "", "c1", "g"), BlockEnd(0, 1), finish_of(0, "tool_calls")]


@pytest.mark.parametrize(("data", "expected"), [
    (b'{"choices":[],"usage":{"completion_tokens":7}}', UsageSeen(b'{"completion_tokens":7}', 7, -1, True)),
    (b'{"choices":[{"index":1,"delta":{}}],"usage":{"completion_tokens":7}}',
     UsageSeen(b'{"completion_tokens":7}', 7, 1, False)),
    (b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":0}}',
     UsageSeen(b'{"completion_tokens":0}', 0, 0, True)),
])
def test_usage(data: bytes, expected: UsageSeen) -> None:
    assert (chat.Reader().read(data) or [])[-1] == expected


def test_odd_usage() -> None:
    assert chat.usage_event(b"<", 0, True) == UsageSeen(b"<", 0, 0, True)


def test_timings() -> None:
    events = chat.Reader().read(b'{"choices":[{"index":2,"delta":{}}],"timings":{"predicted_n":4,"x":1.5}}') or []
    assert events[-1] == ProgressSeen(Timings(0, 0, 4), 2)


def test_errors() -> None:
    data = b'{"error":{"message":"x"}}'
    assert chat.Reader().read(data) == [Failed(data)] and chat.Reader().read_body(data) == [Failed(data)]
    assert chat.Reader().read(b'{"message":"x"}', "error") == [Failed(b'{"message":"x"}')]
    assert chat.Reader().read(b'{"error":null,"choices":[]}') != [Failed(b'{"error":null,"choices":[]}')]
    assert chat.Reader().read(b"{") is None and chat.Reader().read_body(b"<") is None


def test_body_is_stream() -> None:
    golden = body("llamacpp/chat_whole_tools")
    events = chat.Reader().read_body(golden.data)
    assert events is not None and gist(events)[0][2] == "tool" and gist(events)[0][1][0][:2] == ("tool", "get_weather")
