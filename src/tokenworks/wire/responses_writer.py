"""The vocabulary to responses: events of a stream, its ends, and whole bodies.

Clients run a call when its item is done, so a half-written one is never done and never listed; text and reasoning are
closed with what was written so far.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.events import (
    ENDED,
    Begin,
    BlockBegin,
    BlockEnd,
    Delta,
    Event,
    Finish,
    Kind,
    Part,
    PartEnd,
    UsageSeen,
)
from tokenworks.wire.sse import write_event

Object = dict[str, object]

CLOSED_WHEN_CUT = ("text", "refusal", "reasoning")
# Codes that clients of response.failed act upon; any other is a server's error to them.
_CODES = frozenset({"context_length_exceeded", "insufficient_quota", "rate_limit_exceeded", "invalid_prompt"})
_DELTAS: dict[str, str] = {
    "text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning": "response.reasoning_text",
    "summary": "response.reasoning_summary_text",
    "tool": "response.function_call_arguments",
    "custom": "response.custom_tool_call_input",
    "other": "response.mcp_call_arguments",
}


class _Section:
    """A part of an item, or the arguments of a call: one run of text."""

    __slots__ = ("done", "index", "kind", "texts")

    def __init__(self, index: int, kind: Kind) -> None:
        self.index = index
        self.kind = kind
        self.texts: list[str] = []
        self.done = b""

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def object(self) -> object:
        """The finished part."""
        if self.done:
            return msgspec.Raw(self.done)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": self.text}
        if self.kind in ("reasoning", "summary"):
            return {"type": "reasoning_text" if self.kind == "reasoning" else "summary_text", "text": self.text}
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}


ID_PREFIXES = {"text": "msg", "refusal": "msg", "reasoning": "rs", "tool": "fc", "custom": "ctc"}


class _Item:
    """An output item so far."""

    __slots__ = ("begun", "done", "sections")

    def __init__(self, begun: BlockBegin) -> None:
        self.begun = begun
        self.sections: list[_Section] = []
        self.done = b""

    @property
    def id(self) -> str:
        return self.begun.id or f"{ID_PREFIXES.get(self.begun.kind, 'item')}_{self.begun.block}"

    def last(self) -> _Section:
        if not self.sections:
            self.sections.append(_Section(0, self.begun.kind))
        return self.sections[-1]

    def object(self, status: str) -> Object:
        """The item as it stands."""
        opened: Object = msgspec.json.decode(self.begun.raw) if self.begun.raw else {}
        made = {**opened, "id": self.id, "status": status}
        text = self.sections[-1].text if self.sections else ""
        if self.begun.kind in ("text", "refusal"):
            return {"type": "message", "role": "assistant", **made, "content": [s.object() for s in self.sections]}
        if self.begun.kind == "reasoning":
            made["summary"] = [section.object() for section in self.sections if section.kind == "summary"]
            made["content"] = [section.object() for section in self.sections if section.kind == "reasoning"]
            return {"type": "reasoning", **made}
        called: Object = {"call_id": self.begun.call_id, "name": self.begun.name}
        if self.begun.kind == "custom":
            return {"type": "custom_tool_call", **called, **made, "input": text}
        return {"type": "function_call", **called, **made, "arguments": text}


class Writer:
    """The vocabulary to events. `sequence` is the number of the next event; set it when following another's stream."""

    needs_text = True

    def __init__(self, model: str = "") -> None:
        self.sequence = 0
        self._begun = Begin("resp_tokenworks", model)
        self._started = False
        self._items: dict[int, _Item] = {}
        self._usage = b""
        self._finish: Finish | None = None
        self._ended = False

    def note(self, event: Event) -> None:
        """Follow an event that has been written by somebody else."""
        if isinstance(event, Delta):
            if item := self._items.get(event.block):
                item.last().texts.append(event.text)
        elif isinstance(event, Begin):
            self._begun, self._started = event, True
        elif isinstance(event, BlockBegin):
            self._items[event.block] = _Item(event)
        elif isinstance(event, Part):
            if item := self._items.get(event.block):
                item.sections.append(_Section(event.index, event.kind))
        elif isinstance(event, PartEnd):
            if item := self._items.get(event.block):
                item.last().done = event.raw
        elif isinstance(event, BlockEnd):
            if item := self._items.get(event.block):
                item.done = event.raw or msgspec.json.encode(item.object("completed"))
        elif isinstance(event, UsageSeen):
            self._usage = event.raw
        elif isinstance(event, Finish):
            self._finish = event
        elif event is ENDED:
            self._ended = True

    def write(self, event: Event) -> bytes:
        """The bytes of an event. Blocks that come without parts (from another dialect) get the one that they need."""
        self.note(event)
        if isinstance(event, Begin):
            opening = self._response("in_progress")
            return self._event("created", response=opening) + self._event("in_progress", response=opening)
        if isinstance(event, BlockBegin):
            return self._open(self._items[event.block])
        if isinstance(event, Part):
            return self._open_section(self._items[event.block])
        if isinstance(event, Delta):
            item = self._items[event.block]
            return self._said(item, item.last(), "delta", event.text)
        if isinstance(event, PartEnd):
            return self._close_section(self._items[event.block], self._items[event.block].last())
        if isinstance(event, BlockEnd):
            return self._close_item(self._items[event.block], not event.raw)
        if event is ENDED:
            cut = self._finish is not None and self._finish.reason in ("length", "filter")
            reason = "max_output_tokens" if self._finish and self._finish.reason == "length" else "content_filter"
            return self._event("incomplete", response=self._cut(reason)) if cut else self._complete()
        return b""

    def close(self, extension: Object | None, usage: Object | None) -> bytes:
        """What ends the stream cleanly: open text closed, a half-written call left open, `response.incomplete`."""
        if self._ended:
            return b""
        self._ended = True
        pieces = [] if self._started else [self.write(Begin(self._begun.id, self._begun.model))]
        for item in self._items.values():
            if not item.done and item.begun.kind in CLOSED_WHEN_CUT:
                item.done = msgspec.json.encode(item.object("incomplete"))
                pieces.append(self._close_item(item, True))
        return b"".join([*pieces, self._event("incomplete", response=self._cut("max_output_tokens", extension, usage))])

    def fail(self, error: Object) -> bytes:
        """`response.failed`; nothing follows it."""
        said = error["error"]
        code = said.get("code") if isinstance(said, dict) else None
        message = said.get("message") if isinstance(said, dict) else ""
        failed = {"code": code if code in _CODES else "server_error", "message": message}
        return self._event("failed", response=self._response("failed") | {"error": failed})

    def body(self, extension: Object | None, usage: Object | None) -> bytes:
        """The whole body: the upstream's own if it came to its end, else what was written so far."""
        if self._finish is None or not self._finish.raw:
            for item in self._items.values():
                if not item.done and item.begun.kind in CLOSED_WHEN_CUT:
                    item.done = msgspec.json.encode(item.object("incomplete"))
            return msgspec.json.encode(self._cut("max_output_tokens", extension, usage))
        if extension is None and usage is None:
            return self._finish.raw
        whole: Object = dict(loose.read_pairs(self._finish.raw) or {})
        whole |= {"usage": usage} if usage is not None else {}
        return msgspec.json.encode(whole | ({"tokenworks": extension} if extension is not None else {}))

    def _response(self, status: str) -> Object:
        begun = self._begun
        opened = loose.read_pairs(begun.raw) or {}
        made: Object = {"id": begun.id, "object": "response", "created_at": begun.created_s, "model": begun.model}
        made |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None}
        made |= {key: raw for key, raw in opened.items() if loose.given(raw)}
        output = [msgspec.Raw(item.done) for item in self._items.values() if item.done]
        return made | {"status": status, "output": output}

    def _cut(self, reason: str, extension: Object | None = None, usage: Object | None = None) -> Object:
        made = self._response("incomplete") | {"incomplete_details": {"reason": reason}}
        made |= {"tokenworks": extension} if extension is not None else {}
        said: object = usage if usage is not None else msgspec.Raw(self._usage or b"null")
        return made | {"usage": said}

    def _complete(self) -> bytes:
        usage = msgspec.Raw(self._usage or b"null")
        return self._event("completed", response=self._response("completed") | {"usage": usage})

    def _open(self, item: _Item) -> bytes:
        said: object = msgspec.Raw(item.begun.raw) if item.begun.raw else item.object("in_progress")
        pieces = [self._event("output_item.added", output_index=item.begun.block, item=said)]
        if not item.begun.raw and item.begun.kind in CLOSED_WHEN_CUT:
            item.sections.append(_Section(0, "summary" if item.begun.kind == "reasoning" else item.begun.kind))
            pieces.append(self._open_section(item))
        return b"".join(pieces)

    def _open_section(self, item: _Item) -> bytes:
        return self._placed(item, item.last(), "added")

    def _close_section(self, item: _Item, section: _Section) -> bytes:
        field = "refusal" if section.kind == "refusal" else "text"
        return self._said(item, section, "done", section.text, field) + self._placed(item, section, "done")

    def _close_item(self, item: _Item, foreign: bool) -> bytes:
        pieces = []
        if foreign and item.begun.kind in CLOSED_WHEN_CUT:
            pieces += [self._close_section(item, section) for section in item.sections if not section.done]
        elif item.begun.kind in ("tool", "custom"):
            field = "arguments" if item.begun.kind == "tool" else "input"
            pieces.append(self._said(item, item.last(), "done", item.last().text, field))
        item_done = msgspec.Raw(item.done)
        return b"".join([*pieces, self._event("output_item.done", output_index=item.begun.block, item=item_done)])

    def _placed(self, item: _Item, section: _Section, what: str) -> bytes:
        """content_part or reasoning_summary_part, added or done."""
        summary = section.kind == "summary"
        where: Object = {"summary_index" if summary else "content_index": section.index}
        name = "reasoning_summary_part" if summary else "content_part"
        part = section.object()
        return self._event(f"{name}.{what}", item_id=item.id, output_index=item.begun.block, part=part, **where)

    def _said(self, item: _Item, section: _Section, what: str, text: str, field: str = "delta") -> bytes:
        kind = section.kind
        said: Object = {"item_id": item.id, "output_index": item.begun.block, field: text}
        if kind == "summary":
            said["summary_index"] = section.index
        elif kind in ("text", "refusal", "reasoning"):
            said["content_index"] = section.index
        if kind == "text":
            said["logprobs"] = []
        if kind == "tool" and what == "done":
            said["name"] = item.begun.name
        return self._event(f"{_DELTAS[kind].removeprefix('response.')}.{what}", **said)

    def _event(self, kind: str, **said: object) -> bytes:
        kind = f"response.{kind}"
        made = {"type": kind, "sequence_number": self.sequence, **said}
        self.sequence += 1
        return write_event(msgspec.json.encode(made), kind)


def write_body(events: Iterable[Event], extension: Object | None = None, usage: Object | None = None) -> bytes:
    """The whole body of a stream's events."""
    writer = Writer()
    for event in events:
        writer.note(event)
    return writer.body(extension, usage)
