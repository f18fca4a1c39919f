"""The segments of a host as a shelf: what lies there, whose it is, what may be thrown away.

A posted segment stays for SEGMENT_KEEP_S, so that a restored database can be healed by replay; a dead writer's segment
gives its unused room back at once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from tokenworks.journal.disk import FRESH, Disk
from tokenworks.journal.segment import HEAD_BYTES, parse_name


class Shelved(NamedTuple):
    """A segment file. Sorted, the segments of one writer stand in the order of their writing."""

    writer: str  # host/worker/epoch
    sequence: int
    name: str


def list_segments(disk: Disk) -> list[Shelved]:
    """Every segment of the directory, by writer and sequence; other files are not looked at."""
    found = [(parsed, name) for name in disk.names() if (parsed := parse_name(name))]
    return sorted(Shelved(writer, sequence, name) for (writer, sequence), name in found)


def writer_lives(disk: Disk, name: str) -> bool:
    """True while the process that writes `name` holds its lock."""
    file = disk.open(name)
    try:
        return file.locked()
    finally:
        file.close()


def trim_segment(disk: Disk, name: str, end: int) -> None:
    """Gives back the room after `end` of a finished segment, unless something other than zeros stands there."""
    file = disk.open(name)
    try:
        if file.locked():
            return
        used, offset = end, end
        while piece := file.read(offset, 1 << 20):
            offset += len(piece)
            if rest := piece.rstrip(b"\0"):
                used = offset - len(piece) + len(rest)
    finally:
        file.close()
    disk.trim(name, max(used, HEAD_BYTES))


def list_fresh(disk: Disk) -> set[str]:
    """Names of segments that are not whole yet, because they are being made or because their maker died."""
    return {name for name in disk.names() if name.startswith(FRESH)}


def sweep_fresh(disk: Disk, old: Collection[str]) -> list[str]:
    """Removes what writers left that died while they made a segment; the names removed.

    Only names in `old` are looked at, which were there a while ago: a maker may not have its lock yet on a new one.
    """
    left = [name for name in sorted(list_fresh(disk) & set(old)) if not writer_lives(disk, name)]
    for name in left:
        disk.remove(name)
    return left
