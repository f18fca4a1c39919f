"""Ends that we make: a stream is closed in its dialect's order, says why, and never makes a half call look whole."""

from __future__ import annotations

from enum import Enum

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Refusal


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
    End.UPSTREAM: "The model's server ended the answer early. What was written so far is complete up to here.",
    End.LIMIT: "The answer was cut at a limit of this gateway. Ask for less at once.",
}


def ping(dialect: Dialect) -> bytes:
    """What keeps a silent stream alive: an SSE comment, or Anthropic's own `ping` event."""
    raise NotImplementedError


class Ender:
    """Follows a stream cheaply and can end it at any event."""

    def __init__(self, dialect: Dialect, model: str = "") -> None:
        raise NotImplementedError

    def see(self, block: bytes) -> None:
        """Follow one whole event that the client has got."""

    def finish(self, why: End, usage: dict[str, object] | None = None) -> bytes:
        """The bytes that end the stream cleanly. `usage`: the dialect's usage object; None shows none."""
        raise NotImplementedError

    def fail(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        """The dialect's error in mid-stream; nothing may follow it."""
        raise NotImplementedError
