"""Reading a segment that somebody else writes: what is whole, where it ends, and what is damaged.

A reader never takes a half-written record for a whole one. Where the bytes stop making sense it looks further: with a
whole frame beyond, what lies between is damage (a Gap: quarantined, with an alarm, and the reading goes on after it);
without one it is the end so far, or, when the writer is dead, a torn tail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tokenworks.credit.brief import Brief, expand
from tokenworks.credit.records import Record
from tokenworks.credit.states import SEGMENT, move
from tokenworks.errors import Broken
from tokenworks.journal.disk import Disk
from tokenworks.journal.segment import HEAD_BYTES, Head, frame_end, read_head
from tokenworks.journal.window import DAMAGED, SEALED, Window
from tokenworks.limits import POST_BATCH_MAX


class Gap(NamedTuple):
    """Damaged bytes between whole frames, from `start` to `end` of the segment."""

    start: int
    end: int


class Unreadable(NamedTuple):
    """A whole frame that this version cannot decode: for suspense. `payload` is msgpack as it was written."""

    payload: bytes
    why: str


class Found(NamedTuple):
    """One batch. `items` holds (position after it, what was found); `end` is where the next reading starts.

    `state` is open, sealed or dead (see credit/states.py). `finished`: nothing will ever follow `end`.
    """

    items: list[tuple[int, Record | Unreadable | Gap]]
    end: int
    state: str
    finished: bool


class SegmentReader:
    """Reads one segment from any position it has returned before; raises Broken when the file is not a segment."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._file = disk.open(name)
        self.name = name
        found = read_head(self._file.read(0, HEAD_BYTES))
        if found is None:
            self._file.close()
            raise Broken(f"{name} has no readable head: it is no journal segment, or its first page is lost")
        self.head: Head = found[0]
        self._salt = found[1]
        self._decode: Callable[[bytes], Record | Brief] = msgspec.msgpack.Decoder(Record | Brief).decode
        self.start = HEAD_BYTES

    def read(self, position: int, limit: int = POST_BATCH_MAX) -> Found:
        """Up to `limit` items from `position` on. Whether the writer lives is asked first: a dead one adds nothing."""
        dead = not self._file.locked()
        items: list[tuple[int, Record | Unreadable | Gap]] = []
        window = Window(self._file.read, self._salt)
        while len(items) < limit:
            frame = window.frame(position)
            if isinstance(frame, bytes):
                position = frame_end(position, len(frame))
                items.append((position, self._record(frame)))
            elif frame == SEALED:
                return Found(items, position, move(SEGMENT, "open", "seal"), True)
            else:
                beyond = window.next_frame(position) if dead or frame == DAMAGED else None
                if beyond is None:
                    return Found(items, position, move(SEGMENT, "open", "die") if dead else "open", dead)
                if beyond > position:
                    items.append((beyond, Gap(position, beyond)))
                    position = beyond
        return Found(items, position, "open", False)

    def take(self, position: int, limit: int = POST_BATCH_MAX) -> Found:
        """`read`, made safe: what is returned is on the disk, so it may be posted (DESIGN 4.5)."""
        found = self.read(position, limit)
        if found.items:
            self._file.sync()
        return found

    def raw(self, start: int, end: int) -> bytes:
        """The bytes between two places of the segment, whatever they are: of a Gap, for the quarantine."""
        return self._file.read(start, end - start)

    def close(self) -> None:
        self._file.close()

    def _record(self, payload: bytes) -> Record | Unreadable:
        try:
            record = self._decode(payload)
            return expand(record) if isinstance(record, Brief) else record
        except (msgspec.DecodeError, ValueError) as error:
            return Unreadable(payload, str(error))
