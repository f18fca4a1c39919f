"""Events and whole bodies as messages write them."""

from __future__ import annotations

import json

from tests.goldens import body, stream
from tests.wire import sdk
from tests.wire.gist import events_of

from tokenworks.wire import messages, messages_writer
from tokenworks.wire.events import ENDED, Begin, BlockBegin, BlockEnd, Delta, finish_of


def test_body() -> None:
    golden = body("anthropic/messages_whole")
    written = json.loads(messages_writer.write_body(messages.Reader().read_body(golden.data) or []))
    assert written == {**json.loads(golden.data), "container": written["container"]}


def test_half_input() -> None:
    """Arguments that are no object cannot stand in a whole body, whoever cut them."""
    data = stream("anthropic/messages_tools").data.replace(b'\\"Paris\\"}', b'\\"Par')
    made = json.loads(messages_writer.write_body(events_of("messages", data)))
    assert [block["type"] for block in made["content"]] == ["thinking", "text", "tool_use"]


def test_no_call_left() -> None:
    """Who has no whole call in it does not stop for one: the client would wait for nothing."""
    call = [Begin("i", "m"), BlockBegin(0, 0, "tool", "", "c", "f"), Delta(0, 0, "{half"), BlockEnd(0, 0)]
    made = sdk.check_body("messages", messages_writer.write_body([*call, finish_of(0, "tool_use")]))
    assert (made.content, made.stop_reason) == ([], "end_turn")


def test_stop_sequence() -> None:
    writer = messages_writer.Writer("m")
    writer.write(finish_of(0, "stop_sequence", b'"END"'))
    delta = sdk.check("messages", writer.write(ENDED))[0].delta
    assert (delta.stop_reason, delta.stop_sequence) == ("stop_sequence", "END")


def test_capped() -> None:
    for finish, said in (("max_tokens", True), ("end_turn", False)):
        writer = messages_writer.Writer("m")
        writer.capped = {"reason": "r"}
        writer.write(finish_of(0, finish))
        assert (b'"tokenworks":{"reason":"r"}' in writer.write(ENDED)) == said
