"""One child process: started with its files and a lifeline, watched, and started again with back-off."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from tokenworks.clock import Clock
from tokenworks.up.plan import Part, restart_delay

STEADY_NS = 10_000_000_000  # a child that ran so long did not fail quickly: its back-off starts anew


class Child:
    """The process of one part. `pid` is 0 while there is none."""

    def __init__(self, part: Part, clock: Clock, env: Mapping[str, str], listener: socket.socket | None) -> None:
        self.part = part
        self.starts = 0
        self.done = False  # not to be started (again)
        self.exit_code: int | None = None
        self.next_start_ns = 0
        self._clock = clock
        self._env = {**env, **part.env}
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._failures = 0
        self._started_ns = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self, log_path: Path | None) -> None:
        """Start the process in a group of its own: Ctrl-C is for the supervisor to pass on."""
        read_end, self._lifeline = os.pipe()
        argv, handed = [*self.part.argv, "--lifeline-fd", str(read_end)], [read_end]
        if self._listener is not None:
            handed.append(self._listener.fileno())
            argv += ["--listen-fd", str(self._listener.fileno())]
        with log_path.open("ab") if log_path else nullcontext() as log:
            out = None if self.part.once else log
            self._process = subprocess.Popen(argv, env=self._env, pass_fds=handed, stdin=subprocess.DEVNULL,
                                             stdout=out, stderr=log, process_group=0)
        os.close(read_end)
        self.exit_code = None
        self.starts += 1
        self.done = self.part.once
        self._started_ns = self._clock.mono_ns()

    def poll(self) -> bool:
        """True once when the process has ended: `exit_code` says how, `next_start_ns` when to start it again."""
        if self._process is None or self._process.poll() is None:
            return False
        self.exit_code = self._process.returncode
        self._process = None
        os.close(self._lifeline)
        now_ns = self._clock.mono_ns()
        self._failures = 1 if now_ns - self._started_ns > STEADY_NS else self._failures + 1
        self.next_start_ns = now_ns + restart_delay(self._failures) * 1_000_000
        return True

    def send(self, number: signal.Signals) -> None:
        """Signal the process, if there is one."""
        if self._process is not None:
            self._process.send_signal(number)
