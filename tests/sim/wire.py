"""The private link's bytes on their way between two processes of a host: in order, late, or cut off."""

from __future__ import annotations

import os
import struct
from typing import Any

import msgspec
from tests.sim.loop import MS, Process, Time

AGAIN = {"written", "renew", "renewed", "facts"}  # what may be told twice: it says how things stand


class End:
    """One end of a connection, as the transport of the protocol there."""

    def __init__(self, time_: Time, process: Process, protocol: Any) -> None:
        self.time, self.process, self.protocol = time_, process, protocol
        self.other: End
        self.lost = False
        self.stalled_until_ns = 0
        self.doubling = 0.0  # of a thousand frames, how many are delivered twice, where that may be
        self._last_ns = 0

    def write(self, data: bytes | bytearray) -> None:
        if self.lost:
            return
        copies = 2 if self.doubling and self.time.chance(self.doubling) and _kind(data) in AGAIN else 1
        for _ in range(copies):
            at_ns = max(self._last_ns, self.stalled_until_ns, self.time.now_ns + self.time.some(0, 4))
            self._last_ns = at_ns
            self.time.after(at_ns - self.time.now_ns, self.other.process, self.other.take, bytes(data))

    def take(self, data: bytes) -> None:
        if not self.lost:
            self.protocol.data_received(data)

    def lose(self) -> None:
        """This end hears that the connection is gone."""
        if not self.lost:
            self.lost = True
            self.protocol.connection_lost(None)

    def cut(self) -> None:
        """The connection breaks: each end hears of it in its own time, after what was on its way or before."""
        for end in (self, self.other):
            self.time.after(self.time.some(0, 30), end.process, end.lose)

    def close(self) -> None:
        self.time.after(0, self.process, self.lose)
        self.time.after(max(self._last_ns - self.time.now_ns, 0) + MS, self.other.process, self.other.lose)

    abort = close

    def is_closing(self) -> bool:
        return self.lost

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> Credentials:
        return Credentials()


class Credentials:
    """A socket that knows who is at its other end: ourselves."""

    def getsockopt(self, *which: int) -> bytes:
        return struct.pack("3i", 1, os.getuid(), 0)


def connect(time_: Time, caller: Process, caller_protocol: Any, callee: Process, callee_protocol: Any) -> End:
    """A new connection; the caller's end."""
    mine, theirs = End(time_, caller, caller_protocol), End(time_, callee, callee_protocol)
    mine.other, theirs.other = theirs, mine
    for end in (theirs, mine):
        end.process.closing.append(lambda end=end: _drop(end))
        time_.after(0, end.process, end.protocol.connection_made, end)
    return mine


def _drop(end: End) -> None:
    """The process of this end is dead."""
    end.lost = True
    end.time.after(end.time.some(1, 20), end.other.process, end.other.lose)


def _kind(data: bytes | bytearray) -> str:
    """The tag of a frame; "" when there is more than one in it."""
    if int.from_bytes(data[:4], "big") != len(data) - 4:
        return ""
    return str(msgspec.msgpack.decode(data[4:])["type"])
