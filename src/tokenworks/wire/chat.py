"""Chat completions: chunks and whole bodies to events and back (OpenAI API reference, "Chat Completions").

Chat has no blocks of its own: a run of content, of reasoning, each tool call is one. Nothing but the finish reason ends
a tool call, so one without it is half-written.
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
DONE = b"data: [DONE]\n\n"
SHORT: dict[bytes, tuple[Event, ...]] = {b"[DONE]": (ENDED,), b"null": ()}  # llama.cpp begins batches with a null
Object = dict[str, object]


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Call(msgspec.Struct, gc=False):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM, llama.cpp, SGLang
    reasoning: str | None = None  # newer vLLM, OpenRouter
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NONE


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    timings: Timings | None = None
    usage: msgspec.Raw = NONE
    error: msgspec.Raw = NONE
    id: str | None = None
    model: str | None = None
    created: msgspec.Raw = NONE


class _Completion(msgspec.Struct, gc=False):
    completion_tokens: int = 0


CHUNK = loose.Loose(_Chunk)
COMPLETION = loose.Loose(_Completion)
_SECONDS = loose.Loose(int)


def usage_event(raw: bytes, choice: int, final: bool) -> UsageSeen:
    """The event of a chat or completions usage object."""
    figures = COMPLETION.decode(raw)
    return UsageSeen(raw, figures.completion_tokens if figures else 0, choice, final)


def read_seconds(raw: msgspec.Raw) -> int:
    """A time in whole seconds; 0 for what is none."""
    return (_SECONDS.decode(loose.given(raw)) or 0) if raw is not NONE else 0


class _Run:
    """What is open in one choice."""

    __slots__ = ("block", "kind", "next", "tools")

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self.block = 0
        self.next = 0
        self.tools: dict[int, tuple[str, int]] = {}


class Reader:
    """Chunks to events. One reader per stream."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}
        self._begun = False

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """The events of one chunk; None if it is not JSON."""
        if len(data) < 8 and data in SHORT:
            return list(SHORT[data])
        chunk = CHUNK.decode(data)
        if chunk is None:
            return None
        if name == "error" or (chunk.error is not NONE and loose.given(chunk.error)):
            return [Failed(data)]
        events: list[Event] = [] if self._begun else self._begin(chunk, data)
        choice = None
        for choice in chunk.choices or ():
            if choice.delta is not None:
                self._piece(events, choice.index, choice.delta)
            if choice.logprobs is not NONE:
                self._logprobs(events, choice)
            if choice.finish_reason:
                self._finish(events, choice.index, choice.finish_reason)
        whose = choice.index if choice else -1
        if chunk.timings is not None:
            events.append(ProgressSeen(chunk.timings, whose))
        if chunk.usage is not NONE and (raw := loose.given(chunk.usage)):
            events.append(usage_event(raw, whose, choice is None or bool(choice.finish_reason)))
        return events

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON."""
        whole = CHUNK.decode(body)
        if whole is None:
            return None
        if loose.given(whole.error):
            return [Failed(body)]
        events = self._begin(whole, body)
        for choice in whole.choices or ():
            if choice.message is not None:
                for place, call in enumerate(choice.message.tool_calls or ()):
                    call.index = place  # whole bodies do not number them
                self._piece(events, choice.index, choice.message)
            self._logprobs(events, choice)
            self._finish(events, choice.index, choice.finish_reason or "stop")
        if whole.timings is not None:
            events.append(ProgressSeen(whole.timings))
        if raw := loose.given(whole.usage):
            events.append(usage_event(raw, -1, True))
        return [*events, ENDED]

    def _begin(self, chunk: _Chunk, data: bytes) -> list[Event]:
        self._begun = True
        return [Begin(chunk.id or "", chunk.model or "", read_seconds(chunk.created), data)]

    def _piece(self, events: list[Event], choice: int, piece: _Delta) -> None:
        run = self._runs.get(choice)
        if run is None:
            run = self._runs[choice] = _Run()
            events.append(ChoiceBegin(choice))
        if text := piece.reasoning_content or piece.reasoning:
            if run.kind != "reasoning":
                self._switch(events, choice, run, "reasoning")
            events.append(Delta(choice, run.block, text))
        if piece.content:
            if run.kind != "text":
                self._switch(events, choice, run, "text")
            events.append(Delta(choice, run.block, piece.content))
        if piece.refusal:
            if run.kind != "refusal":
                self._switch(events, choice, run, "refusal")
            events.append(Delta(choice, run.block, piece.refusal))
        for call in piece.tool_calls or ():
            self._call(events, choice, run, call)

    def _switch(self, events: list[Event], choice: int, run: _Run, kind: Kind | None) -> None:
        if run.kind is not None:
            events.append(BlockEnd(choice, run.block))
        run.kind = kind
        if kind is not None:
            run.block, run.next = run.next, run.next + 1
            events.append(BlockBegin(choice, run.block, kind))

    def _call(self, events: list[Event], choice: int, run: _Run, call: _Call) -> None:
        known = run.tools.get(call.index)
        made = call.custom or call.function
        if known is None or (call.id and call.id != known[0]):  # some engines number every call 0
            self._switch(events, choice, run, None)
            if known is not None:
                events.append(BlockEnd(choice, known[1]))
            known = run.tools[call.index] = (call.id or "", run.next)
            run.next += 1
            kind: Kind = "custom" if call.custom else "tool"
            name = (made.name if made else "") or ""
            events.append(BlockBegin(choice, known[1], kind, "", known[0], name))
        if made and (text := made.arguments or made.input):
            events.append(Delta(choice, known[1], text))

    def _logprobs(self, events: list[Event], choice: _Choice) -> None:
        if raw := loose.given(choice.logprobs):
            run = self._runs.get(choice.index)
            events.append(Extra(choice.index, run.block if run else 0, "logprobs", raw))

    def _finish(self, events: list[Event], choice: int, native: str) -> None:
        run = self._runs.get(choice) or _Run()
        self._switch(events, choice, run, None)
        events += [BlockEnd(choice, block) for _, block in run.tools.values()]
        run.tools = {}
        events.append(finish_of(choice, native))


class Writer:
    """Events to chunks. `note` follows what the client has got already; `close` and `fail` go on from there."""

    needs_text = False
    _object = "chat.completion.chunk"

    def __init__(self, model: str = "") -> None:
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
            return self._chunk(event.choice, {"role": "assistant", "content": None})
        elif isinstance(event, BlockBegin):
            return self._block(event)
        elif isinstance(event, Delta):
            return self._delta(event)
        elif isinstance(event, Finish):
            self._unfinished[event.choice] = False
            return self._chunk(event.choice, {}, own_word(event, WORDS, OWN))
        elif isinstance(event, UsageSeen):
            return self._usage(msgspec.Raw(event.raw)) if event.choice < 0 else b""
        elif event is ENDED:
            self._ended = True
            return DONE
        return b""

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
        return self._event([{"index": choice, "delta": delta, "finish_reason": finish}], extension=extension)

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
    for choice in answer.choices:
        message: Object = {"role": "assistant", "content": None}
        calls = []
        for begun in answer.blocks(choice):
            text = answer.text(begun)
            if begun.kind in CALLED:
                calls += [call_object(begun, text)] if answer.complete(begun) else []
            elif field := _FIELDS.get(begun.kind):
                message[field] = str(message.get(field) or "") + text
        if calls:
            message["tool_calls"] = calls
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
