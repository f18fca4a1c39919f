"""What messages and tools hold beyond text, and that no way of writing it goes unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenworks.wire.content import NESTING_MAX, USES_MAX, Content, first_byte, read_content
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import RequestFacts, read_request

DATA = "data:image/png;base64,iVBORw0KGgo="


def content_of(dialect: Dialect, **fields: Any) -> Content | None:
    body = {"model": "m", "max_tokens": 5, "messages": [], "input": "x", **fields}
    found = read_request(dialect, json.dumps(body, separators=(",", ":")).encode())
    assert isinstance(found, RequestFacts), found
    return found.content


def parts_of(dialect: Dialect, *parts: dict[str, Any]) -> Content | None:
    key = "input" if dialect == "responses" else "messages"
    return content_of(dialect, **{key: [{"role": "user", "content": list(parts)}]})


@pytest.mark.parametrize(("dialect", "fields"), [
    ("chat", {"messages": [{"role": "user", "content": "a [list] of {words}"}]}),
    ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "image_url http://x"}]}]}),
    ("chat", {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]}]}),
    ("messages", {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}),
    ("messages", {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}]}]}),
    ("messages", {"tools": [{"name": "f", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}]}),
    ("responses", {"input": [{"role": "user", "content": "x"}, {"type": "function_call_output", "output": "[]"}]}),
    ("responses", {"tools": [{"type": "function"}, {"type": "namespace", "tools": [{"type": "custom"}]}]}),
    ("chat", {"tools": None}), ("embeddings", {"input": ["image_url"]}),
    ("chat", {"messages": [{"role": "assistant", "tool_calls": []}, {"role": "user", "content": ["a", "b"]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": ["a"]}, "b"]}]}),
])
def test_nothing_but_text(dialect: Dialect, fields: dict[str, Any]) -> None:
    assert content_of(dialect, **fields) is None


@pytest.mark.parametrize(("dialect", "part", "remote"), [
    ("chat", {"type": "image_url", "image_url": {"url": DATA}}, False),
    ("chat", {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}, True),
    ("chat", {"type": "image_url", "image_url": "http://169.254.169.254/"}, True),
    ("responses", {"type": "input_image", "image_url": DATA}, False),
    ("responses", {"type": "input_image", "image_url": "HTTPS://example.org"}, True),
    ("messages", {"type": "image", "source": {"type": "base64", "data": "aGk="}}, False),
    ("messages", {"type": "image", "source": {"type": "url", "url": "https://example.org"}}, True),
])
def test_images(dialect: Dialect, part: dict[str, Any], remote: bool) -> None:
    found = parts_of(dialect, {"type": "text", "text": "what is it?"}, part, part)
    assert found is not None and (found.images, found.remote, found.kinds) == (2, remote, frozenset())
    assert 0 < found.media_bytes < 200


def test_images_in_results() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "aGk="}}
    found = parts_of("messages", {"type": "tool_result", "content": [image, {"type": "text", "text": "x"}]}, image)
    assert found is not None and found.images == 2
    shot = {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": DATA}}
    found = content_of("responses", input=[shot])
    assert found is not None and found.images == 1
    result = {"type": "function_call_output", "output": [{"type": "input_image", "image_url": DATA}]}
    found = content_of("responses", input=[result])
    assert found is not None and found.images == 1


@pytest.mark.parametrize(("dialect", "part", "kind", "files", "remote"), [
    ("chat", {"type": "input_audio", "input_audio": {"data": "aGk="}}, "input_audio", (), False),
    ("chat", {"type": "video_url", "video_url": {"url": "http://x"}}, "video_url", (), True),
    ("chat", {"type": "file", "file": {"file_id": "file_1"}}, "file", ("file_1",), False),
    ("responses", {"type": "input_file", "file_id": "file_2"}, "input_file", ("file_2",), False),
    ("responses", {"type": "input_file", "file_url": "https://x"}, "input_file", (), True),
    ("responses", {"type": "input_image", "file_id": "file_3"}, "", ("file_3",), False),
    ("messages", {"type": "document", "source": {"type": "file", "file_id": "file_4"}}, "document", ("file_4",), False),
    ("messages", {"type": "document", "source": {"type": "url", "url": "https://x"}}, "document", (), True),
    ("messages", {"type": "document", "source": {"type": "content", "content": [
        {"type": "image", "source": {"type": "file", "file_id": "file_6"}}]}}, "document", ("file_6",), False),
    ("messages", {"type": "container_upload", "file_id": "file_5"}, "container_upload", ("file_5",), False),
    ("chat", {"image_url": {"url": "http://x"}}, "untyped", (), True),
])
def test_beyond_text(
    dialect: Dialect, part: dict[str, Any], kind: str, files: tuple[str, ...], remote: bool
) -> None:
    found = parts_of(dialect, part)
    assert found is not None
    assert (found.kinds, found.files, found.remote) == (frozenset({kind} - {""}), files, remote)


def test_files_are_objects() -> None:
    body = {"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}], "previous_response_id": "resp_1"}
    found = read_request("responses", json.dumps(body).encode())
    assert isinstance(found, RequestFacts) and found.object_ids == ("msg_1", "resp_1")


@pytest.mark.parametrize(("dialect", "tool", "kind"), [
    ("responses", {"type": "web_search"}, "web_search"), ("responses", {"type": "mcp", "server_url": "x"}, "mcp"),
    ("responses", {"type": "code_interpreter"}, "code_interpreter"), ("chat", {"type": "web_search"}, "web_search"),
    ("responses", {"type": "shell", "environment": {"type": "container_auto"}}, "shell in a container"),
    ("responses", {"type": "shell"}, "shell in a container"), ("responses", {"type": "file_search"}, "file_search"),
    ("responses", {"type": "namespace", "tools": [{"type": "web_search"}]}, "web_search"),
    ("messages", {"type": "web_search_20260318"}, "web_search_20260318"),
    ("messages", {"type": "code_execution_20260521"}, "code_execution_20260521"),
    ("messages", {"type": "advisor_20260301"}, "advisor_20260301"),
])
def test_tools_of_the_server(dialect: Dialect, tool: dict[str, Any], kind: str) -> None:
    found = content_of(dialect, tools=[{"type": "custom"}, tool])
    assert found is not None and found.tools == {kind: 0}


@pytest.mark.parametrize(("said", "uses"), [
    ([3], 3), ([3, 4], 7), ([0], 0), ([-5], 0), ([None], 0), ([10**12], USES_MAX), ([3, 10**30], 3 + USES_MAX),
    (["x"], None)])
def test_uses_of_tools(said: list[Any], uses: int | None) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [],
            "tools": [{"type": "web_search_20260318", "max_uses": most} for most in said]}
    found = read_request("messages", json.dumps(body).encode())
    if uses is None:
        assert isinstance(found, Malformed)
    else:
        assert isinstance(found, RequestFacts) and found.content is not None
        assert found.content.tools == {"web_search_20260318": uses}


def test_tools_of_the_client() -> None:
    assert content_of("responses", tools=[{"type": "shell", "environment": {"type": "local"}}]) is None


def test_deep_nesting() -> None:
    part: dict[str, Any] = {"type": "image", "source": {"type": "base64", "data": "x"}}
    for _ in range(NESTING_MAX + 3):
        part = {"type": "tool_result", "content": [part]}
    found = parts_of("messages", part)
    assert found is not None and "deeply nested" in found.kinds
    tools: dict[str, Any] = {"type": "web_search"}
    for _ in range(NESTING_MAX + 3):
        tools = {"type": "namespace", "tools": [tools]}
    found = content_of("responses", tools=[tools])
    assert found is not None and "deeply nested" in found.tools


def test_escapes_hide_nothing() -> None:
    body = rb'{"model":"m","messages":[{"role":"user","cont\u0065nt":[{"typ\u0065":"\u0069mage_url"}]}]}'
    found = read_request("chat", body)
    assert isinstance(found, RequestFacts) and found.content is not None and found.content.images == 1


@pytest.mark.parametrize(("dialect", "fields", "param"), [
    ("chat", {"messages": [1, []]}, "messages"), ("chat", {"messages": [{"content": [{"type": 5}]}]}, "messages"),
    ("chat", {"tools": [[]]}, "tools"), ("chat", {"tools": {}}, "tools"), ("responses", {"input": [5]}, "input"),
    ("messages", {"messages": [{"role": "user", "content": [[]]}]}, "messages"),
])
def test_malformed(dialect: Dialect, fields: dict[str, Any], param: str) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [], "input": "x", **fields}
    found = read_request(dialect, json.dumps(body).encode())
    assert isinstance(found, Malformed) and (found.refusal, found.param) == (Refusal.FIELD_INVALID, param)


def test_direct_use() -> None:
    assert read_content("chat", {}, b"{}") is None
    facts = read_request("chat", b'{"model":"m","messages":[]}')
    assert isinstance(facts, RequestFacts) and first_byte(facts.fields["messages"]) == ord("[")
