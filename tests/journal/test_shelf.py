"""What lies on the shelf, in order; what is trimmed and swept, and what never is."""

from __future__ import annotations

import pytest
from tests.journal.samples import FIRST, SEGMENT, WRITER, new_writer, opened, read_all, records

from tokenworks.journal.disk import FRESH
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.segment import HEAD_BYTES, segment_name
from tokenworks.journal.shelf import Shelved, list_fresh, list_segments, sweep_fresh, trim_segment, writer_lives


def test_order_and_strangers() -> None:
    disk = FakeDisk()
    for name in (segment_name("b/0/1", 10), segment_name("b/0/1", 9), segment_name("a/1/1", 0), "notes.json",
                 FRESH + segment_name("a/1/1", 1)):
        disk.create(name, 64, b"")
    assert list_segments(disk) == [
        Shelved("a/1/1", 0, "a.1.1-00000000.twj"), Shelved("b/0/1", 9, "b.0.1-00000009.twj"),
        Shelved("b/0/1", 10, "b.0.1-00000010.twj")]


def test_writer_lives() -> None:
    disk = FakeDisk()
    new_writer(disk)
    assert writer_lives(disk, FIRST)
    disk.kill()
    assert not writer_lives(disk, FIRST)
    with pytest.raises(FileNotFoundError):
        writer_lives(disk, "gone")


def test_trim_gives_back_only_zeros() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    for record in records(9):
        writer.append(record)
    end = writer.position
    trim_segment(disk, FIRST, end)
    assert len(disk.files[FIRST].seen) == SEGMENT, "a living writer's segment is left alone"
    disk.kill()
    room = disk.free_bytes()
    trim_segment(disk, FIRST, end)
    assert len(disk.files[FIRST].seen) == end
    assert disk.free_bytes() == room + SEGMENT - end
    assert [item for _, item in read_all(disk).items] == records(9)


def test_trim_keeps_what_is_not_zero() -> None:
    """Torn bytes after the end stay for whoever looks at them."""
    disk = FakeDisk()
    writer = new_writer(disk)
    end = writer.append(opened(1))
    disk.kill()
    disk.files[FIRST].seen[end + 5000] = 7
    trim_segment(disk, FIRST, end)
    assert len(disk.files[FIRST].seen) == end + 5001


def test_trim_keeps_the_head() -> None:
    disk = FakeDisk()
    new_writer(disk)
    disk.kill()
    trim_segment(disk, FIRST, 0)
    assert len(disk.files[FIRST].seen) >= HEAD_BYTES
    assert read_all(disk).finished


def test_sweep_takes_old_orphans_only() -> None:
    disk = FakeDisk()
    disk.create(FRESH + "dead", 64, b"")
    disk.create(FRESH + "alive", 64, b"")
    disk.kill(FRESH + "dead")
    new_writer(disk)
    old = list_fresh(disk)
    disk.create(FRESH + "young", 64, b"")
    disk.kill(FRESH + "young")
    assert sweep_fresh(disk, set()) == []
    assert sweep_fresh(disk, old) == [FRESH + "dead"]
    assert disk.names() == [FRESH + "alive", FRESH + "young", FIRST, segment_name(WRITER, 1)]
