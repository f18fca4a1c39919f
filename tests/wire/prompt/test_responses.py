"""Bodies of /v1/responses as prompts: every member in its place, and what is wrong named by its path."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.prompt import bodies

from tokenworks.wire.prompt.responses import read_prompt
from tokenworks.wire.prompt.vocabulary import (
    Choice,
    Foreign,
    Format,
    Prompt,
    Reasoning,
    Sampling,
    Text,
    Tool,
    Turn,
)

SCHEMA = {"type": "object"}


def read(**more: Any) -> Prompt:
    return bodies.read(read_prompt, {"model": "m", "input": "hi", **more})


def refused(**more: Any) -> tuple[str | None, str]:
    return bodies.refused(read_prompt, {"model": "m", "input": "hi", **more})


def test_the_least() -> None:
    turn = Turn("user", (Text("hi", path="input"),), path="input")
    assert read() == Prompt("m", (turn,), include_usage=True)
    assert read(input=None).turns == ()


def test_instructions() -> None:
    turn = Turn("system", (Text("be", path="instructions"),), path="instructions")
    assert read(instructions="be").turns[0] == turn
    assert len(read(instructions="").turns) == 1


def test_tools() -> None:
    tools = [
        {"type": "function", "name": "f", "description": "does", "parameters": SCHEMA, "strict": True, "async": True},
        {"type": "function", "name": "g", "parameters": None, "strict": None},
        {"type": "custom", "name": "h", "format": {"type": "text"}},
        {"type": "custom", "name": "i"},
        {"type": "namespace", "name": "space", "description": "about", "tools": [
            {"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "custom", "name": "j"}]},
        {"type": "web_search", "search_context_size": "low"},
    ]  # fmt: skip
    prompt = read(tools=tools)
    assert prompt.tools == (
        Tool("f", "does", b'{"type":"object"}', True, path="tools[0]"),
        Tool("g", path="tools[1]"),
        Tool("h", custom=True, grammar=b'{"type":"text"}', path="tools[2]"),
        Tool("i", custom=True, path="tools[3]"),
        Tool("f", schema=b'{"type":"object"}', group="space", group_about="about", path="tools[4].tools[0]"),
        Tool("j", custom=True, group="space", group_about="about", path="tools[4].tools[1]"),
    )
    raw = b'{"type":"web_search","search_context_size":"low"}'
    assert prompt.hosted == (Foreign("web_search", raw, "tools[5]"),)
    assert prompt.left == ("tools[].async",)


@pytest.mark.parametrize(("said", "choice"), [
    ("auto", Choice("auto", path="tool_choice")),
    ("none", Choice("none", path="tool_choice")),
    ("required", Choice("some", path="tool_choice")),
    ({"type": "function", "name": "f"}, Choice("these", ("f",), "tool_choice")),
    ({"type": "custom", "name": "g"}, Choice("these", ("g",), "tool_choice")),
    ({"type": "mcp", "server_label": "s"}, Choice("these", ("mcp",), "tool_choice")),
    ({"type": "web_search_preview"}, Choice("these", ("web_search_preview",), "tool_choice")),
    ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]},
     Choice("these", ("f", "mcp"), "tool_choice")),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
     Choice("auto", ("f",), "tool_choice")),
])  # fmt: skip
def test_choices(said: Any, choice: Choice) -> None:
    assert read(tool_choice=said).choice == choice


@pytest.mark.parametrize(("said", "asked"), [
    ({}, Reasoning(path="reasoning")),
    ({"effort": "high", "summary": "detailed"}, Reasoning("high", shown=True, detail="detailed", path="reasoning")),
    ({"effort": "none"}, Reasoning("none", on=False, path="reasoning")),
    ({"generate_summary": "auto"}, Reasoning(shown=True, detail="auto", path="reasoning")),
    (None, Reasoning()),
])  # fmt: skip
def test_reasoning(said: Any, asked: Reasoning) -> None:
    assert read(reasoning=said).reasoning == asked


def test_what_is_wanted_beside() -> None:
    prompt = read(include=["reasoning.encrypted_content", "message.output_text.logprobs", "x"], reasoning={"mode": 1})
    assert prompt.reasoning.sealed and prompt.sampling.logprobs == 0
    assert {key: bytes(raw) for key, raw in prompt.extras.items()} == {"include": b'["x"]'}
    assert prompt.left == ("reasoning.mode",)
    assert read(top_logprobs=3).sampling.logprobs == 3
    assert read(top_logprobs=0).sampling.logprobs is None


@pytest.mark.parametrize(("said", "form"), [
    ({"type": "text"}, None),
    ({"type": "json_object"}, Format("json", path="text.format")),
    ({"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"},
     Format("schema", "n", b'{"type":"object"}', "d", True, "text.format")),
])  # fmt: skip
def test_the_form_of_the_answer(said: Any, form: Format | None) -> None:
    prompt = read(text={"format": said, "verbosity": "low", "x": 1})
    assert (prompt.format, prompt.verbosity, prompt.left) == (form, "low", ("text.x",))


def test_words_beside_the_conversation() -> None:
    prompt = read(
        stream=True, temperature=0.5, top_p=1, top_k=3, max_output_tokens=9, parallel_tool_calls=False, user="u",
        safety_identifier="s", prompt_cache_key="k", metadata={"a": "b"}, store=False, previous_response_id="resp_1",
        background=None,
    )  # fmt: skip
    assert prompt.stream and prompt.parallel is False and prompt.output_cap == 9
    assert prompt.sampling == Sampling(b"0.5", b"1", 3)
    assert (prompt.user, prompt.cache_key, prompt.metadata) == ("u", "k", b'{"a":"b"}')
    assert prompt.extras.keys() == {"safety_identifier", "store", "previous_response_id"}
    alone = read(safety_identifier="s")
    assert alone.user == "s" and alone.extras == {}


@pytest.mark.parametrize(("body", "path", "remedy"), [
    ({"input": 5}, "input", "must be a list"),
    ({"instructions": []}, "instructions", "must be a string"),
    ({"metadata": "x"}, "metadata", "must be an object"),
    ({"include": "x"}, "include", "must be a list"),
    ({"tools": [{"name": "f"}]}, "tools[0].type", "Add it"),
    ({"tools": [{"type": "function"}]}, "tools[0].name", "Add it"),
    ({"tools": [{"type": "function", "name": "f", "parameters": []}]}, "tools[0].parameters", "such as"),
    ({"tools": [{"type": "custom", "name": "f", "format": "x"}]}, "tools[0].format", "must be an object"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type",
     "one of function, custom"),
    ({"tool_choice": "any"}, "tool_choice", "one of auto, none, required"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name", "Add it"),
    ({"tool_choice": {"type": "allowed_tools", "mode": "x"}}, "tool_choice.mode", "one of auto, required"),
    ({"text": {"format": {"type": "x"}}}, "text.format.type", "one of text, json_object, json_schema"),
    ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema", "Add it"),
    ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "Add it"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "one of none"),
    ({"max_output_tokens": "9"}, "max_output_tokens", "whole number"),
])  # fmt: skip
def test_what_is_wrong(body: Any, path: str, remedy: str) -> None:
    param, message = refused(**body)
    assert param == path
    assert remedy in message
