"""Anthropic's messages: events and whole bodies to the vocabulary and back (Anthropic API reference, "Messages").

Clients run a tool when its block closes, so a half-written call is never closed. Usage is said at the start and again,
cumulatively, at the end; figures of both are merged, and no count ever falls.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.answer import Answer
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
    Finish,
    Issued,
    Kind,
    ProgressSeen,
    Reason,
    Timings,
    UsageSeen,
    finish_of,
    own_word,
)
from tokenworks.wire.sse import write_event

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
        if whole and kind == "tool":
            events.append(Delta(0, index, bytes(block.input).decode("utf-8", "replace")))
        elif text := block.text or block.thinking:
            events.append(Delta(0, index, text))

    def _piece(self, events: list[Event], index: int, delta: _Delta) -> None:
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


class Writer:
    """The vocabulary to events. `note` follows what the client has got; `close` and `fail` go on from there."""

    needs_text = False

    def __init__(self, model: str = "") -> None:
        self._begun = Begin("msg_tokenworks", model)
        self._started = False
        self._open: dict[int, Kind] = {}
        self._usage: object = {"input_tokens": 0, "output_tokens": 0}
        self._finish: Finish | None = None
        self._finish_written = False
        self._ended = False

    def note(self, event: Event) -> None:
        """Follow an event that has been written by somebody else."""
        if isinstance(event, Begin):
            self._begun, self._started = event, True
        elif isinstance(event, BlockBegin):
            self._open[event.block] = event.kind
        elif isinstance(event, BlockEnd):
            self._open.pop(event.block, None)
        elif isinstance(event, UsageSeen):
            self._usage = msgspec.Raw(event.raw)
        elif isinstance(event, Finish):
            self._finish, self._finish_written = event, True
        elif event is ENDED:
            self._ended = True

    def write(self, event: Event) -> bytes:
        """The bytes of an event; stop reason and usage are said together, at the end."""
        kind = self._open.get(event.block, "text") if isinstance(event, Delta) else "text"
        self.note(event)
        if isinstance(event, Begin):
            return self._start()
        if isinstance(event, BlockBegin):
            return _event("content_block_start", {"index": event.block, "content_block": _opening(event)})
        if isinstance(event, Delta):
            word, field = _PIECES.get(kind, _PIECES["tool"])
            return _event("content_block_delta", {"index": event.block, "delta": {"type": word, field: event.text}})
        if isinstance(event, Extra) and event.key in _EXTRAS:
            said = {"type": _EXTRAS[event.key], event.key: msgspec.Raw(event.raw)}
            return _event("content_block_delta", {"index": event.block, "delta": said})
        if isinstance(event, BlockEnd):
            return _event("content_block_stop", {"index": event.block})
        if event is ENDED and self._finish:
            return self._stop(own_word(self._finish, WORDS, OWN), None)
        return b""

    def close(self, extension: Object | None, usage: Object | None) -> bytes:
        """What ends the stream cleanly: open text closed, a half-written call left open, `max_tokens`, last event."""
        if self._ended:
            return b""
        self._ended = True
        pieces = [] if self._started else [self._start()]
        if self._finish_written:
            return b"".join([*pieces, _event("message_stop", {})])
        for index, kind in self._open.items():
            if kind in ("text", "reasoning"):
                pieces.append(_event("content_block_stop", {"index": index}))
        self._open = {}
        self._usage = usage or self._usage
        return b"".join([*pieces, self._stop("max_tokens", extension)])

    def fail(self, error: Object) -> bytes:
        """The error event; nothing follows it."""
        return write_event(msgspec.json.encode(error), "error")

    def _start(self) -> bytes:
        message: Object = {"id": self._begun.id, "type": "message", "role": "assistant", "model": self._begun.model}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": self._usage}
        return _event("message_start", {"message": message})

    def _stop(self, reason: str, extension: Object | None) -> bytes:
        said: Object = {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": self._usage}
        if extension is not None:
            said["tokenworks"] = extension
        return _event("message_delta", said) + _event("message_stop", {})


WORDS: dict[Reason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "filter": "refusal",
    "pause": "pause_turn",
    "other": "end_turn",
}
OWN = frozenset({*WORDS.values(), "stop_sequence", "model_context_window_exceeded"})
_PIECES = {"text": ("text_delta", "text"), "reasoning": ("thinking_delta", "thinking"),
           "refusal": ("text_delta", "text"), "tool": ("input_json_delta", "partial_json")}
_EXTRAS = {"signature": "signature_delta", "citation": "citations_delta"}


def _event(kind: str, said: Object) -> bytes:
    return write_event(msgspec.json.encode({"type": kind, **said}), kind)


def _opening(event: BlockBegin) -> Object:
    if event.raw:
        return dict(loose.read_pairs(event.raw) or {})
    if event.kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if event.kind in ("tool", "custom"):
        return {"type": "tool_use", "id": event.call_id, "name": event.name, "input": {}}
    return {"type": "text", "text": ""}


def write_body(events: Iterable[Event], extension: Object | None = None, usage: Object | None = None) -> bytes:
    """The whole body of a stream's events. A call whose arguments are not whole is left out: they must be an object."""
    answer = Answer(events)
    finish = answer.closing()
    blocks = [made for begun in answer.blocks() if (made := _whole_block(answer, begun)) is not None]
    said = loose.read_pairs(answer.begun.raw) or {}
    whole: Object = {"id": answer.begun.id, "type": "message", "role": "assistant", "model": answer.begun.model}
    whole |= {key: said[key] for key in ("container",) if key in said}
    whole["content"] = blocks
    whole["stop_reason"] = own_word(finish, WORDS, OWN) if finish else "max_tokens"
    whole["stop_sequence"] = msgspec.Raw(finish.raw) if finish and finish.raw else None
    whole["usage"] = usage or msgspec.Raw(answer.usage or b'{"input_tokens":0,"output_tokens":0}')
    if extension is not None:
        whole["tokenworks"] = extension
    return msgspec.json.encode(whole)


def _whole_block(answer: Answer, begun: BlockBegin) -> Object | None:
    text = answer.text(begun)
    opened = _opening(begun)
    if begun.kind == "text":
        citations = [msgspec.Raw(raw) for raw in answer.extras(begun, "citation")]
        return {**opened, "text": text, **({"citations": citations} if citations else {})}
    if begun.kind == "reasoning":
        signature = "".join(msgspec.json.decode(raw) for raw in answer.extras(begun, "signature"))
        return {**opened, "thinking": text, "signature": signature}
    if not answer.complete(begun):
        return None
    if not text:
        return dict(opened)
    arguments = loose.read_pairs(text.encode("utf-8", "replace"))
    return None if arguments is None else {**opened, "input": arguments}
