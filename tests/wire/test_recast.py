"""What was done to a request on its way is undone in its answer; what is in doubt never looks whole."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.goldens import stream
from tests.wire import sdk
from tests.wire.gist import events_of, gist
from tests.wire.retelling import Telling, told
from tests.wire.test_ends import USAGE

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Extra,
    Issued,
    Kind,
    Part,
    PartEnd,
    finish_of,
)
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.recast import Recast
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN

BEGUN: list[Event] = [Begin("theirs", "their-model", 5, b'{"secret":1}'), ChoiceBegin(0)]
CHATTY: tuple[Dialect, ...] = ("chat", "responses", "messages")


def block(index: int, kind: Kind, *texts: str, name: str = "", call: str = "") -> list[Event]:
    return [BlockBegin(0, index, kind, "their_item", call, name, b'{"theirs":1}'),
            *(Delta(0, index, text) for text in texts), BlockEnd(0, index, b'{"theirs":1}')]


def tell(client: Dialect, asked: Asked, *events: Event, finish: str = "stop") -> bytes:
    telling = Telling("chat", client, asked)
    telling.events([*BEGUN, *events, finish_of(0, finish), ENDED])
    sdk.check(client, telling.told)
    return telling.told


def heard(client: Dialect, asked: Asked, *events: Event, finish: str = "stop") -> Any:
    """(blocks, reason) of the one choice, the same streamed and whole."""
    said = gist(events_of(client, tell(client, asked, *events, finish=finish)))
    body = Reteller("chat", client, asked, "req_1").body(
        [*BEGUN, *events, finish_of(0, finish), ENDED], USAGE[client])
    sdk.check_body(client, body)
    whole = gist(SPOKEN[client].reader().read_body(body) or [], merge=True)
    assert whole == gist(events_of(client, tell(client, asked, *events, finish=finish)), merge=True)
    return said[0][1:]  # type: ignore[index]


@pytest.mark.parametrize("client", CHATTY)
def test_forced(client: Dialect) -> None:
    """JSON that was asked for in place of a call is a call again."""
    asked = Asked("m", forced="f", names={"f": "own.f"})
    assert heard(client, asked, *block(0, "reasoning", "hm"), *block(1, "text", '{"x"', ":1}")) == (
        [("reasoning", "", "hm"), ("tool", "own.f", '{"x": 1}')], "tool")


@pytest.mark.parametrize("client", CHATTY)
def test_forced_cut(client: Dialect) -> None:
    """Cut by its length it is half a call: nobody runs it."""
    said = tell(client, Asked("m", forced="f"), *block(0, "text", '{"x"'), finish="length")
    assert b"output_item.done" not in said and b"content_block_stop" not in said
    body = Reteller("chat", client, Asked("m", forced="f"), "req_1").body(
        [*BEGUN, *block(0, "text", '{"x"'), finish_of(0, "length"), ENDED], USAGE[client])
    assert b'"x' not in body and b'\\"x' not in body


@pytest.mark.parametrize("client", CHATTY)
def test_schema_tool(client: Dialect) -> None:
    """A call that was asked for in place of JSON is text again, and the talk around it is left out."""
    asked = Asked("m", schema_tool="answer")
    calls = [*block(0, "text", "Here: "), *block(1, "tool", '{"a":', "2}", name="answer"),
             *block(2, "tool", "{}", name="answer")]
    assert heard(client, asked, *calls, finish="tool_calls") == ([("text", "", '{"a":2}')], "stop")


@pytest.mark.parametrize("client", CHATTY)
def test_schema_tool_not_called(client: Dialect) -> None:
    """The model calls another tool, or only talks: that is told."""
    asked = Asked("m", schema_tool="answer")
    other = [*block(0, "text", "Let me ", "see."), *block(1, "tool", "{}", name="f")]
    assert heard(client, asked, *other, finish="tool_calls") == (
        [("text", "", "Let me see."), ("tool", "f", "{}")], "tool")
    assert heard(client, asked, *block(0, "text", "I ", "won't.")) == ([("text", "", "I won't.")], "stop")
    telling = Telling("chat", client, asked)
    telling.events([*BEGUN, *block(0, "text", "Cut.")])
    assert b"Cut." not in telling.told and b"Cut." in telling.reteller.close(None, None)


def test_customs() -> None:
    """Free text that travelled as a member of arguments is free text again, as it comes."""
    asked = Asked("m", customs=frozenset({"patch"}), names={"patch": "apply_patch"})
    call = block(0, "tool", '{"inp', 'ut":"*** Be', 'gin\\n\\"x', '\\""}', name="patch", call="c1")
    said = tell("responses", asked, *call, finish="tool_calls")
    made = sdk.check("responses", said)
    assert [e.delta for e in made if e.type == "response.custom_tool_call_input.delta"] == ["*** Be", 'gin\n"x', '"']
    item = made[-1].response.output[0]
    assert (item.type, item.name, item.input, item.call_id) == (
        "custom_tool_call", "apply_patch", '*** Begin\n"x"', "c1")
    odd = sdk.check("responses", tell("responses", asked, *block(0, "tool", "not json", name="patch")))
    assert odd[-1].response.output[0].input == "not json"
    half = sdk.check("responses", tell("responses", asked, *block(0, "tool", '{"input":"ha', name="patch"),
                                       finish="length"))
    assert half[-1].response.output == []


def test_namespaces() -> None:
    asked = Asked("m", groups={"agents__spawn": "agents"}, names={"agents__spawn": "spawn"})
    made = sdk.check("responses", tell("responses", asked, *block(0, "tool", "{}", name="agents__spawn")))
    item = made[-1].response.output[0]
    assert (item.name, item.namespace) == ("spawn", "agents")
    assert [e.item.namespace for e in made if e.type == "response.output_item.added"] == ["agents"]


def test_echo() -> None:
    """A response repeats what its request asked for, in every object."""
    asked = Asked("m", echo=b'"tools":[],"store":false,"temperature":0.5,"instructions":"Be brief."')
    made = sdk.check("responses", tell("responses", asked, *block(0, "text", "x")))
    for event in (made[0], made[1], made[-1]):
        said = event.response
        assert (said.store, said.temperature, said.instructions) == (False, 0.5, "Be brief.")
    body = json.loads(Reteller("chat", "responses", asked, "req_1").body([*BEGUN, ENDED], USAGE["responses"]))
    assert body["store"] is False and body["status"] == "completed" and body["id"] == "resp_1"
    chunk = tell("chat", asked, *block(0, "text", "x"))
    assert b"Be brief" not in chunk


def test_reasoning_hidden() -> None:
    asked = Asked("m", reasoning_shown=False)
    for client in CHATTY:
        said = heard(client, asked, *block(0, "reasoning", "secret"), *block(1, "text", "x"))
        assert said == ([("text", "", "x")], "stop")


def test_signatures_stay() -> None:
    said = told("messages", "responses", stream("anthropic/messages_tools").data)
    assert b"EqQBCgIYAhIM" not in said
    block = sdk.check("messages", told("chat", "messages", stream("openai/chat_reasoning").data))[1].content_block
    assert (block.type, block.signature) == ("thinking", "")


def test_empty_blocks() -> None:
    """Blocks without a text never show: messages refuse them when they come back."""
    for client in CHATTY:
        said = heard(client, Asked("m"), *block(0, "reasoning"), *block(1, "text"), *block(2, "text", "x"))
        assert said == ([("text", "", "x")], "stop")


def test_ids_of_calls() -> None:
    """The upstream's id where it has one; one of ours where it has none or says it twice."""
    calls = [*block(0, "tool", "{}", name="f", call="a"), *block(1, "tool", "{}", name="f", call="a"),
             *block(2, "tool", "{}", name="f")]
    for client, prefix in (("responses", "call_"), ("messages", "toolu_"), ("chat", "call_")):
        begun = [event.call_id for event in events_of(client, tell(client, Asked("m"), *calls))  # type: ignore[arg-type]
                 if isinstance(event, BlockBegin)]
        assert begun[0] == "a" and len(set(begun)) == 3
        assert all(one.startswith(f"{prefix}1_") for one in begun[1:])


