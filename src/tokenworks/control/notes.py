"""What the poster of this host notes beside the journals: how far it got, under which epoch, when a segment was done.

The books alone say what is posted. The notes tell two things that the books cannot: that the books have gone back in
time (a restored database, a failover that lost commits), and how long a posted segment has been kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import msgspec


class Noted(msgspec.Struct):
    """`positions`: of every writer with segments here, as the books confirmed them under `epoch`.

    `finished`: when the last record of a segment was posted, by the segment's name.
    """

    epoch: int = 0
    positions: dict[str, int] = {}
    finished: dict[str, int] = {}


class Notebook(Protocol):
    """Where notes are kept."""

    def load(self) -> Noted: ...

    def save(self, noted: Noted) -> None: ...


class NoteFile:
    """Notes as one JSON file, replaced as a whole. Unreadable ones count as none: then segments are kept anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Noted:
        """What was noted last."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Noted)
        except (OSError, msgspec.MsgspecError):
            return Noted()

    def save(self, noted: Noted) -> None:
        """Replaces the notes; raises OSError."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(noted))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class NotesInMemory:
    """Notes for tests and simulations: they outlive the poster that wrote them, as a file does."""

    def __init__(self) -> None:
        self._kept = msgspec.json.encode(Noted())

    def load(self) -> Noted:
        return msgspec.json.decode(self._kept, type=Noted)

    def save(self, noted: Noted) -> None:
        self._kept = msgspec.json.encode(noted)
