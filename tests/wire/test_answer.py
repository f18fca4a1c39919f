"""The events of an answer, gathered."""

from __future__ import annotations

from tokenworks.wire.answer import Answer
from tokenworks.wire.events import (
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Extra,
    UsageSeen,
    finish_of,
)

TEXT, CALL = BlockBegin(0, 0, "text"), BlockBegin(0, 1, "tool", "", "call_1", "f")


def test_gathered() -> None:
    answer = Answer([
        Begin("i", "m"), ChoiceBegin(0), TEXT, Delta(0, 0, "a"), CALL, Delta(0, 1, "{"), Delta(0, 0, "b"),
        BlockEnd(0, 0, b"raw"), UsageSeen(b'{"x":1}', 2), UsageSeen(b"{}", 1, 0, False)])
    assert answer.begun.id == "i" and answer.choices == [0] and answer.blocks() == [TEXT, CALL]
    assert answer.text(TEXT) == "ab" and answer.text(CALL) == "{"
    assert answer.complete(TEXT) and not answer.complete(CALL) and answer.ended_raw(TEXT) == b"raw"
    assert answer.usage == b'{"x":1}', "that of one choice in mid-stream is none"
    assert answer.finish() == "length" and answer.closing() is None
    answer.add(finish_of(0, "stop"))
    assert answer.finish() == "stop"


def test_logprobs() -> None:
    answer = Answer([
        Extra(0, 0, "logprobs", b'{"content":[1],"refusal":null}'), Extra(0, 0, "logprobs", b'{"content":[2]}'),
        Extra(1, 0, "logprobs", b'{"content":[9]}'), Extra(0, 0, "citation", b"{}")])
    assert answer.logprobs(0) == {"content": [1, 2], "refusal": None}
    assert answer.logprobs(2) is None and answer.extras(TEXT, "citation") == [b"{}"]
