"""The content blocks of /v1/messages as parts of a prompt: what each type holds, and who may say it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tokenworks.wire.prompt.reading import Reading, is_text, read_items, take_text
from tokenworks.wire.prompt.shape import Shape, is_object, refuse, shape_of
from tokenworks.wire.prompt.vocabulary import Call, Document, Foreign, Image, Part, Result, Role, Text, Thought

# Blocks that only Anthropic's own servers make or read.
FOREIGN = frozenset({
    "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
    "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
    "advisor_tool_result", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "container_upload", "compaction",
    "fallback", "tool_addition", "tool_removal", "browser_state",
})  # fmt: skip
# Words of other interfaces that end up here, each with what is to be sent in its place.
STRANGERS: dict[str, str] = {
    "reasoning": "is reasoning of another family of models, which this interface cannot give back. Leave it out.",
    "image_url": 'is a word of another interface. Send {"type": "image", "source": {...}}.',
    "input_image": 'is a word of another interface. Send {"type": "image", "source": {...}}.',
    "input_text": 'is a word of another interface. Send {"type": "text", "text": ...}.',
    "output_text": 'is a word of another interface. Send {"type": "text", "text": ...}.',
    "input_file": 'is a word of another interface. Send {"type": "document", "source": {...}}.',
    "file": 'is a word of another interface. Send {"type": "document", "source": {...}}.',
    "function_call": 'is a word of another interface. Send {"type": "tool_use", ...}.',
    "function_call_output": 'is a word of another interface. Send {"type": "tool_result", ...}.',
}


def mark_of(said: Shape) -> bytes:
    """The mark that the prompt up to here is to be cached, as JSON."""
    raw = said.given("cache_control")
    return b"" if raw is None else bytes(raw)


def read_block(said: Shape, role: Role, left: Reading) -> list[Part]:
    """A block as parts, mostly one. `left` gets the members that have no word."""
    kind = said.text("type")
    found = _READERS.get(kind)
    if found is None:
        if kind in FOREIGN:
            return [Foreign(kind, said.raw, said.path)]
        remedy = STRANGERS.get(kind, "is not known here. Leave the block out, or send its text as a text block.")
        refuse(said.place("type"), f": the block type {kind!r} {remedy}")
    roles, read = found
    if role not in roles:
        refuse(said.path, f": a {kind} block stands in a message of the {role}. Its place is with the {roles[0]}.")
    parts = read(said, left)
    said.leave(left)
    return parts


def _text(said: Shape, _left: Reading) -> list[Part]:
    return [Text(said.text("text"), mark_of(said), said.path)]


def _image(said: Shape, left: Reading) -> list[Part]:
    source = shape_of(said.needed("source"), said.place("source"))
    kind = source.word("type", ("base64", "url", "file"))
    image = Image(
        media_type=source.text("media_type") if kind == "base64" else "",
        data=source.text("data") if kind == "base64" else "",
        url=source.text("url") if kind == "url" else "",
        file=source.text("file_id") if kind == "file" else "",
        cache=mark_of(said),
        path=said.path,
    )
    source.leave(left)
    return [image]


def _document(said: Shape, left: Reading) -> list[Part]:
    source = shape_of(said.needed("source"), said.place("source"))
    kind = source.word("type", ("base64", "text", "url", "file", "content"))
    name, mark = said.text("title", ""), mark_of(said)
    parts: list[Part] = [Text(context, path=said.place("context"))] if (context := said.text("context", "")) else []
    if kind == "content":
        inner = _inside(source.needed("content"), source.place("content"), left)
        if all(isinstance(part, Text) for part in inner):
            text = "\n".join(part.text for part in inner if isinstance(part, Text))
            return [*parts, Document("text/plain", text=text, name=name, cache=mark, path=said.path)]
        return [*parts, *([Text(name, path=said.place("title"))] if name else []), *inner]
    document = Document(
        media_type=source.text("media_type") if kind in ("base64", "text") else "",
        data=source.text("data") if kind == "base64" else "",
        text=source.text("data") if kind == "text" else "",
        url=source.text("url") if kind == "url" else "",
        file=source.text("file_id") if kind == "file" else "",
        name=name,
        cache=mark,
        path=said.path,
    )
    source.leave(left)
    return [*parts, document]


def _search(said: Shape, left: Reading) -> list[Part]:
    """What a search of the client's own found: a document whose first line says where it is from."""
    inner = _inside(said.needed("content"), said.place("content"), left)
    lines = [f"Source: {said.text('source')}", *(part.text for part in inner if isinstance(part, Text))]
    name = said.text("title", "")
    return [Document("text/plain", text="\n".join(lines), name=name, cache=mark_of(said), path=said.path)]


def _thinking(said: Shape, _left: Reading) -> list[Part]:
    sealed = said.text("signature", "")
    return [Thought(said.text("thinking"), "anthropic", sealed, "thinking", said.raw, said.path)]


def _redacted(said: Shape, _left: Reading) -> list[Part]:
    return [Thought("", "anthropic", said.text("data"), "redacted", said.raw, said.path)]


def _call(said: Shape, _left: Reading) -> list[Part]:
    arguments = said.needed("input")
    if not is_object(arguments):
        refuse(said.place("input"), " must be an object, what the model gave as the tool's input.")
    words = bytes(arguments).decode("utf-8", "replace")
    return [Call(said.text("id"), said.text("name"), words, cache=mark_of(said), path=said.path)]


def _result(said: Shape, left: Reading) -> list[Part]:
    raw = said.given("content")
    inner = [] if raw is None else _inside(raw, said.place("content"), left)
    parts = tuple(part for part in inner if isinstance(part, Text | Image | Document | Foreign))
    failed = bool(said.flag("is_error"))
    return [Result(said.text("tool_use_id"), parts, failed, cache=mark_of(said), path=said.path)]


def _inside(raw: msgspec.Raw, path: str, left: Reading) -> list[Part]:
    """What stands inside a result or a document: a string, or blocks."""
    if is_text(raw):
        return [Text(take_text(raw, path), path=path)]
    parts: list[Part] = []
    for item, place in read_items(raw, path):
        said = shape_of(item, place)
        kind = said.text("type")
        if kind == "tool_reference":
            parts.append(Text(f"The tool {said.text('tool_name')} can be used now.", mark_of(said), said.path))
        elif kind in _INSIDE:
            parts += _INSIDE[kind](said, left)
            said.leave(left)
        elif kind in FOREIGN:
            parts.append(Foreign(kind, said.raw, said.path))
        else:
            refuse(said.place("type"), f": a block of type {kind!r} cannot stand here. Send its text as a text block.")
    return parts


_Read = Callable[[Shape, Reading], list[Part]]
_INSIDE: dict[str, _Read] = {"text": _text, "image": _image, "document": _document, "search_result": _search}
_USER: tuple[Role, ...] = ("user",)
_MODEL: tuple[Role, ...] = ("assistant",)
_BOTH: tuple[Role, ...] = ("user", "assistant")
_READERS: dict[str, tuple[tuple[Role, ...], _Read]] = {
    "text": (("user", "assistant", "system"), _text),
    "image": (_BOTH, _image),
    "document": (_BOTH, _document),
    "search_result": (_USER, _search),
    "thinking": (_MODEL, _thinking),
    "redacted_thinking": (_MODEL, _redacted),
    "tool_use": (_MODEL, _call),
    "tool_result": (_USER, _result),
}
