"""Legacy completions: chunks and whole bodies to events and back (OpenAI API reference, "Completions").

Chunks and whole bodies have one shape; each choice is one block of text.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tokenworks.wire import chat, chat_writer, loose
from tokenworks.wire.answer import Answer
from tokenworks.wire.chat import NONE, usage_event
from tokenworks.wire.chat_writer import Object
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
    ProgressSeen,
    Timings,
    UsageSeen,
    finish_of,
)


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    text: str | None = None
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


_CHUNK = loose.Loose(_Chunk)


class Reader:
    """Chunks to events. One reader per stream."""

    def __init__(self) -> None:
        self._begun = False
        self._seen: set[int] = set()

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """The events of one chunk; None if it is not JSON."""
        if len(data) < 8 and data in chat.SHORT:
            return list(chat.SHORT[data])
        chunk = _CHUNK.decode(data)
        if chunk is None:
            return None
        if name == "error" or (chunk.error is not NONE and loose.given(chunk.error)):
            return [Failed(data)]
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(Begin(chunk.id or "", chunk.model or "", chat.read_seconds(chunk.created), data))
        choice = None
        for choice in chunk.choices or ():
            self._choice(events, choice)
        whose = choice.index if choice else -1
        if chunk.timings is not None:
            events.append(ProgressSeen(chunk.timings, whose))
        if chunk.usage is not NONE and (raw := loose.given(chunk.usage)):
            events.append(usage_event(raw, whose, choice is None or bool(choice.finish_reason)))
        return events

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON."""
        events = self.read(body)
        if not events or isinstance(events[0], Failed):
            return events
        whole = [msgspec.structs.replace(event, choice=-1) if isinstance(event, UsageSeen) else event
                 for event in events]
        return [*whole, ENDED]

    def _choice(self, events: list[Event], choice: _Choice) -> None:
        index = choice.index
        if index not in self._seen:
            self._seen.add(index)
            events += (ChoiceBegin(index), BlockBegin(index, 0, "text"))
        if choice.text:
            events.append(Delta(index, 0, choice.text))
        if choice.logprobs is not NONE and (raw := loose.given(choice.logprobs)):
            events.append(Extra(index, 0, "logprobs", raw))
        if choice.finish_reason:
            events += (BlockEnd(index, 0), finish_of(index, choice.finish_reason))


class Writer(chat_writer.Writer):
    """Events to chunks: chat's envelope around `text`."""

    _object = "text_completion"

    def write(self, event: Event) -> bytes:
        """The bytes of an event; b"" for what completions say in other places or not at all."""
        if isinstance(event, ChoiceBegin):
            self._unfinished[event.choice] = True
            return b""
        return b"" if isinstance(event, BlockBegin) else super().write(event)

    def _chunk(self, choice: int, delta: Object, finish: str | None = None, extension: Object | None = None) -> bytes:
        logprobs, self.beside = msgspec.Raw(self.beside or b"null"), b""
        text = delta.get("content", "")
        made: Object = {"index": choice, "text": text, "logprobs": logprobs, "finish_reason": finish}
        return self._event([made], extension=extension)


def write_body(events: Iterable[Event], extension: Object | None = None, usage: Object | None = None) -> bytes:
    """The whole body of a stream's events."""
    answer = Answer(events)
    choices: list[Object] = [
        {
            "index": choice,
            "text": "".join(answer.text(begun) for begun in answer.blocks(choice)),
            "logprobs": answer.logprobs(choice),
            "finish_reason": answer.finish(choice),
        }
        for choice in sorted(answer.choices)
    ]
    return chat_writer.finish_body(answer, "text_completion", choices, extension, usage)
