"""Messages are written as the interface wants them; what they say comes back the same; the SDK's types judge."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from hypothesis import given
from pydantic import TypeAdapter
from tests.wire.prompt.strategies import PDF, encoded, prompts, same

from tokenworks.wire.prompt.messages import read_prompt
from tokenworks.wire.prompt.messages_writer import write_prompt
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Declined,
    Document,
    Foreign,
    Format,
    Image,
    Prompt,
    Reasoning,
    Result,
    Sampling,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)

CLAUDE = Target("anthropic", output_max=8192)
OTHER = Target("deepseek", output_max=8192)
WHOLE = TypeAdapter(MessageCreateParamsNonStreaming)
STREAMED = TypeAdapter(MessageCreateParamsStreaming)
HI = Turn("user", (Text("hi"),))
CALLED = Turn("assistant", (Call("c1", "f", '{"a":1}'),))
DONE = Turn("user", (Result("c1", (Text("ok"),)),))


def written(prompt: Prompt, target: Target = CLAUDE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(msgspec.json.encode(write_prompt(prompt, target)))
    return body


def said(*turns: Turn, **more: Any) -> dict[str, Any]:
    return written(Prompt("m", turns, **more))


def drain(value: Any) -> None:
    """Pydantic judges an Iterable only as it is read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            drain(inner)
    elif isinstance(value, list | tuple) or hasattr(value, "__next__"):
        items: Iterator[Any] = iter(value)
        for inner in items:
            drain(inner)


def judge(body: dict[str, Any]) -> None:
    drain((STREAMED if body.get("stream") else WHOLE).validate_python(body))


@given(prompts("messages"))
def test_nothing_is_lost(prompt: Prompt) -> None:
    body = write_prompt(prompt, CLAUDE)
    judge(json.loads(msgspec.json.encode(body)))
    again = read_prompt(msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw]))
    assert isinstance(again, Prompt) and again.left == () and again.extras == {}
    assert same(again) == same(prompt)


@given(prompts("messages", "responses"))
def test_turns_alternate(prompt: Prompt) -> None:
    roles = [message["role"] for message in written(prompt)["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_there_is_always_a_cap() -> None:
    assert said(HI)["max_tokens"] == 8192
    assert said(HI, output_cap=7)["max_tokens"] == 7


def test_the_system_that_speaks_first() -> None:
    body = said(Turn("system", (Text("a"),)), Turn("system", (Text("b", b'{"type":"ephemeral"}'),)), HI)
    assert body["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
    ]
    assert len(body["messages"]) == 1


def test_the_system_in_the_middle() -> None:
    body = said(HI, Turn("system", (Text("be short"),), developer=True))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "<system-reminder>\nbe short\n</system-reminder>"},
    ]}]  # fmt: skip


def test_the_system_alone() -> None:
    body = said(Turn("system", (Text("write a poem"),)))
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "write a poem"}]}]
    assert "system" not in body


def test_the_assistant_speaks_first() -> None:
    body = said(Turn("assistant", (Text("hello"),)), HI)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert "assistant speaks first" in body["messages"][0]["content"][0]["text"]


def test_results_stand_first() -> None:
    late = Turn("user", (Text("also"), Result("c1", (Text("ok"),), failed=True)))
    body = said(HI, CALLED, late, tools=(Tool("f"),))
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "ok"}], "is_error": True},
        {"type": "text", "text": "also"},
    ]


def test_a_result_that_comes_late() -> None:
    body = said(HI, CALLED, Turn("assistant", (Text("wait"),)), HI, DONE, tools=(Tool("f"),))
    kinds = [(message["role"], [block["type"] for block in message["content"]]) for message in body["messages"]]
    assert kinds == [
        ("user", ["text"]), ("assistant", ["tool_use"]), ("user", ["tool_result"]), ("assistant", ["text"]),
        ("user", ["text"]),
    ]  # fmt: skip


def test_blank_texts_are_left_out() -> None:
    body = said(HI, Turn("assistant", (Text(" "), Declined("no"))), Turn("user", (Text(""),)), HI)
    assert [len(message["content"]) for message in body["messages"]] == [1, 1, 1]
    assert body["messages"][1]["content"] == [{"type": "text", "text": "no"}]


