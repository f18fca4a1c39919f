"""Chunks and whole bodies as chat writes them."""

from __future__ import annotations

import json

from tests.goldens import stream
from tests.wire import sdk
from tests.wire.gist import events_of, gist

from tokenworks.wire import chat_writer
from tokenworks.wire.events import BlockBegin, BlockEnd, ChoiceBegin, Delta, Extra, finish_of


def test_roles() -> None:
    """The first chunk of a choice says its role, as clients expect."""
    writer = chat_writer.Writer("m")
    chunk = json.loads(writer.write(ChoiceBegin(1))[6:])
    assert chunk["choices"] == [{"index": 1, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]


def test_custom_calls() -> None:
    events = [ChoiceBegin(0), BlockBegin(0, 0, "custom", "", "c", "patch"), Delta(0, 0, "free"), BlockEnd(0, 0),
              finish_of(0, "tool_calls")]
    writer = chat_writer.Writer("m")
    assert gist(events_of("chat", b"".join(writer.write(event) for event in events)))[0][1] == [
        ("custom", "patch", "free")]


def test_body_keeps_head() -> None:
    said = json.loads(chat_writer.write_body(events_of("chat", stream("openai/chat_text").data)))
    assert said["service_tier"] == "default" and said["object"] == "chat.completion" and said["created"] == 1763900000


def test_beside() -> None:
    """Log probabilities stand with the next piece, never with the role; without a piece they have a chunk."""
    raw = b'{"content":[],"refusal":null}'
    writer = chat_writer.Writer("m")
    writer.beside = raw
    assert b"logprobs" not in writer.write(ChoiceBegin(0))
    writer.write(BlockBegin(0, 0, "text"))
    assert sdk.check("chat", writer.write(Delta(0, 0, "x")))[0].choices[0].logprobs.content == []
    assert writer.beside == b"" and b"logprobs" not in writer.write(Delta(0, 0, "y"))
    assert sdk.check("chat", writer.write(Extra(0, 0, "logprobs", raw)))[0].choices[0].logprobs.content == []
    assert writer.write(Extra(0, 0, "signature", b'"s"')) == b""
