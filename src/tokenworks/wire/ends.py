"""Ends that we make: a stream is closed in its dialect's order, says why, and never makes a half call look whole."""

from __future__ import annotations

from enum import Enum

from tokenworks.wire.dialects import FAMILY, Dialect
from tokenworks.wire.refusals import Refusal, error_object
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.sse import read_event


class End(Enum):
    """Why an answer ended before its model ended it; the value is the `reason` of the `tokenworks` extension."""

    CREDIT = "credit_exhausted"
    CAP = "output_capped"
    DRAINING = "gateway_draining"
    UPSTREAM = "upstream_ended"
    LIMIT = "stream_limit"


END_MESSAGES: dict[End, str] = {
    End.CREDIT: "The answer was cut because the balance of this account is used up. Top it up and ask again.",
    End.CAP: "The answer was capped at what the balance of this account could fund. Top it up and ask again.",
    End.DRAINING: "The answer was cut because this gateway is shutting down. Ask again.",
    End.UPSTREAM: "The model's server ended the answer early. What was written so far is all there is.",
    End.LIMIT: "The answer was cut at a limit of this gateway. Ask for less at once.",
}
_COMMENT = b": ping\n\n"
_PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def ping(dialect: Dialect) -> bytes:
    """What keeps a silent stream alive: an SSE comment, or Anthropic's own `ping` event."""
    return _PING if dialect == "messages" else _COMMENT


def extension_of(why: End) -> dict[str, object]:
    """The `tokenworks` object that says why an answer ended."""
    return {"reason": why.value, "message": END_MESSAGES[why]}


class Ender:
    """Follows a stream cheaply and can end it at any event.

    `note` takes an event that was read already and that the client has got; deltas may be left out unless `needs_text`.
    """

    def __init__(self, dialect: Dialect, model: str = "") -> None:
        self._family = FAMILY[dialect]
        self._reader = SPOKEN[dialect].reader()
        self._writer = SPOKEN[dialect].writer(model)
        self.needs_text = self._writer.needs_text
        self.note = self._writer.note

    def see(self, block: bytes) -> None:
        """Follow one whole event that the client has got."""
        name, data = read_event(block)
        if data:
            for event in self._reader.read(data, name) or ():
                self.note(event)
            self.count(getattr(self._reader, "sequence", -1))

    def count(self, sequence: int) -> None:
        """The number of the last event that the client has got, in a dialect that numbers them."""
        if hasattr(self._writer, "sequence"):
            self._writer.sequence = sequence + 1

    def finish(self, why: End, usage: dict[str, object] | None = None) -> bytes:
        """The bytes that end the stream cleanly. `usage`: the dialect's usage object; None shows none.

        Only what is missing is written: after the dialect's last event that is nothing.
        """
        return self._writer.close(extension_of(why), usage)

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The dialect's error in mid-stream; nothing may follow it."""
        return self._writer.fail(error_object(refusal, self._family, message, request_id))
