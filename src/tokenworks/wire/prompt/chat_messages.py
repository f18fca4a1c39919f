"""The messages of chat completions to turns: five roles, parts, calls in both forms that they had."""

from __future__ import annotations

import msgspec

from tokenworks.wire.prompt.reading import (
    Members,
    Misread,
    Reading,
    is_text,
    read_items,
    read_text,
    require,
    split_data,
    take_text,
)
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

ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
GIVEN = (Text, Image, Document, Foreign)  # what a tool can give
_MESSAGE = frozenset({
    "role", "content", "name", "refusal", "tool_calls", "tool_call_id", "function_call", "reasoning_content",
    "reasoning", "cache_control",
})  # fmt: skip
_PART = frozenset({"type", "text", "refusal", "image_url", "file", "cache_control", "prompt_cache_breakpoint"})
_CALL = frozenset({"id", "type", "index", "function", "custom"})
_SHAPED = "{0} must be {1}."


def read_messages(raw: msgspec.Raw, reading: Reading) -> tuple[Turn, ...]:
    """The turns that a list of messages makes."""
    turns: list[Turn] = []
    called: dict[str, str] = {}  # the older form of calls has no ids: the last call of a function is the one answered
    for number, (item, path) in enumerate(read_items(raw, "messages")):
        message = reading.members(item, path, _MESSAGE)
        role = read_text(message, "role", path, None)
        if role in ("tool", "function"):
            turns.append(_read_result(message, role, path, called, reading))
            continue
        if role not in ROLES:
            known = ", ".join((*ROLES, "tool"))
            raise Misread(f"{path}.role", _SHAPED.format(f"{path}.role", f"one of {known}"))
        parts = _read_content(message, path, reading)
        if role == "assistant":
            parts = _read_spoken(message, path, parts, called, number, reading)
        turns.append(Turn(ROLES[role], tuple(parts), role == "developer", read_text(message, "name", path), path))
    return tuple(turns)


def _read_spoken(
    message: Members, path: str, said: list[Part], called: dict[str, str], number: int, reading: Reading
) -> list[Part]:
    """What an assistant's message has around its content: reasoning before, a refusal and calls after."""
    parts: list[Part] = []
    for word in ("reasoning_content", "reasoning"):
        if word in message and not parts and (text := read_text(message, word, path)):
            parts.append(Thought(text, "openai", path=f"{path}.{word}"))
    parts += said
    if declined := read_text(message, "refusal", path):
        parts.append(Declined(declined, f"{path}.refusal"))
    if "tool_calls" in message:
        parts += [_read_call(raw, place, reading) for raw, place in read_items(message["tool_calls"],
                                                                             f"{path}.tool_calls")]
    if "function_call" in message:
        place = f"{path}.function_call"
        call = reading.members(message["function_call"], place, frozenset({"name", "arguments"}))
        name = read_text(call, "name", place, None)
        called[name] = f"call_{number}"
        parts.append(Call(called[name], name, read_text(call, "arguments", place), path=place))
    return parts


def _read_call(raw: msgspec.Raw, path: str, reading: Reading) -> Call:
    call = reading.members(raw, path, _CALL)
    custom = read_text(call, "type", path, "function") == "custom"
    word, argument = ("custom", "input") if custom else ("function", "arguments")
    place = f"{path}.{word}"
    require(call, word, path)
    inner = reading.members(call[word], place, frozenset({"name", argument}))
    return Call(
        read_text(call, "id", path, None),
        read_text(inner, "name", place, None),
        read_text(inner, argument, place),
        custom=custom,
        path=path,
    )


def _read_result(message: Members, role: str, path: str, called: dict[str, str], reading: Reading) -> Turn:
    if role == "tool":
        identity = read_text(message, "tool_call_id", path, None)
    else:
        name = read_text(message, "name", path, None)
        identity = called.get(name, name)
    given = [part for part in _read_content(message, path, reading) if isinstance(part, GIVEN)]
    parts = [part for part in given if not isinstance(part, Text) or part.text]
    cache = bytes(message.get("cache_control", b""))
    return Turn("user", (Result(identity, tuple(parts), cache=cache, path=path),), path=path)


def _read_content(message: Members, path: str, reading: Reading) -> list[Part]:
    raw = message.get("content")
    if raw is None:
        return []
    if is_text(raw):
        cache = bytes(message.get("cache_control", b""))
        return [Text(read_text(message, "content", path), cache, f"{path}.content")]
    return [_read_part(item, place, reading) for item, place in read_items(raw, f"{path}.content")]


def _read_part(raw: msgspec.Raw, path: str, reading: Reading) -> Part:
    part = reading.members(raw, path)
    kind = read_text(part, "type", path, None)
    if kind not in ("text", "refusal", "image_url", "file"):
        return Foreign(kind, bytes(raw), path)
    reading.compare(part, path, _PART)
    cache = bytes(part.get("cache_control") or part.get("prompt_cache_breakpoint") or b"")
    if kind == "text":
        return Text(read_text(part, "text", path, None), cache, path)
    if kind == "refusal":
        return Declined(read_text(part, "refusal", path, None), path)
    place = f"{path}.{kind}"
    require(part, kind, path)
    if kind == "file":
        return _read_file(part, path, cache, reading)
    if is_text(part[kind]):  # some clients write the address alone
        return Image(*split_data(take_text(part[kind], place), place), cache=cache, path=path)
    image = reading.members(part[kind], place, frozenset({"url", "detail"}))
    media, data, url = split_data(read_text(image, "url", place, None), f"{place}.url")
    return Image(media, data, url, detail=read_text(image, "detail", place), cache=cache, path=path)


def _read_file(part: Members, path: str, cache: bytes, reading: Reading) -> Document:
    place = f"{path}.file"
    file = reading.members(part["file"], place, frozenset({"file_data", "file_id", "filename"}))
    data = read_text(file, "file_data", place)
    media, inside, bare = split_data(data, f"{place}.file_data")
    distant = bare.startswith(("http://", "https://"))
    return Document(
        media or ("application/pdf" if bare and not distant else ""),
        inside or ("" if distant else bare),
        url=bare if distant else "",
        file=read_text(file, "file_id", place),
        name=read_text(file, "filename", place),
        cache=cache,
        path=path,
    )
