"""The vocabulary to Anthropic's messages: events of a stream, its ends, and whole bodies.

Clients run a tool when its block closes, so a half-written call is never closed.
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
    Delta,
    Event,
    Extra,
    Finish,
    Kind,
    Reason,
    UsageSeen,
    own_word,
)
from tokenworks.wire.sse import write_event
from tokenworks.wire.voice import MARK, Plain, Voice

Object = dict[str, object]


class Writer:
    """The vocabulary to events. `note` follows what the client has got; `close` and `fail` go on from there.

    `beside` is never said: messages know no log probabilities. `capped`: why the output was capped, for the last event.
    """

    needs_text = False

    def __init__(self, model: str = "") -> None:
        self.beside = b""
        self.capped: Object | None = None
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
            return _piece(event, kind)
        if isinstance(event, Extra) and event.key in _EXTRAS:
            said = {"type": _EXTRAS[event.key], event.key: msgspec.Raw(event.raw)}
            return _event("content_block_delta", {"index": event.block, "delta": said})
        if isinstance(event, BlockEnd):
            return _event("content_block_stop", {"index": event.block})
        if event is ENDED and self._finish:
            capped = self.capped if self._finish.reason == "length" else None
            return self._stop(own_word(self._finish, WORDS, OWN), capped)
        return b""

    def voice(self, choice: int, block: int) -> Voice:
        """How the next pieces of an open block are said."""
        return Plain(_piece(Delta(choice, block, MARK), self._open.get(block, "text")))

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
        met = msgspec.Raw(self._finish.raw) if self._finish and self._finish.raw else None
        said: Object = {"delta": {"stop_reason": reason, "stop_sequence": met}, "usage": self._usage}
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


def _piece(event: Delta, kind: Kind) -> bytes:
    word, field = _PIECES.get(kind, _PIECES["tool"])
    return _event("content_block_delta", {"index": event.block, "delta": {"type": word, field: event.text}})


def _opening(event: BlockBegin) -> Object:
    if event.raw:
        return dict(loose.read_pairs(event.raw) or {})
    if event.kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if event.kind in ("tool", "custom"):
        return {"type": "tool_use", "id": event.call_id, "name": event.name, "input": {}}
    return {"type": "text", "text": ""}


def write_body(events: Iterable[Event], extension: Object | None = None, usage: Object | None = None) -> bytes:
    """The whole body of a stream's events. A call whose arguments are not whole is left out: they must be an object.

    When no call is left, the answer does not say that it stopped for one: its client would wait for nothing.
    """
    answer = Answer(events)
    finish = answer.closing()
    pairs = [(begun.kind, _whole_block(answer, begun)) for begun in answer.blocks()]
    blocks = [(kind, made) for kind, made in pairs if made is not None]
    said = loose.read_pairs(answer.begun.raw) or {}
    whole: Object = {"id": answer.begun.id, "type": "message", "role": "assistant", "model": answer.begun.model}
    whole |= {key: said[key] for key in ("container",) if key in said}
    whole["content"] = [made for _, made in blocks]
    reason = own_word(finish, WORDS, OWN) if finish else "max_tokens"
    called = any(kind in ("tool", "custom") for kind, _ in blocks)
    whole["stop_reason"] = WORDS["stop"] if reason == WORDS["tool"] and not called else reason
    whole["stop_sequence"] = msgspec.Raw(finish.raw) if finish and finish.raw else None
    whole["usage"] = usage or msgspec.Raw(answer.usage or b'{"input_tokens":0,"output_tokens":0}')
    if extension is not None:
        whole["tokenworks"] = extension
    return msgspec.json.encode(whole)


def _whole_block(answer: Answer, begun: BlockBegin) -> Object | None:
    text = answer.text(begun)
    opened = _opening(begun)
    if begun.kind in ("text", "refusal"):
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
