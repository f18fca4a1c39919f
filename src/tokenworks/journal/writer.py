"""The writer: one per gateway worker and start. Appending is a memory copy; only a power loss can take it back.

`append` runs on the event loop; `sync` and `prepare` run on the flusher's thread (flusher.py). The two threads meet in
`_retired`, a deque whose ends are atomic, and in attributes that one of them alone writes; only the making of a segment
needs a lock, which the event loop takes at most once per segment.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from zlib import crc32

import msgspec

from tokenworks.clock import Clock, Dice
from tokenworks.credit.brief import Brief
from tokenworks.credit.records import Record
from tokenworks.credit.states import SEGMENT, move
from tokenworks.errors import JournalFull, RecordTooLarge
from tokenworks.journal.disk import AppendFile, Disk
from tokenworks.journal.segment import (
    FRAME_HEAD,
    FRAME_HEAD_BYTES,
    HEAD_BYTES,
    SEQUENCE_SHIFT,
    Head,
    end_mark,
    pack_head,
    segment_name,
)
from tokenworks.limits import DISK_FREE_BYTES_MIN, RECORD_BYTES_MAX, SEGMENT_BYTES

_NONCE_BYTES = 16


class Segment:
    """One file being written. `state` moves along the SEGMENT table."""

    __slots__ = ("file", "name", "salt", "sequence", "state", "used")

    def __init__(self, name: str, sequence: int, salt: int, file: AppendFile) -> None:
        self.name, self.sequence, self.salt, self.file = name, sequence, salt, file
        self.state = "spare"
        self.used = HEAD_BYTES


class JournalWriter:
    """Appends records and says how far they are safe.

    `position` is where the last record ends, `synced` up to where a power loss cannot reach; both grow, also across
    segments. `accepting` turns False before the journal can fail: the gateway then takes no new request, while the ends
    of the running ones still have room.
    """

    def __init__(self, disk: Disk, writer: str, clock: Clock, dice: Dice, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._disk, self._writer, self._clock, self._dice = disk, writer, clock, dice
        self._segment_bytes = segment_bytes
        self._room = segment_bytes - FRAME_HEAD_BYTES  # an end mark always fits
        self._length_max = min(RECORD_BYTES_MAX, segment_bytes // 4)
        self._encode = msgspec.msgpack.Encoder().encode
        self._pack = FRAME_HEAD.pack
        self._retired: deque[Segment] = deque()
        self._making = Lock()
        self.books_epoch = 0
        self.failure = ""
        self.position = self._base = self._offset = self._salt = 0
        self._spare: Segment | None = None
        self._current = self._create(0)
        self._page = self._current.file.page
        self._enter(self._current)
        self.synced = self.position
        self.accepting = False
        self.prepare()

    def append(self, record: Record | Brief) -> int:
        """Stores a record and returns the position after it. The process may die from here on: the record stays.

        Raises RecordTooLarge, and JournalFull when the current segment is full and no other can be made.
        """
        payload = self._encode(record)
        length = len(payload)
        start = self._offset
        body = start + 8
        end = body + length
        after = (end + 7) & ~7
        if after > self._room or length > self._length_max:
            return self._append_next(record, length)
        page = self._page
        page[body:end] = payload
        page[start:body] = self._pack(length, crc32(payload, self._salt))
        self._offset = after
        self.position = position = self._base | after
        return position

    def sync(self) -> int:
        """Flushes what was appended before the call, and returns its position. Raises OSError. On the flusher's thread.

        The order matters: the target first, then the current segment, then the retired ones, which `_roll` fills before
        it changes the current one. So every byte up to the target lies in a file that is flushed here.
        """
        target, current = self.position, self._current
        while self._retired:
            segment = self._retired[0]
            segment.file.close(segment.used)
            self._retired.popleft()
        current.file.sync()
        self.synced = target
        return target

    def prepare(self) -> None:
        """Makes the next segment ahead of need and decides on `accepting`. On the flusher's thread."""
        try:
            if self._spare is None and not self.failure:
                self._make_spare()
        except OSError:
            pass  # what is left of the current segment decides; the next call tries again
        try:
            room = self._disk.free_bytes() >= DISK_FREE_BYTES_MIN
        except OSError:
            room = False
        half_left = self._offset < self._segment_bytes // 2
        self.accepting = not self.failure and (room and (self._spare is not None or half_left))

    def refuse(self, why: str) -> None:
        """No new work from now on: a flush failed, and what it should have saved cannot be known."""
        self.failure = why
        self.accepting = False

    def close(self) -> int:
        """Seals the segment and drops the spare; the last position. The writer is of no use afterwards."""
        self.accepting = False
        self._seal(self._current)
        self._retired.append(self._current)
        while self._retired:
            segment = self._retired.popleft()
            segment.file.close(segment.used)
        if self._spare is not None:
            self._spare.state = move(SEGMENT, self._spare.state, "drop")
            self._spare.file.close(HEAD_BYTES)
            self._disk.remove(self._spare.name)
            self._spare = None
        self.synced = self.position
        return self.position

    def _create(self, sequence: int) -> Segment:
        name = segment_name(self._writer, sequence)
        head = Head(self._writer, sequence, self._clock.now_ns(), self.books_epoch, self._dice.draw(_NONCE_BYTES))
        page, salt = pack_head(head)
        return Segment(name, sequence, salt, self._disk.create(name, self._segment_bytes, page))

    def _enter(self, segment: Segment) -> None:
        segment.state = move(SEGMENT, segment.state, "append")
        self._current = segment
        self._page, self._salt = segment.file.page, segment.salt
        self._offset = HEAD_BYTES
        self._base = segment.sequence << SEQUENCE_SHIFT
        self.position = self._base | self._offset

    def _append_next(self, record: Record | Brief, length: int) -> int:
        """The slow way: the record is too large, or the segment is full."""
        if length > self._length_max:
            raise RecordTooLarge(length, self._length_max)
        if self._spare is None:
            try:
                self._make_spare()
            except OSError as error:
                self.accepting = False
                raise JournalFull(error) from error
        self._roll()
        return self.append(record)

    def _make_spare(self) -> None:
        """Both threads may come here: the later one finds the earlier one's."""
        with self._making:
            if self._spare is None:
                self._spare = self._create(self._current.sequence + 1)

    def _roll(self) -> None:
        """The old segment is in `_retired` before the new one is current: `sync` relies on it."""
        spare, self._spare = self._spare, None
        if spare is None:
            raise JournalFull("no spare segment")
        self._seal(self._current)
        self._retired.append(self._current)
        self._enter(spare)

    def _seal(self, segment: Segment) -> None:
        self._page[self._offset:self._offset + FRAME_HEAD_BYTES] = end_mark(segment.salt)
        segment.used = self._offset + FRAME_HEAD_BYTES
        segment.state = move(SEGMENT, segment.state, "seal")
