"""Reading what somebody else writes: batches, torn tails, damage in the middle, a writer that goes on meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.journal.samples import FIRST, new_writer, opened, read_all, records

from tokenworks.clock import FakeDice
from tokenworks.errors import Broken
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.reader import Gap, SegmentReader, Unreadable
from tokenworks.journal.segment import FRAME_HEAD, HEAD_BYTES
from tokenworks.journal.shelf import list_segments
from tokenworks.journal.writer import JournalWriter


def filled(count: int) -> tuple[FakeDisk, list[int]]:
    disk = FakeDisk()
    writer = new_writer(disk)
    return disk, [writer.append(record) for record in records(count)]


def read_on(disk: FakeDisk, limit: int) -> list[object]:
    reader = SegmentReader(disk, FIRST)
    position, items = reader.start, []
    while (found := reader.read(position, limit)).items:
        assert len(found.items) <= limit
        items += [item for _, item in found.items]
        position = found.end
    return items


@given(st.integers(1, 40), st.integers(1, 50))
def test_batches_of_any_size_add_up(limit: int, count: int) -> None:
    disk, _ = filled(count)
    assert read_on(disk, limit) == records(count)


@given(st.integers(0, 29))
def test_reading_starts_at_any_position_it_has_returned(skip: int) -> None:
    disk, positions = filled(30)
    reader = SegmentReader(disk, FIRST)
    found = reader.read(positions[skip])
    assert [item for _, item in found.items] == records(30)[skip + 1:]
    assert found.end == positions[-1]


@given(st.integers(1, 7), st.booleans())
def test_a_torn_tail_is_an_end_only_when_the_writer_is_dead(cut: int, dead: bool) -> None:
    """A header whose payload did not reach the disk: a living writer may be about to complete it."""
    disk, positions = filled(10)
    data = disk.files[FIRST].seen
    data[positions[-1] - 8 * cut:positions[-1]] = b"\0" * 8 * cut
    if dead:
        disk.kill()
    found = read_all(disk)
    assert [item for _, item in found.items] == records(10)[:9]
    assert (found.end, found.state, found.finished) == (positions[8], "dead" if dead else "open", dead)


@given(st.integers(0, 8), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_damage_in_the_middle_is_a_gap_and_the_rest_is_read(which: int, place: int, by: int, dead: bool) -> None:
    disk, positions = filled(10)
    if dead:
        disk.kill()
    start, end = [HEAD_BYTES, *positions][which], positions[which]
    used = 8 + FRAME_HEAD.unpack_from(disk.files[FIRST].seen, start)[0]
    disk.files[FIRST].seen[start + place % used] ^= by
    found = read_all(disk)
    wrote = records(10)
    assert [item for _, item in found.items if not isinstance(item, Gap)] == wrote[:which] + wrote[which + 1:]
    assert [item for _, item in found.items if isinstance(item, Gap)] == [Gap(start, end)]
    assert found.end == positions[-1]
    reader = SegmentReader(disk, FIRST)
    assert reader.raw(start, end) == bytes(disk.files[FIRST].seen[start:end])


def test_a_zeroed_page_in_the_middle_is_a_gap_once_the_writer_is_dead() -> None:
    """Power came back: later pages are there, earlier ones are not."""
    disk, positions = filled(200)
    disk.files[FIRST].seen[positions[60]:positions[99]] = b"\0" * (positions[99] - positions[60])
    found = read_all(disk)
    assert not any(isinstance(item, Gap) for _, item in found.items), "a living writer's zeros are its end so far"
    disk.kill()
    found = read_all(disk)
    wrote = records(200)
    assert [item for _, item in found.items] == [*wrote[:61], Gap(positions[60], positions[99]), *wrote[100:]]
    assert (found.end, found.finished) == (positions[-1], True)


def test_a_frame_of_a_later_version_is_unreadable_and_not_lost() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)
    writer.append(opened(0))
    writer._encode = lambda record: msgspec.msgpack.encode(["from_the_future", 1])  # type: ignore[assignment]
    writer.append(opened(1))
    del writer._encode
    writer._encode = msgspec.msgpack.Encoder().encode
    writer.append(opened(2))
    items = [item for _, item in read_all(disk).items]
    assert items[0] == opened(0)
    assert items[2] == opened(2)
    assert isinstance(items[1], Unreadable)
    assert msgspec.msgpack.decode(items[1].payload) == ["from_the_future", 1]
    assert items[1].why


def test_what_is_no_segment_is_refused() -> None:
    disk = FakeDisk()
    disk.create(FIRST, 8192, b"something else")
    with pytest.raises(Broken, match="no readable head"):
        SegmentReader(disk, FIRST)
    with pytest.raises(FileNotFoundError):
        SegmentReader(disk, "none")


def test_take_flushes_what_it_returns() -> None:
    disk, _ = filled(20)
    assert SegmentReader(disk, FIRST).take(HEAD_BYTES).items
    disk.fail_power()
    assert [item for _, item in read_all(disk).items] == records(20)


def test_read_alone_does_not_flush() -> None:
    """The planted fault that the simulator must find, posting before flushing, is a fault."""
    disk = FakeDisk(dice=FakeDice(5))
    writer = new_writer(disk)
    for record in records(300):
        writer.append(record)
    read_all(disk)
    disk.fail_power()
    assert [item for _, item in read_all(disk).items] != records(300)


WRITE = """
import sys
from pathlib import Path
from tests.journal.samples import WRITER, record
from tokenworks.clock import SystemClock, SystemDice
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.writer import JournalWriter

