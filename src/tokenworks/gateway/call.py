"""One call of an upstream as its caller sees it: what comes back, how it can fail, pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from tokenworks.gateway.target import Target

_NO_HEADERS: list[tuple[bytes, bytes]] = []  # until there are some; neither is ever added to
_NO_FIELDS: dict[bytes, bytes] = {}


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


class Connection(Protocol):
    """What a call needs of the connection that it runs on."""

    def rest(self) -> None:
        """Reads no more for now."""

    def rest_over(self) -> None:
        """Reads again."""

    def drop(self) -> None:
        """Closes at once."""


class Caller(Protocol):
    """Who is told about a call. No method may raise; each may start another call, pause, or cancel."""

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """Once per read of the socket, from the read on that completes the head: `call.status` and `.headers` are set.

        `data` is the body's bytes of this read with the transfer coding taken off, b"" when only the head came.
        `ended`: the answer is complete; nothing more is called.
        """

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """The call has ended without a whole answer; nothing more is called. Never from inside `Pool.call`."""


class Lane(Protocol):
    """A shorter way than `Caller.upstream_read`, for the reads that make up nearly all of a stream."""

    def take(self, data: bytes) -> bool:
        """The body's bytes of a read in mid-answer; False: not taken, tell the caller."""

    def take_chunks(self, lead: int) -> Callable[[bytes], bool] | None:
        """What takes a read that is one chunk, whose size stands in a line of `lead` bytes; False, as above.

        Nothing has come since the event that `take` or the caller had last. None when it would take none.
        """

    def has_moved(self) -> bool:
        """Whether something was taken since this was asked last: what takes chunks leaves no other sign of it."""


class Nobody:
    """The caller of a call that has ended."""

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        """Nothing."""

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        """Nothing."""


_NOBODY = Nobody()


class Call:
    """One request at an upstream. `status` is 0 until the head is in; header names are in lower case.

    `lane` may be set by the caller: in mid-answer it is asked first to take what would go to `upstream_read`. `usual`
    is what takes chunks that come alone, as the lane has it.
    """

    __slots__ = (
        "caller", "connection", "ended", "fields", "head", "headers", "lane", "paused", "pieces", "repeated", "status",
        "target", "usual")  # fmt: skip

    def __init__(
        self, target: Target, head: bytes, pieces: Sequence[bytes | memoryview], caller: Caller
    ) -> None:
        self.target = target
        self.head = head
        self.pieces = pieces
        self.caller = caller
        self.lane: Lane | None = None
        self.usual: Callable[[bytes], bool] | None = None
        self.connection: Connection | None = None
        self.status = 0
        self.headers = _NO_HEADERS
        self.fields = _NO_FIELDS
        self.paused = False
        self.ended = False
        self.repeated = False

    def get(self, name: bytes) -> bytes | None:
        """The value of an answer's header (lower case name), the last where it occurs twice."""
        return self.fields.get(name)

    def pause(self) -> None:
        """Reads no more until `resume`; the stall timer rests meanwhile. At most one read may still be delivered."""
        if not self.paused and not self.ended:
            self.paused = True
            if self.connection is not None:
                self.connection.rest()

    def resume(self) -> None:
        """Reads again."""
        if self.paused and not self.ended:
            self.paused = False
            if self.connection is not None:
                self.connection.rest_over()

    def cancel(self) -> None:
        """Drops the connection, which tells the upstream to stop; nothing more is called. Harmless after the end."""
        if not self.ended:
            connection = self.connection
            self.finish()
            if connection is not None:
                connection.drop()

    def finish(self) -> Caller:
        """Lets go of the connection, of the request's bytes and of the caller, whom it answers with.

        Callers keep their call: without the way back both are freed at once, and the collector has nothing to find.
        """
        caller = self.caller
        self.ended = True
        self.connection = None
        self.pieces = ()
        self.caller = _NOBODY
        self.lane = self.usual = None
        return caller

    def fail(self, failure: Failure) -> None:
        """Ends the call and tells the caller, once."""
        if not self.ended:
            self.finish().upstream_failed(self, failure)
