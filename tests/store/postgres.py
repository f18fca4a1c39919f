"""A PostgreSQL server for tests: the one on this machine, or one started from installed binaries in its own folder.

Each run makes its own databases and drops them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

import psycopg

MISSING = "no PostgreSQL: start one on 127.0.0.1:5432 that trusts this user, or `apt-get install postgresql`"
_serial = iter(range(10**9))


@contextmanager
def running_server() -> Iterator[str | None]:
    """postgresql://user@host:port of a server, None when there is none and none can be started."""
    for user in ("root", "postgres"):
        url = f"postgresql://{user}@127.0.0.1:5432"
        if _answers(url):
            yield url
            return
    if (binaries := _find_binaries()) is None:
        yield None
        return
    with own_server(binaries) as url:
        yield url


@contextmanager
def own_server(binaries: Path | None = None) -> Iterator[str]:
    """A server that the test may stop and break."""
    binaries = binaries or _find_binaries()
    assert binaries is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="tokenworks-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)
    port = _free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    subprocess.run([binaries / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                    "--locale=C.UTF-8", "-N"], check=True, **quiet)
    server = Server([binaries / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1",
                     "-k", folder, "-c", "fsync=off"], quiet, f"postgresql://postgres@127.0.0.1:{port}")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Server(str):
    """The URL of a server of our own, which can be stopped and started."""

    def __new__(cls, command: list[object], options: dict[str, object], url: str) -> Server:
        self = super().__new__(cls, url)
        self.command, self.options = command, options
        return self

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, **self.options)
        for _ in range(200):
            if _answers(str(self)):
                return
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError("the PostgreSQL server did not start")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut
        self.process.wait(20)


@contextmanager
def fresh_database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, dropped afterwards."""
    name = f"tokenworks_test_{os.getpid()}_{next(_serial)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield f"{server}/{name}"
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _answers(url: str) -> bool:
    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _find_binaries() -> Path | None:
    found = [shutil.which("initdb") or "", *sorted(glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)]
    places = [Path(path).resolve().parent for path in found if path]
    return next((place for place in places if (place / "postgres").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
