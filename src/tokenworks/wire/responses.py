"""Responses to the vocabulary (OpenAI API reference, "Responses"): events of a stream, and whole bodies.

A block is an output item; its parts are the item's content and summary parts. Engines differ in what they leave out:
llama.cpp sends no output_index and no id on calls, so items are found by index, by id, or as the last one begun.
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
    Part,
    PartEnd,
    ProgressSeen,
    Timings,
    UsageSeen,
    finish_of,
)

NONE = msgspec.Raw(b"")


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: str | None = None
    output_index: int | None = None
    item_id: str | None = None
    sequence_number: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item: msgspec.Raw = NONE
    part: msgspec.Raw = NONE
    annotation: msgspec.Raw = NONE
    response: msgspec.Raw = NONE
    logprobs: msgspec.Raw = NONE
    timings: Timings | None = None
    error: msgspec.Raw = NONE


class _Identified(msgspec.Struct, gc=False):
    id: str = ""


class _Details(msgspec.Struct, gc=False):
    reason: str = ""


class _Response(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    created_at: msgspec.Raw = NONE
    status: str | None = None
    conversation: msgspec.Raw = NONE
    incomplete_details: msgspec.Raw = NONE
    output: msgspec.Raw = NONE
    usage: msgspec.Raw = NONE
    error: msgspec.Raw = NONE
    timings: Timings | None = None


class _Content(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    logprobs: msgspec.Raw = NONE
    annotations: list[msgspec.Raw] | None = None


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    container_id: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Content] | None = None
    summary: list[_Content] | None = None


class _Output(msgspec.Struct, gc=False):
    output_tokens: int = 0


_EVENT = loose.Loose(_Event)
_RESPONSE = loose.Loose(_Response)
_ITEM = loose.Loose(_Item)
_ITEMS = loose.Loose(list[msgspec.Raw])
_CONTENT = loose.Loose(_Content)
_ID = loose.Loose(_Identified)
_DETAILS = loose.Loose(_Details)
_OUTPUT = loose.Loose(_Output)
_SECONDS = loose.Loose(float)
KINDS: dict[str, Kind] = {
    "message": "text",
    "reasoning": "reasoning",
    "function_call": "tool",
    "custom_tool_call": "custom",
}
PART_KINDS: dict[str, Kind] = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "summary",
}
# Text that some servers tell without an item around it.
_BARE: dict[str, Kind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
}
# Events whose `delta` is output of the model; other deltas (audio, outputs of tools that the upstream runs) are not.
_OUTPUTS = frozenset({
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.mcp_call_arguments.delta",
    "response.code_interpreter_call_code.delta",
})
_OPENINGS = frozenset({"response.created", "response.in_progress", "response.queued"})
_CLOSINGS = frozenset({"response.completed", "response.incomplete"})
_PARTS = {
    "response.content_part.added": True,
    "response.reasoning_summary_part.added": True,
    "response.content_part.done": False,
    "response.reasoning_summary_part.done": False,
}


class Reader:
    """Events of a response stream to the vocabulary. `sequence` is the number of the last event seen, -1 before."""

    def __init__(self) -> None:
        self.sequence = -1
        self._begun = False
        self._items: dict[int | str, int] = {}  # output index or id: block
        self._next = 0
        self._called = False
        self._items_told = False
        self._bare: Kind | None = None  # what is told without an item
        self._said: set[int] = set()  # blocks whose text has been told

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """The events of one wire event; None if it is not JSON."""
        if data == b"[DONE]":
            return []  # some engines add it after the last event
        event = _EVENT.decode(data)
        if event is None:
            return None
        self.sequence = self.sequence + 1 if event.sequence_number is None else event.sequence_number
        kind = event.type or name
        if kind in _OUTPUTS:
            if not event.delta:
                return []
            pieces: list[Event] = [] if self._items_told else self._begin_bare(kind, event)
            block = self._find(event)
            self._said.add(block)
            pieces.append(Delta(0, block, event.delta))
            if event.logprobs is not NONE and (raw := loose.given(event.logprobs)) not in (b"", b"[]"):
                pieces.append(Extra(0, block, "logprobs", raw))
            if event.timings is not None:
                pieces.append(ProgressSeen(event.timings))
            return pieces
        return self._structure(kind, event, data)

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON."""
        response = _RESPONSE.decode(body)
        if response is None:
            return None
        if loose.given(response.error):
            return [Failed(body)]
        events = self._begin(body)
        for raw in _ITEMS.decode(loose.given(response.output) or b"[]") or ():
            self._whole_item(events, bytes(raw))
        return events + self._close(body)

    def _structure(self, kind: str, event: _Event, data: bytes) -> list[Event]:
        events: list[Event] = []
        if kind in _OPENINGS:
            events += [] if self._begun else self._begin(bytes(event.response))
        elif kind in _PARTS:
            self._part(events, event, _PARTS[kind])
        elif kind == "response.output_item.added":
            self._items_told = True
            self._item(events, event, bytes(event.item))
        elif kind == "response.output_item.done":
            self._done(events, event, bytes(event.item))
        elif kind == "response.output_text.annotation.added":
            events.append(Extra(0, self._find(event), "annotation", bytes(event.annotation)))
        elif kind in _CLOSINGS:
            events += [] if self._begun else self._begin(bytes(event.response))
            if not self._items_told:
                self._left(events, bytes(event.response))
            events += self._close(bytes(event.response))
        elif kind in ("response.failed", "response.cancelled", "error") or (not kind and loose.given(event.error)):
            return [Failed(data)]
        if event.timings is not None:
            events.append(ProgressSeen(event.timings))
        return events

    def _begin(self, raw: bytes) -> list[Event]:
        self._begun = True
        response = _RESPONSE.decode(raw) or _Response()
        created = _SECONDS.decode(loose.given(response.created_at)) or 0
        events: list[Event] = [Begin(response.id or "", response.model or "", int(created), raw), ChoiceBegin(0)]
        events += [Issued(response.id)] if response.id else []
        conversation = loose.given(response.conversation)
        named = _ID.decode(conversation) if conversation else None
        return events + ([Issued(named.id)] if named and named.id else [])

    def _item(self, events: list[Event], event: _Event, raw: bytes) -> _Item:
        item = _ITEM.decode(raw) or _Item()
        block, self._next = self._next, self._next + 1
        for key in (event.output_index, item.id, item.call_id):
            if key is not None:
                self._items[key] = block
        kind = KINDS.get(item.type, "other")
        self._called |= kind in ("tool", "custom")
        events.append(BlockBegin(0, block, kind, item.id or "", item.call_id or "", item.name or "", raw))
        events += self._issued_item(item)
        return item

    def _issued_item(self, item: _Item) -> list[Event]:
        return [Issued(item.container_id)] if item.container_id else []

    def _part(self, events: list[Event], event: _Event, begins: bool) -> None:
        index = event.content_index if event.content_index is not None else event.summary_index or 0
        raw = bytes(event.part)
        if begins:
            part = _CONTENT.decode(raw) or _Content()
            events.append(Part(0, self._find(event), index, PART_KINDS.get(part.type, "other"), raw))
            if part.text:
                events.append(Delta(0, self._find(event), part.text))
        else:
            events.append(PartEnd(0, self._find(event), index, raw))

    def _find(self, event: _Event) -> int:
        """The block that an event belongs to."""
        block = self._items.get(event.output_index) if event.output_index is not None else None
        if block is None and event.item_id is not None:
            block = self._items.get(event.item_id)
        return max(0, self._next - 1) if block is None else block

    def _find_item(self, event: _Event) -> int:
        if event.output_index is None:
            item = _ITEM.decode(bytes(event.item)) or _Item()
            event.item_id = item.id or item.call_id
        return self._find(event)

    def _begin_bare(self, kind: str, event: _Event) -> list[Event]:
        """A block for text that comes without an item."""
        bare = _BARE.get(kind)
        if bare is None or bare == self._bare:
            return []
        ended: list[Event] = [BlockEnd(0, self._next - 1)] if self._bare else []
        self._bare, block, self._next = bare, self._next, self._next + 1
        return [*ended, BlockBegin(0, block, bare, event.item_id or "")]

    def _done(self, events: list[Event], event: _Event, raw: bytes) -> None:
        """An item is complete; what was not told in pieces is told now."""
        block, item = self._find_item(event), _ITEM.decode(raw) or _Item()
        if block not in self._said and self._items_told:
            self._texts(events, block, item)
        events.append(BlockEnd(0, block, raw))
        events += self._issued_item(item)

    def _left(self, events: list[Event], raw: bytes) -> None:
        """The items of a stream that told none, out of its last event."""
        if self._bare:
            events.append(BlockEnd(0, self._next - 1))
        response = _RESPONSE.decode(raw) or _Response()
        for said in _ITEMS.decode(loose.given(response.output) or b"[]") or ():
            item = _ITEM.decode(bytes(said)) or _Item()
            if not self._bare or KINDS.get(item.type) in ("tool", "custom"):
                self._whole_item(events, bytes(said))

    def _whole_item(self, events: list[Event], raw: bytes) -> None:
        block = self._next
        item = self._item(events, _Event(), raw)
        self._texts(events, block, item)
        events.append(BlockEnd(0, block, raw))

    def _texts(self, events: list[Event], block: int, item: _Item) -> None:
        """All that an item says."""
        for index, part in enumerate([*(item.summary or ()), *(item.content or ())]):
            events.append(Part(0, block, index, PART_KINDS.get(part.type, "other")))
            if text := part.text or part.refusal:
                events.append(Delta(0, block, text))
            if (said := loose.given(part.logprobs)) not in (b"", b"[]"):
                events.append(Extra(0, block, "logprobs", said))
            events += [Extra(0, block, "annotation", bytes(note)) for note in part.annotations or ()]
        if text := item.arguments or item.input:
            events.append(Delta(0, block, text))

    def _close(self, raw: bytes) -> list[Event]:
        response = _RESPONSE.decode(raw) or _Response()
        details = _DETAILS.decode(loose.given(response.incomplete_details) or b"{}") or _Details()
        native = details.reason or ("incomplete" if response.status == "incomplete" else "completed")
        events: list[Event] = [finish_of(0, "tool_calls" if self._called and native == "completed" else native, raw)]
        if response.timings is not None:
            events.append(ProgressSeen(response.timings))
        if said := loose.given(response.usage):
            output = _OUTPUT.decode(said)
            events.append(UsageSeen(said, output.output_tokens if output else 0))
        return [*events, ENDED]
