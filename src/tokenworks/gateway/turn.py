"""One request on a client's connection and the answer to it: what the sockets show to the flow of a request.

The server side calls `Service.open` when a head is complete and gets a Flow, to which it says what happens on the
client's side. The flow answers through the Turn. Nothing here awaits, and every call may come from inside a callback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tokenworks.gateway.budget import Budget
from tokenworks.wire.refusals import Refusal

Headers = Sequence[tuple[bytes, bytes]]


class Head:
    """A request's head. `method` is upper case ASCII, `target` as on the request line, header names in lower case.

    `fields` is the same as `headers` by name, the last one where a name occurs twice; a head in which a deciding name
    (host, content-length, transfer-encoding, authorization, x-api-key, api-key, content-type, expect) occurs twice has
    been refused before anybody sees it. `length` is the declared size of the body, -1 when chunked, 0 without a body.
    """

    __slots__ = ("expects_continue", "fields", "headers", "http11", "length", "method", "target")

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    http11: bool
    expects_continue: bool
    length: int

    def get(self, name: bytes) -> bytes | None:
        """The value of the header `name` (lower case)."""
        return self.fields.get(name)


class Flow(Protocol):
    """What happens to one request, as the connection tells it. No method may raise; each may answer through the turn.

    After `client_gone` or the end of the turn (Turn.end, respond, abort) nothing more is called.
    """

    def body_done(self, body: bytes) -> None:
        """The whole body is here; called once, at once after `open` when there is none."""

    def body_failed(self, refusal: Refusal, message: str) -> None:
        """The body will not be complete (too large, too slow, no room, not HTTP): answer with that refusal.

        An empty message means the refusal's own. The connection closes after the answer. When the flow does not answer
        the connection does.
        """

    def client_gone(self) -> None:
        """The connection is lost or the client hung up; nothing can be written any more. May come at any stage."""

    def client_blocked(self) -> None:
        """More than CLIENT_BUFFER_BYTES_MAX wait for the client: pause the upstream. May come from inside `write`."""

    def client_ready(self) -> None:
        """The client reads again."""

    def stalled(self) -> None:
        """The client has taken nothing for CLIENT_STALL_S: settle; the connection is aborted when this returns."""


class Service(Protocol):
    """Who serves requests; one per worker."""

    def open(self, turn: Turn) -> Flow | None:
        """A head is complete; what of the body has come is not looked at yet. None: the turn has been answered.

        May set `turn.budget` to the account's, whose parent is the worker's; the body is counted there.
        """


class Turn:
    """One request and its answer. Bytes to the client go out in the order of the calls, one transport write per call.

    Status lines, `date`, `connection`, `content-length` and `transfer-encoding` are written here; `headers` must not
    contain them. Answers to HEAD, and with 204 or 304, lose their body here. After the client is gone every call is
    silently nothing, so the flow need not ask first.
    """

    __slots__ = ("budget", "head", "peer", "secure", "sent_bytes", "started")

    head: Head
    peer: str  # the client's address, "" on a unix socket
    secure: bool  # TLS
    budget: Budget  # the worker's until the service sets the account's
    started: bool  # the status line has been decided: `start` or `respond` was called
    sent_bytes: int  # of the body, handed to the transport so far

    def get(self, name: bytes) -> bytes | None:
        """The value of a request header (lower case name)."""
        raise NotImplementedError

    def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """The whole answer in one write; ends the turn."""
        raise NotImplementedError

    def start(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Begins an answer. The head waits for the first `write`, `flush` or `end`, so that they share a packet.

        `length` None: chunked, or until the connection closes for a client of HTTP/1.0. With a length, an `end` before
        so many bytes were written aborts the connection, and what is beyond is dropped.
        """
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """A part of the body; empty is nothing."""
        raise NotImplementedError

    def flush(self) -> None:
        """Sends the head if it still waits: an upstream has answered but has said nothing yet."""
        raise NotImplementedError

    def end(self, data: bytes = b"") -> None:
        """The last part of the body; ends the turn, and the connection takes its next request."""
        raise NotImplementedError

    def abort(self) -> None:
        """Closes the connection without ending the answer, so that the client sees that it is cut. Ends the turn."""
        raise NotImplementedError

    @property
    def buffered(self) -> int:
        """Bytes that the client has not taken."""
        raise NotImplementedError

    @property
    def keep_alive(self) -> bool:
        """Whether the connection will take another request after this answer."""
        raise NotImplementedError
