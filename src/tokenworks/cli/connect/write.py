"""Settings written where a tool looks for them: a backup beside each, whole or not at all, and the way back."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tokenworks.cli.connect.merge import merge_text
from tokenworks.cli.connect.setup import Edit
from tokenworks.cli.exits import NOT_FOUND, USAGE, failed

MARK = ".tokenworks-"  # in the names of backups: settings.json.tokenworks-20261125T171500Z
MADE = ".new"  # at their end: there was no file before
PRIVATE, USUAL = 0o600, 0o644


class Written(NamedTuple):
    """What happened to one file: changed, made or kept as it was; and its backup, None without one."""

    path: Path
    what: str
    backup: Path | None = None


def write_edits(edits: Sequence[Edit], moment: str) -> list[Written]:
    """Writes every file, or none: all are merged before the first is written. `moment` names the backups.

    Raises Failed for a file that cannot be read, merged or written.
    """
    merged = [(edit, before, merge_text(edit, before)) for edit in edits for before in [_read(edit.path)]]
    return [_write(edit, before, after, moment) for edit, before, after in merged]


def undo_edits(edits: Sequence[Edit]) -> list[Written]:
    """Puts back what stood there before the last write; raises Failed when no backup is there."""
    found = [(edit.path, _backups(edit.path)) for edit in edits]
    if not any(backups for _, backups in found):
        places = ", ".join(str(path) for path, _ in found)
        raise failed(f"There is no backup beside {places}.", NOT_FOUND, "Nothing was written by connect.", "no_backup")
    last = max(_moment(backups[-1]) for _, backups in found if backups)  # a write may have changed some of the files
    return [_restore(path, backups[-1]) for path, backups in found if backups and _moment(backups[-1]) == last]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except UnicodeDecodeError:
        raise failed(f"{path} is not UTF-8. Nothing was changed.", USAGE, code="unreadable_settings") from None
    except OSError as error:
        raise failed(f"{path} cannot be read: {error.strerror}.", USAGE, code="unreadable_settings") from None


def _write(edit: Edit, before: str, after: str, moment: str) -> Written:
    path = edit.path.resolve()  # a link, as dotfile managers make, stays a link
    there = path.exists()
    mode = stat.S_IMODE(path.stat().st_mode) if there else USUAL
    mode = mode & PRIVATE if edit.private else mode
    if there and after == before:
        path.chmod(mode)
        return Written(edit.path, "kept")
    try:
        path.parent.mkdir(mode=0o700 if edit.private else 0o755, parents=True, exist_ok=True)
        backup = path.with_name(path.name + MARK + moment + ("" if there else MADE))
        put_file(backup, before, mode & PRIVATE)
        put_file(path, after, mode)
    except OSError as error:
        raise failed(f"{path} cannot be written: {error.strerror}.", USAGE, code="unwritable_settings") from None
    return Written(edit.path, "changed" if there else "made", backup)


def _restore(path: Path, backup: Path) -> Written:
    path = path.resolve()
    if backup.name.endswith(MADE):
        path.unlink(missing_ok=True)
        what = "removed"
    else:
        put_file(path, backup.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode) if path.exists()
                 else PRIVATE)
        what = "restored"
    backup.unlink()
    return Written(path, what)


def _backups(path: Path) -> list[Path]:
    """Oldest first; the moment in the name sorts."""
    path = path.resolve()
    return sorted(path.parent.glob(f"{path.name}{MARK}*")) if path.parent.is_dir() else []


def _moment(backup: Path) -> str:
    """When it was made, as its name says."""
    return backup.name.rpartition(MARK)[2].removesuffix(MADE)


def put_file(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, with its mode from the first byte on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    os.replace(fresh, path)
