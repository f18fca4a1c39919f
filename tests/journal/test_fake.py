"""The disk that fails: what a kill leaves, what a power loss leaves, and what a lying flush costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.journal.samples import FIRST, new_writer, opened, read_all, records

from tokenworks.clock import FakeDice
from tokenworks.journal.fake import PAGE_BYTES, FakeDisk
from tokenworks.journal.shelf import list_segments


def kept_records(disk: FakeDisk) -> list[object]:
    return [item for shelved in list_segments(disk) for _, item in read_all(disk, shelved.name).items]


def test_a_kill_loses_nothing() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    for record in records(50):
        writer.append(record)
    disk.kill()
    writer.append(opened(99))  # a dead writer's memory reaches no file
    assert kept_records(disk) == records(50)
    assert read_all(disk).state == "dead"


@given(st.integers(0, 2**32), st.integers(0, 120), st.integers(0, 120))
def test_a_power_loss_keeps_what_was_flushed_and_never_half_a_record(seed: int, before: int, after: int) -> None:
    disk = FakeDisk(dice=FakeDice(seed))
    writer = new_writer(disk)
    wrote = records(before + after)
    for record in wrote[:before]:
        writer.append(record)
    writer.sync()
    for record in wrote[before:]:
        writer.append(record)
    disk.fail_power()
    found = read_all(disk)
    kept = [item for _, item in found.items if item in wrote]
    assert kept[:before] == wrote[:before]
    assert all(item in wrote for item in kept), "a record is whole or it is not there"
    assert kept == [item for item in wrote if item in kept], "in order"


def test_a_lying_flush_loses_records() -> None:
    """The planted fault shows: what was said to be flushed is gone."""
    disk = FakeDisk(dice=FakeDice(3))
    writer = new_writer(disk)
    disk.lying = True
    for record in records(300):
        writer.append(record)
    writer.sync()
    assert writer.synced == writer.position
    disk.fail_power()
    assert len(kept_records(disk)) < 300


def test_a_broken_flush_raises() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    disk.broken = True
    writer.append(opened(1))
    with pytest.raises(OSError, match="Input/output"):
        writer.sync()
    assert writer.synced < writer.position


def test_room_is_counted() -> None:
    disk = FakeDisk(room=10 * PAGE_BYTES)
    disk.create("a", 6 * PAGE_BYTES, b"")
    assert disk.free_bytes() == 4 * PAGE_BYTES
    with pytest.raises(OSError, match="No space"):
        disk.create("b", 5 * PAGE_BYTES, b"")
    with pytest.raises(FileExistsError):
        disk.create("a", 1, b"")
    disk.trim("a", PAGE_BYTES)
    assert disk.free_bytes() == 9 * PAGE_BYTES
    disk.remove("a")
    disk.remove("a")
    assert disk.free_bytes() == 10 * PAGE_BYTES
    with pytest.raises(FileNotFoundError):
        disk.open(FIRST)
