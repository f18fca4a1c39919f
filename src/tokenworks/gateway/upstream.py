"""One connection to an upstream, and one request on it: bytes out, an answer in, read by read.

The caller is told once per read of the socket. A connection serves one call at a time and is given to the next only
when the answer was complete, nothing stood behind it and all of the request was sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol, cast

import httptools

from tokenworks.gateway.bounds import Bounds
from tokenworks.gateway.call import Call, Failure, Fault
from tokenworks.gateway.head import collect_into
from tokenworks.gateway.keep import Keep
from tokenworks.gateway.target import Target
from tokenworks.gateway.wheel import Wheel

_NOTHING, _HEAD, _TOLD, _DONE = range(4)
_SIZE_LINE_MAX = 10  # of a chunk that is looked at
_JOINED_BYTES_MAX = 32 * 1024  # below it one buffer is cheaper to send than several


class Home(Protocol):
    """What connections share; the pool."""

    wheel: Wheel
    bounds: Bounds
    head_ticks: int
    stall_ticks: int
    idle_ticks: int

    def left(self, connection: UpstreamProtocol) -> None:
        """The connection is gone."""

    def dial(self, call: Call) -> None:
        """Sends the call on a connection of its own."""


class UpstreamProtocol(asyncio.Protocol):
    """A connection. Everything is called by the event loop, the parser, the pool, the call or the sweep.

    `state` says how far the answer has come: `_NOTHING`, `_HEAD` (the call has it), `_TOLD` (the caller too), `_DONE`.
    """

    __slots__ = (
        "address", "call", "count", "fault", "feed", "fields", "headers", "home", "interim", "keep", "mark",
        "on_body", "on_header", "parser", "part", "parts", "raw", "retired", "reusable", "state", "target",
        "transport")  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, home: Home, target: Target, address: str = "") -> None:
        self.home = home
        self.target = target
        self.address = address  # that was dialled, "" for a unix socket or a proxy
        self.part = 0
        self.call: Call | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.on_header = collect_into(self.headers, self.fields)  # trailers come here too and are dropped
        self.parts: deque[bytes] = deque()  # of the body; a list would ask for memory anew at each read
        self.on_body = self.parts.append  # a call of Python costs more than all else that the parser does for a chunk
        self.count = 0  # of the parts that belong to the answer, once it is complete; others are nobody's
        self.mark = home.wheel.tick
        self.state = _NOTHING
        self.raw = 0  # bytes read since something was told: heads, interim answers, framing, trailers
        self.fault = ""
        self.interim = False
        self.reusable = False  # the answer leaves the connection as it was
        self.retired = False  # closes after the call: addresses or authorities have changed
        self.keep = Keep(home.idle_ticks)  # what has answered before may have died while it was idle
        self.parser: Any = httptools.HttpResponseParser(self)
        self.feed: Any = self.parser.feed_data

    # --- the event loop's calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pool begins a call when it sees fit."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """One read, one call of the caller."""
        call = self.call
        if call is None:
            self.drop()  # nobody asked: what it says must not become somebody's answer
            return
        usual = call.usual
        if usual is not None:
            if usual(data):
                return  # past the parser, which still stands before a chunk
            call.usual = None
        state, feed = self.state, self.feed
        if state == _NOTHING and not self.raw and (at := self.target.known.match(data)):
            self._take_known(call, data, at)
            return
        try:
            feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.reusable = False
            if self.state != _DONE:
                self._fail(Fault.GARBAGE, f"not HTTP: {error}")
                return
        parts = self.parts
        if self.state == _TOLD and len(parts) == 1:  # nearly every read of a stream
            self.mark = self.home.wheel.tick
            self.raw = 0
            body, lane = parts.popleft(), call.lane
            if lane is None or not lane.take(body):
                call.caller.upstream_read(call, body, False)
            lane = call.lane
            if lane is not None and (lead := _measure_line(data, body)):
                call.usual = lane.take_chunks(lead)
        else:
            self._take_in(call, data, state == _NOTHING and not self.raw)

    def eof_received(self) -> None:
        """The connection closes; until it has, nothing may begin on it."""
        if self.call is None:
            self.forget()

    def connection_lost(self, error: Exception | None) -> None:
        """An answer without a length ends here; any other has been cut."""
        self.parser = self.feed = None  # it refers to this object: without it both are freed at once
        self.forget()
        self.home.left(self)
        call = self.call
        if call is None:
            return
        if self.state != _NOTHING and error is None and _ends_with_connection(call):
            self.call = None
            call.finish().upstream_read(call, b"", True)
        elif self._has_begun():
            self._fail(Fault.EARLY_END, str(error or "the connection was closed in the middle of the answer"))
        else:
            self._fail(Fault.RESET, str(error or "the connection was closed before the answer"))

    # --- the parser's calls: they only take down ---

    def on_message_begin(self) -> None:
        """An answer begins; behind a complete one it is nobody's."""
        if self.state == _DONE:
            self.reusable = False

    def on_headers_complete(self) -> None:
        """The head of an interim answer is skipped, any other is the call's."""
        call, headers, fields = self.call, self.headers.copy(), self.fields.copy()
        self.headers.clear()
        self.fields.clear()
        if call is None or self.state == _DONE:
            return
        parser = self.parser
        status = parser.get_status_code()
        if status < 200:
            self.interim = True
            if status == 101:
                self.fault = "it switches protocols"
            return
        call.status = status
        call.headers = headers
        call.fields = fields
        self.state = _HEAD
        self.reusable = parser.should_keep_alive()
        if len(headers) > self.home.bounds.header_count:
            self.fault = f"it has more than {self.home.bounds.header_count} headers"
        elif b"content-encoding" in fields and fields[b"content-encoding"].lower() != b"identity":
            self.fault = f"it is compressed ({fields[b'content-encoding'][:20].decode('latin-1')})"
        if call.head.startswith(b"HEAD "):
            self.state = _DONE  # the parser waits for a body that does not come
            self.count = 0
            self.reusable = False

    def on_message_complete(self) -> None:
        """The end of an answer."""
        if self.interim:
            self.interim = False
        elif self.state != _DONE:
            self.state = _DONE
            self.count = len(self.parts)
        if self.headers:
            self.headers.clear()
            self.fields.clear()

    # --- the pool's and the call's ---

    def begin(self, call: Call) -> None:
        """Sends a request."""
        call.connection = self
        self.call = call
        self.mark = self.home.wheel.tick
        pieces = call.pieces
        if not pieces:
            self.transport.write(call.head)
        elif sum(map(len, pieces)) > _JOINED_BYTES_MAX:
            self.transport.writelines((call.head, *pieces))
        else:
            self.transport.write(b"".join((call.head, *pieces)))
        if call.paused:
            self.transport.pause_reading()

    def rest(self) -> None:
        """Reads no more for now."""
        self.transport.pause_reading()

    def rest_over(self) -> None:
        """Reads again after a pause."""
        self.mark = self.home.wheel.tick
        self.transport.resume_reading()

    def drop(self) -> None:
        """Closes it now, without telling anybody."""
        self.call = None
        self.forget()
        self.transport.abort()

    def retire(self) -> None:
        """Serves its call to the end and nothing after it."""
        self.retired = True
        if self.call is None:
            self.forget()
            self.transport.close()

    def forget(self) -> None:
        """No call may begin on it."""
        if self in self.target.idle:
            self.target.idle.remove(self)

    def sweep(self, tick: int) -> None:
        """Once a second: is somebody waited for too long?"""
        call, waited = self.call, tick - self.mark
        if call is None:
            if waited > self.keep.idle_ticks:
                self.retire()
        elif call.paused or (call.usual is not None and call.lane is not None and call.lane.has_moved()):
            self.mark = tick
        elif self.state == _NOTHING:
            if waited > self.home.head_ticks:
                self._fail(Fault.TIMEOUT, f"no answer within {self.home.bounds.upstream_head_s:g} s")
        elif waited > self.home.stall_ticks:
            self._fail(Fault.STALL, f"silent for {self.home.bounds.upstream_stall_s:g} s")

    # --- what a read brought ---

    def _take_known(self, call: Call, data: bytes, at: int) -> None:
        """A whole answer behind a known head needs no parser, which stands where it stood: before an answer."""
        known = self.target.known
        call.status, call.headers, call.fields = 200, known.headers, known.fields
        self.reusable = True
        self._release(call)
        call.finish().upstream_read(call, data[at:], True)

    def _take_in(self, call: Call, data: bytes, fresh: bool) -> None:
        size, state, parts = len(data), self.state, self.parts
        if state == _NOTHING or self.fault:
            self._check_head(size)
            return
        self.mark = self.home.wheel.tick
        if state == _DONE:
            body = b"".join(parts) if len(parts) == self.count else b"".join(tuple(parts)[: self.count])
            parts.clear()
            if fresh and self.reusable and call.status == 200:
                self.target.known.learn(data, call.headers, call.fields, self.mark)
            self._release(call)
            call.finish().upstream_read(call, body, True)
        elif parts or state == _HEAD:
            body = b"".join(parts)
            parts.clear()
            self.state = _TOLD
            self.raw = 0
            call.caller.upstream_read(call, body, False)
        else:
            self._check_head(size)

    def _check_head(self, size: int) -> None:
        """Something has come that is not for the caller: a part of a head, an interim answer, framing."""
        self.raw += size
        if not self.fault and self.raw > self.home.bounds.header_bytes:
            self.fault = f"its head is larger than {self.home.bounds.header_bytes} bytes"
        if self.fault:
            self._fail(Fault.GARBAGE, self.fault)

    # --- the end of a call ---

    def _release(self, call: Call) -> None:
        """The answer is complete: back to the pool, unless anything about the connection is not as it was."""
        self.call = None
        transport = self.transport
        if not self.reusable or self.retired or transport.get_write_buffer_size():
            transport.abort()
            return
        idle = self.target.idle
        lasts = self.keep.lasts(call.fields.get(b"keep-alive", b""), self.home.wheel)
        if not lasts or len(idle) >= self.home.bounds.upstream_pool:
            transport.close()
            return
        if call.paused:
            transport.resume_reading()
        self.state = _NOTHING
        self.raw = 0
        idle.append(self)

    def _has_begun(self) -> bool:
        return self.state != _NOTHING or self.raw > 0

    def _fail(self, fault: Fault, detail: str) -> None:
        call, self.call = self.call, None
        self.transport.abort()
        if call is None:
            return
        if fault is Fault.RESET and self.keep.calls and not call.repeated:
            call.repeated = True  # it died while idle and nothing of it was answered: once more, on a new one
            call.connection = None
            self.home.dial(call)
        else:
            call.fail(Failure(fault, detail, True, fault is Fault.GARBAGE or self._has_begun()))


def _ends_with_connection(call: Call) -> bool:
    return b"content-length" not in call.fields and b"transfer-encoding" not in call.fields


def _measure_line(data: bytes, body: bytes) -> int:
    """How long the line with the size is, when a read was one chunk and nothing else; 0 when it was not."""
    lead = len(data) - len(body) - 2
    whole = 2 < lead <= _SIZE_LINE_MAX and data[lead:] == body + b"\r\n" and data[lead - 2 : lead] == b"\r\n"
    return lead if whole and data[: lead - 2].isalnum() and int(data[:lead], 16) == len(body) else 0
