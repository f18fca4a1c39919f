"""The writer: positions, rolling, room, sealing, and what a death or a power loss leaves."""

from __future__ import annotations

import pytest
from tests.journal.samples import FIRST, SEGMENT, WRITER, closed, new_writer, opened, read_all, records

from tokenworks.clock import FakeClock, FakeDice
from tokenworks.errors import Broken, JournalFull, RecordTooLarge
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.segment import HEAD_BYTES, SEQUENCE_SHIFT
from tokenworks.journal.shelf import list_segments
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import DISK_FREE_BYTES_MIN, RECORD_BYTES_MAX


def test_what_is_appended_is_read_at_once_and_in_order() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    positions = [writer.append(record) for record in records(9)]
    found = read_all(disk)
    assert [item for _, item in found.items] == records(9)
    assert [position for position, _ in found.items] == positions
    assert (found.end, found.state, found.finished) == (positions[-1], "open", False)


def test_position_grows_across_segments_and_nothing_is_lost_between_them() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    wrote = records(2000)  # some 110 bytes each
    positions = []
    for record in wrote:
        positions.append(writer.append(record))
        writer.prepare()
    assert positions == sorted(set(positions))
    names = [shelved.name for shelved in list_segments(disk)]
    assert len(names) > 3
    batches = [read_all(disk, name) for name in names]
    assert [item for found in batches for _, item in found.items] == wrote
    assert [found.state for found in batches] == ["sealed"] * (len(names) - 2) + ["open", "open"]


def test_a_roll_without_a_spare_makes_one_at_once() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    for record in records(1500):
        writer.append(record)  # the flusher never prepares: the first roll takes the spare made at the start
    assert len(disk.names()) > 2


def test_a_full_disk_stops_new_work_first_and_then_the_journal() -> None:
    disk = FakeDisk(room=DISK_FREE_BYTES_MIN + 3 * SEGMENT)
    writer = new_writer(disk)
    assert writer.accepting
    disk.room = DISK_FREE_BYTES_MIN - 1
    writer.prepare()
    assert not writer.accepting
    disk.room = 0
    for record in records(100):
        writer.append(record)  # running requests still end in their journal
    with pytest.raises(JournalFull, match="Free disk space"):
        for record in records(2000):
            writer.append(record)
    assert not writer.accepting
    disk.room = DISK_FREE_BYTES_MIN + 2 * SEGMENT
    writer.prepare()
    assert writer.accepting  # room came back: so does work
    before = writer.position
    assert writer.append(opened(1)) > before


def test_without_a_spare_work_goes_on_for_half_a_segment() -> None:
    disk = FakeDisk(room=DISK_FREE_BYTES_MIN + 3 * SEGMENT)
    writer = new_writer(disk)
    while writer.position >> SEQUENCE_SHIFT == 0:
        writer.append(opened(1))
    disk.stuck = True  # there is room, but no segment can be made
    writer.prepare()
    assert writer.accepting
    while writer.position & 0xFFFFFFFF < SEGMENT // 2:
        writer.append(opened(1))
    writer.prepare()
    assert not writer.accepting
    disk.stuck = False
    writer.prepare()
    assert writer.accepting


def test_records_have_a_limit() -> None:
    writer = new_writer(FakeDisk(), segment_bytes=8 * RECORD_BYTES_MAX)
    before = writer.position
    with pytest.raises(RecordTooLarge, match="must be bounded"):
        writer.append(opened(1).__class__(*["x" * RECORD_BYTES_MAX] + ["y"] * 2, 1, *["z"] * 5, False, 1))
    assert writer.position == before


def test_sync_covers_what_was_appended_before_it_and_retired_segments_too() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    writer.append(opened(0))
    assert writer.synced < writer.position
    assert writer.sync() == writer.position == writer.synced
    for record in records(500):
        writer.append(record)
    writer.sync()
    disk.fail_power()
    kept = [item for shelved in list_segments(disk) for _, item in read_all(disk, shelved.name).items]
    assert kept == [opened(0), *records(500)]


def test_a_failed_flush_ends_acceptance_for_good() -> None:
    writer = new_writer(FakeDisk())
    writer.refuse("flush failed")
    writer.prepare()
    assert not writer.accepting
    assert writer.failure == "flush failed"
    writer.append(closed(1))  # the ends of running requests are still written


def test_close_seals_trims_and_drops_the_spare() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    writer.append(opened(0))
    end = writer.close()
    assert disk.names() == [FIRST]
    found = read_all(disk)
    assert (found.state, found.finished, found.end) == ("sealed", True, end)
    assert len(disk.files[FIRST].seen) == end + 8
    assert not disk.open(FIRST).locked()
    assert not writer.accepting


def test_a_second_writer_of_the_same_name_is_impossible() -> None:
    disk = FakeDisk()
    new_writer(disk)
    with pytest.raises(FileExistsError):
        new_writer(disk)


def test_rolling_without_a_spare_is_our_own_mistake() -> None:
    writer = new_writer(FakeDisk())
    writer._spare = None
    with pytest.raises(Broken):
        writer._roll()


def test_the_epoch_known_at_the_making_stands_in_the_head() -> None:
    disk = FakeDisk()
    writer = JournalWriter(disk, WRITER, FakeClock(), FakeDice(1), SEGMENT)
    assert writer.position == HEAD_BYTES
    assert writer.synced == HEAD_BYTES