def test_words_to_go_on_from() -> None:
    assert said(HI, Turn("assistant", (Text("once \n"),)))["messages"][-1]["content"][0]["text"] == "once"
    assert said(HI, CALLED, tools=(Tool("f"),))["messages"][-1]["content"][0]["type"] == "tool_use"


def test_ids_in_letters_that_are_taken() -> None:
    calls = Turn("assistant", (Call("functions.f:0", "f", ""), Call("functions_f_0", "f", "{}")))
    done = Turn("user", (Result("functions.f:0", ()), Result("functions_f_0", ())))
    body = said(HI, calls, done, tools=(Tool("f"),))
    ids = [block["id"] for block in body["messages"][1]["content"]]
    assert ids == ["functions_f_0", "functions_f_0_2"]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ids
    assert body["messages"][1]["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ["{half", "[1]", '"text"'])
def test_broken_arguments_are_shown(arguments: str) -> None:
    body = said(HI, Turn("assistant", (Call("c1", "f", arguments),)), DONE, tools=(Tool("f"),))
    assert body["messages"][1]["content"][0]["input"] == {"arguments": arguments}


def test_pictures_and_documents() -> None:
    parts = (
        Image("image/jpg", "AAAA"), Image(url="https://a/b"), Image(file="f1"),
        Document("application/pdf", encoded(PDF), name="n"), Document(url="https://a/c"), Document(file="f2"),
        Document("text/csv", encoded(b"a,b")), Document(text="t"),
    )  # fmt: skip
    sources = [block["source"] for block in said(Turn("user", parts))["messages"][0]["content"]]
    assert sources == [
        {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
        {"type": "url", "url": "https://a/b"},
        {"type": "file", "file_id": "f1"},
        {"type": "base64", "media_type": "application/pdf", "data": encoded(PDF)},
        {"type": "url", "url": "https://a/c"},
        {"type": "file", "file_id": "f2"},
        {"type": "text", "media_type": "text/plain", "data": "a,b"},
        {"type": "text", "media_type": "text/plain", "data": "t"},
    ]


def test_openai_marks_are_marks() -> None:
    body = said(Turn("user", (Text("hi", b'{"mode":"explicit"}'),)))
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_thoughts_of_others_are_left_out() -> None:
    parts = (
        Thought("a", "openai", "sealed", raw=b"{}"), Thought("b", "anthropic"), Thought("c", "anthropic", "seal"),
        Thought("", "anthropic", "blob", "redacted"), Foreign("compaction", b'{"type":"compaction","content":"x"}'),
    )  # fmt: skip
    assert said(HI, Turn("assistant", parts), HI)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "c", "signature": "seal"},
        {"type": "redacted_thinking", "data": "blob"},
        {"type": "compaction", "content": "x"},
    ]


def test_tools() -> None:
    tools = (Tool("f", "does", b'{"properties":{}}', True), Tool("g", cache=b'{"type":"ephemeral"}'))
    hosted = (Foreign("web_search_20260318", b'{"type":"web_search_20260318","name":"web_search"}'),)
    body = said(HI, tools=tools, hosted=hosted)
    assert body["tools"] == [
        {"name": "f", "description": "does", "input_schema": {"type": "object", "properties": {}}, "strict": True},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search_20260318", "name": "web_search"},
    ]
    assert "tool_choice" not in body


@pytest.mark.parametrize(("choice", "parallel", "told"), [
    (Choice("auto", path="tool_choice"), None, {"type": "auto"}),
    (Choice("auto"), False, {"type": "auto", "disable_parallel_tool_use": True}),
    (Choice("none"), False, {"type": "none"}),
    (Choice("some"), True, {"type": "any", "disable_parallel_tool_use": False}),
    (Choice("these", ("f",)), None, {"type": "tool", "name": "f"}),
])  # fmt: skip
def test_choices(choice: Choice, parallel: bool | None, told: dict[str, Any]) -> None:
    body = said(HI, tools=(Tool("f"), Tool("g")), choice=choice, parallel=parallel)
    assert body["tool_choice"] == told and len(body["tools"]) == 2


@pytest.mark.parametrize(("mode", "word"), [("auto", "auto"), ("these", "any")])
def test_some_of_the_tools(mode: Any, word: str) -> None:
    body = said(HI, tools=(Tool("f"), Tool("g"), Tool("h")), choice=Choice(mode, ("f", "h"), "tool_choice"))
    assert [tool["name"] for tool in body["tools"]] == ["f", "h"]
    assert body["tool_choice"] == {"type": word}


def test_tools_of_the_past_are_declared() -> None:
    body = said(HI, CALLED, DONE)
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}
    assert "tools" not in said(HI)


