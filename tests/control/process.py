"""Starting, asking and killing real control processes; and a wire to the database that can be cut."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Process:
    """One control process of a state directory."""

    def __init__(self, state_dir: Path, host: str, url: str) -> None:
        self.state_dir = state_dir
        self.argv = [sys.executable, "-m", "tests.control.child", str(state_dir), host, url]
        self.child: subprocess.Popen[bytes] | None = None
        self.log = state_dir / "control.log"

    def start(self, wait: bool = True) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(self.argv, cwd=ROOT, stdout=log, stderr=log)
        if wait:
            wait_until(self.answers, 30)

    def answers(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, self.log.read_text()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.state_dir / "run" / "public.sock")) == 0

    def facts(self, token: str = "") -> dict[str, Any]:
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.state_dir / "run" / "public.sock"))
        connection.request("GET", "/facts", headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body
        return json.loads(body)

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)


@contextmanager
def control(state_dir: Path, host: str, url: str, wait: bool = True) -> Iterator[Process]:
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = Process(state_dir, host, url)
    process.start(wait)
    try:
        yield process
    finally:
        if process.child is not None and process.child.poll() is None:
            process.kill()


def wait_until(check: Callable[[], object], wait_s: float = 20) -> None:
    end = time.monotonic() + wait_s
    while not check():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def spawn_worker(state_dir: Path, writer: str, account: str, cost: int) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.control.worker", str(state_dir), writer, account, str(cost)]
    child = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


class Wire:
    """A TCP relay to the database: `cut` breaks and refuses connections, `mend` lets them through again."""

    def __init__(self, port: int) -> None:
        self._to, self._open = port, True
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        async def begin() -> None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        self._loop.run_until_complete(begin())
        self._loop.run_forever()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except OSError:
            pass
        writer.close()
        self._writers.discard(writer)

    def cut(self) -> None:
        def act() -> None:
            self._open = False
            for writer in self._writers:
                writer.transport.abort()

        self._loop.call_soon_threadsafe(act)

    def mend(self) -> None:
        self._open = True

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
