"""Anthropic's messages: events and whole bodies to the vocabulary (Anthropic API reference, "Messages").

Usage is said at the start and again, cumulatively, at the end; figures of both are merged, and no count ever falls.
"""

from __future__ import annotations

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    ChoiceBegin,
    Delta,
    Event,
    Extra,
    Failed,
    Issued,
    Kind,
    ProgressSeen,
    Timings,
    UsageSeen,
    finish_of,
)

NONE = msgspec.Raw(b"")
Object = dict[str, object]


class _Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: msgspec.Raw = NONE
    stop_reason: str | None = None
    stop_sequence: str | None = None
    container: msgspec.Raw = NONE


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    input: msgspec.Raw = NONE


class _Message(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    model: str | None = None
    content: msgspec.Raw = NONE
    stop_reason: str | None = None
    container: msgspec.Raw = NONE
    usage: msgspec.Raw = NONE
    timings: Timings | None = None
    error: msgspec.Raw = NONE


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: msgspec.Raw = NONE
    message: msgspec.Raw = NONE
    usage: msgspec.Raw = NONE
    timings: Timings | None = None
    error: msgspec.Raw = NONE


class _Identified(msgspec.Struct, gc=False):
    id: str = ""


class _Output(msgspec.Struct, gc=False):
    output_tokens: int = 0


_EVENT = loose.Loose(_Event)
_MESSAGE = loose.Loose(_Message)
_BLOCK = loose.Loose(_Block)
_BLOCKS = loose.Loose(list[msgspec.Raw])
_ID = loose.Loose(_Identified)
_OUTPUT = loose.Loose(_Output)
_KINDS: dict[str, Kind] = {"text": "text", "thinking": "reasoning", "tool_use": "tool"}


class Reader:
    """Events of a message stream to the vocabulary. One reader per stream."""

    def __init__(self) -> None:
        self._usage: Object = {}
        self._inputs: dict[int, str] = {}  # arguments that came with a call's beginning, where none have come since

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """The events of one wire event; None if it is not JSON."""
        event = _EVENT.decode(data)
        if event is None:
            return None
        kind = event.type or name
        events: list[Event] = []
        if kind == "content_block_delta" and event.delta is not None:
            self._piece(events, event.index, event.delta)
        elif kind == "content_block_start":
            self._block(events, event.index, bytes(event.content_block))
        elif kind == "content_block_stop":
            if whole := self._inputs.pop(event.index, ""):
                events.append(Delta(0, event.index, whole))
            events.append(BlockEnd(0, event.index))
        elif kind == "message_start":
            self._start(events, bytes(event.message))
        elif kind == "message_delta":
            self._delta(events, event)
        elif kind == "message_stop":
            events.append(ENDED)
        elif kind == "error" or loose.given(event.error):
            return [Failed(data)]
        if event.timings is not None:
            events.append(ProgressSeen(event.timings))
        return events

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON."""
        message = _MESSAGE.decode(body)
        if message is None:
            return None
        if message.type == "error" or loose.given(message.error):
            return [Failed(body)]
        events: list[Event] = [Begin(message.id or "", message.model or "", 0, body), ChoiceBegin(0)]
        for index, raw in enumerate(_BLOCKS.decode(loose.given(message.content) or b"[]") or ()):
            self._block(events, index, bytes(raw), whole=True)
            events.append(BlockEnd(0, index, bytes(raw)))
        events += _issued(message.container)
        events.append(finish_of(0, message.stop_reason or "end_turn"))
        if message.timings is not None:
            events.append(ProgressSeen(message.timings))
        events += self._figures(message.usage, final=True)
        return [*events, ENDED]

    def _start(self, events: list[Event], raw: bytes) -> None:
        message = _MESSAGE.decode(raw) or _Message()
        events += (Begin(message.id or "", message.model or "", 0, raw), ChoiceBegin(0))
        events += _issued(message.container)
        events += self._figures(message.usage, final=False)

    def _block(self, events: list[Event], index: int, raw: bytes, whole: bool = False) -> None:
        block = _BLOCK.decode(raw) or _Block()
        kind = _KINDS.get(block.type, "other")
        call = block.id or ""
        events.append(BlockBegin(0, index, kind, "", call, block.name or "", raw))
        given = bytes(block.input).decode("utf-8", "replace") if kind == "tool" else ""
        if whole and kind == "tool":
            events.append(Delta(0, index, given))
        elif given.strip("{} \n") not in ("", "null"):  # some engines do not write arguments in pieces
            self._inputs[index] = given
        elif text := block.text or block.thinking:
            events.append(Delta(0, index, text))

    def _piece(self, events: list[Event], index: int, delta: _Delta) -> None:
        if delta.partial_json and self._inputs:
            self._inputs.pop(index, None)
        if text := delta.text or delta.partial_json or delta.thinking:
            events.append(Delta(0, index, text))
        if delta.signature:
            events.append(Extra(0, index, "signature", msgspec.json.encode(delta.signature)))
        if raw := loose.given(delta.citation):
            events.append(Extra(0, index, "citation", raw))

    def _delta(self, events: list[Event], event: _Event) -> None:
        delta = event.delta or _Delta()
        events += _issued(delta.container)
        if delta.stop_reason:
            raw = msgspec.json.encode(delta.stop_sequence) if delta.stop_sequence else b""
            events.append(finish_of(0, delta.stop_reason, raw))
        events += self._figures(event.usage, final=bool(delta.stop_reason))

    def _figures(self, raw: msgspec.Raw, final: bool) -> list[Event]:
        """The usage so far, this object merged into what was said before."""
        if not (said := loose.given(raw)):
            return []
        if merge_usage(self._usage, msgspec.json.decode(said)):
            said = msgspec.json.encode(self._usage)
        output = _OUTPUT.decode(said)
        return [UsageSeen(said, output.output_tokens if output else 0, -1, final)]


def merge_usage(known: Object, said: object) -> bool:
    """Merge a later usage object into what is known: counts never fall. Whether anything had been known before."""
    had = bool(known)
    for key, value in said.items() if isinstance(said, dict) else ():
        earlier = known.get(key)
        if isinstance(value, int) and isinstance(earlier, int):
            known[key] = max(value, earlier)
        elif isinstance(value, dict) and isinstance(earlier, dict):
            merge_usage(earlier, value)
        elif value is not None or key not in known:
            known[key] = value
    return had


def _issued(container: msgspec.Raw) -> list[Event]:
    raw = loose.given(container)
    named = _ID.decode(raw) if raw else None
    return [Issued(named.id)] if named and named.id else []
