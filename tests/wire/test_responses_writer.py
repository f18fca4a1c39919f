"""The vocabulary to responses: numbering, parts that the dialect needs, cut items."""

from __future__ import annotations

import json

from tests.goldens import stream
from tests.wire import sdk
from tests.wire.gist import events_of

from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Part,
    PartEnd,
    UsageSeen,
    finish_of,
)
from tokenworks.wire.responses_writer import Writer, write_body

FOREIGN: list[Event] = [
    Begin("resp_1", "m", 7), ChoiceBegin(0), BlockBegin(0, 0, "reasoning"), Delta(0, 0, "hm"), BlockEnd(0, 0),
    BlockBegin(0, 1, "text"), Delta(0, 1, "Hi"), BlockEnd(0, 1), BlockBegin(0, 2, "tool", "", "call_1", "f"),
    Delta(0, 2, "{}"), BlockEnd(0, 2), finish_of(0, "tool_calls"), ENDED]
NAMES = """created in_progress
    output_item.added reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done
    reasoning_summary_part.done output_item.done
    output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done
    output_item.added function_call_arguments.delta function_call_arguments.done output_item.done completed"""


def test_foreign() -> None:
    """What another dialect says gets the parts and the order that this one promises."""
    writer = Writer("m")
    written = b"".join(writer.write(event) for event in FOREIGN)
    made = sdk.check("responses", written)
    assert [event.type.removeprefix("response.") for event in made] == NAMES.split()
    assert [event.sequence_number for event in made] == list(range(len(made)))
    final = made[-1].response
    assert final.output_text == "Hi" and final.output[2].arguments == "{}" and final.created_at == 7


def test_length() -> None:
    writer = Writer("m")
    for event in FOREIGN[:8]:
        writer.write(event)
    last = sdk.check("responses", writer.write(finish_of(0, "length")) + writer.write(ENDED))[0]
    assert last.type == "response.incomplete" and last.response.incomplete_details.reason == "max_output_tokens"


def test_half_call() -> None:
    writer = Writer("m")
    for event in FOREIGN[:10]:
        writer.write(event)
    made = sdk.check("responses", writer.close({"reason": "r"}, None))
    assert [event.type for event in made] == ["response.incomplete"]
    assert [item.type for item in made[0].response.output] == ["reasoning", "message"]


def test_custom_call() -> None:
    writer = Writer("m")
    call: list[Event] = [BlockBegin(0, 0, "custom", "", "call_2", "patch"), Delta(0, 0, "free"), BlockEnd(0, 0)]
    written = b"".join(writer.write(event) for event in [*FOREIGN[:2], *call, ENDED])
    made = sdk.check("responses", written)
    assert made[-1].response.output[0].input == "free"
    assert "response.custom_tool_call_input.done" in [event.type for event in made]


def test_unknown_blocks() -> None:
    """Pieces of what never began are no reason to stumble."""
    writer = Writer("m")
    for event in (Delta(0, 9, "x"), Part(0, 9, 0, "text"), PartEnd(0, 9, 0, b"{}"), BlockEnd(0, 9)):
        writer.note(event)
    assert sdk.check("responses", writer.close(None, None))[-1].response.output == []


def test_keeps_request() -> None:
    """What the upstream said of the request stands in our end too."""
    events = events_of("responses", stream("openai/responses_text").data)
    made = json.loads(write_body(events[:6], {"reason": "r"}))
    assert made["reasoning"] == {"effort": "low", "summary": "auto"} and made["status"] == "incomplete"


def test_body_with_usage() -> None:
    events = events_of("responses", stream("openai/responses_text").data)
    made = json.loads(write_body(events, {"reason": "r"}, {"input_tokens": 1}))
    assert made["usage"] == {"input_tokens": 1} and made["tokenworks"] == {"reason": "r"}
    assert made["status"] == "completed"
    assert json.loads(write_body([*FOREIGN[:3], UsageSeen(b'{"x":1}', 1)]))["usage"] == {"x": 1}


def test_error_codes() -> None:
    for code, said in (("rate_limit_exceeded", "rate_limit_exceeded"), ("upstream_failed", "server_error")):
        failed = sdk.check("responses", Writer("m").fail({"error": {"code": code, "message": "x"}}))[0]
        assert failed.response.error.code == said
