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
    Extra,
    Finish,
    Kind,
    Part,
    PartEnd,
    UsageSeen,
)
from tokenworks.wire.sse import write_event
from tokenworks.wire.voice import MARK, Voice, encode

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

    __slots__ = ("annotations", "done", "index", "kind", "logprobs", "texts")

    def __init__(self, index: int, kind: Kind) -> None:
        self.index = index
        self.kind = kind
        self.texts: list[str] = []
        self.logprobs: list[msgspec.Raw] = []
        self.annotations: list[msgspec.Raw] = []
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
        return {"type": "output_text", "text": self.text, "annotations": self.annotations, "logprobs": self.logprobs}


_CUTS = {"length": "max_output_tokens", "filter": "content_filter"}
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
            foreign = self.begun.kind == "reasoning" and not self.begun.raw
            self.sections.append(_Section(0, "summary" if foreign else self.begun.kind))
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
            content = [section.object() for section in self.sections if section.kind == "reasoning"]
            return {"type": "reasoning", **made, **({"content": content} if content else {})}
        called: Object = {"call_id": self.begun.call_id, "name": self.begun.name}
        called |= {"namespace": self.begun.group} if self.begun.group else {}
        if self.begun.kind == "custom":
            return {"type": "custom_tool_call", **called, **made, "input": text}
        return {"type": "function_call", **called, **made, "arguments": text}


class _Numbered:
    """Pieces of one section: each has the next number, and its text is kept for the section's end."""

    __slots__ = ("_head", "_middle", "_section", "_tail", "_writer")

    def __init__(self, writer: Writer, section: _Section, said: bytes) -> None:
        self._writer, self._section = writer, section
        before, _, self._tail = said.partition(encode(MARK))
        head, key, rest = before.partition(b'"sequence_number":')
        self._head, self._middle = head + key, rest[rest.index(b",") :]

    def say(self, text: str) -> bytes:
        """The event of a piece."""
        writer = self._writer
        number = writer.sequence
        writer.sequence = number + 1
        self._section.texts.append(text)
        return b"%b%d%b%b%b" % (self._head, number, self._middle, encode(text), self._tail)


class Writer:
    """The vocabulary to events. `sequence` is the number of the next event; set it when following another's stream.

    `beside`: log probabilities, a JSON list, that the next piece says. `capped`: the extension that says why the output
    was capped; it stands in the last event of an answer that ended by its length.
    """

    needs_text = True

    def __init__(self, model: str = "") -> None:
        self.sequence = 0
        self.beside = b""
        self.capped: Object | None = None
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
        if isinstance(event, Extra):
            return self.add(event)
        if isinstance(event, PartEnd):
            return self._close_section(self._items[event.block], self._items[event.block].last())
        if isinstance(event, BlockEnd):
            return self._close_item(self._items[event.block], not event.raw)
        if event is ENDED:
            made = self._closed(self.capped, None)
            return self._event(str(made["status"]), response=made)
        return b""

    def voice(self, choice: int, block: int) -> Voice:
        """How the next pieces of an open item are said."""
        item, number = self._items[block], self.sequence
        said = self._said(item, item.last(), "delta", MARK)
        self.sequence = number
        return _Numbered(self, item.last(), said)

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
        """The whole body: the upstream's own if it said one, else what was written so far."""
        if self._finish is None or not self._finish.raw:
            if self._finish is not None:
                return msgspec.json.encode(self._closed(extension, usage))
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
        made |= {"incomplete_details": None, "usage": None}
        made |= {key: raw for key, raw in opened.items() if key not in made or loose.given(raw)}
        output = [msgspec.Raw(item.done) for item in self._items.values() if item.done]
        return made | {"status": status, "output": output}

    def _cut(self, reason: str, extension: Object | None = None, usage: Object | None = None) -> Object:
        made = self._response("incomplete") | {"incomplete_details": {"reason": reason}}
        made |= {"tokenworks": extension} if extension is not None else {}
        said: object = usage if usage is not None else msgspec.Raw(self._usage or b"null")
        return made | {"usage": said}

    def _closed(self, extension: Object | None, usage: Object | None) -> Object:
        """The response at its own end; `extension` is said only of an answer that ended by its length."""
        reason = _CUTS.get(self._finish.reason) if self._finish else None
        if reason is not None:
            return self._cut(reason, extension if reason == "max_output_tokens" else None, usage)
        said: object = usage if usage is not None else msgspec.Raw(self._usage or b"null")
        return self._response("completed") | {"usage": said}

    def _open(self, item: _Item) -> bytes:
        said: object = msgspec.Raw(item.begun.raw) if item.begun.raw else item.object("in_progress")
        pieces = [self._event("output_item.added", output_index=item.begun.block, item=said)]
        if not item.begun.raw and item.begun.kind in CLOSED_WHEN_CUT:
            item.last()
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

    def foreign(self, block: int) -> bool:
        """Whether an item is told from another dialect: what stands beside its text is in no object of its own."""
        item = self._items.get(block)
        return item is not None and not item.begun.raw

    def add(self, extra: Extra) -> bytes:
        """What comes without a piece of text: annotations have an event, log probabilities wait for the part's end."""
        item = self._items[extra.block]
        section = item.last()
        if extra.key == "logprobs" and section.kind == "text" and extra.raw.startswith(b"["):
            section.logprobs += msgspec.json.decode(extra.raw, type=list[msgspec.Raw])
        elif extra.key == "annotation" and section.kind == "text":
            section.annotations.append(msgspec.Raw(extra.raw))
            where: Object = {"item_id": item.id, "output_index": item.begun.block, "content_index": section.index}
            where |= {"annotation_index": len(section.annotations) - 1, "annotation": section.annotations[-1]}
            return self._event("output_text.annotation.added", **where)
        return b""

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
            said["logprobs"] = self._logprobs(section, what)
        if kind == "tool" and what == "done":
            said["name"] = item.begun.name
        return self._event(f"{_DELTAS[kind].removeprefix('response.')}.{what}", **said)

    def _logprobs(self, section: _Section, what: str) -> list[msgspec.Raw]:
        """Those of this piece, or at the end those of all pieces."""
        if what == "delta" and self.beside:
            said, self.beside = msgspec.json.decode(self.beside, type=list[msgspec.Raw]), b""
            section.logprobs += said
            return said
        return section.logprobs if what == "done" else []

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
        if isinstance(event, Extra) and writer.foreign(event.block):
            writer.add(event)
    return writer.body(extension, usage)
