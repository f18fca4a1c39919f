"""Requests of every dialect into every other: what both can say arrives, and whatever is sent gets an answer."""

from __future__ import annotations

import copy
import json
import random
import sys
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.prompt.asking import HELLO, facts_of, moved, refused, sent
from tests.wire.prompt.strategies import PDF, PNG, encoded, prompts, same, values

from tokenworks.wire.dialects import DIALECTS, ENGINES, Dialect
from tokenworks.wire.prompt.sound import check_sound
from tokenworks.wire.prompt.translate import REACHES, READERS, WRITERS, Translated, order_reach, translate
from tokenworks.wire.prompt.vocabulary import Choice, Prompt, Reasoning, Target, Tool
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request

OPENAI = Target("openai", images=True, output_max=9999)
CLAUDE = Target("anthropic", images=True, output_max=9999)
VLLM = Target("vllm", own=True, images=True)
PAIRS = [(client, to) for client, reached in REACHES.items() for to in reached]


def test_who_reaches_whom() -> None:
    assert REACHES.keys() == set(DIALECTS)
    for client, reached in REACHES.items():
        assert client not in reached and set(reached) <= WRITERS.keys() and (not reached or client in READERS)
    for client, to in (("chat", "chat"), ("chat", "completions"), ("embeddings", "chat"), ("chat", "embeddings")):
        facts = facts_of("chat")
        facts.dialect = client  # type: ignore[assignment]
        found = translate(facts, to, OPENAI)  # type: ignore[arg-type]
        assert isinstance(found, Malformed) and found.refusal is Refusal.DIALECT_UNSUPPORTED


def test_who_is_asked_first() -> None:
    for client, reached in REACHES.items():
        for engine in ENGINES:
            assert sorted(order_reach(client, engine)) == sorted(reached)
    assert order_reach("messages", "openai")[0] == "responses" and order_reach("messages", "vllm")[0] == "chat"


def through(prompt: Prompt, client: Dialect, to: Dialect) -> Prompt:
    """The prompt as it is read from the body that goes upstream."""
    mouth, ear = (CLAUDE if dialect == "messages" else OPENAI for dialect in (client, to))
    body = msgspec.json.encode(WRITERS[client](prompt, mouth))
    facts = read_request(client, body)
    assert isinstance(facts, RequestFacts), facts
    found = translate(facts, to, ear)
    assert isinstance(found, Translated), found
    assert found.facts.dialect == to and found.facts.stream == prompt.stream and found.asked.model == prompt.model
    assert read_request(to, found.body) == found.facts
    again = READERS[to](found.facts.fields)
    assert isinstance(again, Prompt), again
    return again


def plainly(prompt: Prompt, **more: Any) -> object:
    """What is said, without what has another place in each dialect or is dropped with a note."""
    unsaid: dict[str, Any] = {"metadata": b"", "verbosity": "", "cache_key": "", "reasoning": Reasoning(),
                              "output_cap": max(16, prompt.output_cap or 16)}
    return same(msgspec.structs.replace(prompt, **{**unsaid, **more}))


LOOSE: dict[str, Any] = {"choice": Choice()}  # "auto" is said or not


def lax(prompt: Prompt) -> tuple[Tool, ...]:
    """The tools without their guarantee, which not every maker gives for every schema."""
    return tuple(msgspec.structs.replace(tool, strict=None) for tool in prompt.tools)


@given(prompts("chat", "responses"))
def test_chat_and_responses(prompt: Prompt) -> None:
    wanted = prompt if prompt.tools else msgspec.structs.replace(prompt, parallel=None, choice=Choice())
    for client, to in (("chat", "responses"), ("responses", "chat")):
        again = through(wanted, client, to)  # type: ignore[arg-type]
        assert plainly(again, tools=lax(again)) == plainly(wanted, tools=lax(wanted))
        assert [bool(tool.strict) for tool in again.tools] == [bool(tool.strict) for tool in wanted.tools]


