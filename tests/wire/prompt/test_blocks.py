"""Content blocks of messages as parts: what each type holds, who may say it, what is kept as it came."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt import bodies

from tokenworks.wire.prompt.blocks import FOREIGN, STRANGERS
from tokenworks.wire.prompt.messages import read_prompt
from tokenworks.wire.prompt.vocabulary import Call, Document, Foreign, Image, Part, Prompt, Result, Text, Thought

AT = "messages[0].content[0]"
MARK = {"type": "ephemeral"}
MARKED = b'{"type":"ephemeral"}'


def body(block: Any, role: str) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": role, "content": [block]}]}


def whole(block: Any, role: str = "user") -> Prompt:
    return bodies.read(read_prompt, body(block, role))


def parts(block: Any, role: str = "user") -> tuple[Part, ...]:
    return whole(block, role).turns[0].parts


def test_texts() -> None:
    assert parts({"type": "text", "text": "a", "cache_control": MARK}) == (Text("a", MARKED, AT),)
    assert whole({"type": "text", "text": "a", "citations": [{}]}).left == ("messages[].content[].citations",)


@pytest.mark.parametrize(("source", "image"), [
    ({"type": "base64", "media_type": "image/png", "data": "AAAA"}, Image("image/png", "AAAA", path=AT)),
    ({"type": "url", "url": "https://a/b"}, Image(url="https://a/b", path=AT)),
    ({"type": "file", "file_id": "f"}, Image(file="f", path=AT)),
])  # fmt: skip
def test_images(source: Any, image: Image) -> None:
    assert parts({"type": "image", "source": source}) == (image,)
    marked = msgspec.structs.replace(image, cache=MARKED)
    assert parts({"type": "image", "source": source, "cache_control": MARK}) == (marked,)


def test_what_an_image_is_turned_into_is_noted() -> None:
    source = {"type": "url", "url": "https://a/b", "x": 1}
    prompt = whole({"type": "image", "source": source, "transformations": {}})
    assert prompt.left == ("messages[].content[].source.x", "messages[].content[].transformations")


@pytest.mark.parametrize(("source", "document"), [
    ({"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
     Document("application/pdf", "AAAA", name="n", path=AT)),
    ({"type": "text", "media_type": "text/plain", "data": "t"}, Document("text/plain", text="t", name="n", path=AT)),
    ({"type": "url", "url": "https://a/b"}, Document(url="https://a/b", name="n", path=AT)),
    ({"type": "file", "file_id": "f"}, Document(file="f", name="n", path=AT)),
    ({"type": "content", "content": "t"}, Document("text/plain", text="t", name="n", path=AT)),
    ({"type": "content", "content": [{"type": "text", "text": "t"}, {"type": "text", "text": "u"}]},
     Document("text/plain", text="t\nu", name="n", path=AT)),
])  # fmt: skip
def test_documents(source: Any, document: Document) -> None:
    assert parts({"type": "document", "source": source, "title": "n"}) == (document,)


def test_documents_with_images_inside() -> None:
    inside = [{"type": "text", "text": "t"}, {"type": "image", "source": {"type": "file", "file_id": "f"}}]
    said = {"type": "document", "source": {"type": "content", "content": inside}, "title": "n", "context": "c"}
    place = f"{AT}.source.content"
    assert parts(said) == (
        Text("c", path=f"{AT}.context"), Text("n", path=f"{AT}.title"), Text("t", path=f"{place}[0]"),
        Image(file="f", path=f"{place}[1]"),
    )  # fmt: skip
    assert parts({**said, "title": None})[1] == Text("t", path=f"{place}[0]")


def test_search_results() -> None:
    said = {"type": "search_result", "source": "https://a", "title": "n", "content": [{"type": "text", "text": "t"}]}
    assert parts(said) == (Document("text/plain", text="Source: https://a\nt", name="n", path=AT),)


def test_thinking() -> None:
    block = {"type": "thinking", "thinking": "t", "signature": "s"}
    raw = msgspec.json.encode(block)
    assert parts(block, "assistant") == (Thought("t", "anthropic", "s", raw=raw, path=AT),)
    assert parts({**block, "signature": ""}, "assistant")[0].sealed == ""  # type: ignore[union-attr]
    hidden = {"type": "redacted_thinking", "data": "d"}
    raw = msgspec.json.encode(hidden)
    assert parts(hidden, "assistant") == (Thought("", "anthropic", "d", "redacted", raw, AT),)


def test_calls() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": [1]}, "cache_control": MARK, "caller": {}}
    prompt = whole(block, "assistant")
    assert prompt.turns[0].parts == (Call("c1", "f", '{"a":[1]}', cache=MARKED, path=AT),)
    assert prompt.left == ("messages[].content[].caller",)


def test_results() -> None:
    block = {"type": "tool_result", "tool_use_id": "c1"}
    assert parts(block) == (Result("c1", (), path=AT),)
    text = Text("t", path=f"{AT}.content")
    failed = Result("c1", (text,), True, cache=MARKED, path=AT)
    assert parts({**block, "content": "t", "is_error": True, "cache_control": MARK}) == (failed,)
    inside = [
        {"type": "text", "text": "t"},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "search_result", "source": "s", "title": "n", "content": []},
        {"type": "tool_reference", "tool_name": "g"},
        {"type": "browser_state", "tabs": []},
    ]
    place = f"{AT}.content"
    assert parts({**block, "content": inside}) == (Result("c1", (
        Text("t", path=f"{place}[0]"),
        Image(file="f", path=f"{place}[1]"),
        Document(file="f", path=f"{place}[2]"),
        Document("text/plain", text="Source: s", name="n", path=f"{place}[3]"),
        Text("The tool g can be used now.", path=f"{place}[4]"),
        Foreign("browser_state", b'{"type":"browser_state","tabs":[]}', f"{place}[5]"),
    ), path=AT),)  # fmt: skip


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_what_only_its_maker_knows(kind: str) -> None:
    block = {"type": kind, "anything": 1}
    assert parts(block, "assistant") == (Foreign(kind, msgspec.json.encode(block), AT),)


@pytest.mark.parametrize(("block", "role", "path", "remedy"), [
    *(({"type": kind}, "user", f"{AT}.type", remedy) for kind, remedy in STRANGERS.items()),
    ({"type": "hologram"}, "user", f"{AT}.type", "Leave the block out"),
    ({}, "user", f"{AT}.type", "Add it"),
    ({"type": "thinking", "thinking": "t", "signature": "s"}, "user", AT, "Its place is with the assistant."),
    ({"type": "tool_use"}, "user", AT, "Its place is with the assistant."),
    ({"type": "tool_result"}, "assistant", AT, "Its place is with the user."),
    ({"type": "tool_use", "id": "c", "name": "f", "input": "x"}, "assistant", f"{AT}.input", "must be an object"),
    ({"type": "tool_use", "id": "c", "name": "f"}, "assistant", f"{AT}.input", "Add it"),
    ({"type": "tool_result", "content": "t"}, "user", f"{AT}.tool_use_id", "Add it"),
    ({"type": "tool_result", "tool_use_id": "c", "content": [{"type": "thinking"}]}, "user",
     f"{AT}.content[0].type", "Send its text"),
    ({"type": "tool_result", "tool_use_id": "c", "is_error": "yes"}, "user", f"{AT}.is_error", "true or false"),
    ({"type": "image"}, "user", f"{AT}.source", "Add it"),
    ({"type": "image", "source": {"type": "s3"}}, "user", f"{AT}.source.type", "one of base64, url, file"),
    ({"type": "image", "source": {"type": "base64", "data": "A"}}, "user", f"{AT}.source.media_type", "Add it"),
    ({"type": "document", "source": {"type": "url"}}, "user", f"{AT}.source.url", "Add it"),
])  # fmt: skip
def test_what_is_wrong(block: Any, role: str, path: str, remedy: str) -> None:
    param, message = bodies.refused(read_prompt, body(block, role))
    assert param == path
    assert remedy in message
