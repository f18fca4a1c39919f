"""Heads that are sent again: the same bytes but for the length of the body need no second parsing.

On a kept connection a client's heads differ in nothing else, and what the parser has found sound once is sound again:
the digits of `content-length` stand on a line of their own between bytes that are the same as before. Only the last
head of the connection is kept, as long as the connection. It is the same with an upstream's answers, for as long as the
second that stands in them.
"""

from __future__ import annotations

import re

from tokenworks.gateway.turn import Head

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?([0-9]{1,8})\r\n")
_BYTES_MAX = 4096  # of a head that is worth keeping
_MISSES_MAX = 4  # a client whose heads differ each time is not learned from any more


class Repeat:
    """What is known of a connection's heads."""

    __slots__ = ("head", "misses", "prefix", "suffix", "whole")

    def __init__(self) -> None:
        self.misses = 0
        self.forget()

    def forget(self) -> None:
        """Keeps no bytes of a head any more."""
        self.prefix = self.suffix = b""
        self.whole = b""  # the last head as it came
        self.head: Head | None = None

    def learn(self, data: bytes, head: Head) -> None:
        """`data` begins with the bytes that were parsed into `head`, which was accepted."""
        if self.misses >= _MISSES_MAX:
            return
        self.misses += 1
        end = data.find(b"\r\n\r\n")
        found = _LENGTH.search(data, 0, end + 2) if 0 < end < _BYTES_MAX else None
        if found is None or head.length != int(found[1]) or b"upgrade" in head.fields or head.expects_continue:
            self.forget()
            return
        self.prefix, self.suffix = data[: found.start(1)], data[found.end(1) : end + 4]
        self.whole, self.head = data[: end + 4], head

    def match(self, data: bytes) -> tuple[Head, int] | None:
        """The head with which `data` begins and where it ends, when it is the known one again."""
        known, whole = self.head, self.whole
        if known is None:
            return None
        if not data.startswith(whole):
            known = self._match_length(data, known)
            if known is None:
                return None
            whole = self.whole
        self.misses = 0
        return known, len(whole)

    def _match_length(self, data: bytes, known: Head) -> Head | None:
        """The same head with another length."""
        at = len(self.prefix)
        end = data.find(b"\r", at, at + 9)
        if end <= at or not data.startswith(self.prefix) or not data.startswith(self.suffix, end):
            return None
        digits = data[at:end]
        if not digits.isdigit():
            return None
        self.whole = data[: end + len(self.suffix)]
        self.head = found = known.with_length(digits)
        return found


class KnownAnswer:
    """The head of an upstream's last whole answer. `headers` and `fields` are its own, content-length included."""

    __slots__ = ("_at", "_prefix", "_suffix", "_tick", "fields", "headers")

    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]

    def __init__(self) -> None:
        self._prefix = self._suffix = b""
        self._at = 0
        self._tick = -1

    def learn(
        self, data: bytes, headers: list[tuple[bytes, bytes]], fields: dict[bytes, bytes], tick: int
    ) -> None:
        """One read was a whole answer of status 200 that leaves its connection as it was. At most once in a tick."""
        if tick == self._tick:
            return
        self._tick, self._at = tick, 0
        end = data.find(b"\r\n\r\n")
        found = _LENGTH.search(data, 0, end + 2) if 0 < end < _BYTES_MAX else None
        if found is not None and end + 4 + int(found[1]) == len(data) and b"transfer-encoding" not in fields:
            self._prefix, self._suffix = data[: found.start(1)], data[found.end(1) : end + 4]
            self._at = found.start(1)
            self.headers, self.fields = headers, fields

    def match(self, data: bytes) -> int:
        """Where the body begins when `data` is a whole answer behind the known head, else 0."""
        at = self._at
        if not at or not data.startswith(self._prefix):
            return 0
        end = data.find(b"\r", at, at + 9)
        digits = data[at:end]
        start = end + len(self._suffix)
        if not digits.isdigit() or int(digits) != len(data) - start or not data.startswith(self._suffix, end):
            return 0
        return start