@given(prompts("chat", "messages"))
def test_chat_and_messages(prompt: Prompt) -> None:
    wanted = msgspec.structs.replace(prompt, format=None)  # its name has no place in messages
    for client, to in (("chat", "messages"), ("messages", "chat")):
        again = through(wanted, client, to)  # type: ignore[arg-type]
        assert plainly(again, **LOOSE, tools=lax(again)) == plainly(wanted, **LOOSE, tools=lax(wanted))
        if wanted.tools:
            assert (again.choice.mode, again.choice.names) == (wanted.choice.mode, wanted.choice.names)


@given(prompts("responses", "messages"))
def test_messages_into_responses(prompt: Prompt) -> None:
    wanted = msgspec.structs.replace(prompt, format=None)
    again = through(wanted, "messages", "responses")
    assert plainly(again, **LOOSE, tools=lax(again)) == plainly(wanted, **LOOSE, tools=lax(wanted))


IMAGE = {"type": "base64", "media_type": "image/png", "data": encoded(PNG)}
FULL: dict[Dialect, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "name": "n", "content": [
                {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(PNG)}", "detail": "low"}},
                {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{encoded(PDF)}"}}]},
            {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
                  {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": {
                      "syntax": "lark", "definition": "x"}}}}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "reasoning_effort": "low", "stop": ["x"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "temperature": 0.5, "seed": 1, "logprobs": True, "top_logprobs": 1, "n": 1, "metadata": {"a": "b"},
        "chat_template_kwargs": {"enable_thinking": True}, "stream_options": {"include_usage": True},
        "logit_bias": {"1": 1}, "thinking": {"type": "enabled"}, "max_tokens": 9},
    "responses": {
        "instructions": "i", "input": [
            {"type": "message", "role": "developer", "content": "d"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "t"}, {"type": "input_file", "file_url": "https://x/y.pdf"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{encoded(PNG)}"}]},
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "r"}],
             "encrypted_content": "e"},
            {"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "custom_tool_call", "call_id": "k", "name": "g", "input": "y"},
            {"type": "custom_tool_call_output", "call_id": "k", "output": "z"}],
        "tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [
                      {"type": "function", "name": "f", "parameters": {"type": "object"}}]},
                  {"type": "custom", "name": "g", "format": {"type": "text"}}, {"type": "web_search"}],
        "tool_choice": "auto", "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"], "store": False, "top_logprobs": 1, "metadata": {"a": "b"},
        "parallel_tool_calls": True, "max_output_tokens": 9, "client_metadata": {"a": "b"}},
    "messages": {
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}], "messages": [
            {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image", "source": IMAGE},
                                         {"type": "document", "source": {"type": "text", "media_type": "text/plain",
                                                                         "data": "d"}, "title": "n"}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "r", "signature": "s"},
                                              {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": [
                {"type": "text", "text": "x"}, {"type": "image", "source": IMAGE}]}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "w"}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}, "top_k": 5, "stop_sequences": ["x"],
        "thinking": {"type": "adaptive", "display": "summarized"}, "metadata": {"user_id": "u"},
        "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "context_management": {"edits": []}},
    "completions": {"stop": "x", "temperature": 0, "echo": False, "n": 1, "stream_options": {"include_usage": True}},
    "embeddings": {},
}


@pytest.mark.parametrize(("client", "to"), PAIRS)
def test_everything_gets_an_answer(client: Dialect, to: Dialect) -> None:
    for engine in ENGINES:
        for own in (True, False):
            found = translate(facts_of(client, **FULL[client]), to, Target(engine, own, images=True))
            assert isinstance(found, Translated) or found.refusal is Refusal.FEATURE_UNSUPPORTED, found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


def broken(body: dict[str, Any], place: tuple[Any, ...], value: Any, how: str) -> dict[str, Any]:
    """A body with one value put in place of another, or added beside it, or taken out."""
    made = copy.deepcopy(body)
    if not place:
        return made
    holder: Any = made
    for key in place[:-1]:
        holder = holder[key]
    if how == "out":
        del holder[place[-1]]
    elif how == "twice" and isinstance(holder, list):
        holder.insert(0, copy.deepcopy(holder[place[-1]]))
    else:
        holder[place[-1]] = value
    return made


