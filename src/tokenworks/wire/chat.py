"""Chat completions: chunks and whole bodies to events (OpenAI API reference, "Chat Completions").

Chat has no blocks of its own: a run of content, of reasoning, each tool call is one. Nothing but the finish reason ends
a tool call, so one without it is half-written.
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
    Kind,
    ProgressSeen,
    Timings,
    UsageSeen,
    finish_of,
)

NONE = msgspec.Raw(b"")
SHORT: dict[bytes, tuple[Event, ...]] = {b"[DONE]": (ENDED,), b"null": ()}  # llama.cpp begins batches with a null


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
    annotations: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NONE
    stop_reason: msgspec.Raw = NONE  # vLLM: the stop sequence that was met, or a token's number
    matched_stop: msgspec.Raw = NONE  # SGLang
    usage: msgspec.Raw = NONE  # Moonshot


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    timings: Timings | None = None
    usage: msgspec.Raw = NONE
    error: msgspec.Raw = NONE
    id: str | None = None
    model: str | None = None
    created: msgspec.Raw = NONE
    base_resp: msgspec.Raw = NONE


class _Counts(msgspec.Struct, gc=False):
    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0


class _Status(msgspec.Struct, gc=False):
    status_code: int = 0


CHUNK = loose.Loose(_Chunk)
COUNTS = loose.Loose(_Counts)
_STATUS = loose.Loose(_Status)
_SECONDS = loose.Loose(int)


def usage_event(raw: bytes, choice: int, final: bool) -> UsageSeen:
    """The event of a chat or completions usage object. What was thought may stand in the total alone."""
    figures = COUNTS.decode(raw)
    if figures is None:
        return UsageSeen(raw, 0, choice, final)
    made, prompt = figures.completion_tokens, figures.prompt_tokens
    return UsageSeen(raw, max(made, figures.total_tokens - prompt) if prompt else made, choice, final)


def failed(chunk: _Chunk) -> bool:
    """Whether it says an error: `error`, or MiniMax's `base_resp` with a code, which comes with status 200."""
    if chunk.error is not NONE and loose.given(chunk.error):
        return True
    status = None if chunk.base_resp is NONE else _STATUS.decode(loose.given(chunk.base_resp))
    return bool(status and status.status_code)


def read_stop(*fields: msgspec.Raw) -> bytes:
    """The stop sequence that ended a choice, as JSON; b"" where an engine names none."""
    return next((raw for raw in map(bytes, fields) if raw.startswith(b'"')), b"")


def read_seconds(raw: msgspec.Raw) -> int:
    """A time in whole seconds; 0 for what is none."""
    return (_SECONDS.decode(loose.given(raw)) or 0) if raw is not NONE else 0


class _Open:
    """A call that is being written. `begun` without a name waits for it, and `early` with it: arguments that came."""

    __slots__ = ("begun", "early", "named")

    def __init__(self, begun: BlockBegin) -> None:
        self.begun = begun
        self.named = bool(begun.name)
        self.early = ""

    def name(self, name: str) -> list[Event]:
        """The call shows itself, with what was written of it before."""
        self.named = True
        begun = msgspec.structs.replace(self.begun, name=name) if name else self.begun
        return [begun, *([Delta(begun.choice, begun.block, self.early)] if self.early else [])]


class _Run:
    """What is open in one choice."""

    __slots__ = ("block", "kind", "next", "tools")

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self.block = 0
        self.next = 0
        self.tools: dict[int, _Open] = {}


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
        if name == "error" or failed(chunk):
            return [Failed(data)]
        events: list[Event] = [] if self._begun else self._begin(chunk, data)
        choice = None
        for choice in chunk.choices or ():
            if choice.delta is not None:
                self._piece(events, choice.index, choice.delta)
            if choice.logprobs is not NONE:
                self._logprobs(events, choice)
            if choice.finish_reason:
                self._finish(events, choice, choice.finish_reason)
        whose = choice.index if choice else -1
        if chunk.timings is not None:
            events.append(ProgressSeen(chunk.timings, whose))
        if chunk.usage is not NONE and (raw := loose.given(chunk.usage)):
            events.append(usage_event(raw, whose, choice is None or bool(choice.finish_reason)))
        elif choice is not None and choice.usage is not NONE and (raw := loose.given(choice.usage)):
            events.append(usage_event(raw, whose, bool(choice.finish_reason)))
        return events

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON."""
        whole = CHUNK.decode(body)
        if whole is None:
            return None
        if failed(whole):
            return [Failed(body)]
        events = self._begin(whole, body)
        for choice in whole.choices or ():
            if choice.message is not None:
                for place, call in enumerate(choice.message.tool_calls or ()):
                    call.index = place  # whole bodies do not number them
                self._piece(events, choice.index, choice.message)
            self._logprobs(events, choice)
            self._finish(events, choice, choice.finish_reason or "stop")
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
        if piece.annotations:
            events += [Extra(choice, run.block, "annotation", bytes(raw)) for raw in piece.annotations]

    def _switch(self, events: list[Event], choice: int, run: _Run, kind: Kind | None) -> None:
        if run.kind is not None:
            events.append(BlockEnd(choice, run.block))
        run.kind = kind
        if kind is not None:
            run.block, run.next = run.next, run.next + 1
            events.append(BlockBegin(choice, run.block, kind))

    def _call(self, events: list[Event], choice: int, run: _Run, call: _Call) -> None:
        known = run.tools.get(call.index)
        made = call.custom or call.function or _Function()
        name = made.name or ""
        another = known is not None and call.id and call.id != known.begun.call_id and name
        if known is None or another:  # some engines number every call 0, some give every piece an id of its own
            self._switch(events, choice, run, None)
            if known is not None:
                events += self._end_call(known)
            kind: Kind = "custom" if call.custom else "tool"
            known = run.tools[call.index] = _Open(BlockBegin(choice, run.next, kind, "", call.id or "", name))
            run.next += 1
            events += known.name("") if name else ()
        elif name and not known.named:  # some engines name a call late
            events += known.name(name)
        if text := made.arguments or made.input:
            if known.named:
                events.append(Delta(choice, known.begun.block, text))
            else:
                known.early += text

    def _end_call(self, known: _Open) -> list[Event]:
        """The end of a call; one that was never named shows itself without."""
        return [*([] if known.named else known.name("")), BlockEnd(known.begun.choice, known.begun.block)]

    def _logprobs(self, events: list[Event], choice: _Choice) -> None:
        if raw := loose.given(choice.logprobs):
            run = self._runs.get(choice.index)
            events.append(Extra(choice.index, run.block if run else 0, "logprobs", raw))

    def _finish(self, events: list[Event], ended: _Choice, native: str) -> None:
        choice = ended.index
        run = self._runs.get(choice) or _Run()
        self._switch(events, choice, run, None)
        for known in run.tools.values():
            events += self._end_call(known)
        run.tools = {}
        events.append(finish_of(choice, native, read_stop(ended.stop_reason, ended.matched_stop)))
