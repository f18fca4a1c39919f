"""Input items of responses as turns: who says them, what is one turn, what is kept as it came."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt import bodies

from tokenworks.wire.prompt.items import FOREIGN
from tokenworks.wire.prompt.responses import read_prompt
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Foreign,
    Image,
    Part,
    Prompt,
    Result,
    Text,
    Thought,
    Turn,
)
from tokenworks.wire.refusals import Malformed, Refusal

MODE = {"mode": "explicit"}


def whole(*items: Any) -> Prompt:
    return bodies.read(read_prompt, {"model": "m", "input": list(items)})


def parts(item: Any) -> tuple[Part, ...]:
    return whole(item).turns[0].parts


@pytest.mark.parametrize(("word", "role", "developer"), [
    ("user", "user", False), ("assistant", "assistant", False), ("system", "system", False),
    ("developer", "system", True),
])  # fmt: skip
def test_roles(word: str, role: Any, developer: bool) -> None:
    turn = Turn(role, (Text("a", path="input[0].content"),), developer, path="input[0]")
    assert whole({"role": word, "content": "a"}).turns == (turn,)
    said = {"type": "message", "id": "msg_1", "status": "completed", "role": word, "content": "a"}
    assert whole(said) == whole({"role": word, "content": "a"})


def test_parts() -> None:
    place = "input[0].content"
    content = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": MODE},
        {"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://a/b", "detail": "auto"},
        {"type": "input_image", "file_id": "f"},
        {"type": "input_file", "file_data": "data:text/csv;base64,AAAA", "filename": "n"},
        {"type": "input_file", "file_data": "AAAA"},
        {"type": "input_file", "file_url": "https://a/c"},
        {"type": "input_file", "file_id": "g"},
        {"type": "input_audio", "input_audio": {}},
    ]
    assert parts({"role": "user", "content": content}) == (
        Text("a", b'{"mode":"explicit"}', f"{place}[0]"),
        Text("b", path=f"{place}[1]"),
        Image("image/png", "AAAA", detail="low", path=f"{place}[2]"),
        Image(url="https://a/b", path=f"{place}[3]"),
        Image(file="f", path=f"{place}[4]"),
        Document("text/csv", "AAAA", name="n", path=f"{place}[5]"),
        Document("application/pdf", "AAAA", path=f"{place}[6]"),
        Document(url="https://a/c", path=f"{place}[7]"),
        Document(file="g", path=f"{place}[8]"),
        Foreign("input_audio", b'{"type":"input_audio","input_audio":{}}', f"{place}[9]"),
    )


def test_what_the_model_says_in_a_row_is_one_turn() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [
        {"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}], "encrypted_content": "e"}
    prompt = whole(
        reasoning,
        {"type": "message", "role": "assistant", "phase": "commentary", "content": [
            {"type": "output_text", "text": "t", "annotations": [{"type": "url_citation"}]},
            {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "namespace": "s"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
        {"type": "web_search_call", "id": "ws_1"},
    )  # fmt: skip
    assert prompt.turns == (Turn("assistant", (
        Thought("a\n\nb", "openai", "e", "summary", msgspec.json.encode(reasoning), "input[0]"),
        Text("t", path="input[1].content[0]"),
        Declined("no", "input[1].content[1]"),
        Call("c1", "f", "{}", group="s", path="input[2]"),
        Call("c2", "g", "free", True, path="input[3]"),
        Foreign("web_search_call", b'{"type":"web_search_call","id":"ws_1"}', "input[4]"),
    ), path="input[0]"),)  # fmt: skip
    assert prompt.left == ("input[].content[].annotations", "input[].phase")


def test_open_reasoning() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]}
    thought = parts(item)[0]
    assert isinstance(thought, Thought) and (thought.text, thought.sealed, thought.kind) == ("t", "", "thinking")


def test_results_in_a_row_are_one_turn() -> None:
    prompt = whole(
        {"role": "user", "content": "a"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok", "name": "f", "status": "completed"},
        {"type": "function_call_output", "call_id": "c2", "output": ""},
        {"type": "custom_tool_call_output", "call_id": "c3", "output": [
            {"type": "input_text", "text": "t"}, {"type": "input_image", "file_id": "f"}]},
        {"role": "user", "content": "b"},
        {"type": "local_shell_call_output", "id": "x", "output": "{}"},
    )  # fmt: skip
    assert [turn.path for turn in prompt.turns] == ["input[0]", "input[1]", "input[4]", "input[5]"]
    assert prompt.turns[1] == Turn("user", (
        Result("c1", (Text("ok", path="input[1].output"),), path="input[1]"),
        Result("c2", (), path="input[2]"),
        Result("c3", (Text("t", path="input[3].output[0]"), Image(file="f", path="input[3].output[1]")), custom=True,
               path="input[3]"),
    ), path="input[1]")  # fmt: skip
    assert prompt.left == ()


@pytest.mark.parametrize(("kind", "role"), sorted(FOREIGN.items()))
def test_what_only_its_maker_knows(kind: str, role: Any) -> None:
    item = {"type": kind, "anything": 1}
    foreign = Foreign(kind, msgspec.json.encode(item), "input[0]")
    assert whole(item).turns == (Turn(role, (foreign,), path="input[0]"),)


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_references_lead_nowhere(item: Any) -> None:
    fault = read_prompt(bodies.fields({"model": "m", "input": [item]}))
    assert isinstance(fault, Malformed)
    assert fault.refusal is Refusal.FEATURE_UNSUPPORTED and fault.param == "input[0]"
    assert fault.message.endswith("Send the full input.")


PART = "input[0].content[0]"


@pytest.mark.parametrize(("item", "path", "remedy"), [
    ("hi", "input[0]", "must be an object"),
    ({"type": "hologram"}, "input[0].type", "not known here"),
    ({"type": "thinking"}, "input[0].type", "another family"),
    ({"type": "tool_result"}, "input[0].type", "function_call_output"),
    ({"role": "tool", "content": "a"}, "input[0].role", "one of user, assistant, system, developer"),
    ({"type": "message", "content": "a"}, "input[0].role", "Add it"),
    ({}, "input[0].role", "Add it"),
    ({"role": "user"}, "input[0].content", "Add it"),
    ({"role": "user", "content": [{"text": "a"}]}, f"{PART}.type", "Add it"),
    ({"role": "user", "content": [{"type": "image_url"}]}, f"{PART}.type", "input_image"),
    ({"role": "user", "content": [{"type": "hologram"}]}, f"{PART}.type", "not known here"),
    ({"role": "user", "content": [{"type": "refusal", "refusal": "no"}]}, PART, "with the assistant"),
    ({"role": "user", "content": [{"type": "input_image"}]}, f"{PART}.image_url", "data:image/png;base64"),
    ({"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}, f"{PART}.image_url", "base64"),
    ({"role": "user", "content": [{"type": "input_file"}]}, f"{PART}.file_data", "data:application/pdf;base64"),
    ({"type": "function_call", "name": "f", "arguments": "{}"}, "input[0].call_id", "Add it"),
    ({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}, "input[0].arguments", "a string"),
    ({"type": "custom_tool_call", "call_id": "c", "name": "f"}, "input[0].input", "Add it"),
    ({"type": "function_call_output", "call_id": "c"}, "input[0].output", "Add it"),
    ({"type": "function_call_output", "call_id": "c", "output": [{"type": "x"}]}, "input[0].output[0].type", "known"),
    ({"type": "reasoning", "summary": "x"}, "input[0].summary", "must be a list"),
])  # fmt: skip
def test_what_is_wrong(item: Any, path: str, remedy: str) -> None:
    param, message = bodies.refused(read_prompt, {"model": "m", "input": [item]})
    assert param == path
    assert remedy in message
