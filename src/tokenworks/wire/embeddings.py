"""Embeddings: whole bodies only, of which nothing is read but usage (OpenAI API reference, "Embeddings")."""

from __future__ import annotations

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.events import ENDED, Begin, Event, Failed, ProgressSeen, Timings, UsageSeen

NONE = msgspec.Raw(b"")


class _Body(msgspec.Struct, gc=False):
    model: str | None = None
    usage: msgspec.Raw = NONE
    timings: Timings | None = None
    error: msgspec.Raw = NONE


_BODY = loose.Loose(_Body)


class Reader:
    """A whole body to events."""

    def read(self, data: bytes, name: str = "") -> list[Event] | None:
        """There are no streams of embeddings."""
        return None

    def read_body(self, body: bytes) -> list[Event] | None:
        """The events of a whole body; None if it is not JSON. The vectors are skipped, not built."""
        whole = _BODY.decode(body)
        if whole is None:
            return None
        if loose.given(whole.error):
            return [Failed(body)]
        events: list[Event] = [Begin("", whole.model or "")]
        if whole.timings is not None:
            events.append(ProgressSeen(whole.timings))
        if raw := loose.given(whole.usage):
            events.append(UsageSeen(raw, 0))
        return [*events, ENDED]
