"""Following one journal: what the poster sees must not depend on when it last looked at the shelf."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.journal.samples import SEGMENT, WRITER, new_writer, record, records

from tokenworks.control.track import Track
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.journal.writer import JournalWriter


def drain(track: Track, limit: int) -> tuple[list[object], bool]:
    """Everything that is there; whether the journal is over."""
    items: list[object] = []
    while True:
        stretch = track.read(limit)
        items += [item for _, item in stretch.items]
        assert all(track.position < place <= stretch.end for place, _ in stretch.items)
        track.position = stretch.end
        if not stretch.full:
            return items, stretch.over


@given(st.lists(st.one_of(st.integers(1, 400), st.just(0), st.just(-1)), max_size=25), st.integers(1, 300))
def test_any_interleaving_of_writing_and_reading(steps: list[int], limit: int) -> None:
    """Positive: write so many; 0: read with what was last seen of the shelf; -1: begin anew from the position."""
    disk = FakeDisk()
    writer = new_writer(disk, 16 * 1024)
    track, seen, count = Track(disk, WRITER, 0), [], 0
    for step in [*steps, 0]:
        for _ in range(max(step, 0)):
            writer.append(record(count))
            count += 1
        if step == -1:
            track = Track(disk, WRITER, track.position)
        if step == 0:
            items, over = drain(track, limit)
            seen += items
            assert not over, "its writer lives"
    assert seen == records(count)
    assert track.position == writer.position
    disk.kill()
    assert drain(track, limit) == ([], True)


def filled() -> tuple[FakeDisk, JournalWriter]:
    disk = FakeDisk()
    writer = new_writer(disk, SEGMENT)
    for number in range(3000):
        writer.append(record(number))
    return disk, writer


def test_a_missing_segment_under_a_living_writer_is_no_end() -> None:
    """Somebody removed the file: to take that for the end would give away credit that is in use."""
    disk, writer = filled()
    track = Track(disk, WRITER, writer.position)
    del disk.files[max(disk.files)], disk.files[max(disk.files)]
    with pytest.raises(FileNotFoundError):
        track.read(10)
    disk.files.clear()
    with pytest.raises(FileNotFoundError):
        Track(disk, WRITER, 1 << SEQUENCE_SHIFT | 4096).read(10)
    assert not Track(disk, WRITER, 0).alive()


def test_lag() -> None:
    track = Track(FakeDisk(), WRITER, 5 << SEQUENCE_SHIFT | 4096)
    assert track.lag_bytes == 0
    track.heard = 5 << SEQUENCE_SHIFT | 5096
    assert track.lag_bytes == 1000