writer = JournalWriter(RealDisk(Path(sys.argv[1])), WRITER, SystemClock(), SystemDice(), 256 * 1024)
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    writer.append(record(number))
    if writer._spare is None:
        writer.prepare()
print("done", flush=True)
if sys.argv[3] == "close":
    writer.close()
else:
    sys.stdin.read()
"""


def spawn_writer(folder: Path, count: int, end: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", WRITE, str(folder), str(count), end],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def follow(folder: Path, child: subprocess.Popen[bytes], kill_at: int = -1) -> tuple[list[object], str, int]:
    """Reads as the poster does while the other process writes; optionally kills it after so many records."""
    disk, items, sequence, rounds = RealDisk(folder), [], 0, 0
    while True:
        names = {shelved.sequence: shelved.name for shelved in list_segments(disk)}
        reader = SegmentReader(disk, names[sequence])
        position = reader.start
        while True:
            found = reader.read(position)
            rounds += bool(found.items)
            assert not any(isinstance(item, Gap | Unreadable) for _, item in found.items), "nothing half written"
            items += [item for _, item in found.items]
            position = found.end
            if 0 <= kill_at <= len(items) and child.poll() is None:
                child.kill()
                child.wait()
            if found.finished:
                break
        reader.close()
        following = [shelved.sequence for shelved in list_segments(disk) if shelved.sequence > sequence]
        if not following:
            return items, found.state, rounds
        sequence = min(following)


def test_reading_while_another_process_appends(tmp_path: Path) -> None:
    count = 30_000
    child = spawn_writer(tmp_path, count, "close")
    items, _, rounds = follow(tmp_path, child)
    child.communicate()
    assert items == records(count)
    states = [read_all(RealDisk(tmp_path), shelved.name).state for shelved in list_segments(RealDisk(tmp_path))]
    assert set(states) == {"sealed"}, "closed well: the spare is gone"
    assert rounds > 5, "the two did not run at the same time"


@pytest.mark.parametrize("kill_at", [1, 3000, 12_000])
def test_a_writer_killed_in_the_midst_of_appending_leaves_whole_records(tmp_path: Path, kill_at: int) -> None:
    child = spawn_writer(tmp_path, 2_000_000, "close")
    items, state, _ = follow(tmp_path, child, kill_at)
    child.communicate()
    assert state == "dead"
    assert len(items) >= kill_at
    assert items == records(len(items)), "a prefix: nothing lost, nothing half"


def test_a_new_start_of_the_same_worker_is_another_journal(tmp_path: Path) -> None:
    child = spawn_writer(tmp_path, 10, "stay")
    with pytest.raises(FileExistsError):
        new_writer(RealDisk(tmp_path))
    child.communicate()
    second: JournalWriter = new_writer(RealDisk(tmp_path), writer="0a1b2c3d/0/1790000000001")
    second.append(opened(1))
    assert {shelved.writer for shelved in list_segments(RealDisk(tmp_path))} == {
        "0a1b2c3d/0/1790000000000", "0a1b2c3d/0/1790000000001"}
    second.close()
