"""A request body: what decides anything is decoded, everything else stays the bytes that came.

The top level is read as (key, raw value) pairs, so that a key that stands twice is seen, not silently overwritten, and
owned values can be replaced in place. Nothing is searched for in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tokenworks.wire.choice import check_choice
from tokenworks.wire.content import Content, first_byte, read_content
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Malformed, Refusal

COUNT_MAX = 2**31 - 1  # no token count, no n above what any upstream takes
CHOICES_MAX = 128  # OpenAI's limit of n
COPY_BYTES_MAX = 4096  # slices of a small body are cheaper copied than viewed

Pieces = list[bytes | memoryview]


class Key:
    """A key as it stands at the top level. Compared by identity: a dict keeps both of two equal ones."""

    __slots__ = ("text",)

    def __init__(self, _type: type, text: str) -> None:
        self.text = text


class StreamOptions(msgspec.Struct):
    """The usage flags of `stream_options`, whichever engine understands them."""

    include_usage: bool | None = None
    continuous_usage_stats: bool | None = None


class _Identified(msgspec.Struct):
    id: str = ""


class RequestFacts(msgspec.Struct, gc=False):
    """What a body says that decides anything. `fields` has every top-level value as it came, in order.

    `output_cap` is the least of the caps given, in tokens, None without one. `choices` is how many answers are asked
    for (`n`, prompts in a batch). `token_ids` counts prompt tokens given as numbers, `prompts` how many they are in.
    `object_ids` name objects of the upstream. `content` is what messages and tools have beyond text, None for nothing.
    """

    dialect: Dialect
    body_bytes: int
    fields: dict[str, msgspec.Raw]
    spaced: bool  # whitespace stands between the top-level tokens
    model: str = ""
    stream: bool = False
    output_cap: int | None = None
    choices: int = 1
    include_usage: bool = False
    progress_wanted: bool = False
    token_ids: int = 0
    object_ids: tuple[str, ...] = ()
    prompts: int = 1
    content: Content | None = None
    caps: int = 0  # how many caps were given


# A comma, a key and its colon at a place where one must stand: used to step over, never to search.
_KEY = re.compile(rb'[ \t\r\n,]*"(?:[^"\\]|\\.)*"[ \t\r\n]*:[ \t\r\n]*')
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PAIRS = msgspec.json.Decoder(dict[Key, msgspec.Raw], dec_hook=Key)
_TEXT = msgspec.json.Decoder(str)
_FLAG = msgspec.json.Decoder(bool | None)
_COUNT = msgspec.json.Decoder(int | None)
_OPTIONS = msgspec.json.Decoder(StreamOptions | None)
_BATCH = msgspec.json.Decoder(list[str | int | list[int]])
_OBJECT = msgspec.json.Decoder(str | _Identified | None)

Entry = tuple[msgspec.json.Decoder[Any] | None, Callable[["RequestFacts", str, Any], Malformed | None]]
CAPS: dict[Dialect, tuple[str, ...]] = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
    "embeddings": (),
}
REQUIRED: dict[Dialect, tuple[str, ...]] = {
    "chat": ("model", "messages"),
    "completions": ("model", "prompt"),
    "responses": ("model",),
    "messages": ("model", "max_tokens", "messages"),
    "embeddings": ("model", "input"),
}
BATCHED: dict[Dialect, str] = {"completions": "prompt", "embeddings": "input"}
OBJECTS: dict[Dialect, tuple[str, ...]] = {
    "responses": ("previous_response_id", "conversation"),
    "messages": ("container",),
}
_EXPECTED = {
    id(_TEXT): "a string",
    id(_FLAG): "true or false",
    id(_COUNT): "a whole number",
    id(_OPTIONS): 'an object such as {"include_usage": true}',
}


def _take_model(facts: RequestFacts, _key: str, value: str) -> None:
    facts.model = value


def _take_stream(facts: RequestFacts, _key: str, value: bool) -> None:
    facts.stream = value


def _take_progress(facts: RequestFacts, _key: str, value: bool) -> None:
    facts.progress_wanted |= value


def _take_options(facts: RequestFacts, _key: str, value: StreamOptions) -> None:
    facts.include_usage = bool(value.include_usage)
    facts.progress_wanted |= bool(value.continuous_usage_stats)


def _take_cap(facts: RequestFacts, key: str, value: int) -> Malformed | None:
    if not 0 <= value <= COUNT_MAX:
        return _invalid(key, f"{key} must be a number of tokens between 0 and {COUNT_MAX}, got {value}.")
    facts.output_cap = value if facts.output_cap is None else min(facts.output_cap, value)
    facts.caps += 1
    return None


def _take_choices(facts: RequestFacts, key: str, value: int) -> Malformed | None:
    if not 1 <= value <= CHOICES_MAX:
        return _invalid(key, f"{key} must be between 1 and {CHOICES_MAX}, got {value}.")
    facts.choices = max(facts.choices, value)
    return None


# Keys that decide something, by dialect: each with its decoder and what is taken from it. Any of them twice, or in
# another case, is refused.
_COMMON: dict[str, Entry] = {"model": (_TEXT, _take_model), "stream": (_FLAG, _take_stream)}
_PACED: dict[str, Entry] = {**_COMMON, "timings_per_token": (_FLAG, _take_progress)}
_CHAT: dict[str, Entry] = {
    **_PACED,
    "max_tokens": (_COUNT, _take_cap),
    "n": (_COUNT, _take_choices),
    "stream_options": (_OPTIONS, _take_options),
}
DECIDING: dict[Dialect, dict[str, Entry]] = {
    "chat": {**_CHAT, "max_completion_tokens": (_COUNT, _take_cap)},
    "completions": {**_CHAT, "best_of": (_COUNT, _take_choices)},
    "responses": {**_PACED, "max_output_tokens": (_COUNT, _take_cap)},
    "messages": {**_PACED, "max_tokens": (_COUNT, _take_cap)},
    "embeddings": {"model": (_TEXT, _take_model)},
}
# Keys that are in most bodies and decide nothing: stepped over without a second look.
_USUAL = ("messages", "input", "prompt", "system", "temperature", "top_p", "tools", "tool_choice", "instructions")
_UNKNOWN: Entry = (None, _take_model)
_TABLES: dict[Dialect, dict[str, Entry | None]] = {
    dialect: {**dict.fromkeys(_USUAL), **table} for dialect, table in DECIDING.items()
}
_FOLDED = {dialect: {key.casefold(): key for key in table} for dialect, table in DECIDING.items()}


def read_request(dialect: Dialect, body: bytes, counting: bool = False) -> RequestFacts | Malformed:
    """The facts of a body, or why it cannot be served. `counting`: it only asks what its input would be; no cap."""
    try:
        fields = _FIELDS.decode(body)
    except msgspec.ValidationError:
        return Malformed(Refusal.MALFORMED_JSON, "The request body is JSON, but not an object. Send one JSON object.")
    except RecursionError:
        return Malformed(Refusal.MALFORMED_JSON, "The request body is nested too deeply. Send flatter JSON.")
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return Malformed(Refusal.MALFORMED_JSON, f"The request body is not valid JSON ({fault}). Send one JSON object.")
    # Every byte is accounted for when no key stands twice, none is escaped and no space stands between: the usual case.
    size = 1 + 4 * len(fields) + len("".join(fields)) + sum(map(len, fields.values()))
    if spaced := size != len(body):
        pairs = _PAIRS.decode(body)
        if len(pairs) != len(fields):
            key = next(key for key in fields if sum(pair.text == key for pair in pairs) > 1)
            return _invalid(key, f"{key!r} stands twice in the request. Send it once.")
    facts = RequestFacts(dialect, len(body), fields, spaced)
    return _decide(facts, body, counting) or facts


def _decide(facts: RequestFacts, body: bytes, counting: bool) -> Malformed | None:
    dialect, fields = facts.dialect, facts.fields
    table = _TABLES[dialect]
    for key, raw in fields.items():
        entry = table.get(key, _UNKNOWN)
        if entry is None:
            continue
        decoder, take = entry
        if decoder is None:
            if (meant := _FOLDED[dialect].get(key.casefold())) is not None:
                return _invalid(key, f"{key!r} looks like {meant!r} in another spelling. Write {meant!r}.")
            continue
        try:
            value = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _invalid(key, f"{key} must be {_EXPECTED[id(decoder)]}, got {shown(raw)}.")
        if value is not None and (fault := take(facts, key, value)) is not None:
            return fault
    for key in REQUIRED[dialect]:
        if key not in fields and not (counting and key in CAPS[dialect]):
            return Malformed(Refusal.FIELD_INVALID, f"{key}: field required. Add it to the request.", key)
    content = read_content(dialect, fields, body)
    if content is not None:
        if isinstance(content, Malformed):
            return content
        facts.content, facts.object_ids = content, content.files
    if "tool_choice" in fields and (fault := check_choice(fields)) is not None:
        return fault
    return None if dialect == "chat" else _batch(facts) or _name_objects(facts)


def _batch(facts: RequestFacts) -> Malformed | None:
    """Prompts given as numbers or in batches: a batch of prompts is that many answers, a number is a token."""
    key = BATCHED.get(facts.dialect)
    if key is None or first_byte(facts.fields[key]) != 0x5B:
        return None
    try:
        items = _BATCH.decode(facts.fields[key])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _invalid(key, f"{key} must be a string, a list of strings, or token numbers; it is something else.")
    kinds = {type(item) for item in items}
    if len(kinds) > 1:
        return _invalid(key, f"{key} must be a list of strings or one of token numbers, not a mixture.")
    prompts = 0 if kinds == {int} else len(items)
    facts.token_ids = len(items) if kinds == {int} else sum(len(item) for item in items if isinstance(item, list))
    facts.prompts = max(1, prompts)
    if facts.dialect == "completions":
        facts.choices *= facts.prompts
    return None


def _name_objects(facts: RequestFacts) -> Malformed | None:
    """Upstream objects that the request goes on from; they are good only for the account that they were issued to."""
    for key in OBJECTS.get(facts.dialect, ()):
        if raw := facts.fields.get(key):
            try:
                value = _OBJECT.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return _invalid(key, f"{key} must be an id, got {shown(raw)}.")
            identity = value.id if isinstance(value, _Identified) else value
            facts.object_ids += (identity,) if identity else ()
    return None


def shown(raw: msgspec.Raw) -> str:
    """A raw value as an error message shows it, cut short."""
    text = bytes(raw).decode("utf-8", "replace")
    return text if len(text) <= 40 else text[:37] + "..."


def splice(body: bytes, facts: RequestFacts, owned: Mapping[str, bytes]) -> Pieces:
    """The body with each of `owned` (key: JSON value) put in place of the client's value, or added at the front.

    Pieces to be written one after the other; all other bytes stay as they came, large ones without a copy.
    """
    replaced = {key: value for key, value in owned.items() if key in facts.fields}
    added = b"".join(write_member(key, value) for key, value in owned.items() if key not in facts.fields)
    return weave(body, facts, replaced, added if facts.fields else added[:-1])[0]


def write_member(key: str, value: bytes) -> bytes:
    """`"key":value,` as it stands before another member."""
    return b"%b:%b," % (msgspec.json.encode(key), value)


def weave(body: bytes, facts: RequestFacts, replaced: Mapping[str, bytes], added: bytes) -> tuple[Pieces, int]:
    """(pieces, their length): `replaced` values in their places, `added` members (each with its comma) at the front.

    Every key of `replaced` stands in the body; its top level is walked with the lengths known, up to the last of them.
    """
    view = body if len(body) <= COPY_BYTES_MAX else memoryview(body)
    spaced, left, length = facts.spaced, len(replaced), len(body) + len(added)
    start = place = body.index(b"{") + 1 if spaced else 1
    pieces: Pieces = [b"{" + added]
    if left:
        for key, raw in facts.fields.items():
            place = _KEY.match(body, place).end() if spaced else place + len(key) + 3  # type: ignore[union-attr]
            size = len(raw)
            value = replaced.get(key)
            if value is not None:
                pieces += (view[start:place], value)
                start = place + size
                length += len(value) - size
                left -= 1
                if not left:
                    break
            place += size if spaced else size + 1
    pieces.append(view[start:])
    return pieces, length - (body.index(b"{") if spaced else 0)


def _invalid(key: str, message: str) -> Malformed:
    return Malformed(Refusal.FIELD_INVALID, message, key)
