"""The door to the disk: what the journal needs of a file system, and the real one behind it.

The simulator has another (fake.py), whose power can fail.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

FRESH = ".fresh-"  # prefix of a segment that is not yet whole; never read


class Page(Protocol):
    """Memory that is the file: a slice assigned is a slice stored, at once and for every process."""

    def __setitem__(self, place: slice, data: bytes, /) -> None: ...


class AppendFile(Protocol):
    """A preallocated file, locked by its one writer for the writer's life."""

    page: Page

    def sync(self) -> None: ...

    def close(self, size: int) -> None: ...


class ReadFile(Protocol):
    """Somebody else's segment."""

    def read(self, offset: int, size: int) -> bytes: ...

    def sync(self) -> None: ...

    def locked(self) -> bool: ...

    def close(self) -> None: ...


class Disk(Protocol):
    """A directory of segments. Every verb raises OSError as the system does."""

    def create(self, name: str, size: int, head: bytes) -> AppendFile: ...

    def open(self, name: str) -> ReadFile: ...

    def names(self) -> Iterable[str]: ...

    def trim(self, name: str, size: int) -> None: ...

    def remove(self, name: str) -> None: ...

    def free_bytes(self) -> int: ...


class MappedFile:
    """AppendFile on a real disk: appending is a memory copy, without a system call."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._map = mmap.mmap(fd, size)
        self._map.madvise(mmap.MADV_RANDOM)  # read-ahead on a page fault costs milliseconds and brings zeros
        self.page: Page = self._map

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self, size: int) -> None:
        """Gives back what is beyond `size`, and the lock."""
        self._map.close()
        os.ftruncate(self._fd, size)
        os.fsync(self._fd)
        os.close(self._fd)


class PlainFile:
    """ReadFile on a real disk."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, size, offset)

    def sync(self) -> None:
        """Flushes the whole file, also what its writer has stored through its own descriptor."""
        os.fdatasync(self._fd)

    def locked(self) -> bool:
        """True while the writer lives: the kernel drops its lock at its death, whatever killed it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        os.close(self._fd)


class RealDisk:
    """A directory of the machine's file system. Makes it, private to its user, when it is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, name: str, size: int, head: bytes) -> MappedFile:
        """A locked, preallocated segment with its head; its name appears only when it is whole."""
        fresh = self._folder / (FRESH + name)
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(fd, 0, size)
            os.pwrite(fd, head, 0)
            os.fsync(fd)
            os.link(fresh, self._folder / name)  # never over another journal, as a rename would
            os.unlink(fresh)
            self._sync_names()
            return MappedFile(fd, size)
        except OSError:
            os.close(fd)
            fresh.unlink(missing_ok=True)
            raise

    def open(self, name: str) -> PlainFile:
        return PlainFile(os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC))

    def names(self) -> list[str]:
        return sorted(os.listdir(self._folder))

    def trim(self, name: str, size: int) -> None:
        """Gives back the preallocated rest of a dead writer's segment."""
        os.truncate(self._folder / name, size)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
        self._sync_names()

    def free_bytes(self) -> int:
        """What an unprivileged process may still use."""
        facts = os.statvfs(self._folder)
        return facts.f_bavail * facts.f_frsize

    def _sync_names(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
