"""The real disk: locks, names that appear whole, room, modes; in a directory of the machine's file system."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journal.samples import FIRST, closed, new_writer, opened, read_all, records

from tokenworks.journal import disk as disk_module
from tokenworks.journal.disk import FRESH, RealDisk
from tokenworks.journal.segment import segment_name
from tokenworks.journal.shelf import list_segments, trim_segment, writer_lives


def test_modes(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path / "deep" / "journal")
    writer = new_writer(disk)
    assert stat.S_IMODE((tmp_path / "deep" / "journal").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep" / "journal" / FIRST).stat().st_mode) == 0o600
    writer.close()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    writer = new_writer(disk)
    for record in records(2000):
        writer.append(record)
        writer.prepare()
    writer.sync()
    items = [item for shelved in list_segments(disk) for _, item in read_all(disk, shelved.name).items]
    assert items == records(2000)
    writer.close()
    sizes = [(tmp_path / shelved.name).stat().st_size for shelved in list_segments(disk)]
    assert sum(sizes) < 2000 * 200, "preallocated room is given back"


def test_room_is_really_preallocated(tmp_path: Path) -> None:
    """An append is a store into memory: without blocks behind it a full disk would be a SIGBUS."""
    writer = new_writer(RealDisk(tmp_path))
    facts = (tmp_path / FIRST).stat()
    assert facts.st_blocks * 512 >= facts.st_size
    writer.close()


def test_lock_lives_with_the_process(tmp_path: Path) -> None:
    code = ("import sys\nfrom pathlib import Path\nfrom tests.journal.samples import new_writer, opened\n"
            "from tokenworks.journal.disk import RealDisk\nw = new_writer(RealDisk(Path(sys.argv[1])))\n"
            "w.append(opened(1))\nprint('ready', flush=True)\nsys.stdin.read()\n")
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    disk = RealDisk(tmp_path)
    assert writer_lives(disk, FIRST)
    assert (read_all(disk).state, read_all(disk).finished) == ("open", False)
    child.kill()
    child.communicate()
    assert not writer_lives(disk, FIRST)
    found = read_all(disk)
    assert ([item for _, item in found.items], found.state, found.finished) == ([opened(1)], "dead", True)


def test_trim_after_death(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    file = disk.create(FIRST, 1 << 20, b"head")
    trim_segment(disk, FIRST, 4096)
    assert (tmp_path / FIRST).stat().st_size == 1 << 20, "its writer lives"
    file._map.close()  # a mapping keeps a descriptor, and with it the lock, of its own
    os.close(file._fd)
    trim_segment(disk, FIRST, 4096)
    assert (tmp_path / FIRST).stat().st_size == 4096


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = RealDisk(tmp_path)

    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(disk_module.os, "posix_fallocate", full)
        disk.create(FIRST, 1 << 20, b"head")
    assert disk.names() == []
    disk.create(FIRST, 1 << 16, b"head").close(4096)
    with pytest.raises(FileExistsError):
        disk.create(FIRST, 1 << 16, b"other")
    assert disk.names() == [FIRST], "no half-made file stays, and the first one is not touched"
    file = disk.open(FIRST)
    assert file.read(0, 4) == b"head"
    file.close()


def test_a_maker_that_died_leaves_a_fresh_file_only(tmp_path: Path) -> None:
    (tmp_path / (FRESH + FIRST)).write_bytes(b"half")
    disk = RealDisk(tmp_path)
    assert list_segments(disk) == []
    with pytest.raises(FileExistsError):
        disk.create(FIRST, 4096, b"")  # another start has another epoch in its name
    disk.remove(FRESH + FIRST)
    disk.remove(FRESH + FIRST)
    disk.create(FIRST, 4096, b"").close(4096)


def test_free_bytes(tmp_path: Path) -> None:
    assert 0 < RealDisk(tmp_path).free_bytes() < 1 << 60


def test_plain_files_close(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    writer = new_writer(disk)
    writer.append(closed(3))
    writer.close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read_all(disk)
        writer_lives(disk, FIRST)
    assert len(os.listdir("/proc/self/fd")) == before
    assert segment_name("a/0/1", 1) not in disk.names()