def test_no_arguments() -> None:
    """None are an object too, which clients of chat parse; unless the call was cut before they came."""
    for client in CHATTY:
        said = tell(client, Asked("m"), *block(0, "tool", name="f"), finish="tool_calls")
        assert [event.text for event in events_of(client, said) if isinstance(event, Delta)] == ["{}"]
        assert b"{}" not in tell(client, Asked("m"), *block(0, "tool", name="f"), finish="length").replace(
            b'"input":{}', b"").replace(b'"delta":{}', b"")


def test_stop_is_tool() -> None:
    """Some engines say `stop` after a call; a client must know that it is to be run, and the other way round."""
    for client in CHATTY:
        for said in ("stop", "from_the_future"):
            assert heard(client, Asked("m"), *block(0, "tool", "{}", name="f"), finish=said)[1] == "tool"
        assert heard(client, Asked("m"), *block(0, "text", "x"), finish="tool_calls")[1] == "stop"


@pytest.mark.parametrize(("finish", "words"), [
    ("length", ("length", "max_output_tokens", "max_tokens")),
    ("content_filter", ("content_filter", "content_filter", "refusal")),
    ("refusal", ("content_filter", "content_filter", "refusal")),
    ("pause_turn", ("stop", None, "pause_turn")),
    ("from_the_future", ("stop", None, "end_turn")),
    ("model_context_window_exceeded", ("length", "max_output_tokens", "max_tokens")),
])
def test_ends(finish: str, words: tuple[str, str | None, str]) -> None:
    chat, responses, messages = (sdk.check(client, tell(client, Asked("m"), *block(0, "text", "x"), finish=finish))
                                 for client in CHATTY)
    assert chat[-2].choices[0].finish_reason == words[0]
    details = responses[-1].response.incomplete_details
    assert (details.reason if details else None) == words[1]
    assert messages[-2].delta.stop_reason == words[2]


