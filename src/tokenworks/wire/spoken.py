"""Which reader and writer speak a dialect: one row per dialect, so that a new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from tokenworks.wire import (
    chat,
    chat_writer,
    completions,
    embeddings,
    messages,
    messages_writer,
    responses,
    responses_writer,
)
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import Event
from tokenworks.wire.voice import Voice

Object = dict[str, object]


class Reader(Protocol):
    """Wire events or a whole body to the vocabulary; None for what is not JSON."""

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """The events of one wire event's data."""

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body."""


class Writer(Protocol):
    """The vocabulary to wire events, from the start or from where somebody else stopped."""

    needs_text: bool  # whether `note` must see deltas
    beside: bytes  # log probabilities that the next piece says with it
    capped: Object | None  # the extension of an answer that ends by its length

    def note(self, event: Event) -> None:
        """Follow an event that has been written by somebody else."""

    def write(self, event: Event) -> bytes:
        """The bytes of an event."""

    def voice(self, choice: int, block: int) -> Voice:
        """How the next pieces of an open block are said."""

    def close(self, extension: Object | None, usage: Object | None) -> bytes:
        """What ends the stream cleanly."""

    def fail(self, error: Object) -> bytes:
        """What ends the stream with an error."""


class Spoken(msgspec.Struct, frozen=True):
    """How a dialect is spoken. Embeddings are whole bodies only and are relayed, never written."""

    reader: Callable[[], Reader]
    writer: Callable[[str], Writer]
    body: Callable[[Iterable[Event], Object | None, Object | None], bytes]


SPOKEN: dict[Dialect, Spoken] = {
    "chat": Spoken(chat.Reader, chat_writer.Writer, chat_writer.write_body),
    "completions": Spoken(completions.Reader, completions.Writer, completions.write_body),
    "responses": Spoken(responses.Reader, responses_writer.Writer, responses_writer.write_body),
    "messages": Spoken(messages.Reader, messages_writer.Writer, messages_writer.write_body),
    "embeddings": Spoken(embeddings.Reader, chat_writer.Writer, chat_writer.write_body),
}
