"""What makes no sense is refused by the client's own field, with what is wrong and what to do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.wire.prompt.bodies import fields
from tests.wire.prompt.strategies import IMAGES, encoded, prompts

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt import chat, chat_writer, messages, messages_writer, responses, responses_writer
from tokenworks.wire.prompt.sound import check_sound
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Foreign,
    Format,
    Image,
    Prompt,
    Result,
    Target,
    Text,
    Tool,
    Turn,
)
from tokenworks.wire.refusals import Malformed, Refusal

READ: dict[Dialect, Any] = {
    "chat": chat.read_prompt, "messages": messages.read_prompt, "responses": responses.read_prompt}
WRITE: dict[Dialect, Any] = {
    "chat": chat_writer.write_prompt, "messages": messages_writer.write_prompt,
    "responses": responses_writer.write_prompt}
PNG = encoded(IMAGES["image/png"])


def sound(prompt: Prompt, dialect: Dialect) -> None:
    body = msgspec.json.encode(WRITE[dialect](prompt, Target("openai")))
    read = READ[dialect](msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    assert isinstance(read, Prompt)
    assert check_sound(read, dialect) is None


@given(prompts("chat"))
def test_random_chats_are_sound(prompt: Prompt) -> None:
    sound(prompt, "chat")


@given(prompts("messages"))
def test_random_messages_are_sound(prompt: Prompt) -> None:
    sound(prompt, "messages")


@given(prompts("responses"))
def test_random_responses_are_sound(prompt: Prompt) -> None:
    sound(prompt, "responses")


def fault_of(dialect: Dialect, body: dict[str, Any]) -> tuple[str, str]:
    """(path, message), whether the reader finds it or the check; every message says where first."""
    prompt = READ[dialect](fields({"model": "m", "max_tokens": 9, **body}))
    fault = prompt if isinstance(prompt, Malformed) else check_sound(prompt, dialect)
    assert isinstance(fault, Malformed) and fault.param is not None
    assert fault.refusal is Refusal.FIELD_INVALID
    assert fault.message.startswith(fault.param) and fault.message.endswith(".")
    return fault.param, fault.message


def use(identity: str = "c1") -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": identity, "name": "f", "input": {}}]}


def result(identity: str = "c1", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": identity, **more}]}


def tool(name: str = "f", **schema: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": schema or {"type": "object"}}


HI = {"role": "user", "content": "hi"}
BYE = {"role": "assistant", "content": "bye"}
BAD_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": PNG}}


@pytest.mark.parametrize(("body", "path", "remedy"), [
    ({"messages": []}, "messages", "Send at least one message."),
    ({"messages": [{"role": "user", "content": []}], "system": "be"}, "messages", "Send at least one message."),
    ({"messages": [{"role": "user", "content": " \n"}]}, "messages", "Send at least one message."),
    ({"messages": [{"role": "system", "content": "be"}, HI]}, "messages[0].role", "Put its words into system."),
    ({"messages": [HI, result()]}, "messages[1].content[0].tool_use_id", "there is no call 'c1'"),
    ({"messages": [HI, result(), use(), HI]}, "messages[1].content[0].tool_use_id", "stands before the call"),
    ({"messages": [HI, use(), HI]}, "messages[1].content[0]", "the call 'c1' has no result"),
    ({"messages": [HI, use()]}, "messages[1].content[0]", "leave the call out"),
    ({"messages": [HI, use(), BYE, result()]}, "messages[3].content[0].tool_use_id", "Move the result right behind"),
    ({"messages": [HI, use(), result(), result()]}, "messages[3].content[0].tool_use_id", "has a result already"),
    ({"messages": [HI, use(), use(), result()]}, "messages[2].content[0].id", "an id of its own"),
    ({"messages": [HI, use(), result(), use(), HI]}, "messages[3].content[0]", "has no result"),
    ({"messages": [HI, use(""), result("")]}, "messages[1].content[0].id", "is empty"),
    ({"messages": [{"role": "user", "content": [BAD_IMAGE]}]}, "messages[0].content[0].source.media_type", "image/png"),
    ({"messages": [HI, use(), result(content=[BAD_IMAGE])]}, "messages[2].content[0].content[0].source.media_type",
     "image/png"),
    ({"messages": [{"role": "user", "content": [{"type": "document", "source": {
        "type": "base64", "media_type": "application/pdf", "data": PNG}}]}]},
     "messages[0].content[0].source.data", "is no PDF"),
    ({"messages": [HI, {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "", "signature": "gAAAAABo"}]}, HI]}, "messages[1].content[0]",
     "another family"),
    ({"messages": [HI], "tools": [tool("")]}, "tools[0]", "has no name"),
    ({"messages": [HI], "tools": [tool(), tool("g"), tool()]}, "tools[2]", "first at tools[0]"),
    ({"messages": [HI], "tools": [tool(type="text")]}, "tools[0].input_schema.type", "must be"),
    ({"messages": [HI], "tools": [tool(properties={"a": {"type": "text"}})]},
     "tools[0].input_schema.properties.a.type", "one of object"),
    ({"messages": [HI], "tools": [tool(), tool("g")], "tool_choice": {"type": "tool", "name": "h"}}, "tool_choice",
     "Name one of: f, g."),
    ({"messages": [HI], "tool_choice": {"type": "any"}}, "tool_choice", "there are none"),
    ({"messages": [HI], "output_config": {"format": {"type": "json_schema", "schema": {"type": "x"}}}},
     "output_config.format.schema.type", "one of object"),
])  # fmt: skip
def test_messages(body: Any, path: str, remedy: str) -> None:
    param, message = fault_of("messages", body)
    assert (param, remedy in message) == (path, True), message


def call(identity: str = "c1") -> dict[str, Any]:
    return {"type": "function_call", "call_id": identity, "name": "f", "arguments": "{}"}


def output(identity: str = "c1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": identity, "output": "ok"}


@pytest.mark.parametrize(("body", "path", "remedy"), [
    ({"instructions": "be"}, "input", "Send at least one message."),
    ({"input": []}, "input", "Send at least one message."),
    ({"input": [output()]}, "input[0].call_id", "there is no call"),
    ({"input": [HI, call()]}, "input[1]", "has no result"),
    ({"input": [call(), call(), output()]}, "input[1].call_id", "stands twice, first at input[0]"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/gif;base64,{PNG}"}]}]},
     "input[0].content[0].image_url", "Say 'image/png'."),
    ({"input": "hi", "tools": [{"type": "function", "name": "f", "parameters": {"required": "a"}}]},
     "tools[0].parameters.required", "a list of names"),
    ({"input": "hi", "tools": [{"type": "namespace", "name": "n", "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "x"}}]}]},
     "tools[0].tools[0].parameters.type", "must be"),
    ({"input": "hi", "tools": [{"type": "custom", "name": "f"}], "tool_choice": {"type": "web_search"}},
     "tool_choice", "names the tool 'web_search'"),
    ({"input": "hi", "text": {"format": {"type": "json_schema", "name": "n", "schema": {"$ref": "x"}}}},
     "text.format.schema.$ref", "nothing is fetched"),
])  # fmt: skip
def test_responses(body: Any, path: str, remedy: str) -> None:
    param, message = fault_of("responses", body)
    assert (param, remedy in message) == (path, True), message


ASKED: dict[str, Any] = {"role": "assistant", "tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
TOLD = {"role": "tool", "tool_call_id": "c1", "content": "ok"}


@pytest.mark.parametrize(("body", "path", "remedy"), [
    ({"messages": []}, "messages", "Send at least one message."),
    ({"messages": [HI, TOLD]}, "messages[1].tool_call_id", "there is no call"),
    ({"messages": [HI, ASKED, BYE, TOLD]}, "messages[3].tool_call_id", "Move the result right behind"),
    ({"messages": [HI, ASKED, HI]}, "messages[1].tool_calls[0]", "has no result"),
    ({"messages": [HI, {**ASKED, "tool_calls": ASKED["tool_calls"] * 2}, TOLD]}, "messages[1].tool_calls[1].id",
     "an id of its own"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {
        "url": "data:image/png;base64,AAAA"}}]}]}, "messages[0].content[0].image_url.url", "no image"),
    ({"messages": [HI], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "x"}}}]},
     "tools[0].function.parameters.type", "must be"),
    ({"messages": [HI], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "x"}}}},
     "response_format.json_schema.schema.type", "one of object"),
])  # fmt: skip
def test_chat(body: Any, path: str, remedy: str) -> None:
    param, message = fault_of("chat", body)
    assert (param, remedy in message) == (path, True), message


def test_engines_that_count_calls_anew_in_each_turn() -> None:
    read = chat.read_prompt(fields({"model": "m", "messages": [HI, ASKED, TOLD, ASKED, TOLD]}))
    assert isinstance(read, Prompt) and check_sound(read, "chat") is None
    sent = messages_writer.write_prompt(read, Target("anthropic"))["messages"]
    ids = [[block.get("id") or block.get("tool_use_id") for block in turn["content"]] for turn in sent]  # type: ignore[attr-defined]
    assert ids == [[None], ["c1"], ["c1"], ["c1_2"], ["c1_2"]]


def test_what_is_sound_although_it_looks_odd() -> None:
    search = Foreign("web_search", b"{}", "tools[0]")
    hi = Turn("user", (Text("hi"), Image(url="https://a/b")), path="input")
    one, two = Call("a", "f", "{half"), Call("b", "f", "{}")
    turns = (
        Turn("system", (Text("be"),), path="input[0]"), hi, Turn("assistant", (one, two), path="input[1]"),
        Turn("user", (Result("b", ()),), path="input[2]"), Turn("assistant", (Text("wait"),), path="input[3]"),
        Turn("user", (Result("a", ()),), path="input[4]"), Turn("assistant", (), path="input[5]"),
    )  # fmt: skip
    tools = (Tool("f", group="one"), Tool("f", group="two"), Tool("g", custom=True))
    choice = Choice("these", ("web_search", "g"), "tool_choice")
    prompt = Prompt("m", turns, tools=tools, hosted=(search,), choice=choice, format=Format("json"))
    assert check_sound(prompt, "responses") is None


@pytest.mark.parametrize("said", ["previous_response_id", "conversation", "prompt"])
def test_a_conversation_that_begins_elsewhere_is_not_judged(said: str) -> None:
    read = responses.read_prompt(fields({"model": "m", "input": [output()], said: "id"}))
    assert isinstance(read, Prompt) and check_sound(read, "responses") is None


def test_many_tools_are_named_in_short() -> None:
    tools = tuple(Tool(f"f{number}") for number in range(11))
    turn = Turn("user", (Text("hi"),), path="messages[0]")
    fault = check_sound(Prompt("m", (turn,), tools=tools, choice=Choice("these", ("g",), "tool_choice")), "chat")
    assert fault is not None and fault.message.endswith("f8, f9 and 1 more.")
