"""The messages of chat as turns."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.prompt.asking import fault_of, prompt_of

from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Foreign,
    Image,
    Part,
    Result,
    Text,
    Thought,
    Turn,
)


def turns_of(*messages: Any) -> tuple[Turn, ...]:
    return prompt_of("chat", messages=list(messages)).turns


def parts_of(*parts: Any) -> tuple[Part, ...]:
    return turns_of({"role": "user", "content": list(parts)})[0].parts


CALLED = {"role": "assistant", "content": "So", "reasoning_content": "hm", "tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "free"}}]}


def test_roles() -> None:
    turns = turns_of(
        {"role": "system", "content": "s"}, {"role": "developer", "content": "d"},
        {"role": "user", "name": "Ann", "content": "u"}, {"role": "assistant", "content": "a"})
    assert [(turn.role, turn.developer, turn.name, turn.path) for turn in turns] == [
        ("system", False, "", "messages[0]"), ("system", True, "", "messages[1]"),
        ("user", False, "Ann", "messages[2]"), ("assistant", False, "", "messages[3]")]
    assert turns[0].parts == (Text("s", path="messages[0].content"),)


def test_calls_and_results() -> None:
    turns = turns_of({"role": "user", "content": "u"}, CALLED, {"role": "tool", "tool_call_id": "c1", "content": "1"},
                     {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]})
    place = "messages[1]"
    assert turns[1].parts == (
        Thought("hm", "openai", path=f"{place}.reasoning_content"), Text("So", path=f"{place}.content"),
        Call("c1", "f", '{"a":1}', path=f"{place}.tool_calls[0]"),
        Call("c2", "g", "free", custom=True, path=f"{place}.tool_calls[1]"))
    assert turns[2].parts == (Result("c1", (Text("1", path="messages[2].content"),), path="messages[2]"),)
    assert turns[3].parts == (Result("c2", (Text("2", path="messages[3].content[0]"),), path="messages[3]"),)


def test_the_older_form_of_calls() -> None:
    turns = turns_of(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"}, {"role": "function", "name": "other", "content": "2"})
    assert turns[0].parts == (Call("call_0", "f", "{}", path="messages[0].function_call"),)
    assert [part.id for turn in turns[1:] for part in turn.parts if isinstance(part, Result)] == ["call_0", "other"]


def test_reasoning_in_both_words() -> None:
    both = turns_of({"role": "assistant", "content": "a", "reasoning": "new", "reasoning_content": "old"})[0]
    assert [part.text for part in both.parts if isinstance(part, Thought)] == ["old"]
    new = turns_of({"role": "assistant", "content": "a", "reasoning": "new", "reasoning_content": ""})[0]
    assert new.parts[0] == Thought("new", "openai", path="messages[0].reasoning")


def test_refusals() -> None:
    assert turns_of({"role": "assistant", "refusal": "no"})[0].parts == (Declined("no", "messages[0].refusal"),)
    said = turns_of({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]})[0]
    assert said.parts == (Declined("no", "messages[0].content[0]"),)


def test_parts() -> None:
    place = "messages[0].content"
    mark = {"cache_control": {"type": "ephemeral"}}
    assert parts_of({"type": "text", "text": "t", **mark}) == (Text("t", b'{"type": "ephemeral"}', f"{place}[0]"),)
    assert parts_of({"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}}) == (
        Text("t", b'{"mode": "explicit"}', f"{place}[0]"),)
    assert parts_of({"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low"}}) == (
        Image(url="https://x/y", detail="low", path=f"{place}[0]"),)
    assert parts_of({"type": "image_url", "image_url": "data:image/png;base64,QUJD"}) == (
        Image("image/png", "QUJD", path=f"{place}[0]"),)
    assert parts_of({"type": "video_url", "video_url": {"url": "x"}}) == (
        Foreign("video_url", b'{"type": "video_url", "video_url": {"url": "x"}}', f"{place}[0]"),)


@pytest.mark.parametrize(("file", "expected"), [
    ({"file_data": "data:text/csv;base64,QUJD", "filename": "a.csv"}, Document("text/csv", "QUJD", name="a.csv")),
    ({"file_data": "QUJD"}, Document("application/pdf", "QUJD")),
    ({"file_data": "https://x/y.pdf"}, Document(url="https://x/y.pdf")),
    ({"file_id": "file-1"}, Document(file="file-1")),
])  # fmt: skip
def test_files(file: dict[str, str], expected: Document) -> None:
    found = parts_of({"type": "file", "file": file})[0]
    assert isinstance(found, Document) and found.path == "messages[0].content[0]"
    assert (found.media_type, found.data, found.url, found.file, found.name) == (
        expected.media_type, expected.data, expected.url, expected.file, expected.name)


def test_a_mark_on_a_whole_message() -> None:
    turns = turns_of({"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}}, CALLED,
                     {"role": "tool", "tool_call_id": "c1", "content": "1", "cache_control": {"type": "ephemeral"}})
    assert [part.cache for turn in turns for part in turn.parts if isinstance(part, Text | Result)] == [
        b'{"type": "ephemeral"}', b"", b'{"type": "ephemeral"}']


@pytest.mark.parametrize(("message", "param"), [
    ("hi", "messages[0]"),
    ({"content": "hi"}, "messages[0].role"),
    ({"role": "robot", "content": "hi"}, "messages[0].role"),
    ({"role": "user", "content": 3}, "messages[0].content"),
    ({"role": "user", "content": ["hi"]}, "messages[0].content[0]"),
    ({"role": "user", "content": [{"text": "hi"}]}, "messages[0].content[0].type"),
    ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
    ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].image_url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "messages[0].content[0].image_url.url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]},
     "messages[0].content[0].image_url.url"),
    ({"role": "user", "content": [{"type": "file", "file": {"file_data": 1}}]},
     "messages[0].content[0].file.file_data"),
    ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
    ({"role": "function", "content": "x"}, "messages[0].name"),
    ({"role": "assistant", "tool_calls": {}}, "messages[0].tool_calls"),
    ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "messages[0].tool_calls[0].function"),
    ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "messages[0].tool_calls[0].id"),
    ({"role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": ""}}]},
     "messages[0].tool_calls[0].function.name"),
    ({"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]},
     "messages[0].tool_calls[0].function.arguments"),
    ({"role": "assistant", "function_call": {}}, "messages[0].function_call.name"),
])  # fmt: skip
def test_faults_have_paths(message: Any, param: str) -> None:
    assert fault_of("chat", messages=[message]).param == param


def test_what_has_no_word() -> None:
    found = prompt_of("chat", messages=[
        {"role": "user", "content": [{"type": "text", "text": "a", "odd": 1}], "audio": {}},
        {"role": "assistant", "content": "b", "annotations": []}])
    assert set(found.left) == {"messages[].content[].odd", "messages[].audio", "messages[].annotations"}
