"""Server-sent events: bytes in any pieces to whole events, and an event to its name and data.

WHATWG HTML, section 9.2.6: lines end in LF, CR LF or CR; a blank line ends an event; several data lines make one text.
"""

from __future__ import annotations

import re

from tokenworks.limits import EVENT_BYTES_MAX

_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")
CR, LF = 13, 10  # as numbers: looking for one byte is several times cheaper than for a string of one
_BOM = b"\xef\xbb\xbf"


class Splitter:
    """Cuts a byte stream into whole events, each with its blank line; joined with `rest` they are what came in.

    `overflown` is set when the event in `rest` is above EVENT_BYTES_MAX: the stream cannot go on.
    """

    __slots__ = ("overflown", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self.overflown = False

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are complete now."""
        start = 0
        if self.rest:
            start = max(0, len(self.rest) - 3)
            data = self.rest + data
        blocks = _cut_lf(data, start) if CR not in data else _cut_any(data, start)
        used = sum(map(len, blocks)) if blocks else 0
        self.rest = data[used:]
        self.overflown = len(self.rest) > EVENT_BYTES_MAX
        return blocks


def _cut_lf(data: bytes, start: int) -> list[bytes]:
    """Events of a stream with plain line feeds, as every known upstream sends. Searching one byte is a memchr."""
    blocks: list[bytes] = []
    begin = 0
    place = data.find(b"\n", start) + 1
    while place:
        if data.startswith(b"\n", place):
            blocks.append(data[begin : place + 1])
            begin = place = place + 1
        place = data.find(b"\n", place) + 1
    return blocks


def _cut_any(data: bytes, start: int) -> list[bytes]:
    blocks: list[bytes] = []
    begin = 0
    for match in _BLANK.finditer(data, start):
        end = match.end()
        if end == len(data) and data.endswith(b"\n\r"):
            break  # a CR LF, half of which has come
        blocks.append(data[begin:end])
        begin = end
    return blocks


def read_event(block: bytes) -> tuple[str, bytes]:
    """(name, data) of one whole event; ("", b"") for comments, blank lines and events without data."""
    end = len(block) - 2
    if block.startswith(b"data: ") and block.find(LF) == end and CR not in block:
        return "", block[6:end]  # what most upstreams send
    name, data = b"", []
    for line in _LINE.split(block.removeprefix(_BOM)):
        if line.startswith(b"data"):
            data.append(_value(line, 4))
        elif line.startswith(b"event"):
            name = _value(line, 5) or b""
    parts = [part for part in data if part is not None]
    return name.decode("utf-8", "replace"), b"\n".join(parts)


def _value(line: bytes, length: int) -> bytes | None:
    """The value of a field of that name length; None when the line has another field."""
    if len(line) == length:
        return b""
    return line[length + 1 :].removeprefix(b" ") if line[length] == 58 else None


def write_event(data: bytes, name: str = "") -> bytes:
    """One event with its data on one line (JSON has no line ends of its own)."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data) if name else b"data: %b\n\n" % data
