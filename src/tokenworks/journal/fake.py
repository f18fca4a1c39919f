"""A disk in memory whose power can fail: the simulator's and the tests' other side of the Disk port.

Every stored byte is visible at once, as on a real disk; only what was flushed survives `fail_power`, and of the pages
written since, any may survive, as dice decide. `kill` ends a writer without touching what it stored.
"""

from __future__ import annotations

from tokenworks.clock import Dice, FakeDice

PAGE_BYTES = 4096


class _Inode:
    """A file's bytes as everybody sees them, the bytes that a power loss leaves, and whose lock is on it."""

    def __init__(self, size: int, head: bytes) -> None:
        self.seen = bytearray(head.ljust(size, b"\0"))
        self.kept = bytes(self.seen)
        self.owner: FakeAppendFile | None = None


class FakeAppendFile:
    """The writer's side. `lying` makes it forget to flush: a planted fault."""

    def __init__(self, disk: FakeDisk, inode: _Inode) -> None:
        self._disk, self._inode = disk, inode
        self.page = inode.seen
        inode.owner = self

    def sync(self) -> None:
        self._disk.flush(self._inode)

    def close(self, size: int) -> None:
        self._disk.flush(self._inode)
        self._inode.seen = self._inode.seen[:size]  # a copy: the closed page no longer reaches the file
        self._disk.flush(self._inode)
        self._inode.owner = None


class FakeReadFile:
    """The reader's side."""

    def __init__(self, disk: FakeDisk, inode: _Inode) -> None:
        self._disk, self._inode = disk, inode

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self._inode.seen[offset:offset + size])

    def sync(self) -> None:
        self._disk.flush(self._inode)

    def locked(self) -> bool:
        return self._inode.owner is not None

    def close(self) -> None:
        pass


class FakeDisk:
    """Disk port in memory. `room` is what free_bytes says and what creation draws from; `lying` loses every flush."""

    def __init__(self, room: int = 1 << 40, dice: Dice | None = None) -> None:
        self.room = room
        self.lying = False
        self.broken = False  # flushes fail with an error
        self.stuck = False  # no segment can be made, whatever room there is
        self.files: dict[str, _Inode] = {}
        self._dice = dice or FakeDice(1)

    def create(self, name: str, size: int, head: bytes) -> FakeAppendFile:
        if name in self.files:
            raise FileExistsError(name)
        if size > self.room or self.stuck:
            raise OSError(28, "No space left on device")
        self.room -= size
        self.files[name] = _Inode(size, head)
        return FakeAppendFile(self, self.files[name])

    def open(self, name: str) -> FakeReadFile:
        if name not in self.files:
            raise FileNotFoundError(name)
        return FakeReadFile(self, self.files[name])

    def names(self) -> list[str]:
        return sorted(self.files)

    def trim(self, name: str, size: int) -> None:
        inode = self.files[name]
        self.room += max(0, len(inode.seen) - size)
        del inode.seen[size:]
        self.flush(inode)

    def remove(self, name: str) -> None:
        inode = self.files.pop(name, None)
        self.room += len(inode.seen) if inode else 0

    def free_bytes(self) -> int:
        return self.room

    def flush(self, inode: _Inode) -> None:
        """What fdatasync does, unless the disk lies or fails."""
        if self.broken:
            raise OSError(5, "Input/output error")
        if not self.lying:
            inode.kept = bytes(inode.seen)

    def kill(self, prefix: str = "") -> None:
        """The writers of the files whose names begin so die: their locks go, their bytes stay."""
        for name, inode in self.files.items():
            if name.startswith(prefix):
                inode.owner = None
                inode.seen = bytearray(inode.seen)  # a dead writer's page is another memory

    def fail_power(self) -> None:
        """Everybody dies; of what was not flushed each page is there or not."""
        self.kill()
        for inode in self.files.values():
            size = max(len(inode.seen), len(inode.kept))
            old, new = inode.kept.ljust(size, b"\0"), bytes(inode.seen).ljust(size, b"\0")
            for start in range(0, size, PAGE_BYTES):
                if old[start:start + PAGE_BYTES] != new[start:start + PAGE_BYTES] and self._dice.draw(1)[0] & 1:
                    new = new[:start] + old[start:start + PAGE_BYTES] + new[start + PAGE_BYTES:]
            inode.seen = bytearray(new)
            inode.kept = new