@given(st.sampled_from(PAIRS), st.randoms(use_true_random=False), values, st.sampled_from(["out", "twice", "other"]),
       st.sampled_from([OPENAI, CLAUDE, VLLM, Target("llamacpp", own=True), Target("ollama"), Target("gemini")]))
def test_whatever_is_sent_gets_an_answer(
    pair: tuple[Dialect, Dialect], chance: random.Random, value: Any, how: str, target: Target
) -> None:
    """No body breaks the translation: it is served, or refused with a field of the client's."""
    client, to = pair
    whole = {**HELLO[client], **FULL[client]}
    body = broken(whole, chance.choice(places(whole)), value, how)
    facts = read_request(client, json.dumps(body).encode())
    if isinstance(facts, Malformed):
        return
    found = translate(facts, to, target)
    if isinstance(found, Malformed):
        assert found.param is None or found.message
        return
    assert read_request(to, found.body) == found.facts


def test_codex() -> None:
    """What Codex sends, to an engine that speaks chat."""
    more = {**FULL["responses"], "input": [FULL["responses"]["input"][0], *FULL["responses"]["input"][2:]]}
    del more["top_logprobs"]
    found = moved("responses", "chat", VLLM, stream=True, **more)
    body = json.loads(found.body)
    assert body["messages"] == [
        {"role": "system", "content": "i\n\nd"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "n__f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "k", "type": "function", "function": {"name": "g", "arguments": '{"input":"y"}'}}]},
        {"role": "tool", "tool_call_id": "k", "content": "z"}]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["n__f", "g"]
    assert (found.asked.groups, found.asked.names, found.asked.customs) == ({"n__f": "n"}, {"n__f": "f"}, {"g"})
    assert [note.split(" was dropped")[0] for note in found.notes] == [
        "input[1]", "tools[2]", "metadata", "text.verbosity"]


def test_claude_code() -> None:
    """What Claude Code sends, to an engine that speaks chat."""
    more = {key: value for key, value in FULL["messages"].items() if key != "stop_sequences"}
    found = moved("messages", "chat", VLLM, stream=True, **more)
    body = json.loads(found.body)
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert body["messages"][3]["content"] == "Error: x" and body["messages"][4]["content"][1]["type"] == "image_url"
    assert "reasoning_effort" not in body and body["chat_template_kwargs"]["enable_thinking"] is True
    assert body["response_format"]["json_schema"]["name"] == "answer" and body["parallel_tool_calls"] is False
    assert found.asked.reasoning_shown is True and found.asked.echo == b""


def test_what_is_told_back() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    function = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    asked = moved("chat", "messages", Target("minimax"), response_format=form).asked
    assert (asked.schema_tool, asked.forced) == ("answer", "")
    asked = moved("chat", "messages", Target("minimax"), response_format=form, tools=[function]).asked
    assert asked.schema_tool == "answer"
    asked = moved("chat", "messages", Target("minimax"), response_format=form, tools=[function],
                  tool_choice="required").asked
    assert (asked.schema_tool, asked.forced) == ("", "")
    assert moved("chat", "messages", CLAUDE, response_format=form).asked.schema_tool == ""
    forced = {"type": "function", "function": {"name": "f"}}
    asked = moved("messages", "chat", Target("llamacpp"), tools=[{"name": "f", "input_schema": {"type": "object"}}],
                  tool_choice={"type": "tool", "name": "f"}).asked
    assert (asked.schema_tool, asked.forced, asked.reasoning_shown) == ("", "f", False)
    assert moved("chat", "responses", Target("llamacpp"), tools=[function], tool_choice=forced).asked.forced == ""
    assert moved("chat", "responses", VLLM, tools=[function], tool_choice=forced).asked.forced == ""


def test_what_a_response_repeats() -> None:
    echo = json.loads(b"{%b}" % moved("responses", "chat", temperature=0.5, user="u", tools=None).asked.echo)
    assert echo["temperature"] == 0.5 and echo["user"] == "u" and echo["tools"] == [] and echo["store"] is False
    assert {"parallel_tool_calls", "tool_choice", "tools"} <= echo.keys() and "safety_identifier" not in echo


def test_unsound_prompts_are_refused_first() -> None:
    fault = refused("chat", "messages", messages=[{"role": "tool", "tool_call_id": "c", "content": "x"}])
    assert fault.refusal is Refusal.FIELD_INVALID and fault.param == "messages[0].tool_call_id"
    found = READERS["chat"](facts_of("chat").fields)
    assert isinstance(found, Prompt) and check_sound(found, "chat") is None


def test_what_is_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WRITERS, "messages", lambda prompt, target: {"model": 1})
    found = translate(facts_of("chat"), "messages", CLAUDE)
    assert isinstance(found, Malformed) and found.param == "model"


