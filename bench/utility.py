"""Tokenworks as a contestant: a whole utility in a scratch state, one worker, everything on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.machine import offspring, place
from bench.tools import START_S, BenchError
from tokenworks.cli.client import Place, RestClient, read_token

MODEL = "bench"
SETTLE_S = 60


class Tokenworks:
    """Authentication, hold, journal, metering and books on; progress figures asked for, and stripped for the client."""

    name = "tokenworks"

    def __init__(self, mock_port: int) -> None:
        self.mock_port = mock_port
        self.port, self.key = 0, ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A shop that buys from the mock."""
        self.folder = tempfile.TemporaryDirectory(prefix="bench-tokenworks-")
        words = [sys.executable, "-m", "tokenworks", "up", "--state", self.folder.name, "--port", "0", "--workers", "1",
                 "--no-engine"]
        with open(Path(self.folder.name) / "up.log", "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        state = self.folder.name
        self._wait_for((Path(state) / "run" / "public.sock").exists)
        facts = json.loads((Path(state) / "run" / "up.json").read_text())
        self.port = int(facts["url"].rpartition(":")[2])
        self.client = RestClient(Place(f"{state}/run/public.sock", "", read_token(state)))
        self._open_shop()
        self._wait_for(self.gateway)
        place(self.gateway())

    def _wait_for(self, condition: Callable[[], object]) -> None:
        for _ in range(START_S * 20):
            if condition():
                return
            time.sleep(0.05)
        raise BenchError(f"Tokenworks did not start: {(Path(self.folder.name) / 'up.log').read_text()[-500:]}")

    def _open_shop(self) -> None:
        call = self.client.call
        prices = {MODEL: {"input": "4", "cache_read": "0.4", "output": "16"}}
        call("POST", "/rate-cards/standard/versions", {"currency": "CNY", "models": prices})
        call("PUT", f"/models/{MODEL}", {"context_tokens": 1_000_000, "output_tokens_max": 4096})
        call("POST", "/deployments", {"deployment": "mock", "model": MODEL, "engine": "llamacpp", "own": True,
                                      "url": f"http://127.0.0.1:{self.mock_port}", "allow_private": True,
                                      "dialects": ["chat"]})
        call("POST", "/accounts", {"id": "bench", "name": "Bench"})
        call("POST", "/accounts/bench/topups", {"amount": "9000000000"})
        self.key = call("POST", "/accounts/bench/keys", {})["secret"]

    def stop(self) -> None:
        """Drains and ends."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(SETTLE_S)
        self.folder.cleanup()

    def gateway(self) -> list[int]:
        """The workers."""
        return [pid for pid in self._parts() if b"\0gateway\0" in _words(pid)]

    def beside(self) -> list[int]:
        """The supervisor and the control process, which writes the books."""
        return [pid for pid in self._parts() if b"\0gateway\0" not in _words(pid)]

    def settled(self) -> None:
        """Returns when the books have caught up with the journal."""
        end_s = time.monotonic() + SETTLE_S
        while any(row["lag_bytes"] for row in self.client.call("GET", "/gateways")["data"]):
            if time.monotonic() > end_s:
                raise BenchError("the books do not catch up with the journal")
            time.sleep(0.1)
        time.sleep(0.2)

    def figures(self) -> dict[str, float]:
        """The worst pause of the loop that the worker saw, with its journal being flushed."""
        text = self.client.text("/metrics")
        found = re.search(r"^tokenworks_loop_stall_seconds_max (\S+)$", text, re.M)
        return {"loop_stall_us_max": float(found.group(1)) * 1e6} if found else {}

    def _parts(self) -> list[int]:
        return offspring(self.process.pid) if self.process else []


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
