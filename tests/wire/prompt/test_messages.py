"""Bodies of /v1/messages as prompts: every member in its place, and what is wrong named by its path."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.prompt import bodies

from tokenworks.wire.prompt.messages import read_prompt
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

HI = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object"}


def read(**more: Any) -> Prompt:
    return bodies.read(read_prompt, {"model": "m", "max_tokens": 9, "messages": [HI], **more})


def refused(**more: Any) -> tuple[str | None, str]:
    return bodies.refused(read_prompt, {"model": "m", "max_tokens": 9, "messages": [HI], **more})


def test_the_least() -> None:
    turn = Turn("user", (Text("hi", path="messages[0].content"),), path="messages[0]")
    assert read() == Prompt("m", (turn,), output_cap=9)


def test_the_system() -> None:
    assert read(system="be").turns[0] == Turn("system", (Text("be", path="system"),), path="system")
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    turn = read(system=[{"type": "text", "text": "a"}, marked]).turns[0]
    assert turn.parts == (Text("a", path="system[0]"), Text("b", b'{"type":"ephemeral"}', "system[1]"))
    assert read(system=None).turns == read().turns


def test_the_billing_header_is_left_out() -> None:
    header = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330; cch=1;"}
    prompt = read(system=[header, {"type": "text", "text": "a"}])
    assert prompt.turns[0].parts == (Text("a", path="system[1]"),)
    assert prompt.left == ("system[].x-anthropic-billing-header",)
    assert [turn.role for turn in read(system=[header]).turns] == ["user"]


def test_the_system_in_the_middle() -> None:
    prompt = read(messages=[HI, {"role": "system", "content": "now", "clear_at": "never"}])
    assert prompt.turns[1] == Turn("system", (Text("now", path="messages[1].content"),), path="messages[1]")
    assert prompt.left == ("messages[].clear_at",)


def test_tools() -> None:
    tools = [
        {"name": "f", "input_schema": SCHEMA, "description": "does", "strict": True, "type": "custom",
         "cache_control": {"type": "ephemeral"}, "defer_loading": True},
        {"name": "g", "input_schema": SCHEMA, "type": None, "defer_loading": False},
        {"type": "web_search_20260318", "name": "web_search"},
    ]  # fmt: skip
    prompt = read(tools=tools)
    assert prompt.tools == (
        Tool("f", "does", b'{"type":"object"}', True, cache=b'{"type":"ephemeral"}', path="tools[0]"),
        Tool("g", schema=b'{"type":"object"}', path="tools[1]"),
    )
    raw = b'{"type":"web_search_20260318","name":"web_search"}'
    assert prompt.hosted == (Foreign("web_search_20260318", raw, "tools[2]"),)
    assert prompt.left == ("tools[].defer_loading",)


@pytest.mark.parametrize(("said", "choice", "parallel"), [
    ({"type": "auto"}, Choice("auto", path="tool_choice"), None),
    ({"type": "any", "disable_parallel_tool_use": True}, Choice("some", path="tool_choice"), False),
    ({"type": "tool", "name": "f", "disable_parallel_tool_use": False},
     Choice("these", ("f",), "tool_choice"), True),
    ({"type": "none"}, Choice("none", path="tool_choice"), None),
])  # fmt: skip
def test_choices(said: Any, choice: Choice, parallel: bool | None) -> None:
    prompt = read(tool_choice=said)
    assert (prompt.choice, prompt.parallel) == (choice, parallel)


def test_a_hosted_tool_goes_by_its_type() -> None:
    hosted = [{"type": "web_search_20250305", "name": "web_search"}, {"type": "bash_20250124"}]
    prompt = read(tools=hosted, tool_choice={"type": "tool", "name": "web_search"})
    assert prompt.choice == Choice("these", ("web_search_20250305",), "tool_choice")


@pytest.mark.parametrize(("said", "asked"), [
    ({"thinking": {"type": "adaptive"}}, Reasoning(on=True, shown=True, path="thinking")),
    ({"thinking": {"type": "adaptive", "display": "omitted"}},
     Reasoning(on=True, shown=False, detail="omitted", path="thinking")),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"}},
     Reasoning(budget_tokens=2000, on=True, shown=True, detail="summarized", path="thinking")),
    ({"thinking": {"type": "disabled"}}, Reasoning(on=False, path="thinking")),
    ({"output_config": {"effort": "high"}}, Reasoning("high", path="output_config.effort")),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
     Reasoning("max", on=True, shown=True, path="thinking")),
    ({"output_config": {}}, Reasoning()),
])  # fmt: skip
def test_thinking(said: Any, asked: Reasoning) -> None:
    prompt = read(**said)
    assert prompt.reasoning == asked and prompt.left == ()


def test_thinking_between_tools_is_noted() -> None:
    prompt = read(thinking={"type": "between_tools", "block_binding": {}})
    assert prompt.reasoning.on and prompt.left == ("thinking.type", "thinking.block_binding")


def test_the_form_of_the_answer() -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    told = Format("schema", schema=b'{"type":"object"}', path="output_config.format")
    assert read(output_config={"format": form}).format == told
    assert read(output_format=form).format == Format("schema", schema=b'{"type":"object"}', path="output_format")
    assert read(output_config={"task_budget": {}}).left == ("output_config.task_budget",)


def test_words_beside_the_conversation() -> None:
    prompt = read(
        stream=True, temperature=0.5, top_p=1, top_k=3, stop_sequences=["a"], metadata={"user_id": "u"},
        service_tier="auto", mcp_servers=[], cache_control=None,
    )  # fmt: skip
    assert prompt.stream and prompt.user == "u"
    assert prompt.sampling == Sampling(b"0.5", b"1", 3, stop=("a",))
    assert {key: bytes(raw) for key, raw in prompt.extras.items()} == {"service_tier": b'"auto"', "mcp_servers": b"[]"}
    assert read(metadata={"user_id": None, "x": 1}).left == ("metadata.x",)


@pytest.mark.parametrize(("body", "path", "remedy"), [
    ({"messages": None}, "messages", "Add it"),
    ({"messages": "hi"}, "messages", "must be a list"),
    ({"messages": ["hi"]}, "messages[0]", "must be an object"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "Add it"),
    ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role", "one of user, assistant, system"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "Add it"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "must be a list"),
    ({"messages": [HI, {"role": "user", "content": [5]}]}, "messages[1].content[0]", "must be an object"),
    ({"system": 5}, "system", "must be a list"),
    ({"system": [{"type": "image", "source": {}}]}, "system[0]", "Its place is with the user"),
    ({"tools": {}}, "tools", "must be a list"),
    ({"tools": [{"name": "f"}]}, "tools[0].input_schema", "Add it"),
    ({"tools": [{"name": "f", "input_schema": "x"}]}, "tools[0].input_schema", "such as"),
    ({"tools": [{"input_schema": {}}]}, "tools[0].name", "Add it"),
    ({"tool_choice": "auto"}, "tool_choice", "must be an object"),
    ({"tool_choice": {"type": "required"}}, "tool_choice.type", "one of auto, any, tool, none"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name", "Add it"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens", "Say how many"),
    ({"thinking": {"type": "on"}}, "thinking.type", "one of adaptive"),
    ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.display", "one of summarized"),
    ({"output_config": {"effort": "huge"}}, "output_config.effort", "one of low"),
    ({"output_config": {"format": {"type": "x"}}}, "output_config.format.type", "json_schema"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema", "Add it"),
    ({"temperature": "warm"}, "temperature", "must be a number"),
    ({"top_k": -1}, "top_k", "from 0"),
    ({"top_k": 1.5}, "top_k", "whole number"),
    ({"stop_sequences": "x"}, "stop_sequences", "must be a list"),
    ({"stop_sequences": [1]}, "stop_sequences[0]", "must be a string"),
    ({"metadata": "x"}, "metadata", "must be an object"),
    ({"stream": 1}, "stream", "true or false"),
])  # fmt: skip
def test_what_is_wrong(body: Any, path: str, remedy: str) -> None:
    param, message = refused(**body)
    assert param == path
    assert remedy in message
