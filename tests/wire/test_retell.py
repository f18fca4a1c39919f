"""Answers told in other dialects: every golden stream, cut after every event, judged by the official SDKs."""

from __future__ import annotations

import json

import openai
import pytest
from anthropic import APIStatusError
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.goldens import BODIES, Golden, stream
from tests.wire import sdk
from tests.wire.gist import events_of, gist
from tests.wire.retelling import ASKED, IDS, PAIRS, Telling, told
from tests.wire.test_ends import (
    LEFT_OPEN,
    USAGE,
    ends_of_chunks,
    ends_of_message,
    ends_of_response,
    open_calls,
)

from tokenworks.wire.dialects import FAMILY, Dialect
from tokenworks.wire.ends import End, extension_of
from tokenworks.wire.events import ENDED, Begin, Delta
from tokenworks.wire.prompt.translate import REACHES
from tokenworks.wire.refusals import Refusal, error_object
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN

CREDIT = extension_of(End.CREDIT)
SINGLE: tuple[Dialect, ...] = ("responses", "messages")  # these know one choice only


def same(golden: Golden, client: Dialect) -> list[object]:
    """What both can say of an answer: one choice for some, text alone for completions."""
    said = gist(events_of(golden.dialect, golden.data), merge=True)
    if client in SINGLE:
        said = [one for one in said if one[0] == 0]  # type: ignore[index]
    return said


@pytest.mark.parametrize(("golden", "client"), PAIRS, ids=IDS)
def test_says_same(golden: Golden, client: Dialect) -> None:
    said = told(golden.dialect, client, golden.data)
    custom = golden.name == "openai/responses_tools.sse"  # calls of these have no type in the SDK's chunks
    assert (client == "chat" and custom) or sdk.check(client, said)
    heard, meant = gist(events_of(client, said), merge=True), same(golden, client)
    if client == "completions":
        texts = [[text for kind, _, text in blocks if kind == "text"] for _, blocks, _ in meant]  # type: ignore[misc]
        assert [[text for _, _, text in blocks] for _, blocks, _ in heard] == texts  # type: ignore[misc]
    elif not custom or client != "messages":
        assert heard == meant
    if not golden.name.endswith(("_two.sse", "_two_timings.sse", "_two_choices.sse")):
        assert sdk.consume(client, said)


@pytest.mark.parametrize(("golden", "client"), PAIRS, ids=IDS)
def test_clean_ends(golden: Golden, client: Dialect) -> None:
    blocks = golden.blocks
    for after in range(len(blocks) + 1):
        telling = Telling(golden.dialect, client)
        for block in blocks[:after]:
            telling.block(block)
        end = telling.reteller.close(CREDIT, USAGE[client])
        assert telling.reteller.close(CREDIT, USAGE[client]) == b""
        got = telling.told
        made, whole = sdk.check(client, end), [*sdk.events(got), *sdk.events(end)]
        cut = any(b'"tokenworks"' in text for _, text in sdk.events(end))
        open_now = open_calls(events_of(client, got + end), LEFT_OPEN)
        if client in ("chat", "completions"):
            assert whole[-1] == ("", b"[DONE]")
            if cut:
                ends_of_chunks(whole, end)
        elif client == "responses":
            ends_of_response(whole, made if cut else [], open_now)
        else:
            ends_of_message(whole, end if cut else b"", open_now)


@pytest.mark.parametrize(("golden", "client"), PAIRS[::3], ids=IDS[::3])
def test_clients_read_ends(golden: Golden, client: Dialect) -> None:
    blocks = golden.blocks
    for after in range(1, len(blocks), 4):
        telling = Telling(golden.dialect, client)
        for block in blocks[:after]:
            telling.block(block)
        assert sdk.consume(client, telling.told + telling.reteller.close(CREDIT, USAGE[client]))