def test_stop_sequence() -> None:
    """vLLM and SGLang name the sequence that was met; so do messages, if their client asked for it."""
    asked = Asked("m", stops=("END",))
    for extra in ('"stop_reason":"END"', '"matched_stop":"END"', '"stop_reason":17', '"matched_stop":"<|end|>"'):
        chunk = (b'data: {"id":"i","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop",'
                 + extra.encode() + b"}]}\n\n")
        delta = sdk.check("messages", told("chat", "messages", chunk + b"data: [DONE]\n\n", asked))[-2].delta
        met = "END" in extra
        assert (delta.stop_reason, delta.stop_sequence) == (("stop_sequence", "END") if met else ("end_turn", None))
        assert b"END" not in told("chat", "responses", chunk + b"data: [DONE]\n\n")
    body = Reteller("chat", "messages", asked, "req_1").body(
        [*BEGUN, *block(0, "text", "x"), finish_of(0, "stop", b'"END"'), ENDED], USAGE["messages"])
    assert sdk.check_body("messages", body).stop_sequence == "END"


def test_refusals() -> None:
    assert heard("messages", Asked("m"), *block(0, "refusal", "No."))[0] == [("text", "", "No.")]
    made = sdk.check("responses", tell("responses", Asked("m"), *block(0, "refusal", "No.")))
    assert made[-1].response.output[0].content[0].refusal == "No."
    chat = sdk.check("chat", tell("chat", Asked("m"), *block(0, "refusal", "No.")))
    assert [chunk.choices[0].delta.refusal for chunk in chat if chunk.choices][1] == "No."


def test_parts() -> None:
    """Parts of a message are blocks, parts of reasoning paragraphs; a refusal may follow a text."""
    parts: list[Event] = [
        BlockBegin(0, 0, "reasoning"), Part(0, 0, 0, "summary"), Delta(0, 0, "a"), PartEnd(0, 0, 0, b"{}"),
        Part(0, 0, 1, "summary"), Delta(0, 0, "b"), BlockEnd(0, 0),
        BlockBegin(0, 1, "text"), Part(0, 1, 0, "text"), Delta(0, 1, "c"), Part(0, 1, 1, "refusal"), Delta(0, 1, "d"),
        BlockEnd(0, 1)]
    begun = [event for event in events_of("messages", tell("messages", Asked("m"), *parts))
             if isinstance(event, (BlockBegin, Delta))]
    assert [event.text for event in begun if isinstance(event, Delta)] == ["a", "\n\nb", "c", "d"]
    assert [event.kind for event in begun if isinstance(event, BlockBegin)] == ["reasoning", "text", "text"]
    assert heard("chat", Asked("m"), *parts)[0] == [
        ("reasoning", "", "a\n\nb"), ("text", "", "c"), ("text", "", "d")]


def test_annotations() -> None:
    note = b'{"type":"url_citation","url":"https://x.example/","title":"X","start_index":0,"end_index":1}'
    cited: list[Event] = [BlockBegin(0, 0, "text"), Part(0, 0, 0, "text"), Delta(0, 0, "c"),
                          Extra(0, 0, "annotation", note), BlockEnd(0, 0)]
    said = tell("chat", Asked("m"), *cited)
    assert b'"annotations":[{"type":"url_citation","url_citation":{"start_index":0' in said
    back = sdk.check("responses", told("chat", "responses", said))
    assert [e.annotation.url for e in back if e.type == "response.output_text.annotation.added"] == [
        "https://x.example/"]
    assert back[-1].response.output[0].content[0].annotations[0].end_index == 1
    whole = Reteller("responses", "chat", Asked("m"), "req_1").body([*BEGUN, *cited, finish_of(0, "stop")], None)
    assert sdk.check_body("chat", whole).choices[0].message.annotations[0].url_citation.title == "X"
    events = SPOKEN["chat"].reader().read_body(whole) or []
    again = Reteller("chat", "responses", Asked("m"), "req_1").body(events, USAGE["responses"])
    assert sdk.check_body("responses", again).output[0].content[0].annotations[0].title == "X"


