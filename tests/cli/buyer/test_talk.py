"""What a turn sends and what of an answer is heard, in every dialect, in any pieces."""

from __future__ import annotations

import json

import pytest

from tokenworks.cli.buyer.talk import OUTPUT_TOKENS, Ask, Listener, Spoken, Turn, write_turns
from tokenworks.wire.ends import End, Ender
from tokenworks.wire.events import Begin, BlockBegin, BlockEnd, ChoiceBegin, Delta
from tokenworks.wire.spoken import SPOKEN

TURNS = [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")]
SAID = [{"role": turn.role, "content": turn.text} for turn in TURNS]


def body_of(ask: Ask) -> dict[str, object]:
    found: dict[str, object] = json.loads(write_turns(ask, TURNS))
    return found


def test_bodies() -> None:
    assert body_of(Ask("chat", "m", "s", 7)) == {
        "model": "m", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 7,
        "messages": [{"role": "system", "content": "s"}, *SAID]}
    assert body_of(Ask("responses", "m", "s", 7)) == {
        "model": "m", "stream": True, "input": SAID, "store": False, "instructions": "s", "max_output_tokens": 7}
    assert body_of(Ask("messages", "m", "s")) == {
        "model": "m", "stream": True, "messages": SAID, "system": "s", "max_tokens": OUTPUT_TOKENS}
    assert "max_tokens" not in body_of(Ask("chat", "m"))


def stream_of(dialect: Spoken) -> bytes:
    """An answer of a thought and a text, ended by us because credit is used up."""
    writer = SPOKEN[dialect].writer("m")
    out = writer.write(Begin("id", "m")) + writer.write(ChoiceBegin(0))
    out += writer.write(BlockBegin(0, 0, "reasoning", "r")) + writer.write(Delta(0, 0, "hidden"))
    out += writer.write(BlockEnd(0, 0)) + writer.write(BlockBegin(0, 1, "text", "t"))
    out += writer.write(Delta(0, 1, "Good ")) + writer.write(Delta(0, 1, "day 世界"))
    ender = Ender(dialect)
    for block in out.split(b"\n\n"):
        if block:
            ender.see(block + b"\n\n")
    return out + ender.finish(End.CREDIT)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_hearing(dialect: Spoken, size: int) -> None:
    stream = stream_of(dialect)
    listener = Listener(dialect)
    pieces = [stream[at:at + size] for at in range(0, len(stream), size)]
    assert "".join(listener.hear(pieces)) == listener.text == "Good day 世界"
    assert "balance" in listener.ended_by
