"""An answer of one dialect told in another: streamed piece by piece, or whole.

What the upstream says is recast for the client (recast.py), put in the client's order (inorder.py) and written by the
client's own writer. Nearly all of a stream are pieces of one open block: these are said by its voice, in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import ENDED, Begin, Delta, Event, Extra, UsageSeen
from tokenworks.wire.extras import carry_extra
from tokenworks.wire.inorder import OneByOne
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.recast import FIGURES, Recast
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.voice import Voice

Object = dict[str, object]
Shown = Callable[[], Object | None]


class Reteller:
    """One answer. `source` speaks the upstream, `client` is told.

    `known`: the client's usage object at the beginning, asked when the answer begins; messages say it there already.
    """

    def __init__(
        self, source: Dialect, client: Dialect, asked: Asked, request_id: str, created_s: int = 0
    ) -> None:
        self.source: Dialect = source
        self.client: Dialect = client
        self.known: Shown | None = None
        self._writer = SPOKEN[client].writer(asked.model)
        self._recast = Recast(client, asked, request_id.removeprefix("req_"), created_s)
        self._order = OneByOne() if client == "messages" else None
        self._voices: dict[tuple[int, int], Voice] = {}
        self._ended = False

    def tell(self, events: Sequence[Event], shown: Shown) -> bytes:
        """What the client gets of these events; `shown` is asked for the usage object when the answer ends."""
        if len(events) > 1 and Extra in map(type, events):
            return self._tell_logged(events, shown)
        told = []
        for event in events:
            kind = type(event)
            if kind is Delta:
                voice = self._voices.get((event.choice, event.block))  # type: ignore[union-attr]
                told.append(voice.say(event.text) if voice else self._say(event))  # type: ignore[union-attr,arg-type]
            elif kind not in FIGURES:
                told.append(self._structure(event, shown))
        return b"".join(told)

    def voice(self, choice: int, block: int) -> Voice | None:
        """How the next pieces of an upstream's block are said, while nothing else comes."""
        return self._voices.get((choice, block))

    def mark(self, extension: Object) -> None:
        """The end says so if the answer ends by its length."""
        self._writer.capped = extension

    def close(self, extension: Object | None, usage: Object | None) -> bytes:
        """What ends the stream cleanly. If only its last event is missing, that is told, and no excuse."""
        if self._ended:
            return b""
        if self._recast.finished:
            return self._end(usage)
        self._ended = True
        events: list[Event] = [] if self._recast.begun else [self._recast.opening()]
        told = self._write([*events, *self._recast.rest()])
        if self._order is not None:
            told += b"".join(map(self._writer.write, self._order.rest()))
        return told + self._writer.close(extension, usage)

    def fail(self, error: Object) -> bytes:
        """The dialect's error in mid-stream; nothing follows it."""
        self._ended = True
        if not self._recast.begun:
            self._writer.note(self._recast.opening())
        return self._writer.fail(error)

    def body(self, events: Iterable[Event], usage: Object | None, extension: Object | None = None) -> bytes:
        """A whole answer."""
        told = [said for event in events for said in self._recast.take(event)]
        return SPOKEN[self.client].body(told, extension, usage)

    def _tell_logged(self, events: Sequence[Event], shown: Shown) -> bytes:
        """Pieces with their log probabilities, which chunks say together."""
        logged = [event for event in events if isinstance(event, Extra) and event.key == "logprobs"]
        for extra in logged:
            self._writer.beside = carry_extra(extra, self.client, 0)
        told = [self._structure(event, shown) for event in events if event not in logged]
        if self._writer.beside:  # no piece has come with them
            self._writer.beside = b""
            told += [self._write(self._recast.take(extra)) for extra in logged]
        return b"".join(told)

    def _structure(self, event: Event, shown: Shown) -> bytes:
        if event is ENDED:
            return self._end(shown())
        if isinstance(event, Begin) and self.client == "messages" and self.known is not None:
            usage = self.known()
            if usage is not None:
                self._writer.note(_usage_event(usage))
        self._voices.clear()
        return self._write(self._recast.take(event))

    def _say(self, event: Delta) -> bytes:
        """A piece that has no voice yet; the next ones have, if this one was told as it came."""
        told = self._write(self._recast.take(event))
        choice, block = event.choice, event.block
        target = self._recast.block(choice, block)
        if self._order is not None and target is not None:
            target = self._order.number(target)
        if target is not None:
            self._voices[choice, block] = self._writer.voice(choice, target)
        return told

    def _end(self, usage: Object | None) -> bytes:
        """The end of the answer with its usage, which some dialects say before it and some with it."""
        self._ended = True
        *events, last = self._recast.take(ENDED)
        told = self._write(events)
        if usage is not None:
            told += self._writer.write(_usage_event(usage))
        return told + self._writer.write(last)

    def _write(self, events: Iterable[Event]) -> bytes:
        write, order = self._writer.write, self._order
        if order is None:
            return b"".join(map(write, events))
        return b"".join(write(said) for event in events for said in order.take(event))


def _usage_event(usage: Object) -> UsageSeen:
    return UsageSeen(msgspec.json.encode(usage), 0)