@pytest.mark.parametrize(("golden", "client"), PAIRS, ids=IDS)
def test_nothing_foreign(golden: Golden, client: Dialect) -> None:
    """No id of the answer, no model's name, no sealed reasoning and no usage of the upstream's reaches the client."""
    said = told(golden.dialect, client, golden.data)
    begun = next(event for event in events_of(golden.dialect, golden.data) if isinstance(event, Begin))
    for secret in (begun.id, begun.model, "system_fingerprint", "gAAA", "EqQBCgIYAhIM", "obfuscation", "container"):
        assert not secret or secret.encode() not in said
    for _, text in sdk.events(said):
        usage = json.loads(text).get("usage") if text != b"[DONE]" else None
        assert usage in (None, USAGE[client], {"input_tokens": 0, "output_tokens": 0})


@pytest.mark.parametrize(("golden", "client"), PAIRS[::2], ids=IDS[::2])
def test_error_ends(golden: Golden, client: Dialect) -> None:
    error = error_object(Refusal.UPSTREAM_FAILED, FAMILY[client], "It broke.", "req_1")
    for after in range(0, len(golden.blocks), 3):
        telling = Telling(golden.dialect, client)
        for block in golden.blocks[:after]:
            telling.block(block)
        if b"message_stop" in telling.told or b"[DONE]" in telling.told or b"response.completed" in telling.told:
            continue
        end = telling.reteller.fail(error)
        assert telling.reteller.close(CREDIT, None) == b""
        if client == "responses":
            failed = sdk.check("responses", end)[0]
            assert (failed.response.id, failed.response.status) == ("resp_1", "failed")
            assert failed.response.error.message == "It broke."
            continue
        with pytest.raises(APIStatusError if client == "messages" else openai.APIError, match="It broke"):
            sdk.consume(client, telling.told + end)


@pytest.mark.parametrize("name", ["openai/chat_error", "anthropic/messages_error", "openai/responses_error"])
def test_upstream_errors(name: str) -> None:
    """The upstream's own words of its failure are for the record only."""
    golden = stream(name)
    for client in ("chat", "responses", "messages"):
        if client != golden.dialect:
            assert b"org-secret" not in told(golden.dialect, client, golden.data)  # type: ignore[arg-type]


WHOLE = [(golden, client) for golden in BODIES for client in ("chat", "completions", "responses", "messages")
         if golden.dialect in REACHES[client]]  # type: ignore[index]


@pytest.mark.parametrize(("golden", "client"), WHOLE, ids=[f"{golden.name}-{client}" for golden, client in WHOLE])
def test_whole(golden: Golden, client: Dialect) -> None:
    events = SPOKEN[golden.dialect].reader().read_body(golden.data) or []
    body = Reteller(golden.dialect, client, ASKED, "req_1", 7).body(events, USAGE[client])
    made = sdk.check_body(client, body)
    assert made.model == "the-model" and made.id.endswith("1") and json.loads(body)["usage"] == USAGE[client]
    heard = gist(SPOKEN[client].reader().read_body(body) or [], merge=True)
    meant = gist(events, merge=True)
    if client == "messages":  # nobody who speaks it has declared a custom tool
        meant = [(at, [one for one in said if one[0] != "custom"], why) for at, said, why in meant]  # type: ignore[misc]
    if client != "completions":
        assert heard == [one for one in meant if client not in SINGLE or one[0] == 0]  # type: ignore[index]
    if client == "responses":
        ends = made.status, made.incomplete_details and made.incomplete_details.reason
        assert ends in (("completed", None), ("incomplete", "max_output_tokens"))


@pytest.mark.parametrize(("golden", "client"), PAIRS[::5], ids=IDS[::5])
def test_whole_is_stream(golden: Golden, client: Dialect) -> None:
    """The whole body of a stream's events says what the stream said."""
    body = Reteller(golden.dialect, client, ASKED, "req_1", 7).body(
        events_of(golden.dialect, golden.data), USAGE[client], None)
    said = gist(SPOKEN[client].reader().read_body(body) or [], merge=True)
    streamed = gist(events_of(client, told(golden.dialect, client, golden.data)), merge=True)
    assert sorted(said) == sorted(streamed)  # type: ignore[type-var]


