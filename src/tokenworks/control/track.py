"""One writer's journal as the poster follows it: which segments lie on the shelf, and what comes next in them."""

from __future__ import annotations

from typing import NamedTuple

from tokenworks.credit.records import Record
from tokenworks.credit.rows import Damage
from tokenworks.errors import Broken
from tokenworks.journal.disk import Disk
from tokenworks.journal.reader import Found, Gap, SegmentReader, Unreadable
from tokenworks.journal.segment import HEAD_BYTES, SEQUENCE_SHIFT, segment_name
from tokenworks.journal.shelf import list_segments, writer_lives
from tokenworks.limits import RECORD_BYTES_MAX

_OFFSET = (1 << SEQUENCE_SHIFT) - 1


class Hurt(NamedTuple):
    """Bytes to set aside: the segment, where they begin in it, and what they are."""

    segment: str
    start: int
    data: bytes


class Stretch(NamedTuple):
    """What was read of one segment: items with their positions, where the next reading starts, what is damaged.

    `done` is the segment that will never have more than its first `done_bytes`; `over` that the whole journal has not;
    `full` that there is more to read at once; `dead` that the writer is known to be gone.
    """

    segment: str
    items: list[tuple[int, Record | Damage]]
    end: int
    hurt: tuple[Hurt, ...] = ()
    done: str = ""
    done_bytes: int = 0
    over: bool = False
    full: bool = False
    dead: bool = False


class Track:
    """`position` is the books' (0: nothing posted yet). `names` has the segments by sequence."""

    def __init__(self, disk: Disk, writer: str, position: int) -> None:
        self.writer = writer
        self.position = position
        self.names: dict[int, str] = {}
        self.lost = False  # told to the books as such
        self.heard = 0  # a position that the writer itself has named
        self.beat_ns = 0
        self._disk = disk
        self._reader: SegmentReader | None = None

    @property
    def sequence(self) -> int:
        """Of the segment that is read next."""
        return self.position >> SEQUENCE_SHIFT

    @property
    def lag_bytes(self) -> int:
        """Bytes that the writer has named and the books have not, as far as they lie in one segment."""
        return max(0, self.heard - self.position) & _OFFSET

    def look(self) -> None:
        """Which of its segments are on the shelf now. Raises OSError."""
        self.names = {shelved.sequence: shelved.name for shelved in list_segments(self._disk)
                      if shelved.writer == self.writer}

    def alive(self) -> bool:
        """Whether the writer holds the lock of its newest segment. Raises OSError."""
        return bool(self.names) and writer_lives(self._disk, self.names[max(self.names)])

    def read(self, limit: int) -> Stretch:
        """Up to `limit` items from the position on, all of one segment, safe on the disk. Raises OSError."""
        sequence, offset = self.position >> SEQUENCE_SHIFT, self.position & _OFFSET
        if sequence not in self.names:
            self.look()
        if sequence not in self.names:
            return self._skip(sequence, offset)
        try:
            reader = self._open(self.names[sequence])
        except Broken as error:
            return self._pass_over(sequence, str(error))
        found = reader.take(max(offset, reader.start), limit)
        base = sequence << SEQUENCE_SHIFT
        items = [(base | place, self._item(item)) for place, item in found.items]
        hurt = tuple(Hurt(reader.name, item.start, reader.raw(item.start, item.end))
                     for _, item in found.items if isinstance(item, Gap))
        return self._close_stretch(found, items, hurt, limit)

    def close(self) -> None:
        """Lets go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _open(self, name: str) -> SegmentReader:
        if self._reader is None or self._reader.name != name:
            self.close()
            self._reader = SegmentReader(self._disk, name)
        return self._reader

    def _close_stretch(self, found: Found, items: list[tuple[int, Record | Damage]], hurt: tuple[Hurt, ...],
                       limit: int) -> Stretch:
        sequence, name = self.sequence, self.names[self.sequence]
        end, dead = sequence << SEQUENCE_SHIFT | found.end, found.state == "dead"
        if not found.finished:
            return Stretch(name, items, end, hurt, full=len(items) >= limit, dead=dead)
        self.look()  # the next segment may be younger than the last look: a spare is there before a segment is sealed
        following = self._after(sequence)
        if following >= 0:
            end = (sequence + 1) << SEQUENCE_SHIFT | HEAD_BYTES
        return Stretch(name, items, end, hurt, name, found.end, following < 0, following >= 0, dead)

    def _skip(self, sequence: int, offset: int) -> Stretch:
        """The segment is not on the shelf: it was the spare of a writer that has ended well, or somebody removed it."""
        following = self._after(sequence)
        if following < 0 and (offset != HEAD_BYTES or not self.names):
            raise FileNotFoundError(f"segment {sequence} of {self.writer} is not there")
        if following < 0:
            return Stretch("", [], self.position, over=True)
        end = following << SEQUENCE_SHIFT | HEAD_BYTES
        why = f"segments {sequence} to {following - 1} of {self.writer} are missing"
        missing = segment_name(self.writer, sequence)
        return Stretch(missing, [(end, Damage("gap", b"", why))], end, (Hurt(missing, 0, b""),), full=True)

    def _pass_over(self, sequence: int, why: str) -> Stretch:
        """The segment's head is unreadable, and with it the whole of it."""
        following = self._after(sequence)
        end = (following if following >= 0 else sequence + 1) << SEQUENCE_SHIFT | HEAD_BYTES
        hurt = Hurt(self.names[sequence], 0, b"")  # the file itself stays; there is nothing to copy apart
        return Stretch(hurt.segment, [(end, Damage("gap", b"", why))], end, (hurt,), full=True)

    def _after(self, sequence: int) -> int:
        """The next sequence on the shelf, -1 when there is none."""
        return min((number for number in self.names if number > sequence), default=-1)

    def _item(self, item: Record | Unreadable | Gap) -> Record | Damage:
        if isinstance(item, Unreadable):
            return Damage("unreadable", item.payload, item.why)
        if isinstance(item, Gap):
            size = min(item.end - item.start, RECORD_BYTES_MAX)
            data = self._reader.raw(item.start, item.start + size) if self._reader else b""
            return Damage("gap", data, f"{item.end - item.start} damaged bytes from {item.start} on")
        return item
