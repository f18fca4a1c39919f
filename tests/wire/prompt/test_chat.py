"""Chat completions read into the vocabulary: tools, the answer's form, thinking, and how tokens are drawn."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt.asking import fault_of, prompt_of

from tokenworks.wire.prompt.vocabulary import Choice, Foreign, Format, Prompt, Reasoning, Sampling, Text, Tool, Turn

F = {"type": "function",
     "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}}
G = {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}


def test_the_least() -> None:
    assert prompt_of("chat") == Prompt(
        "m", (Turn("user", (Text("hi", path="messages[0].content"),), path="messages[0]"),),
        reasoning=Reasoning(shown=True))


def test_drawing() -> None:
    found = prompt_of(
        "chat", temperature=0.70, top_p=1, top_k=40, seed=-7, presence_penalty=0.5, frequency_penalty=-1,
        stop=["a", "b"], logprobs=True, top_logprobs=3, logit_bias={"5": -100})
    assert found.sampling == Sampling(b"0.7", b"1", 40, -7, b"0.5", b"-1", ("a", "b"), 3, b'{"5": -100}')
    assert found.extras == {}
    assert prompt_of("chat", stop="a", logprobs=True).sampling == Sampling(stop=("a",), logprobs=0)
    assert prompt_of("chat", stop=None, logprobs=False, top_logprobs=4).sampling == Sampling()


def test_what_stands_beside() -> None:
    found = prompt_of(
        "chat", stream=True, stream_options={"include_usage": True}, n=3, user="u", prompt_cache_key="k",
        metadata={"a": "b"}, verbosity="low", parallel_tool_calls=False, max_tokens=9, max_completion_tokens=7,
        safety_identifier="s", min_p=0.1)
    assert (found.stream, found.include_usage, found.choices, found.user, found.cache_key, found.metadata) == (
        True, True, 3, "u", "k", b'{"a": "b"}')
    assert (found.verbosity, found.parallel, found.output_cap) == ("low", False, 7)
    assert found.extras == {"safety_identifier": msgspec.Raw(b'"s"'), "min_p": msgspec.Raw(b"0.1")}
    found = prompt_of("chat", safety_identifier="s")
    assert (found.user, found.extras) == ("s", {})


def test_tools() -> None:
    marked = {**F, "cache_control": {"type": "ephemeral"}}
    found = prompt_of("chat", tools=[F, G, marked, {"type": "web_search", "filters": {}}])
    assert found.tools == (
        Tool("f", "d", b'{"type": "object"}', True, path="tools[0]"),
        Tool("g", custom=True, grammar=b'{"type": "text"}', path="tools[1]"),
        Tool("f", "d", b'{"type": "object"}', True, cache=b'{"type": "ephemeral"}', path="tools[2]"))
    assert found.hosted == (Foreign("web_search", b'{"type": "web_search", "filters": {}}', "tools[3]"),)
    assert prompt_of("chat", tools=[{"function": {"name": "f"}}]).tools == (Tool("f", path="tools[0]"),)


def named(name: str, kind: str = "function") -> dict[str, Any]:
    return {"type": kind, kind: {"name": name}}


@pytest.mark.parametrize(("said", "choice"), [
    ("auto", Choice("auto", path="tool_choice")),
    ("none", Choice("none", path="tool_choice")),
    ("required", Choice("some", path="tool_choice")),
    ("any", Choice("some", path="tool_choice")),
    (None, Choice()),
    (named("f"), Choice("these", ("f",), "tool_choice")),
    ({"type": "function", "name": "f"}, Choice("these", ("f",), "tool_choice")),
    (named("g", "custom"), Choice("these", ("g",), "tool_choice")),
    ({"type": "web_search"}, Choice("these", ("web_search",), "tool_choice")),
    ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named("f"), named("g", "custom")]}},
     Choice("auto", ("f", "g"), "tool_choice")),
    ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("f")]}},
     Choice("these", ("f",), "tool_choice")),
])  # fmt: skip
def test_choices(said: Any, choice: Choice) -> None:
    assert prompt_of("chat", tools=[F, G], tool_choice=said).choice == choice


@pytest.mark.parametrize(("said", "form"), [
    (None, None),
    ({"type": "text"}, None),
    ({"type": "json_object"}, Format("json", path="response_format")),
    ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True, "description": "d"}},
     Format("schema", "n", b'{"a": 1}', "d", True, "response_format.json_schema")),
    ({"type": "json_schema", "json_schema": {"name": "n"}},
     Format("schema", "n", b"{}", path="response_format.json_schema")),
])  # fmt: skip
def test_forms(said: Any, form: Format | None) -> None:
    assert prompt_of("chat", response_format=said).format == form


@pytest.mark.parametrize(("said", "wanted", "extras"), [
    ({"reasoning_effort": "xhigh"}, Reasoning("xhigh", path="reasoning_effort"), set()),
    ({"reasoning_effort": "none"}, Reasoning("none", on=False, path="reasoning_effort"), set()),
    ({"enable_thinking": True, "thinking_budget": 99}, Reasoning("", 99, True, path="enable_thinking"), set()),
    ({"chat_template_kwargs": {"enable_thinking": False}}, Reasoning(on=False, path="chat_template_kwargs"), set()),
    ({"chat_template_kwargs": {"thinking": True}, "reasoning_effort": "low"},
     Reasoning("low", on=True, path="reasoning_effort"), set()),
    ({"chat_template_kwargs": {"thinking": True, "preserve_thinking": True}},
     Reasoning(on=True, path="chat_template_kwargs"), {"chat_template_kwargs"}),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Reasoning("", 1024, True, path="thinking"), set()),
    ({"thinking": {"type": "disabled"}}, Reasoning(on=False, path="thinking"), set()),
    ({"thinking": True}, Reasoning(), {"thinking"}),
    ({"chat_template_kwargs": None}, Reasoning(), {"chat_template_kwargs"}),
])  # fmt: skip
def test_thinking(said: Any, wanted: Reasoning, extras: set[str]) -> None:
    found = prompt_of("chat", **said)
    assert found.reasoning == msgspec.structs.replace(wanted, shown=wanted.on is not False)
    assert found.extras.keys() == extras


@pytest.mark.parametrize(("said", "param"), [
    ({"temperature": "hot"}, "temperature"),
    ({"top_k": 1.5}, "top_k"),
    ({"stop": 3}, "stop"),
    ({"stop": ["a", 3]}, "stop[1]"),
    ({"logit_bias": []}, "logit_bias"),
    ({"user": 1}, "user"),
    ({"metadata": "x"}, "metadata"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "strict": 1}}]}, "tools[0].function.strict"),
    ({"tool_choice": "always"}, "tool_choice"),
    ({"tool_choice": 1}, "tool_choice"),
    ({"tool_choice": {}}, "tool_choice.type"),
    ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [1]}}}, "tool_choice.allowed_tools.tools[0]"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"reasoning_effort": "huge"}, "reasoning_effort"),
    ({"chat_template_kwargs": 1}, "chat_template_kwargs"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
])  # fmt: skip
def test_faults_have_paths(said: Any, param: str) -> None:
    assert fault_of("chat", **said).param == param


def test_what_has_no_word() -> None:
    found = prompt_of("chat", tools=[{**F, "odd": 1}, {"type": "custom", "custom": {"name": "g", "odd": 2}}],
                      response_format={"type": "json_object", "odd": 3})
    assert set(found.left) == {"tools[].odd", "tools[].custom.odd", "response_format.odd"}
