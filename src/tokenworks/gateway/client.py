"""One client's connection: requests are served one after the other, and answers leave in their order.

After each read `_advance` takes the requests as far as they go. Reading pauses when much stands behind the request that
is being served. Who waits too long is found by the sweep, so that a request needs no timer.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any, cast

from tokenworks.gateway.hub import Hub
from tokenworks.gateway.intake import Intake
from tokenworks.gateway.turn import Head, Turn
from tokenworks.wire.refusals import Refusal

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_UNKNOWN: tuple[Head | None, int] = (None, 0)
_KNOWN_BYTES_MAX = 64 * 1024  # of a request that is taken as a whole
_AHEAD_BYTES_MAX = 64 * 1024  # of bodies behind the request that is being served
_TCP_CLOSE, _TCP_CLOSE_WAIT = 7, 8  # tcpi_state, the first byte of TCP_INFO: reset, and closed by the other side
_ACKED, _INFO_BYTES = 120, 128  # where tcpi_bytes_acked begins in struct tcp_info (linux/tcp.h, since 4.1), and ends


class ClientProtocol(Intake, asyncio.Protocol):
    """Everything here is called by the event loop, by the turn, or by the sweep."""

    __slots__ = (
        "advancing", "blocked", "half_closed", "lent", "lingering", "part", "paused", "peer", "probed", "secure",
        "served", "taken", "taken_tick", "transport")  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.part = 0
        self.peer = ""
        self.secure = False
        self.lent = 0  # of the worker's budget, for what a slow reader has not taken
        self.taken = self.taken_tick = -1
        self.advancing = False
        self.blocked = False  # the client does not take what is written
        self.paused = False  # nothing is read from it
        self.half_closed = False  # it sends no more but listens
        self.lingering = False  # answered for the last time, while it still sends
        self.probed = False  # it was asked whether it is still there
        self.served = False

    # --- the event loop's calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuses the connection when there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self.secure = transport.get_extra_info("sslcontext") is not None
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        self.transport.set_write_buffer_limits(self.hub.bounds.client_buffer_bytes)
        if not self.hub.joined(self):
            self.refuse_input(Refusal.NO_CAPACITY, "This gateway has too many connections. Try again shortly.")
            self._advance()
            self.transport.close()  # at once: those beyond the limit must not linger

    def data_received(self, data: bytes) -> None:
        """One read: everything in it is parsed, then what became possible is done."""
        if self.deaf:
            self._discard(len(data))
            return
        if self.turn is None and not self.raw and not self.blocked:
            repeat = self.repeat
            head, at = repeat.head, len(repeat.whole)
            if head is not None and not data.startswith(repeat.whole):  # as `match` has it, in a step less
                head, at = repeat.match(data) or _UNKNOWN
            if head is not None and len(data) == at + head.length <= _KNOWN_BYTES_MAX:
                repeat.misses = 0
                self._serve_known(head, data[at:])
                return
        self.take_in(data)
        if self.turn is not None and not self.advancing:
            self._advance()
        if self.queue:
            self._check_ahead()

    def eof_received(self) -> bool:
        """A client that has sent all and waits for its answer gets it; one that leaves in the middle of it is gone."""
        turn = self.turn
        last = self.queue[-1] if self.queue else turn
        if turn is None or last is None or self.lingering:
            return False
        if self.secure or turn.started or not last.complete:
            self.transport.abort()
            return False
        self.half_closed = self.deaf = True
        self._probe()
        return True

    def connection_lost(self, _: Exception | None) -> None:
        """Whoever is being served is told; nothing that is queued was begun."""
        self.deaf = True
        self.parser = self.feed = None  # it refers to this object: without it both are freed at once
        self.repeat.forget()
        self.hub.left(self)
        if self.lent:
            self.hub.budget.give(self.lent)
            self.lent = 0
        turn, self.turn, self.incoming = self.turn, None, None
        for waiting in self.queue:
            waiting.release()
        self.queue.clear()
        if turn is not None:
            flow = turn.flow
            turn.release()
            if flow is not None:
                flow.client_gone()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is written to."""
        self.blocked = True
        if self.turn is not None and self.turn.flow is not None:
            self.turn.flow.client_blocked()

    def resume_writing(self) -> None:
        """It does again; a request that waited for that is opened."""
        self.blocked = False
        if self.turn is not None:
            if self.turn.flow is not None:
                self.turn.flow.client_ready()
            if not self.advancing:
                self._advance()

    # --- the turn's calls ---

    @property
    def closing(self) -> bool:
        """Whether no further request will be taken."""
        if self.hub.draining or self.lingering:
            return True
        turn = self.turn
        if turn is not None and not turn.complete:
            left = turn.head.length - turn.size
            return self.deaf or turn.head.expects_continue or left > self.hub.bounds.discard_bytes
        return self.deaf and not self.queue

    def turn_ended(self, keep: bool) -> None:
        """The answer to the current request is out; `keep` says whether the answer promised to go on."""
        self.served = True
        self.mark = self.hub.wheel.tick
        if not keep or self.hub.draining:
            self._close()
        elif not self.advancing:
            if self.queue or self.turn is None or not self.turn.complete:
                self._advance()
            else:
                self.turn = None

    # --- requests ---

    def _advance(self) -> None:
        """Takes requests as far as they go: open, pass the body on, and after the answer the next one."""
        self.advancing = True
        while (turn := self.turn) is not None:
            if not turn.opened:
                if self.blocked:
                    break
                turn.opened = True
                self._open(turn)
            flow = turn.flow
            if flow is not None:
                grown = turn.size - turn.charged
                if (grown or self.deaf) and not self._charge(turn, grown):
                    continue
                if turn.complete and not turn.told:
                    turn.told = True
                    parts, turn.parts = turn.parts, []
                    flow.body_done(parts[0] if len(parts) == 1 else b"".join(parts))
            if not turn.ended:
                break
            if not turn.complete:
                if turn.size > self.hub.bounds.discard_bytes:
                    self.transport.abort()
                break
            if self.turn is turn:
                self.turn = self.queue.popleft() if self.queue else None
        self.advancing = False
        if self.paused and not self.queue:
            self.paused = False
            self.transport.resume_reading()

    def _serve_known(self, head: Head, body: bytes) -> None:
        """The usual request: whole in one read, behind a head that is known, and nothing before it. As `_advance`."""
        hub = self.hub
        turn = self.turn = Turn(self, head, hub.budget)  # type: ignore[arg-type]  # as in Intake
        turn.size = size = len(body)
        turn.complete = turn.opened = self.advancing = True
        turn.flow = flow = hub.service.open(turn)
        if flow is None or size > hub.bounds.body_bytes or not turn.budget.take(size):
            turn.parts = [body]
            if flow is None and not turn.ended:
                turn.abort()
            self._advance()
            return
        turn.charged, turn.told = size, True
        flow.body_done(body)
        self.advancing = False
        if turn.ended and self.turn is turn:
            self.turn = None

    def _open(self, turn: Turn) -> None:
        hub = self.hub
        if turn.refusal is not None:
            hub.refuse(turn, *turn.refusal)
            return
        flow = hub.service.open(turn)
        if turn.ended:
            return
        if flow is None:
            turn.abort()
            return
        turn.flow = flow
        if turn.complete:
            return
        length = turn.head.length
        if length > _AHEAD_BYTES_MAX and not turn.budget.has_room(length):
            self._fail_body(turn, *self._find_full(length))
        elif turn.head.expects_continue and not turn.size:
            self._write_interim()

    def _charge(self, turn: Turn, grown: int) -> bool:
        """Counts the body's new bytes; False when the request has failed over them."""
        if turn.refusal is not None:
            self._fail_body(turn, *turn.refusal)
        elif turn.size > self.hub.bounds.body_bytes:
            limit = self.hub.bounds.body_bytes
            self._fail_body(turn, Refusal.BODY_TOO_LARGE, f"The request body is larger than {limit} bytes.")
        elif turn.budget.take(grown):
            turn.charged += grown
            return True
        else:
            self._fail_body(turn, *self._find_full(grown))
        return False

    def _find_full(self, size: int) -> tuple[Refusal, str]:
        if self.hub.budget.has_room(size):
            return Refusal.RATE_LIMITED, "Too many bytes of requests are in flight for this account."
        return Refusal.NO_CAPACITY, "This gateway has too many bytes of requests in flight. Try again shortly."

    def _fail_body(self, turn: Turn, refusal: Refusal, message: str) -> None:
        self.deaf = True
        self.incoming = None
        self.raw_left = 0
        turn.parts = []
        if turn.flow is not None:
            turn.flow.body_failed(refusal, message)
        if turn.ended:
            return
        if turn.started:
            turn.abort()
        else:
            self.hub.refuse(turn, refusal, message)

    def _check_ahead(self) -> None:
        """Reads no further when much stands behind the request that is being served."""
        full = len(self.queue) >= self.hub.bounds.pipeline_depth
        if not self.paused and (full or sum(turn.size for turn in self.queue) > _AHEAD_BYTES_MAX):
            self.paused = True
            self.transport.pause_reading()

    # --- the end of a connection ---

    def _close(self) -> None:
        """Closes when all is written; a client that may still be sending is read away first, or it loses the answer."""
        turn, self.turn = self.turn, None
        for waiting in self.queue:
            waiting.release()
        self.queue.clear()
        sending = (turn is not None and not turn.complete) or (self.deaf and not self.half_closed)
        self.deaf = True
        if not sending or self.transport.is_closing():
            self.transport.close()
            return
        self.lingering = True
        self.raw = 0
        if self.paused:
            self.paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _discard(self, size: int) -> None:
        self.raw += size
        if self.raw > self.hub.bounds.discard_bytes:
            self.transport.abort()

    def drain(self) -> None:
        """Closes unless a request is being read or served."""
        if self.turn is None and not self.raw:
            self._close()

    def abort(self) -> None:
        """Ends it now; the flow is told by `connection_lost`."""
        self.transport.abort()

    # --- waiting ---

    def sweep(self, tick: int) -> None:
        """Once a second: is somebody waited for too long?"""
        hub = self.hub
        waiting = self.transport.get_write_buffer_size()
        if (waiting or self.lent) and self._is_stalled(waiting, tick):
            self._stall()
            return
        waited = tick - self.mark
        turn = self.turn
        if self.lingering:
            if waited > hub.linger_ticks:
                self.transport.abort()
        elif turn is None:
            if self.raw or not self.served:
                if waited > hub.head_ticks:
                    self._late(Refusal.BODY_TOO_SLOW, "The request head did not arrive in time.")
            elif waited > hub.idle_ticks and not waiting:
                self.transport.close()
        elif not turn.complete and not self.paused and not self.deaf:
            if waited > hub.body_ticks and turn.size < (waited - hub.body_ticks) * hub.body_rate_per_tick:
                self._late(Refusal.BODY_TOO_SLOW, "")
        elif self.half_closed or self.paused:
            self._check_peer()

    def _late(self, refusal: Refusal, message: str) -> None:
        turn = self.turn
        if turn is None:
            if not self.raw:  # it has never said a word
                self.transport.close()
                return
            self.refuse_input(refusal, message)
            self._advance()
        elif turn.ended:
            self.transport.abort()
        else:
            self._fail_body(turn, refusal, message)

    def _is_stalled(self, waiting: int, tick: int) -> bool:
        """Whether nothing has been taken for too long, or what a slow reader leaves waiting has no room any more."""
        taken = self._count_taken(waiting)
        if taken != self.taken:
            self.taken, self.taken_tick = taken, tick
        more = (waiting if waiting > _AHEAD_BYTES_MAX else 0) - self.lent
        if more < 0 or self.hub.budget.take(more):
            if more < 0:
                self.hub.budget.give(-more)
            self.lent += more
            return waiting > 0 and tick - self.taken_tick > self.hub.stall_ticks
        return True

    def _stall(self) -> None:
        flow = self.turn.flow if self.turn is not None else None
        if flow is not None:
            flow.stalled()
        if self.turn is not None:
            self.turn.release()
        self.turn = None
        self.transport.abort()

    # --- a client that has closed its half ---

    def _write_interim(self) -> None:
        self.transport.write(_CONTINUE)

    def _probe(self) -> None:
        """A client that is gone looks the same until something is sent: an interim answer, which every client skips."""
        turn = self.turn
        if turn is not None and turn.head.http11 and not turn.started:
            self.probed = True
            self._write_interim()

    def _check_peer(self) -> None:
        """Nothing is read here, so the end of the other side would go unnoticed."""
        info = self._read_info()
        if not info:
            return
        if info[0] == _TCP_CLOSE:
            self.transport.abort()
        elif info[0] == _TCP_CLOSE_WAIT and not self.probed:
            self._probe()

    def _count_taken(self, waiting: int) -> int:
        """A figure that changes when the other side takes something.

        On TCP what it has acknowledged: the kernel may hold megabytes, and room there is told of in large steps only.
        """
        info = self._read_info()
        return int.from_bytes(info[_ACKED:], sys.byteorder) if len(info) == _INFO_BYTES else waiting

    def _read_info(self) -> bytes:
        sock: Any = self.transport.get_extra_info("socket")
        if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return b""
        return bytes(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES))
