"""Damaged bytes of a journal, set aside for a person: what was written is not thrown away for being unreadable."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Quarantine(Protocol):
    """Where damaged bytes are put."""

    def keep(self, name: str, data: bytes) -> None: ...


class QuarantineFolder:
    """One file for each piece, named after the segment and the place; written over when the same piece comes again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, data: bytes) -> None:
        """Writes the piece; raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        (self._folder / name).write_bytes(data)


class QuarantineInMemory:
    """For tests and simulations."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        self.pieces[name] = data
