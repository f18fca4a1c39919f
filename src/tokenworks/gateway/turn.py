"""One request on a client's connection and the answer to it: what the sockets show to the flow of a request.

The server side calls `Service.open` when a head is complete and gets a Flow, to which it says what happens on the
client's side. The flow answers through the Turn. Nothing here awaits, and every call may come from inside a callback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

from tokenworks.gateway.budget import Budget
from tokenworks.wire.refusals import Refusal

Headers = Sequence[tuple[bytes, bytes]]

_OK = b"HTTP/1.1 200 OK\r\n"
_STATUS_LINE = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_BODILESS = frozenset({204, 304})
_FORBIDDEN = frozenset(b"\r\n\0")
_NO_PARTS: list[bytes] = []  # of a body that is passed on or given up; never added to
_SHARED_WRITE_BYTES = 64 * 1024  # below it framing and data are joined; above it they go out as separate buffers


class Head:
    """A request's head. `method` is upper case ASCII, `target` as on the request line, header names in lower case.

    `fields` is the same as `headers` by name, the last one where a name occurs twice; a head in which a deciding name
    (host, content-length, transfer-encoding, authorization, x-api-key, api-key, content-type, expect) occurs twice has
    been refused before anybody sees it. `length` is the declared size of the body, -1 when chunked, 0 without a body.
    `version` is "1.1" or "1.0". One object may serve several requests in turn: it is not to be changed, but for `door`,
    where the service may keep what it found out about the head; it has to see itself whether that still holds.
    """

    __slots__ = ("door", "expects_continue", "fields", "headers", "http11", "length", "method", "target", "version")

    def __init__(
        self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], fields: dict[bytes, bytes]
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.fields = fields
        self.version = "1.1"
        self.http11 = True
        self.door: object = None
        if b"content-length" in fields:
            self.length = int(fields[b"content-length"])
        else:
            self.length = -1 if b"transfer-encoding" in fields else 0
        self.expects_continue = b"expect" in fields and fields[b"expect"].lower() == b"100-continue"

    def set_version(self, version: str) -> None:
        """For the rare head that is not HTTP/1.1; older clients expect nothing."""
        if version != "1.1":
            self.version = version
            self.http11 = self.expects_continue = False

    def with_length(self, digits: bytes) -> Head:
        """The same head with another content-length."""
        headers = [(name, digits) if name == b"content-length" else (name, value) for name, value in self.headers]
        head = Head(self.method, self.target, headers, self.fields | {b"content-length": digits})
        head.set_version(self.version)
        head.door = self.door  # the length decides nothing there
        return head

    def get(self, name: bytes) -> bytes | None:
        """The value of the header `name` (lower case)."""
        return self.fields.get(name)


class Flow(Protocol):
    """What happens to one request, as the connection tells it. No method may raise; each may answer through the turn.

    After `client_gone`, `stalled` or the end of the turn (Turn.end, respond, abort) nothing more is called.
    """

    def body_done(self, body: bytes) -> None:
        """The whole body is here; called once, at once after `open` when there is none."""

    def body_failed(self, refusal: Refusal, message: str) -> None:
        """The body will not be complete (too large, too slow, no room, not HTTP): answer with that refusal.

        An empty message means the refusal's own. The connection closes after the answer. When the flow does not answer
        at once the connection does.
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


class Shared(Protocol):
    """What a turn needs of the server."""

    draining: bool
    date_line: bytes  # the `date` header of this second, with its line end


class Link(Protocol):
    """What a turn needs of its connection."""

    transport: asyncio.WriteTransport
    secure: bool
    peer: str
    deaf: bool  # nothing that comes is looked at any more

    @property
    def hub(self) -> Shared:
        """What connections share."""

    @property
    def closing(self) -> bool:
        """Whether no further request will be taken."""

    def turn_ended(self, keep: bool) -> None:
        """The answer to the current request is out; `keep` says whether the answer promised to go on."""


