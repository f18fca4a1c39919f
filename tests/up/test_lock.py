"""The state's lock: one holder, and what a second one is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tokenworks.up.lock import AlreadyRunning, StateLock, StateUnusable


def test_second_refused(tmp_path: Path) -> None:
    first, second = StateLock(str(tmp_path / "state")), StateLock(str(tmp_path / "state"))
    first.take()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    with pytest.raises(AlreadyRunning, match=f"Process {os.getpid()} already runs on .*state. Stop it"):
        second.take()
    first.release()
    again = StateLock(str(tmp_path / "state"))
    again.take()
    assert not again.unclean
    again.release()


def test_unclean_end(tmp_path: Path) -> None:
    script = f"from tokenworks.up.lock import StateLock; StateLock({str(tmp_path)!r}).take(); import os; os._exit(9)"
    subprocess.run([sys.executable, "-c", script], check=False)
    lock = StateLock(str(tmp_path))
    lock.take()
    assert lock.unclean
    lock.release()


def test_long_path(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="too long for the unix sockets"):
        StateLock(str(tmp_path / ("x" * 120))).take()


def test_path_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="cannot be used"):
        StateLock(str(tmp_path / "file")).take()