def test_others_unsaid() -> None:
    """What only one dialect knows (tools that the upstream runs) is not told, nor is what it says of them."""
    search = block(0, "other", '{"query":"tea"}')
    said = tell("responses", Asked("m"), *search, *block(1, "text", "x"), Issued("resp_9"))
    assert b"tea" not in said and b"resp_9" not in said and b"theirs" not in said and b"their" not in said
    recast = Recast("chat", Asked("m"), "1")
    assert recast.take(Delta(0, 7, "of nothing that has begun"))[2:] == []


def test_parallel_calls() -> None:
    """One that is whole is ended when the next begins, so that it can be told at once."""
    telling = Telling("chat", "messages")
    open_calls: list[Event] = [BlockBegin(0, 0, "tool", "", "a", "f"), Delta(0, 0, "{}"),
                               BlockBegin(0, 1, "tool", "", "b", "g"), Delta(0, 1, '{"y":')]
    telling.events([*BEGUN, *open_calls])
    assert telling.told.count(b"content_block_stop\ndata") == 1 and b'{\\"y\\":' in telling.told
    telling.events([Delta(0, 0, " "), Delta(0, 1, "2}"), BlockEnd(0, 0), BlockEnd(0, 1), finish_of(0, "tool_calls"),
                    ENDED])
    assert gist(events_of("messages", telling.told)) == [
        (0, [("tool", "f", "{}"), ("tool", "g", '{"y": 2}')], "tool")]


def test_malformed_call() -> None:
    """A model's own nonsense is told as it is; in a whole message, which cannot say it, nobody waits for it."""
    call = block(0, "tool", "{nonsense", name="f")
    for client in ("chat", "responses", "messages"):
        said = events_of(client, tell(client, Asked("m"), *call, finish="tool_calls"))  # type: ignore[arg-type]
        assert gist(said) == [(0, [("tool", "f", "{nonsense")], "tool")]
        assert any(isinstance(event, BlockEnd) for event in said)
    body = Reteller("chat", "messages", Asked("m"), "req_1").body(
        [*BEGUN, *call, finish_of(0, "tool_calls"), ENDED], USAGE["messages"])
    made = sdk.check_body("messages", body)
    assert (made.content, made.stop_reason) == ([], "end_turn")


def test_late_begin() -> None:
    """An upstream that says nothing of itself first: ours begins all the same, and only once."""
    for client in CHATTY:
        telling = Telling("responses", client)
        telling.events([ChoiceBegin(0), *block(0, "text", "x"), *BEGUN[:1], finish_of(0, "completed"),
                        finish_of(0, "completed"), ENDED])
        assert sdk.consume(client, telling.told)
        assert gist(events_of(client, telling.told)) == [(0, [("text", "", "x")], "stop")]


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=4)
OBJECTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3).map(json.dumps)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """One choice of any blocks that all three dialects can say, its calls in pieces."""
    events: list[Event] = []
    for index in range(draw(st.integers(0, 5))):
        kind: Kind = draw(st.sampled_from(["text", "reasoning", "tool"]))
        if kind != "tool":
            events += block(index, kind, *draw(TEXTS))
            continue
        said = draw(OBJECTS)
        cut = draw(st.integers(0, len(said)))
        events += block(index, kind, *(one for one in (said[:cut], said[cut:]) if one), name=f"f{index}",
                        call=f"call_{index}")
    return events


@given(answers(), st.permutations(CHATTY), st.sampled_from(["stop", "length", "content_filter"]))
def test_there_and_back(events: list[Event], way: list[Dialect], finish: str) -> None:
    """Through all three dialects and any order of them: what was said is still said."""
    meant = gist([*BEGUN, *events, finish_of(0, finish)], merge=True)
    data = tell(way[0], Asked("m"), *events, finish=finish)
    for source, client in pairwise(way):
        data = told(source, client, data)
        sdk.check(client, data)
    (_, blocks, reason), = gist(events_of(way[-1], data), merge=True)  # type: ignore[misc]
    (_, meant_blocks, meant_reason), = meant  # type: ignore[misc]
    assert blocks == meant_blocks
    called = any(one[0] == "tool" for one in blocks)
    assert reason == ("tool" if called and meant_reason == "stop" else meant_reason)
