"""One connection to an upstream, and one request on it: bytes out, an answer in, read by read.

The caller is told once per read of the socket. A connection serves one call at a time and is given to the next only
when the answer was complete, nothing stood behind it and all of the request was sent.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec


class Fault(Enum):
    """How a call failed."""

    CONNECT = "connect"  # no connection: name, address, TLS, proxy, refused, too slow
    RESET = "reset"  # lost before any byte of the answer
    TIMEOUT = "timeout"  # no head within UPSTREAM_HEAD_S
    GARBAGE = "garbage"  # not HTTP, or compressed, or a head beyond its limits
    EARLY_END = "early_end"  # lost or closed in the middle of the answer
    STALL = "stall"  # silent for UPSTREAM_STALL_S in the middle of the answer


class Failure(msgspec.Struct, frozen=True):
    """Why a call has no (whole) answer. `sent`: the upstream may have seen the request. `got_bytes`: of the answer."""

    fault: Fault
    detail: str
    sent: bool
    got_bytes: bool


class Caller(Protocol):
    """Who is told about a call. No method may raise; each may start another call, pause, or cancel."""

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """Once per read of the socket, from the read on that completes the head: `call.status` and `.headers` are set.

        `data` is the body's bytes of this read with the transfer coding taken off, b"" when only the head came.
        `ended`: the answer is complete; nothing more is called.
        """

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """The call has ended without a whole answer; nothing more is called. Never from inside `Pool.call`."""


class Call:
    """One request at an upstream. `status` is 0 until the head is in; header names are in lower case."""

    __slots__ = ("caller", "headers", "status")

    caller: Caller
    status: int
    headers: list[tuple[bytes, bytes]]

    def get(self, name: bytes) -> bytes | None:
        """The value of an answer's header (lower case name), the first where it occurs twice."""
        raise NotImplementedError

    def pause(self) -> None:
        """Reads no more until `resume`; the stall timer rests meanwhile. At most one read may still be delivered."""
        raise NotImplementedError

    def resume(self) -> None:
        """Reads again."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Drops the connection, which tells the upstream to stop; nothing more is called. Harmless after the end."""
        raise NotImplementedError
