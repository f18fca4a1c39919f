"""A stream read to its end and given as the one whole body that a client asked for."""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.ends import End, extension_of
from tokenworks.wire.events import Event
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import read_event


class Assembler:
    """Collects the events of a stream; the body is what the upstream would have answered without streaming."""

    def __init__(self, dialect: Dialect) -> None:
        self._spoken = SPOKEN[dialect]
        self._reader = self._spoken.reader()
        self._events: list[Event] = []

    def see(self, block: bytes) -> None:
        """Take one whole event."""
        name, data = read_event(block)
        if data:
            self.follow(self._reader.read(data, name) or ())

    def follow(self, events: Iterable[Event]) -> None:
        """Take events that were read already."""
        self._events += events

    def body(self, why: End | None = None, usage: dict[str, object] | None = None) -> bytes:
        """The whole body. `why`: the answer was cut there. `usage`: shown in place of what the upstream said."""
        return self._spoken.body(self._events, extension_of(why) if why else None, usage)
