"""The two native tools: built when stale, started pinned, spoken to in JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.machine import pin

NATIVE = Path(__file__).parent / "native"
BUILD = NATIVE / "build"
FLAGS = ("-O2", "-g", "-Wall", "-Wextra", "-std=gnu11")
START_S = 10
LOAD_S = 120  # no single load lasts longer


class BenchError(Exception):
    """The bench cannot go on: the message says what is missing or what went wrong."""


def build() -> Path:
    """Compiles mock and load where their sources are newer; the folder they are in."""
    BUILD.mkdir(exist_ok=True)
    newest = max(source.stat().st_mtime for source in NATIVE.glob("*.[ch]"))
    for name in ("mock", "load"):
        target = BUILD / name
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        if not shutil.which("gcc"):
            raise BenchError("gcc is missing; install it with: apt-get install -y gcc libc6-dev")
        subprocess.run(["gcc", *FLAGS, "-o", str(target), str(NATIVE / f"{name}.c")], check=True)
    return BUILD


def spawn(words: list[str], **settings: Any) -> subprocess.Popen[str]:
    """Starts a process pinned, its standard output a pipe."""
    return subprocess.Popen([*pin().words, *words], stdout=subprocess.PIPE, text=True, **settings)


def first_line(process: subprocess.Popen[str], what: str) -> str:
    """The line by which a process says that it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise BenchError(f"{what} did not start (exit code {process.wait(START_S)})")
    return line


def stop(process: subprocess.Popen[str] | None) -> None:
    """Ends a process and waits for its end."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(START_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Mock:
    """The mock upstream while it runs."""

    def __enter__(self) -> Mock:
        self.process = spawn([str(build() / "mock")])
        self.port = int(first_line(self.process, "the mock upstream"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        stop(self.process)

    def stats(self) -> dict[str, int]:
        """Requests, connections, streams open and aborted, since its start."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=START_S) as answer:
            stats: dict[str, int] = json.load(answer)
            return stats


class Load:
    """One run of the load generator; `settings` are its options, underscores for dashes, True for a bare flag."""

    def __init__(self, port: int, key: str, **settings: Any) -> None:
        words = [str(build() / "load"), "--port", str(port), "--key", key]
        for name, value in settings.items():
            words += [f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", str(value)]
        self.process = spawn(words, stderr=subprocess.PIPE)

    def wait_open(self) -> None:
        """Returns when all streams are open (needs `hold`)."""
        assert self.process.stderr is not None
        if not self.process.stderr.readline().startswith("open"):
            raise BenchError(f"the streams did not open: {self.result()['error']}")

    def cut(self) -> dict[str, Any]:
        """Ends the run early."""
        self.process.terminate()
        return self.result()

    def result(self) -> dict[str, Any]:
        """What it measured; an error when an answer was wrong."""
        try:
            out, err = self.process.communicate(timeout=LOAD_S)
        except subprocess.TimeoutExpired as error:
            stop(self.process)
            raise BenchError(f"a load was not over after {LOAD_S} s: somebody does not answer") from error
        if not out:
            raise BenchError(f"the load generator failed: {(err or '').strip()}")
        found: dict[str, Any] = json.loads(out)
        return found


def load(port: int, key: str, **settings: Any) -> dict[str, Any]:
    """Runs a load to its end. Raises BenchError when any answer was wrong."""
    return good(Load(port, key, **settings).result())


def good(found: dict[str, Any]) -> dict[str, Any]:
    """The result itself. Raises BenchError when any answer was wrong."""
    if found["errors"]:
        raise BenchError(f"{found['errors']} of {found['sent']} requests failed, first: {found['error']}")
    return found
