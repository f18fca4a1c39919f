"""The vocabulary written as chat completions; what chat can say comes back the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter
from tests.wire.prompt.asking import OPENAI, prompt_of, written
from tests.wire.prompt.strategies import prompts, same, words

from tokenworks.wire.dialects import ENGINES, Engine
from tokenworks.wire.prompt.chat import read_prompt
from tokenworks.wire.prompt.chat_writer import fit_id
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Declined,
    Document,
    Foreign,
    Format,
    Image,
    Part,
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
from tokenworks.wire.request import RequestFacts, read_request

BODIES: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
USER = Turn("user", (Text("hi"),))


def read(body: Any) -> Prompt:
    facts = read_request("chat", json.dumps(body, separators=(",", ":")).encode())
    assert isinstance(facts, RequestFacts), facts
    found = read_prompt(facts.fields)
    assert isinstance(found, Prompt), found
    return found


def said(*turns: Turn, engine: Engine = "openai", **more: Any) -> Any:
    return written("chat", Prompt("m", turns or (USER,), **more), Target(engine))


def spoken(*parts: Part, engine: Engine = "openai") -> Any:
    return said(Turn("assistant", parts), engine=engine)["messages"][0]


def heard(*parts: Part) -> Any:
    return said(Turn("user", parts))["messages"]


@given(prompts("chat"))
def test_prompts_come_back(prompt: Prompt) -> None:
    """Prompt -> chat -> Prompt, whatever chat can say; the SDK takes the body."""
    body = written("chat", prompt, OPENAI)
    BODIES.validate_python({key: value for key, value in body.items() if key not in ("stream", "top_k")})
    again = read(body)
    wanted = msgspec.structs.replace(prompt, reasoning=Reasoning(shown=True))
    if not prompt.tools:  # nothing says how no tools are to be used
        wanted = msgspec.structs.replace(wanted, parallel=None)
    assert same(again) == same(wanted)


CALLS = st.sampled_from([
    {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"type": "custom", "custom": {"name": "g", "input": "free"}},
])  # fmt: skip
PARTS = st.sampled_from([
    {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
    {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
])  # fmt: skip
TOOLS = [
    {"type": "function",
     "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}},
    {"type": "function", "function": {"name": "h"}},
    {"type": "custom", "custom": {"name": "g", "description": "d", "format": {"type": "text"}}},
    {"type": "web_search", "filters": {}},
]
MORE = st.fixed_dictionaries({}, optional={
    "tool_choice": st.sampled_from([
        "auto", "none", "required", {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "g"}}, {"type": "web_search"},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
            {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "h"}}]}},
    ]),
    "parallel_tool_calls": st.booleans(),
    "response_format": st.sampled_from([
        {"type": "json_object"},
        {"type": "json_schema",
         "json_schema": {"name": "n", "schema": {"a": 1}, "strict": False, "description": "d"}}]),
    "temperature": st.sampled_from([0, 0.7, 2]), "top_p": st.just(0.5), "top_k": st.just(-1), "seed": st.integers(),
    "presence_penalty": st.just(-2), "frequency_penalty": st.just(0.1), "stop": st.lists(words, min_size=1),
    "logit_bias": st.just({"7": 1}), "n": st.integers(2, 9), "user": words, "prompt_cache_key": words,
    "metadata": st.just({"a": "b"}), "verbosity": st.just("low"), "reasoning_effort": st.sampled_from(["none", "high"]),
    "stream": st.just(True), "service_tier": st.just("auto"), "odd": st.just([1]),
})  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn, cap: str, reasoning: str) -> dict[str, Any]:
    """Sound bodies in the form in which ours are written: one text alone is a string, texts of calls null."""
    messages: list[Any] = [{"role": role, "content": draw(words)}
                           for role in draw(st.lists(st.sampled_from(["system", "developer"]), max_size=2))]
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        content = draw(words | st.lists(PARTS, min_size=1, max_size=3))
        messages.append({"role": "user", **draw(st.sampled_from([{}, {"name": "Ann"}])), "content": content})
        answer: dict[str, Any] = {"role": "assistant", "content": draw(words | st.none())}
        if reasoning and draw(st.booleans()):
            answer[reasoning] = draw(words)
        made = []
        for call in draw(st.lists(CALLS, max_size=2)):
            number += 1
            made.append({"id": f"c{number}", **call})
        if made:
            answer["tool_calls"] = made
        elif answer["content"] is None:
            answer["refusal"] = draw(words)
        messages.append(answer)
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": draw(words)} for call in made]
    body = {"model": draw(words), "messages": messages, "tools": TOOLS, **draw(MORE)}
    if draw(st.booleans()):
        body |= {"logprobs": True, **draw(st.sampled_from([{}, {"top_logprobs": 3}]))}
    if draw(st.booleans()):
        body[cap] = draw(st.integers(0, 99))
    if body.get("stream"):
        body["stream_options"] = {"include_usage": True}
    return body


@given(bodies("max_completion_tokens", ""))
def test_bodies_come_back(body: dict[str, Any]) -> None:
    """chat -> Prompt -> chat loses nothing that chat can say."""
    assert written("chat", read(body), Target("openai")) == body


@given(bodies("max_tokens", "reasoning_content"))
def test_reasoning_comes_back(body: dict[str, Any]) -> None:
    switch = {"thinking": {"type": "disabled"}} if body.get("reasoning_effort") == "none" else {}
    assert written("chat", read(body), Target("deepseek")) == {**body, **switch}


def test_thinking_by_engine() -> None:
    def thinking(engine: Engine, *, extras: Any = None, **wanted: Any) -> Any:
        prompt = Prompt("m", (USER,), reasoning=Reasoning(**wanted), extras=extras or {})
        body = written("chat", prompt, Target(engine))
        return {key: value for key, value in body.items() if key not in ("model", "messages")}

    both = {"enable_thinking": True, "thinking": True}
    assert thinking("openai", effort="high", on=True) == {"reasoning_effort": "high"}
    assert thinking("openai", effort="high", on=False) == {}
    assert thinking("openai", effort="none", on=False) == {"reasoning_effort": "none"}
    assert thinking("vllm", effort="low", on=True) == {"reasoning_effort": "low", "chat_template_kwargs": both}
    assert thinking("vllm", effort="low") == {"reasoning_effort": "low"}
    assert thinking("sglang", on=False) == {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}
    given_ = {"chat_template_kwargs": msgspec.Raw(b'{"preserve_thinking":true}')}
    assert thinking("vllm", extras=given_, on=True) == {"chat_template_kwargs": {**both, "preserve_thinking": True}}
    assert thinking("llamacpp", budget_tokens=9, on=True) == {
        "thinking_budget_tokens": 9, "chat_template_kwargs": both}
    assert thinking("deepseek", on=True) == {"thinking": {"type": "enabled"}}
    assert thinking("moonshot", on=False, effort="low") == {"thinking": {"type": "disabled"}}
    assert thinking("dashscope", on=True, budget_tokens=9) == {"enable_thinking": True, "thinking_budget": 9}
    assert thinking("dashscope", on=False, budget_tokens=9) == {"enable_thinking": False}
    for engine in ENGINES:
        assert thinking(engine) == {}


def test_reasoning_in_the_engine_s_word() -> None:
    thoughts = (Thought("a", "openai"), Thought("b", "openai"), Text("c"))
    assert spoken(*thoughts, engine="vllm") == {"role": "assistant", "reasoning": "a\nb", "content": "c"}
    assert spoken(*thoughts, engine="sglang")["reasoning_content"] == "a\nb"
    assert spoken(*thoughts) == {"role": "assistant", "content": "c"}


@pytest.mark.parametrize(("engine", "identity", "sent"), [
    ("openai", "call_1", "call_1"), ("openai", "c" * 40, "c" * 40),
    ("vllm", "c" * 99, "c" * 99), ("mistral", "abcDEF123", "abcDEF123"),
])  # fmt: skip
def test_ids_that_are_taken(engine: Engine, identity: str, sent: str) -> None:
    assert fit_id(identity, engine) == sent


@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, unique=True))
def test_ids_that_are_cut(identities: list[str]) -> None:
    """A call and its result go under one id, and two calls never under the same."""
    for engine, most in (("openai", 40), ("mistral", 9)):
        cut = [fit_id(identity, engine) for identity in identities]  # type: ignore[arg-type]
        assert len(set(cut)) == len(identities) and all(len(one) <= most for one in cut)
    turns = (Turn("assistant", (Call("x" * 41, "f", "{}"),)), Turn("user", (Result("x" * 41, (Text("t"),)),)))
    call, result = said(*turns)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] and len(result["tool_call_id"]) <= 40


def test_calls_from_elsewhere_to_gemini() -> None:
    call = spoken(Call("c", "f", "{}"), engine="gemini")["tool_calls"][0]
    assert call["extra_content"] == {"google": {"thought_signature": "skip_thought_signature_validator"}}
    assert "extra_content" not in spoken(Call("c", "f", "{}"))["tool_calls"][0]


def test_what_tools_gave_beside_text() -> None:
    """Chat has text alone in results: the rest follows when all results in a row are told."""
    image = Image("image/png", "QUJD")
    turns = (
        Turn("assistant", (Call("c1", "f", ""), Call("c2", "f", "{}"))),
        Turn("user", (Result("c1", (Text("see"), image)), Result("c2", (image,)), Text("well?"))),
        Turn("assistant", (Call("c3", "f", "{}"),)),
        Turn("user", (Result("c3", (Document("application/pdf", "QUJD"),)),)),
        Turn("assistant", (Call("c4", "f", "{}"),)),
        Turn("user", (Result("c4", (image,)),)),
    )
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "document"}}

    def call(name: str) -> Any:
        return {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}

    def told(name: str) -> Any:
        return {"type": "text", "text": f"What the tool call {name} gave beside text:"}

    follows = "It follows in the next message."
    assert said(*turns)["messages"] == [
        {"role": "assistant", "content": None, "tool_calls": [call("c1"), call("c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "see"},
        {"role": "tool", "tool_call_id": "c2", "content": follows},
        {"role": "user", "content": [told("c1"), url, told("c2"), url, {"type": "text", "text": "well?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call("c3")]},
        {"role": "tool", "tool_call_id": "c3", "content": follows},
        {"role": "user", "content": [told("c3"), file]},
        {"role": "assistant", "content": None, "tool_calls": [call("c4")]},
        {"role": "tool", "tool_call_id": "c4", "content": follows},
        {"role": "user", "content": [told("c4"), url]},
    ]


def test_late_results_stand_behind_their_call() -> None:
    turns = (Turn("assistant", (Call("c1", "f", "{}"),)), Turn("user", (Text("so?"),)),
             Turn("user", (Result("c1", (Text("1"),)),)))
    assert [message["role"] for message in said(*turns)["messages"]] == ["assistant", "tool", "user"]


@pytest.mark.parametrize(("part", "expected"), [
    (Text("t"), "t"),
    (Text("t", b'{"type":"ephemeral"}'), [{"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}]),
    (Document(text="t", name="n"), '<document title="n">\nt\n</document>'),
    (Document(file="f"), [{"type": "file", "file": {"file_id": "f"}}]),
    (Image(url="https://x"), [{"type": "image_url", "image_url": {"url": "https://x"}}]),
    (Foreign("x", b'{"type":"x"}'), [{"type": "x"}]),
])  # fmt: skip
def test_parts(part: Part, expected: Any) -> None:
    assert heard(part) == [{"role": "user", "content": expected}]


def test_turns_of_nothing() -> None:
    assert said(Turn("user", ()))["messages"] == [{"role": "user", "content": ""}]
    assert spoken() == {"role": "assistant", "content": ""}
    assert said(Turn("assistant", (Text("a"),), name="Bob"))["messages"][0]["name"] == "Bob"
    assert spoken(Declined("no")) == {"role": "assistant", "content": None, "refusal": "no"}
    assert said(Turn("user", (Result("c", ()),)))["messages"] == [{"role": "tool", "tool_call_id": "c", "content": ""}]


def test_caps_and_users() -> None:
    assert said(output_cap=5)["max_completion_tokens"] == 5
    assert said(output_cap=5, engine="vllm")["max_tokens"] == 5
    long = "u" * 65
    assert len(said(user=long)["user"]) == 64 and said(user=long, engine="vllm")["user"] == long


def test_choices_without_tools_are_not_written() -> None:
    assert said(choice=Choice("some"), parallel=True).keys() == {"model", "messages"}
    tool = Tool("f")
    assert said(tools=(tool,), choice=Choice("auto"))["tools"] == [{"type": "function", "function": {"name": "f"}}]
    one = said(tools=(tool,), choice=Choice("these", ("f",)))
    assert one["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_forms_have_a_name() -> None:
    assert said(format=Format("schema", schema=b"{}"))["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "answer", "schema": {}}}


def test_log_probabilities() -> None:
    assert said(sampling=Sampling(logprobs=0))["logprobs"] is True
    assert said(sampling=Sampling(logprobs=2))["top_logprobs"] == 2


def test_a_body_of_everyday() -> None:
    body = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
            "temperature": 0.2, "max_tokens": 9, "stream": True, "stream_options": {"include_usage": True}}
    assert written("chat", prompt_of("chat", **body), Target("vllm")) == body