class Turn:
    """One request and its answer. Bytes to the client go out in the order of the calls, one transport write per call.

    Status lines, `date`, `connection`, `content-length` and `transfer-encoding` are written here; `headers` must not
    contain them, and one with CR, LF or NUL in it is left out. Answers to HEAD, and with 204 or 304, lose their body
    here. After the client is gone every call is silently nothing, so the flow need not ask first.
    """

    __slots__ = (
        "budget", "charged", "complete", "ended", "flow", "head", "head_bytes", "left", "link", "mode", "opened",
        "parts", "refusal", "reusable", "size", "started", "told")  # fmt: skip

    def __init__(self, link: Link, head: Head, budget: Budget) -> None:
        self.link: Link | None = link  # None after the end
        self.head = head
        self.budget = budget  # the worker's until the service sets the account's
        self.started = False  # the status line has been decided: `start` or `respond` was called
        self.ended = False
        # What the connection notes about the request's way in.
        self.flow: Flow | None = None
        self.parts: list[bytes] = []
        self.size = 0
        self.charged = 0
        self.complete = self.opened = self.told = False
        self.reusable = True
        self.refusal: tuple[Refusal, str] | None = None
        # The answer's framing: "", "chunked", "length", "close" or "none" (no body). With it comes `head_bytes`, a head
        # that waits for company, and with "length" comes `left`, how much of the body is still to be written.
        self.mode = ""

    head_bytes: bytes
    left: int

    @property
    def peer(self) -> str:
        """The client's address, "" on a unix socket and after the end."""
        return self.link.peer if self.link is not None else ""

    @property
    def secure(self) -> bool:
        """Whether the client came over TLS."""
        return self.link is not None and self.link.secure

    @property
    def buffered(self) -> int:
        """Bytes that the client has not taken."""
        return self.link.transport.get_write_buffer_size() if self.link is not None else 0

    @property
    def keep_alive(self) -> bool:
        """Whether the connection will take another request after this answer."""
        return self.link is not None and self.reusable and not self.link.closing

    def get(self, name: bytes) -> bytes | None:
        """The value of a request header (lower case name)."""
        return self.head.fields.get(name)

    def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """The whole answer in one write; ends the turn."""
        if self.link is not None and not self.started:
            self.start(status, headers, len(body))
            self.end(body)

    def answer(self, block: bytes, body: bytes) -> bool:
        """The usual whole answer, status 200, in one write; False, and nothing done, where `respond` is needed.

        `block`: the head's lines, each with its line end, known to be sound.
        """
        link, head = self.link, self.head
        if (link is None or self.started or link.hub.draining or link.deaf or not (self.reusable and head.http11)
                or not self.complete or head.method == b"HEAD" or len(body) > _SHARED_WRITE_BYTES):
            return False
        self.started = True
        self.flow = None  # that the last bytes block the client is of no interest
        length = b"content-length: %d\r\n\r\n" % len(body)
        link.transport.write(b"".join((_OK, link.hub.date_line, block, length, body)))
        self.release()
        link.turn_ended(True)
        return True

    def start(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Begins an answer. The head waits for the first `write`, `flush` or `end`, so that they share a packet.

        `length` None: chunked, or until the connection closes for a client of HTTP/1.0. With a length, an `end` before
        so many bytes were written aborts the connection, and what is beyond is dropped.
        """
        link = self.link
        if link is None or self.started:
            return
        self.started = True
        block = b"\r\n".join([b": ".join(pair) for pair in headers])
        if block.count(b"\n") != len(headers) - 1:
            block = b"\r\n".join([b": ".join(pair) for pair in headers if _FORBIDDEN.isdisjoint(pair[0] + pair[1])])
        if block:
            block += b"\r\n"
        head = self.head
        if not self.complete or link.deaf or link.hub.draining:
            self.reusable = self.reusable and not link.closing
        if not head.http11 or not self.reusable or status in _BODILESS or head.method == b"HEAD":
            framing = self._frame(status, length)
        elif length is not None:
            self.mode = "length"
            self.left = length
            framing = b"content-length: %d\r\n\r\n" % length
        else:
            self.mode = "chunked"
            framing = b"transfer-encoding: chunked\r\n\r\n"
        line = _STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status
        self.head_bytes = b"%b%b%b%b" % (line, link.hub.date_line, block, framing)

    def write(self, data: bytes) -> None:
        """A part of the body; empty is nothing."""
        link = self.link
        if link is None or not data:
            return
        if self.mode == "chunked":
            size = len(data)
            head = self.head_bytes
            if head:
                self.head_bytes = b""
            if size <= _SHARED_WRITE_BYTES:
                link.transport.write(b"%b%x\r\n%b\r\n" % (head, size, data))
            else:
                link.transport.writelines((b"%b%x\r\n" % (head, size), data, b"\r\n"))
        else:
            data = self._trim(data)
            if data:
                self._send(link, data)

    def pipe(self) -> Callable[[bytes], None] | None:
        """The transport's own `write`, for who frames what follows of a chunked answer himself; None if it is not one.

        Good until the turn ends.
        """
        link = self.link
        return link.transport.write if link is not None and self.mode == "chunked" and not self.head_bytes else None

    def flush(self) -> None:
        """Sends the head if it still waits: an upstream has answered but has said nothing yet."""
        if self.link is not None and self.started and self.head_bytes:
            self._send(self.link, b"")

    def end(self, data: bytes = b"") -> None:
        """The last part of the body; ends the turn, and the connection takes its next request."""
        link = self.link
        if link is None:
            return
        self.flow = None  # that the last bytes block the client is of no interest
        size = len(data)
        if self.mode == "chunked":
            if not size:
                self._send(link, b"0\r\n\r\n")
            elif size <= _SHARED_WRITE_BYTES:
                link.transport.write(b"%b%x\r\n%b\r\n0\r\n\r\n" % (self.head_bytes, size, data))
            else:
                link.transport.writelines((b"%b%x\r\n" % (self.head_bytes, size), data, b"\r\n0\r\n\r\n"))
        elif self.mode == "length" and size == self.left and size <= _SHARED_WRITE_BYTES:
            link.transport.write(self.head_bytes + data)
        else:
            data = self._trim(data)
            if not self.started or (self.mode == "length" and self.left):
                self.abort()
                return
            self._send(link, data)
        self.release()
        link.turn_ended(self.reusable)

    def abort(self) -> None:
        """Closes the connection without ending the answer, so that the client sees that it is cut. Ends the turn."""
        link = self.link
        if link is not None:
            link.transport.abort()
            self.release()
            link.turn_ended(False)

    def release(self) -> None:
        """Lets go of the connection and of the body's share of the budget; nothing is written any more."""
        self.link = self.flow = None
        self.ended = True
        self.parts = _NO_PARTS
        if self.charged:
            self.budget.give(self.charged)
            self.charged = 0

    def _frame(self, status: int, length: int | None) -> bytes:
        """The rest of the head for the rarer cases: no body, HTTP/1.0, a connection that closes."""
        framing = b"content-length: %d\r\n" % length if length is not None else b""
        if status in _BODILESS or self.head.method == b"HEAD":
            self.mode = "none"
            framing = b"" if status in _BODILESS else framing
        elif length is not None:
            self.mode = "length"
            self.left = length
        elif self.head.http11:
            self.mode = "chunked"
            framing = b"transfer-encoding: chunked\r\n"
        else:
            self.mode = "close"
            self.reusable = False
        if not self.reusable:
            return framing + b"connection: close\r\n\r\n"
        return framing + (b"\r\n" if self.head.http11 else b"connection: keep-alive\r\n\r\n")

    def _trim(self, data: bytes) -> bytes:
        """What of `data` belongs to the body as it was announced."""
        if self.mode == "length":
            if len(data) > self.left:
                data = data[: self.left]
            self.left -= len(data)
            return data
        return data if self.mode == "close" else b""

    def _send(self, link: Link, data: bytes) -> None:
        """One transport write: joined while it is small, side by side when it is not."""
        head = self.head_bytes
        if not head:
            link.transport.write(data)
            return
        self.head_bytes = b""
        if len(data) <= _SHARED_WRITE_BYTES:
            link.transport.write(head + data)
        else:
            link.transport.writelines((head, data))