def test_unreadable_bodies_are_refused() -> None:
    assert refused("chat", "messages", messages=[{"role": "robot", "content": "x"}]).param == "messages[0].role"


def test_caps_of_messages() -> None:
    assert sent("chat", "messages", Target("anthropic", output_max=777))["max_tokens"] == 777
    assert sent("chat", "messages", CLAUDE, max_completion_tokens=5)["max_tokens"] == 5
    assert sent("chat", "responses", OPENAI, max_tokens=5)["max_output_tokens"] == 16
    assert sent("chat", "responses", VLLM, max_tokens=5)["max_output_tokens"] == 5


ONE = [{"role": "user", "content": "x"}]
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LONG: dict[str, Any] = {  # client, target, and what stands in the body so many times
    "texts": ("messages", "chat", lambda n: {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * n}]}),
    "turns": ("messages", "chat", lambda n: {"messages": [{"role": "user", "content": "x"}] * n}),
    "system": ("chat", "messages", lambda n: {"messages": [*[{"role": "system", "content": "x"}] * n, *ONE]}),
    "calls at once": ("responses", "chat", lambda n: {"input": [
        {"role": "user", "content": "x"},
        *({"type": "function_call", "call_id": f"c{i}", "name": "f", "arguments": "{}"} for i in range(n)),
        *({"type": "function_call_output", "call_id": f"c{i}", "output": "x"} for i in range(n))]}),
    "one id": ("chat", "messages", lambda n: {"messages": [*ONE, *[
        {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c", "content": "x"}] * n]}),
    "names alike": ("messages", "chat", lambda n: {"messages": ONE, "tools": [
        {"name": f"{chr(0x4E00 + i)}ab", "input_schema": {}} for i in range(n)]}),
    "tools to choose from": ("messages", "chat", lambda n: {"messages": ONE, "tool_choice": {"type": "any"}, "tools": [
        {"name": f"t{i}", "input_schema": {}} for i in range(n)]}),
}


def steps(client: Dialect, to: Dialect, members: dict[str, Any]) -> int:
    """How many calls a translation takes, those of generators included."""
    facts, count = facts_of(client, **members), 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    found = translate(facts, to, CLAUDE if to == "messages" else VLLM)
    sys.setprofile(None)
    assert isinstance(found, Translated), found
    return count


@pytest.mark.parametrize("name", LONG)
def test_twice_as_much_takes_twice_as_long(name: str) -> None:
    """A body has room for a million parts: nothing may look at each of them once for each other one."""
    client, to, make = LONG[name]
    short, long = steps(client, to, make(200)), steps(client, to, make(800))
    assert long < 5 * short


@pytest.mark.parametrize("more", [{"reasoning_effort": "high"}, {"thinking_budget": 100_000, "enable_thinking": True}])
def test_thinking_within_the_cap(more: dict[str, Any]) -> None:
    """The cap that goes is the client's or the model's, whichever is less; a budget is less than either."""
    target = Target("minimax", output_max=8192)
    said = sent("chat", "messages", target, max_completion_tokens=200_000, **more)
    assert 4096 < said["thinking"]["budget_tokens"] < 8192