def test_users_and_drawing() -> None:
    drawn = Sampling(temperature=b"0.5", top_p=b"1", top_k=3, stop=("x", "\n"))
    body = said(HI, sampling=drawn, user="u" * 300, stream=True, extras={"cache_control": msgspec.Raw(b"{}")})
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0.5, 1, 3)
    assert body["stop_sequences"] == ["x"] and body["stream"] is True and body["cache_control"] == {}
    assert len(body["metadata"]["user_id"]) == 64
    assert said(HI, user="u")["metadata"] == {"user_id": "u"}


def test_the_form_of_the_answer() -> None:
    body = said(HI, format=Format("schema", "n", b'{"type":"object"}'))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert "output_config" not in said(HI, format=Format("json"))


@pytest.mark.parametrize(("asked", "target", "thinking", "effort"), [
    (Reasoning(), CLAUDE, None, None),
    (Reasoning("high", path="output_config.effort"), CLAUDE, None, "high"),
    (Reasoning("high", path="reasoning_effort"), CLAUDE, {"type": "adaptive"}, "high"),
    (Reasoning("minimal", shown=True, path="reasoning_effort"), CLAUDE,
     {"type": "adaptive", "display": "summarized"}, "low"),
    (Reasoning("none", on=False, path="reasoning_effort"), CLAUDE, {"type": "disabled"}, None),
    (Reasoning(on=True, detail="omitted"), CLAUDE, {"type": "adaptive", "display": "omitted"}, None),
    (Reasoning(on=True, budget_tokens=2000), CLAUDE, {"type": "enabled", "budget_tokens": 2000}, None),
    (Reasoning(on=True, budget_tokens=9000), CLAUDE, {"type": "enabled", "budget_tokens": 4095}, None),
    (Reasoning(on=True, budget_tokens=1000), CLAUDE, None, None),
    (Reasoning("medium", path="reasoning_effort"), OTHER, {"type": "enabled", "budget_tokens": 2048}, None),
    (Reasoning(on=True), OTHER, {"type": "enabled", "budget_tokens": 2048}, None),
])  # fmt: skip
def test_thinking(asked: Reasoning, target: Target, thinking: Any, effort: str | None) -> None:
    body = written(Prompt("m", (HI,), reasoning=asked, output_cap=4096), target)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


BUDGET = Reasoning(on=True, budget_tokens=2000)
THOUGHT = Thought("t", "anthropic", "seal")


@pytest.mark.parametrize(("turns", "choice", "thinks"), [
    ((HI,), Choice("some"), False),
    ((HI,), Choice("these", ("f",)), False),
    ((HI, CALLED, DONE), Choice(), False),
    ((HI, Turn("assistant", (THOUGHT, *CALLED.parts)), DONE), Choice(), True),
    ((HI, CALLED, DONE, Turn("assistant", (Text("a"),)), HI), Choice(), True),
    ((HI, Turn("assistant", (Text("a"),))), Choice(), False),
    ((DONE,), Choice(), False),
    ((), Choice(), True),
])  # fmt: skip
def test_where_a_budget_is_refused(turns: tuple[Turn, ...], choice: Choice, thinks: bool) -> None:
    body = said(*turns, reasoning=BUDGET, tools=(Tool("f"),), choice=choice, output_cap=4096)
    assert ("thinking" in body) is thinks
    freely = said(*turns, reasoning=Reasoning(on=True), tools=(Tool("f"),), choice=choice)
    assert ("thinking" in freely) is (choice.mode == "auto" and not (turns and turns[-1].role == "assistant"))