def test_known_usage() -> None:
    """Messages say the input at the beginning, if the upstream has said it by then."""
    telling = Telling("chat", "messages")
    telling.reteller.known = lambda: {"input_tokens": 5, "output_tokens": 0}
    telling.block(stream("vllm/chat_tool").blocks[0])
    assert sdk.check("messages", telling.told)[0].message.usage.input_tokens == 5
    telling = Telling("chat", "messages")
    telling.reteller.known = lambda: None
    telling.block(stream("vllm/chat_tool").blocks[0])
    assert sdk.check("messages", telling.told)[0].message.usage.input_tokens == 0


def test_no_usage_asked() -> None:
    golden = stream("anthropic/messages_text")
    telling = Telling("messages", "chat", usage=False)
    for block in golden.blocks:
        telling.block(block)
    assert b"usage" not in telling.told and telling.told.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("client", ["chat", "completions", "responses", "messages"])
def test_marks_cap(client: Dialect) -> None:
    """An answer that came to the cap says why it was capped; one that did not says nothing."""
    source: Dialect = "chat" if client in ("responses", "messages") else "messages"
    for name, capped in ((f"llamacpp/{source}_cut", True), (f"llamacpp/{source}_plain", False)):
        telling = Telling(source, client)
        telling.reteller.mark(CREDIT)
        for block in stream(name).blocks:
            telling.block(block)
        assert (b"credit_exhausted" in telling.told) == capped
        assert sdk.check(client, telling.told)


def test_last_event_missing() -> None:
    """An upstream that said everything but its last event: only that is told, with the usage, and no excuse."""
    for client in ("responses", "messages"):
        telling = Telling("chat", client)  # type: ignore[arg-type]
        for block in stream("openai/chat_text").blocks[:-1]:
            telling.block(block)
        end = telling.reteller.close(CREDIT, USAGE[client])  # type: ignore[index]
        assert b"tokenworks" not in end.replace(b"tokenworks-tiny", b"")
        assert sdk.consume(client, telling.told + end)  # type: ignore[arg-type]


def test_ends_without_finish() -> None:
    """A stream that ends in order without having said why: text is whole, a call in doubt is not."""
    blocks = stream("vllm/chat_tool").blocks
    for keep, calls in ((4, 1), (3, 0)):
        telling = Telling("chat", "messages")
        for block in [*blocks[:keep], b"data: [DONE]\n\n"]:
            telling.block(block)
        assert telling.told.count(b"content_block_stop\ndata") == calls
        assert sdk.check("messages", telling.told)[-2].delta.stop_reason == "tool_use"
    for client in ("chat", "responses", "messages"):
        telling = Telling("completions", client)  # type: ignore[arg-type]
        telling.events([ENDED])
        assert sdk.consume(client, telling.told)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PAIRS), st.data())
def test_any_grouping(pair: tuple[Golden, Dialect], data: st.DataObject) -> None:
    """Events that are told together say the same as one by one, whatever the chunks they came in."""
    golden, client = pair
    if b'"logprobs":{' in golden.data:
        return  # these are said with their piece
    events = events_of(golden.dialect, golden.data)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(events)), max_size=12)))
    telling = Telling(golden.dialect, client)
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        telling.events(events[start:end])
    assert telling.told == told(golden.dialect, client, golden.data)


def test_voice() -> None:
    """The next pieces of an open text are said by its voice; nothing has one after its end."""
    telling = Telling("chat", "responses")
    for block in stream("openai/chat_text").blocks[:3]:
        telling.block(block)
    voice = telling.reteller.voice(0, 0)
    assert voice is not None
    said = voice.say('"\n\u4f60')
    assert sdk.check("responses", said)[0].delta == '"\n\u4f60'
    assert telling.events([Delta(0, 0, "x")]).replace(b'"x"', b"") != said
    for block in stream("openai/chat_text").blocks[3:]:
        telling.block(block)
    assert telling.reteller.voice(0, 0) is None
    final = sdk.check("responses", telling.told)[-1].response.output_text
    assert '"\n\u4f60x' in final
