"""Heads that a client sends again: the same bytes but for the length of the body need no second parsing.

On a kept connection a client's heads differ in nothing else, and what the parser has found sound once is sound again:
the digits of `content-length` stand on a line of their own between bytes that are the same as before. Only the last
head of the connection is kept, as long as the connection.
"""

from __future__ import annotations

import re

from tokenworks.gateway.turn import Head

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?([0-9]{1,8})\r\n")
_BYTES_MAX = 4096  # of a head that is worth keeping
_MISSES_MAX = 4  # a client whose heads differ each time is not learned from any more


class Repeat:
    """What is known of a connection's heads. `prefix` is b"" while nothing is."""

    __slots__ = ("digits", "head", "misses", "prefix", "suffix")

    def __init__(self) -> None:
        self.misses = 0
        self.forget()

    def forget(self) -> None:
        """Keeps no bytes of a head any more."""
        self.prefix = self.suffix = self.digits = b""
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
        self.digits, self.head = found[1], head

    def match(self, data: bytes) -> tuple[Head, int] | None:
        """The head with which `data` begins and where it ends, when it is the known one again."""
        known, at = self.head, len(self.prefix)
        if known is None:
            return None
        end = data.find(b"\r", at, at + 9)
        if end <= at or not data.startswith(self.suffix, end):
            return None
        digits = data[at:end]
        if digits != self.digits:
            if not digits.isdigit():
                return None
            self.digits = digits
            self.head = known = known.with_length(digits)
        self.misses = 0
        return known, end + len(self.suffix)
