"""Golden streams told in other dialects, for the tests that judge what is told."""

from __future__ import annotations

from tests.goldens import STREAMS
from tests.wire.test_ends import USAGE

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.events import Event
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.prompt.translate import REACHES
from tokenworks.wire.retell import Reteller
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import Splitter, read_event

CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
SOUND = [golden for golden in STREAMS if not golden.name.endswith("_error.sse")]
PAIRS = [(golden, client) for golden in SOUND for client in CLIENTS if golden.dialect in REACHES[client]]
IDS = [f"{golden.name}-{client}" for golden, client in PAIRS]
ASKED = Asked("the-model")


class Telling:
    """A stream on its way: blocks in, what the client gets out. `told` is all of it so far."""

    def __init__(self, source: Dialect, client: Dialect, asked: Asked = ASKED, usage: bool = True) -> None:
        self.reteller = Reteller(source, client, asked, "req_1", 7)
        self.told = b""
        self._reader = SPOKEN[source].reader()
        self._usage = USAGE[client] if usage else None

    def block(self, block: bytes) -> bytes:
        """One whole event."""
        name, data = read_event(block)
        return self.events(self._reader.read(data, name) or [] if data else [])

    def events(self, events: list[Event]) -> bytes:
        """Events that were read together."""
        said = self.reteller.tell(events, lambda: self._usage)
        self.told += said
        return said


def told(source: Dialect, client: Dialect, data: bytes, asked: Asked = ASKED) -> bytes:
    """A whole stream in another dialect."""
    telling = Telling(source, client, asked)
    for block in Splitter().feed(data):
        telling.block(block)
    return telling.told
