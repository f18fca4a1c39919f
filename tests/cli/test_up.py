"""`up` as an operator starts it: what it says, what it leaves on the disk, and what it refuses."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.utility import Utility

UP = [sys.executable, "-m", "tokenworks", "up", "--no-engine", "--workers", "1"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    utility = Utility(tmp_path_factory.mktemp("up") / "s", "--no-engine", workers=1)
    utility.state.mkdir()
    utility.launch()
    yield utility
    utility.stop()


def start(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*UP, *words], capture_output=True, text=True, timeout=60, check=False)


def test_what_it_says(running: Utility) -> None:
    assert f"serving on {running.url}; state, logs and admin.token in {running.state}" in running.log()


def test_nothing_is_open_to_others(running: Utility) -> None:
    """Whatever the umask of who starts it: keys, books, journals, the host's id, logs."""
    loose = {path.relative_to(running.state).as_posix() for path in running.state.rglob("*")
             if stat.S_IMODE(path.lstat().st_mode) & 0o077 and path.name != "up.log"}
    assert loose == set() and (running.state / "host.id").exists()
    assert stat.S_IMODE(running.state.stat().st_mode) == 0o700


def test_second_instance(running: Utility) -> None:
    assert running.process is not None
    done = start("--state", str(running.state), "--port", "0")
    assert done.returncode == 5 and f"Process {running.process.pid} already runs on" in done.stderr
    assert running.process.poll() is None


def test_port_taken(running: Utility, tmp_path: Path) -> None:
    port = running.url.rpartition(":")[2]
    done = start("--state", str(tmp_path / "s"), "--port", port)
    assert done.returncode == 5 and f"Port {port} on 127.0.0.1 is taken by process" in done.stderr
    assert "--port" in done.stderr and not (tmp_path / "s" / "books.db").exists()


def test_by_url(running: Utility) -> None:
    token = (running.state / "admin.token").read_text().strip()
    words = [sys.executable, "-m", "tokenworks", "gateway", "list", "--server", running.url]
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          env={**os.environ, "TOKENWORKS_ADMIN_TOKEN": token})
    assert done.returncode == 0 and " live " in done.stdout, done


def test_a_database_of_a_newer_version(tmp_path: Path, empty_books: Path) -> None:
    state = tmp_path / "s"
    state.mkdir(mode=0o700)
    (state / "books.db").write_bytes(empty_books.read_bytes())
    with sqlite3.connect(state / "books.db") as database:
        database.execute("update alembic_version set version_num = 'from_the_future'")
    database.close()
    done = start("--state", str(state), "--port", "0")
    assert done.returncode == 2 and "control refuses to start" in done.stderr
    assert "from_the_future" in done.stderr and "Install the version that wrote it" in done.stderr


def test_a_path_too_long(tmp_path: Path) -> None:
    done = start("--state", str(tmp_path / ("x" * 120)), "--port", "0")
    assert done.returncode == 2 and "too long" in done.stderr and list(tmp_path.iterdir()) == []
