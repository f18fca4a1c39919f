"""Looking at a segment's bytes a large piece at a time: the frame at a place, and the next whole one after damage."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from zlib import crc32

from tokenworks.journal.segment import END_LENGTH, FRAME_HEAD, FRAME_HEAD_BYTES, end_mark
from tokenworks.limits import RECORD_BYTES_MAX

EMPTY, DAMAGED, SEALED = 0, 1, 2
_PIECE_BYTES = 1 << 18
_WORD_BYTES = 8


class Window:
    """A view that moves forward over one reading. `read` is pread: (offset, size) -> bytes, short at the end."""

    def __init__(self, read: Callable[[int, int], bytes], salt: int) -> None:
        self._read, self._salt = read, salt
        self._end_mark = end_mark(salt)
        self._start, self._data = 0, b""

    def frame(self, offset: int) -> bytes | int:
        """The payload of the frame at `offset`, or EMPTY (nothing there yet), DAMAGED or SEALED."""
        head = self._bytes(offset, FRAME_HEAD_BYTES)
        if head == self._end_mark:
            return SEALED
        length, check = FRAME_HEAD.unpack(head.ljust(FRAME_HEAD_BYTES, b"\0"))
        if length == 0 and check == 0:
            return EMPTY
        if not 0 < length <= RECORD_BYTES_MAX:
            return DAMAGED
        payload = self._bytes(offset + FRAME_HEAD_BYTES, length)
        return payload if len(payload) == length and crc32(payload, self._salt) == check else DAMAGED

    def next_frame(self, offset: int) -> int | None:
        """Where the first whole frame or end mark at or after `offset` stands, or None.

        It looks at `offset` once more, with fresh bytes: what was half visible a moment ago may be whole.
        """
        self._data = b""
        for place in self._candidates(offset):
            if self.frame(place) not in (EMPTY, DAMAGED):
                return place
        return None

    def _candidates(self, offset: int) -> Iterator[int]:
        """Places that may be a frame's header: aligned, with a plausible length, skipping zeros in large steps."""
        while piece := self._read(offset, _PIECE_BYTES):
            if piece.strip(b"\0"):
                whole = len(piece) - len(piece) % _WORD_BYTES
                for index, (length, _) in enumerate(struct.iter_unpack("<II", piece[:whole])):
                    if 0 < length <= RECORD_BYTES_MAX or length == END_LENGTH:
                        yield offset + index * _WORD_BYTES
            offset += len(piece)

    def _bytes(self, offset: int, size: int) -> bytes:
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._start, self._data = offset, self._read(offset, max(size, _PIECE_BYTES))
            at = 0
        return self._data[at:at + size]
