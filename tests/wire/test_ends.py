"""Every golden stream, cut after every event: our ends are valid for the official SDKs, no half call looks whole."""

from __future__ import annotations

import json
from collections import Counter

import openai
import pytest
from anthropic import APIStatusError
from tests.goldens import STREAMS, Golden, stream
from tests.wire import sdk

from tokenworks.wire.dialects import DIALECTS, FAMILY, Dialect
from tokenworks.wire.ends import End, Ender, extension_of, ping
from tokenworks.wire.events import BlockBegin, BlockEnd, Event
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import read_event

USAGE: dict[Dialect, dict[str, object]] = {
    "chat": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "completions": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "responses": {
        "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 3},
    "messages": {"input_tokens": 1, "output_tokens": 2},
}
SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
IDS = [golden.name for golden in SOUND]
LEFT_OPEN = ("tool", "custom", "other")
READ = [golden for golden in SOUND if golden.engine != "llamacpp" or golden.name.endswith(("_two.sse", "_tools.sse"))]
READ_IDS = [golden.name for golden in READ]


def cut(golden: Golden, after: int) -> tuple[bytes, Ender, list[Event]]:
    """(what the client has got, the ender that followed it, its events)."""
    ender, reader = Ender(golden.dialect), SPOKEN[golden.dialect].reader()
    seen: list[Event] = []
    for block in golden.blocks[:after]:
        ender.see(block)
        name, data = read_event(block)
        seen += (reader.read(data, name) or ()) if data else ()
    return b"".join(golden.blocks[:after]), ender, seen


def open_calls(seen: list[Event], kinds: tuple[str, ...] = ("tool", "custom")) -> set[tuple[int, int]]:
    begun = {(e.choice, e.block) for e in seen if isinstance(e, BlockBegin) and e.kind in kinds}
    return begun - {(e.choice, e.block) for e in seen if isinstance(e, BlockEnd)}


@pytest.mark.parametrize("golden", SOUND, ids=IDS)
def test_clean_ends(golden: Golden) -> None:
    for after in range(len(golden.blocks) + 1):
        got, ender, seen = cut(golden, after)
        end = ender.finish(End.CREDIT, USAGE[golden.dialect])
        made = sdk.check(golden.dialect, end)
        whole = [*sdk.events(got), *sdk.events(end)]
        if golden.dialect in ("chat", "completions"):
            ends_of_chunks(whole, end)
        elif golden.dialect == "responses":
            ends_of_response(whole, made, open_calls(seen, LEFT_OPEN))
        else:
            ends_of_message(whole, end, open_calls(seen, LEFT_OPEN))


def ends_of_chunks(whole: list[tuple[str, bytes]], end: bytes) -> None:
    assert [text for _, text in whole].count(b"[DONE]") == 1 and whole[-1][1] == b"[DONE]"
    chunks = [json.loads(text) for _, text in whole if text not in (b"[DONE]", b"null")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    finishes = Counter(choice["index"] for choice in choices if choice.get("finish_reason"))
    seen = {choice["index"] for choice in choices}
    assert set(finishes) == seen and set(finishes.values()) == {1}, "each choice ends once"
    made = [json.loads(text) for _, text in sdk.events(end) if text != b"[DONE]"]
    for chunk in made:
        assert chunk["id"] and chunk["object"] in ("chat.completion.chunk", "text_completion")
        if chunk["choices"]:
            assert chunk["choices"][0]["finish_reason"] == "length"
            assert chunk["tokenworks"] == extension_of(End.CREDIT)


def ends_of_response(whole: list[tuple[str, bytes]], made: list[object], calls: set[tuple[int, int]]) -> None:
    names = [name for name, _ in whole]
    last = [name for name in names if name in ("response.completed", "response.incomplete", "response.failed")]
    assert len(last) == 1 and names[-1] == last[0]
    numbers = [said["sequence_number"] for said in map(json.loads, (text for _, text in whole))
               if "sequence_number" in said]
    assert numbers == sorted(set(numbers)), "sequence numbers rise"
    closed = json.loads(whole[-1][1])["response"]
    if made:
        assert closed["status"] == "incomplete" and closed["incomplete_details"] == {"reason": "max_output_tokens"}
        assert closed["tokenworks"]["reason"] == "credit_exhausted"
        added = names.count("response.output_item.added")
        done = names.count("response.output_item.done")
        assert added - done == len(calls), "all but half-written calls are done"
        assert len(closed["output"]) == done
        assert names.count("response.content_part.added") == names.count("response.content_part.done")
        assert all(name != "response.function_call_arguments.done" for name, _ in whole[-len(made):])


def ends_of_message(whole: list[tuple[str, bytes]], end: bytes, calls: set[tuple[int, int]]) -> None:
    names = [name for name, _ in whole]
    assert names.count("message_stop") == 1 and names[-1] == "message_stop"
    assert names.count("message_delta") == 1 and names.count("message_start") == 1
    assert names.count("content_block_start") - names.count("content_block_stop") == len(calls)
    delta = json.loads(next(text for name, text in whole if name == "message_delta"))
    if b"message_delta" in end:
        assert delta["delta"]["stop_reason"] == "max_tokens"
        assert delta["tokenworks"]["reason"] == "credit_exhausted" and delta["usage"]["output_tokens"] == 2


@pytest.mark.parametrize("golden", READ, ids=READ_IDS)
def test_clients_read_ends(golden: Golden) -> None:
    """The official clients read a stream that was cut anywhere to its end."""
    for after in range(1, len(golden.blocks), 3):
        got, ender, _ = cut(golden, after)
        assert sdk.consume(golden.dialect, got + ender.finish(End.DRAINING, None))


def test_text_survives() -> None:
    golden = stream("anthropic/messages_text")
    got, ender, _ = cut(golden, 4)
    message = sdk.consume("messages", got + ender.finish(End.CREDIT, {"input_tokens": 25, "output_tokens": 3}))[0]
    assert message.content[0].text == "Hello" and message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 3


def test_response_text_survives() -> None:
    golden = stream("openai/responses_text")
    got, ender, _ = cut(golden, 10)  # within the second part
    final = sdk.consume("responses", got + ender.finish(End.CREDIT, None))[-1].response
    assert final.output_text == "Hello! 你好Second" and final.output[0].status == "incomplete"


@pytest.mark.parametrize("golden", READ, ids=READ_IDS)
def test_error_ends(golden: Golden) -> None:
    for after in range(0, len(golden.blocks), 2):
        got, ender, _ = cut(golden, after)
        if after and golden.blocks[after - 1].startswith(b"event: message_stop"):
            continue
        end = ender.fail(Refusal.UPSTREAM_FAILED, "It broke.", "req_1")
        if golden.dialect == "responses":
            failed = sdk.check("responses", end)[0]
            assert failed.response.status == "failed" and failed.response.error.message == "It broke."
        elif golden.dialect == "messages":
            with pytest.raises(APIStatusError, match="It broke"):
                sdk.consume("messages", got + end)
            assert json.loads(sdk.events(end)[0][1])["request_id"] == "req_1"
        else:
            with pytest.raises(openai.APIError, match="It broke"):
                sdk.consume(golden.dialect, got + end)
            assert b"[DONE]" not in end


def test_nothing_after_end() -> None:
    for name in ("openai/responses_text", "anthropic/messages_text", "openai/chat_text", "openai/completions_text"):
        golden = stream(name)
        _, ender, _ = cut(golden, len(golden.blocks))
        assert ender.finish(End.UPSTREAM, None) == b""


def test_only_last_line_missing() -> None:
    """An upstream that said everything but its last event: only that is added, and no excuse."""
    golden = stream("openai/chat_text")
    _, ender, _ = cut(golden, len(golden.blocks) - 1)
    assert ender.finish(End.UPSTREAM, USAGE["chat"]) == b"data: [DONE]\n\n"
    golden = stream("anthropic/messages_text")
    _, ender, _ = cut(golden, len(golden.blocks) - 1)
    assert sdk.events(ender.finish(End.UPSTREAM, None)) == [("message_stop", b'{"type":"message_stop"}')]


def test_pings() -> None:
    for dialect in DIALECTS:
        if FAMILY[dialect] == "anthropic":
            assert sdk.events(ping(dialect)) == [("ping", b'{"type": "ping"}')]
        else:
            assert sdk.events(ping(dialect)) == [] and ping(dialect).endswith(b"\n\n")
    golden = stream("anthropic/messages_text")
    got, _, _ = cut(golden, len(golden.blocks))
    assert sdk.consume("messages", ping("messages") + got)[0].content[0].text == "Hello! 你好"
