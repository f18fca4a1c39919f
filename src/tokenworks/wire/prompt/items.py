"""The input items of /v1/responses as turns of a prompt: messages, calls and what they came to, reasoning.

Items of tools that run on the server, or that only OpenAI's models know, are kept as they came.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tokenworks.wire.prompt import reading
from tokenworks.wire.prompt.reading import Reading, is_text, split_data, take_text
from tokenworks.wire.prompt.shape import Shape, refuse, shape_of
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Foreign,
    Image,
    Part,
    Result,
    Role,
    Text,
    Thought,
    Turn,
)
from tokenworks.wire.refusals import Refusal

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
# Items that only their own interface knows, and who says them.
FOREIGN: dict[str, Role] = {
    **dict.fromkeys((
        "file_search_call", "computer_call", "web_search_call", "tool_search_call", "image_generation_call",
        "code_interpreter_call", "local_shell_call", "shell_call", "apply_patch_call", "mcp_list_tools",
        "mcp_approval_request", "mcp_call", "compaction", "program",
    ), "assistant"),
    **dict.fromkeys((
        "computer_call_output", "tool_search_output", "local_shell_call_output", "shell_call_output",
        "apply_patch_call_output", "mcp_approval_response", "compaction_trigger", "program_output", "additional_tools",
        "configuration_update",
    ), "user"),
}  # fmt: skip
_ALIEN = "is thinking of another family of models, which this interface cannot give back. Leave it out."
# Words of other interfaces that end up here, each with what is to be sent in its place.
STRANGERS: dict[str, str] = {
    "thinking": _ALIEN,
    "redacted_thinking": _ALIEN,
    "tool_use": 'is a word of another interface. Send {"type": "function_call", ...}.',
    "tool_result": 'is a word of another interface. Send {"type": "function_call_output", ...}.',
    "image": 'is a word of another interface. Send {"type": "input_image", "image_url": ...}.',
    "image_url": 'is a word of another interface. Send {"type": "input_image", "image_url": ...}.',
    "document": 'is a word of another interface. Send {"type": "input_file", ...}.',
    "file": 'is a word of another interface. Send {"type": "input_file", ...}.',
}
_UNKNOWN = "is not known here. Leave it out, or send its text as a message."


def read_items(raw: msgspec.Raw, path: str, left: Reading) -> tuple[Turn, ...]:
    """The turns that a list of items makes; `left` gets the members that have no word."""
    merged: list[tuple[Turn, list[Part]]] = []
    for item, place in reading.read_items(raw, path):
        turn = _read_item(shape_of(item, place), left)
        first = merged[-1][0] if merged else None
        if first is not None and turn.role == first.role and (turn.role == "assistant" or _answers(first, turn)):
            merged[-1][1].extend(turn.parts)
        else:
            merged.append((turn, list(turn.parts)))
    return tuple(msgspec.structs.replace(turn, parts=tuple(parts)) for turn, parts in merged)


def _answers(last: Turn, turn: Turn) -> bool:
    """Whether both are what tools came to: results in a row are one turn."""
    return all(isinstance(part, Result) for part in (*last.parts, *turn.parts)) and bool(last.parts and turn.parts)


def _read_item(said: Shape, left: Reading) -> Turn:
    kind = said.text("type", "")
    if not kind:
        if said.given("role") is None and said.given("id") is not None:
            _refer(said)
        kind = "message"
    if kind == "message":
        return _message(said, left)
    if kind in FOREIGN:
        return Turn(FOREIGN[kind], (Foreign(kind, said.raw, said.path),), path=said.path)
    found = _ITEMS.get(kind)
    if found is None:
        if kind == "item_reference":
            _refer(said)
        refuse(said.place("type"), f": the item type {kind!r} {STRANGERS.get(kind, _UNKNOWN)}")
    role, read = found
    part = read(said, left)
    said.skip("id", "status")
    said.leave(left)
    return Turn(role, (part,), path=said.path)


def _refer(said: Shape) -> None:
    refuse(said.path, " refers to an item that is stored elsewhere; nothing is stored here. Send the full input.",
           Refusal.FEATURE_UNSUPPORTED)


def _message(said: Shape, left: Reading) -> Turn:
    word = said.word("role", tuple(ROLES))
    role = ROLES[word]
    raw, place = said.needed("content"), said.place("content")
    if is_text(raw):
        parts: tuple[Part, ...] = (Text(take_text(raw, place), path=place),)
    else:
        parts = tuple(_part(shape_of(item, path), left, role) for item, path in reading.read_items(raw, place))
    said.skip("id", "status")
    said.leave(left)
    return Turn(role, parts, developer=word == "developer", path=said.path)


def _part(said: Shape, left: Reading, role: Role = "user") -> Part:
    kind = said.text("type")
    found = _PARTS.get(kind)
    if found is None:
        if kind == "input_audio":
            return Foreign(kind, said.raw, said.path)
        refuse(said.place("type"), f": the part type {kind!r} {STRANGERS.get(kind, _UNKNOWN)}")
    if kind == "refusal" and role != "assistant":
        refuse(said.path, f": a refusal stands in a message of the {role}. Its place is with the assistant.")
    part = found(said, left)
    said.leave(left)
    return part


def _text(said: Shape, left: Reading) -> Text:
    said.skip("logprobs")  # figures of the answer that it was
    if (notes := said.given("annotations")) is not None and bytes(notes) != b"[]":
        left.leave(said.place("annotations"))
    return Text(said.text("text"), _mark(said), said.path)


def _declined(said: Shape, _left: Reading) -> Declined:
    return Declined(said.text("refusal"), said.path)


def _image(said: Shape, _left: Reading) -> Image:
    address, file = said.text("image_url", ""), said.text("file_id", "")
    if not address and not file:
        refuse(said.place("image_url"), ": field required. Send the image as data:image/png;base64,... .")
    media_type, data, url = split_data(address, said.place("image_url"))
    detail = said.text("detail", "")
    return Image(media_type, data, url, file, "" if detail == "auto" else detail, _mark(said), said.path)


def _file(said: Shape, left: Reading) -> Document:
    written, url, file = said.text("file_data", ""), said.text("file_url", ""), said.text("file_id", "")
    if not (written or url or file):
        refuse(said.place("file_data"), ": field required. Send the file as data:application/pdf;base64,... .")
    media_type, inside, bare = split_data(written, said.place("file_data"))
    return Document(
        media_type=media_type or ("application/pdf" if written else ""),
        data=inside or bare,
        url=url,
        file=file,
        name=said.text("filename", ""),
        cache=_mark(said),
        path=said.path,
    )


def _mark(said: Shape) -> bytes:
    raw = said.given("prompt_cache_breakpoint")
    return b"" if raw is None else bytes(raw)


def _call(said: Shape, _left: Reading) -> Call:
    return Call(said.text("call_id"), said.text("name"), said.text("arguments"), group=said.text("namespace", ""),
                path=said.path)  # fmt: skip


def _custom_call(said: Shape, _left: Reading) -> Call:
    return Call(said.text("call_id"), said.text("name"), said.text("input"), True, said.text("namespace", ""),
                path=said.path)  # fmt: skip


def _result(said: Shape, left: Reading) -> Result:
    said.skip("name", "namespace")  # those of the call
    return Result(said.text("call_id"), _output(said, left), path=said.path)


def _custom_result(said: Shape, left: Reading) -> Result:
    return Result(said.text("call_id"), _output(said, left), custom=True, path=said.path)


def _output(said: Shape, left: Reading) -> tuple[Text | Image | Document | Foreign, ...]:
    raw, place = said.needed("output"), said.place("output")
    if is_text(raw):
        text = take_text(raw, place)
        return (Text(text, path=place),) if text else ()
    parts = [_part(shape_of(item, path), left) for item, path in reading.read_items(raw, place)]
    return tuple(part for part in parts if isinstance(part, Text | Image | Document | Foreign))


def _reasoning(said: Shape, _left: Reading) -> Thought:
    words = [shape_of(item, path).text("text", "") for item, path in said.items("content")]
    lines = [shape_of(item, path).text("text", "") for item, path in said.items("summary")]
    sealed = said.text("encrypted_content", "")
    return Thought("".join(words) or "\n\n".join(lines), "openai", sealed, "thinking" if words else "summary",
                   said.raw, said.path)  # fmt: skip


_PARTS: dict[str, Callable[[Shape, Reading], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _declined,
    "input_image": _image,
    "input_file": _file,
}
_ITEMS: dict[str, tuple[Role, Callable[[Shape, Reading], Part]]] = {
    "function_call": ("assistant", _call),
    "custom_tool_call": ("assistant", _custom_call),
    "reasoning": ("assistant", _reasoning),
    "function_call_output": ("user", _result),
    "custom_tool_call_output": ("user", _custom_result),
}
