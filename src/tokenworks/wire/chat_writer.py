"""Events to chat completions: chunks, the ends of a stream, and whole bodies.

Chat has no blocks of its own: text, reasoning and refusal are members of a message, calls a list that it numbers.
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
    ChoiceBegin,
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

DONE = b"data: [DONE]\n\n"
Object = dict[str, object]


class Writer:
    """Events to chunks. `note` follows what the client has got already; `close` and `fail` go on from there.

    `beside`: log probabilities, as JSON, that the next chunk of a choice says. `capped`: the extension that says why
    the output was capped; it stands where a choice ends by its length.
    """

    needs_text = False
    _object = "chat.completion.chunk"

    def __init__(self, model: str = "") -> None:
        self.beside = b""
        self.capped: Object | None = None
        self._begun = Begin("chatcmpl-tokenworks", model)
        self._kinds: dict[tuple[int, int], Kind] = {}
        self._tools: dict[int, dict[int, int]] = {}
        self._unfinished: dict[int, bool] = {}
        self._usage_written = False
        self._ended = False

    def note(self, event: Event) -> None:
        """Follow an event that has been written by somebody else."""
        self.write(event)

    def write(self, event: Event) -> bytes:
        """The bytes of an event; b"" for what chat says in other places or not at all."""
        if isinstance(event, Begin):
            self._begun = event
        elif isinstance(event, ChoiceBegin):
            self._unfinished[event.choice] = True
            return self._chunk(event.choice, {"role": "assistant", "content": ""})
        elif isinstance(event, BlockBegin):
            return self._block(event)
        elif isinstance(event, Delta):
            return self._delta(event)
        elif isinstance(event, Finish):
            self._unfinished[event.choice] = False
            capped = self.capped if event.reason == "length" else None
            return self._chunk(event.choice, {}, own_word(event, WORDS, OWN), capped)
        elif isinstance(event, Extra):
            return self._extra(event)
        elif isinstance(event, UsageSeen):
            return self._usage(msgspec.Raw(event.raw)) if event.choice < 0 else b""
        elif event is ENDED:
            self._ended = True
            return DONE
        return b""

    def voice(self, choice: int, block: int) -> Voice:
        """How the next pieces of a block are said."""
        return Plain(self._delta(Delta(choice, block, MARK)))

    def close(self, extension: Object | None, usage: Object | None) -> bytes:
        """What ends the stream cleanly: every open choice by length, usage where it is shown, the last line."""
        if self._ended:
            return b""
        self._ended = True
        choices = [choice for choice, still in self._unfinished.items() if still] if self._unfinished else [0]
        pieces = [self._chunk(choice, {}, "length", extension) for choice in choices]
        self._unfinished = dict.fromkeys([*self._unfinished, *choices], False)
        if usage is not None and not self._usage_written:
            pieces.append(self._usage(usage))
        return b"".join([*pieces, DONE])

    def fail(self, error: Object) -> bytes:
        """The error as an event; the stream ends without its last line."""
        return write_event(msgspec.json.encode(error))

    def _chunk(self, choice: int, delta: Object, finish: str | None = None, extension: Object | None = None) -> bytes:
        made: Object = {"index": choice, "delta": delta, "finish_reason": finish}
        if self.beside and "role" not in delta:
            made["logprobs"], self.beside = msgspec.Raw(self.beside), b""
        return self._event([made], extension=extension)

    def _usage(self, usage: object) -> bytes:
        self._usage_written = True
        return self._event([], usage=usage)

    def _event(self, choices: list[Object], usage: object = None, extension: Object | None = None) -> bytes:
        begun = self._begun
        whole: Object = {"id": begun.id, "object": self._object, "created": begun.created_s, "model": begun.model}
        whole["choices"] = choices
        if usage is not None:
            whole["usage"] = usage
        if extension is not None:
            whole["tokenworks"] = extension
        return write_event(msgspec.json.encode(whole))

    def _block(self, event: BlockBegin) -> bytes:
        self._kinds[event.choice, event.block] = event.kind
        if event.kind not in CALLED:
            return b""
        tools = self._tools.setdefault(event.choice, {})
        tools[event.block] = len(tools)
        call = {"index": tools[event.block], **call_object(event, "")}
        return self._chunk(event.choice, {"tool_calls": [call]})

    def _extra(self, event: Extra) -> bytes:
        """What comes without a piece of text."""
        if event.key == "annotation":
            return self._chunk(event.choice, {"annotations": [msgspec.Raw(event.raw)]})
        self.beside = event.raw if event.key == "logprobs" else b""
        return self._chunk(event.choice, {}) if self.beside else b""

    def _delta(self, event: Delta) -> bytes:
        kind = self._kinds.get((event.choice, event.block), "text")
        if kind not in CALLED:
            return self._chunk(event.choice, {_FIELDS.get(kind, "content"): event.text})
        inner, field = CALLED[kind]
        call = {"index": self._tools[event.choice][event.block], inner: {field: event.text}}
        return self._chunk(event.choice, {"tool_calls": [call]})


WORDS: dict[Reason, str] = {
    "stop": "stop",
    "length": "length",
    "tool": "tool_calls",
    "filter": "content_filter",
    "pause": "stop",
    "other": "stop",
}
OWN = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_FIELDS = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
CALLED: dict[str, tuple[str, str]] = {"tool": ("function", "arguments"), "custom": ("custom", "input")}


def call_object(begun: BlockBegin, text: str) -> Object:
    """A tool call as chat writes it."""
    inner, field = CALLED[begun.kind]
    return {"id": begun.call_id, "type": inner, inner: {"name": begun.name, field: text}}


def write_body(events: Iterable[Event], extension: Object | None = None, usage: Object | None = None) -> bytes:
    """The whole body of a stream's events. A call that was not finished when the stream was cut is left out."""
    answer = Answer(events)
    choices = []
    for choice in sorted(answer.choices):
        message: Object = {"role": "assistant", "content": None}
        calls: list[Object] = []
        notes: list[msgspec.Raw] = []
        for begun in answer.blocks(choice):
            text = answer.text(begun)
            if begun.kind in CALLED:
                calls += [call_object(begun, text)] if answer.complete(begun) else []
            elif field := _FIELDS.get(begun.kind):
                message[field] = str(message.get(field) or "") + text
            notes += [msgspec.Raw(raw) for raw in answer.extras(begun, "annotation")]
        if calls:
            message["tool_calls"] = calls
        if notes:
            message["annotations"] = notes
        made: Object = {"index": choice, "message": message, "logprobs": answer.logprobs(choice)}
        choices.append(made | {"finish_reason": answer.finish(choice)})
    return finish_body(answer, "chat.completion", choices, extension, usage)


def finish_body(
    answer: Answer, kind: str, choices: list[Object], extension: Object | None, usage: object
) -> bytes:
    """The envelope around the choices: what the first chunk said of itself, and usage."""
    begun = answer.begun
    said = loose.read_pairs(begun.raw) or {}
    head: Object = {key: said[key] for key in ("system_fingerprint", "service_tier") if key in said}
    whole: Object = {"id": begun.id, "object": kind, "created": begun.created_s, "model": begun.model}
    whole.update(head)
    whole["choices"] = choices
    if usage is None and answer.usage:
        usage = msgspec.Raw(answer.usage)
    if usage is not None:
        whole["usage"] = usage
    if extension is not None:
        whole["tokenworks"] = extension
    return msgspec.json.encode(whole)
