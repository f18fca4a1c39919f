"""A request body: what decides anything is decoded, everything else stays the bytes that came.

The top level is read as (key, raw value) pairs, so that a key that stands twice is seen, not silently overwritten, and
owned values can be replaced in place. Nothing is searched for in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Malformed, Refusal

COUNT_MAX = 2**31 - 1  # no token count, no n above what any upstream takes
CHOICES_MAX = 128  # OpenAI's limit of n

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
    for (`n`, prompts in a batch). `token_ids` counts prompt tokens given as numbers. `object_ids` name objects
    of the upstream.
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


# A comma, a key and its colon at a place where one must stand: used to step over, never to search.
_KEY = re.compile(rb'[ \t\r\n,]*"(?:[^"\\]|\\.)*"[ \t\r\n]*:[ \t\r\n]*')
_PAIRS = msgspec.json.Decoder(dict[Key, msgspec.Raw], dec_hook=Key)
_TEXT = msgspec.json.Decoder(str)
_FLAG = msgspec.json.Decoder(bool | None)
_COUNT = msgspec.json.Decoder(int | None)
_OPTIONS = msgspec.json.Decoder(StreamOptions | None)
_BATCH = msgspec.json.Decoder(list[str | int | list[int]])
_OBJECT = msgspec.json.Decoder(str | _Identified | None)

# Keys that decide something, by dialect: each with its decoder. Any of them twice, or in another case, is refused.
_COMMON: dict[str, msgspec.json.Decoder[Any]] = {"model": _TEXT, "stream": _FLAG}
_CHAT = {**_COMMON, "max_tokens": _COUNT, "n": _COUNT, "stream_options": _OPTIONS, "timings_per_token": _FLAG}
DECIDING: dict[Dialect, dict[str, msgspec.json.Decoder[Any]]] = {
    "chat": {**_CHAT, "max_completion_tokens": _COUNT},
    "completions": {**_CHAT, "best_of": _COUNT},
    "responses": {**_COMMON, "max_output_tokens": _COUNT, "timings_per_token": _FLAG},
    "messages": {**_COMMON, "max_tokens": _COUNT, "timings_per_token": _FLAG},
    "embeddings": {"model": _TEXT},
}
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
_FOLDED = {dialect: {key.casefold(): key for key in table} for dialect, table in DECIDING.items()}


def read_request(dialect: Dialect, body: bytes) -> RequestFacts | Malformed:
    """The facts of a body, or why it cannot be served."""
    try:
        pairs = _PAIRS.decode(body)
    except msgspec.ValidationError:
        return Malformed(Refusal.MALFORMED_JSON, "The request body is JSON, but not an object. Send one JSON object.")
    except RecursionError:
        return Malformed(Refusal.MALFORMED_JSON, "The request body is nested too deeply. Send flatter JSON.")
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return Malformed(Refusal.MALFORMED_JSON, f"The request body is not valid JSON ({fault}). Send one JSON object.")
    fields: dict[str, msgspec.Raw] = {}
    size = 1
    for key, raw in pairs.items():
        text = key.text
        if text in fields:
            return _invalid(text, f"{text!r} stands twice in the request. Send it once.")
        fields[text] = raw
        size += len(text) + len(raw) + 4
    facts = RequestFacts(dialect, len(body), fields, size != len(body))
    return _decide(facts) or facts


def _decide(facts: RequestFacts) -> Malformed | None:
    table, folded = DECIDING[facts.dialect], _FOLDED[facts.dialect]
    values: dict[str, object] = {}
    for key, raw in facts.fields.items():
        decoder = table.get(key)
        if decoder is None:
            if (meant := folded.get(key.casefold())) is not None:
                return _invalid(key, f"{key!r} looks like {meant!r} in another spelling. Write {meant!r}.")
            continue
        try:
            values[key] = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _invalid(key, f"{key} must be {_EXPECTED[id(decoder)]}, got {shown(raw)}.")
    for key in REQUIRED[facts.dialect]:
        if key not in facts.fields:
            return Malformed(Refusal.FIELD_INVALID, f"{key}: field required. Add it to the request.", key)
    return _fill(facts, values) or _batch(facts) or _name_objects(facts)


def _fill(facts: RequestFacts, values: Mapping[str, object]) -> Malformed | None:
    facts.model = str(values["model"])
    facts.stream = bool(values.get("stream"))
    facts.progress_wanted = bool(values.get("timings_per_token"))
    options = values.get("stream_options")
    if isinstance(options, StreamOptions):
        facts.include_usage = bool(options.include_usage)
        facts.progress_wanted |= bool(options.continuous_usage_stats)
    for key in CAPS[facts.dialect]:
        cap = values.get(key)
        if isinstance(cap, int):
            if not 0 <= cap <= COUNT_MAX:
                return _invalid(key, f"{key} must be a number of tokens between 0 and {COUNT_MAX}, got {cap}.")
            facts.output_cap = cap if facts.output_cap is None else min(facts.output_cap, cap)
    for key in ("n", "best_of"):
        count = values.get(key)
        if isinstance(count, int):
            if not 1 <= count <= CHOICES_MAX:
                return _invalid(key, f"{key} must be between 1 and {CHOICES_MAX}, got {count}.")
            facts.choices = max(facts.choices, count)
    return None


def _batch(facts: RequestFacts) -> Malformed | None:
    """Prompts given as numbers or in batches: a batch of prompts is that many answers, a number is a token."""
    key = BATCHED.get(facts.dialect)
    if key is None or bytes(memoryview(facts.fields[key])[:1]) != b"[":
        return None
    try:
        items = _BATCH.decode(facts.fields[key])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _invalid(key, f"{key} must be a string, a list of strings, or token numbers; it is something else.")
    prompts = sum(not isinstance(item, int) for item in items)
    facts.token_ids = sum(len(item) for item in items if isinstance(item, list)) + len(items) - prompts
    if facts.dialect == "completions":
        facts.choices *= max(1, prompts)
    return None


def _name_objects(facts: RequestFacts) -> Malformed | None:
    """Upstream objects that the request goes on from; they are good only for the account that they were issued to."""
    found = []
    for key in OBJECTS.get(facts.dialect, ()):
        if raw := facts.fields.get(key):
            try:
                value = _OBJECT.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return _invalid(key, f"{key} must be an id, got {shown(raw)}.")
            identity = value.id if isinstance(value, _Identified) else value
            found += [identity] if identity else []
    facts.object_ids = tuple(found)
    return None


def shown(raw: msgspec.Raw) -> str:
    """A raw value as an error message shows it, cut short."""
    text = bytes(raw).decode("utf-8", "replace")
    return text if len(text) <= 40 else text[:37] + "..."


def splice(body: bytes, facts: RequestFacts, owned: Mapping[str, bytes]) -> Pieces:
    """The body with each of `owned` (key: JSON value) put in place of the client's value, or added at the front.

    Pieces to be written one after the other; all other bytes stay as they came, large ones without a copy.
    """
    spans = _value_spans(body, facts, owned)
    start = body.index(b"{") + 1
    added = b",".join(b'"%b":%b' % (key.encode(), value) for key, value in owned.items() if key not in facts.fields)
    pieces: Pieces = [b"{" + added + (b"," if added and facts.fields else b"")]
    view = memoryview(body)
    for begin, end, value in spans:
        pieces += (view[start:begin], value)
        start = end
    pieces.append(view[start:])
    return pieces


def _value_spans(body: bytes, facts: RequestFacts, owned: Mapping[str, bytes]) -> list[tuple[int, int, bytes]]:
    """(begin, end, new value) of owned keys in the body's order, by walking its top level with the lengths known."""
    left = sum(key in facts.fields for key in owned)
    spans: list[tuple[int, int, bytes]] = []
    place = body.index(b"{") + 1 if facts.spaced else 1
    for key, raw in facts.fields.items():
        if not left:
            break
        place = _KEY.match(body, place).end() if facts.spaced else place + len(key) + 3  # type: ignore[union-attr]
        if key in owned:
            spans.append((place, place + len(raw), owned[key]))
            left -= 1
        place += len(raw) + (0 if facts.spaced else 1)
    return spans


def _invalid(key: str, message: str) -> Malformed:
    return Malformed(Refusal.FIELD_INVALID, message, key)
