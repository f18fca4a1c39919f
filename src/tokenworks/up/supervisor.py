"""The loop of `tokenworks up`: starts the parts in order and again when they fall, passes signals on, ends in order."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

from tokenworks.clock import Clock
from tokenworks.errors import ConfigError
from tokenworks.up.child import Child
from tokenworks.up.listeners import open_listeners
from tokenworks.up.lock import StateLock
from tokenworks.up.plan import STOP_ORDER, Part, Plan

EXIT_REFUSED = 2  # a part that says so will say so again: it refuses the settings or the state, and all ends
EXIT_UNAVAILABLE = 7  # a part that cannot run on this machine: the rest goes on without it
UNCLEAN_WAIT_MS = 12_000  # workers of a dead supervisor are gone by then
STOP_GRACE_S = 10  # beyond the drain, before a part is killed
TICK_S = 0.5
LOG_BYTES_MAX = 16 * 1024 * 1024
FIXED = ("host", "port", "workers", "engine")  # of the plan: what a reload cannot change

Say = Callable[[str], None]


class Supervisor:
    """Holds the state's lock and the listening sockets for as long as it runs."""

    def __init__(self, plan: Plan, parts: list[Part], clock: Clock, say: Say, logs: bool) -> None:
        self.plan = plan
        self.reread: Callable[[], Plan] = lambda: self.plan  # the plan by the settings as they stand at SIGHUP
        self._parts = parts
        self._clock = clock
        self._say = say
        self._logs = logs
        self._lock = StateLock(plan.state_dir)
        self._listeners: list[socket.socket] = []
        self._children: list[Child] = []
        self._asked: list[signal.Signals] = []
        self._stopping = False
        self._exit_code = 0
        self._wake: tuple[int, int] = (-1, -1)

    def run(self) -> int:
        """Run until told to stop; the exit code. Raises, nothing started, when the state or the port is not free."""
        self._lock.take()
        try:
            wait_ms = UNCLEAN_WAIT_MS if self._lock.unclean else 0
            self._listeners = open_listeners(self.plan.host, self.plan.port, self.plan.workers, wait_ms)
            url = self._write_address()
            self._say(f"serving on {url}; state, logs and admin.token in {self.plan.state_dir}")
            self._catch_signals()
            self._children = [self._make_child(part) for part in self._parts]
            self._loop()
        finally:
            self._address_file.unlink(missing_ok=True)
            self._lock.release()
        return self._exit_code

    @property
    def _address_file(self) -> Path:
        return Path(self.plan.state_dir) / "run" / "up.json"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that clients reach us on."""
        host, port = self._listeners[0].getsockname()[:2]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port

    def _write_address(self) -> str:
        """run/up.json: where this state is served, for the commands that look for it."""
        host, port = self.address
        shown = f"[{host}]" if ":" in host else host
        facts = {"pid": os.getpid(), "url": f"http{'s' if self.plan.tls else ''}://{shown}:{port}",
                 "workers": self.plan.workers}
        new = self._address_file.with_suffix(".new")
        new.write_text(json.dumps(facts))
        new.rename(self._address_file)
        return str(facts["url"])

    def _make_child(self, part: Part) -> Child:
        listener = self._listeners[part.socket] if part.socket >= 0 else None
        return Child(part, self._clock, self.plan.env, listener)

    # --- signals ---

    def _catch_signals(self) -> None:
        self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._note_signal)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked.append(signal.Signals(number))

    def _take_signals(self) -> None:
        asked, self._asked = self._asked, []
        for number in asked:
            if number is signal.SIGHUP:
                self._reload()
                self._send(signal.SIGHUP)
            elif number is not signal.SIGCHLD and self._stopping:
                self._say("told again: ending at once")
                self._send(signal.SIGKILL)
            elif number is not signal.SIGCHLD:
                self._stopping = True

    def _reload(self) -> None:
        """How long a drain may take, and how we are reached; what else has changed takes a restart."""
        try:
            fresh = self.reread()
        except (ConfigError, OSError) as error:
            self._say(f"the settings in use stay: {error}")
            return
        old, self.plan = self.plan, replace(self.plan, drain_s=fresh.drain_s, tls=fresh.tls)
        rest = [name for name in FIXED if getattr(fresh, name) != getattr(old, name)]
        if rest:
            self._say(f"reloaded; changed, but only a restart takes it: {', '.join(rest)}")
        self._write_address()

    def _send(self, number: signal.Signals, *names: str) -> None:
        for child in self._children:
            if (not names or child.part.name in names) and not (number is signal.SIGHUP and child.part.once):
                child.send(number)

    # --- the loop ---

    def _loop(self) -> None:
        while not self._stopping:
            self._start_due()
            self._rest(TICK_S)
        self._say("stopping: open requests may finish")
        for names in STOP_ORDER:
            self._stop_parts(names)

    def _rest(self, seconds: float) -> None:
        """Sleep until a signal or the end of the tick; then see who has ended and what was asked."""
        select.select([self._wake[0]], [], [], seconds)
        while select.select([self._wake[0]], [], [], 0)[0]:
            os.read(self._wake[0], 4096)
        for child in self._children:
            if child.poll():
                self._note_end(child)
        if os.getpid() == 1:
            self._reap_orphans()
        self._take_signals()

    def _start_due(self) -> None:
        now_ns = self._clock.mono_ns()
        for child in self._children:
            waits = child.part.name != "control" and not self._control_ready()
            if child.pid or waits or child.done or now_ns < child.next_start_ns:
                continue
            child.start(self._log_path(child.part.label))

    def _control_ready(self) -> bool:
        """Whether control has opened the public socket: before its first time nothing else is started."""
        others = any(child.starts for child in self._children if child.part.name != "control")
        return others or _answers(Path(self.plan.state_dir) / "run" / "public.sock")

    def _note_end(self, child: Child) -> None:
        label = child.part.label
        if self._stopping and child.part.socket >= 0:
            self._listeners[child.part.socket].close()  # who comes now is for the workers that are still there to tell
        if self._stopping or child.part.once:
            return
        if child.exit_code == EXIT_REFUSED:
            self._say(f"{label} refuses to start; ending. {self._last_words(label)}")
            self._exit_code, self._stopping = EXIT_REFUSED, True
        elif child.exit_code == EXIT_UNAVAILABLE:
            self._say(f"{label} cannot run here; the rest goes on without it. {self._last_words(label)}")
            child.done = True
        else:
            delay_ms = max(0, child.next_start_ns - self._clock.mono_ns()) // 1_000_000
            self._say(f"{label} ended ({_describe(child.exit_code)}); starting it again in {delay_ms} ms")

    def _reap_orphans(self) -> None:
        """As process 1 we inherit whatever our children leave behind."""
        known = {child.pid for child in self._children}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in known:
                return
            os.waitpid(found.si_pid, 0)

    def _stop_parts(self, names: tuple[str, ...]) -> None:
        self._send(signal.SIGTERM, *names)
        grace_s = STOP_GRACE_S + (self.plan.drain_s if "gateway" in names else 0)
        end_ns = self._clock.mono_ns() + grace_s * 1_000_000_000
        while any(child.pid for child in self._children if child.part.name in names):
            self._rest(TICK_S)
            if self._clock.mono_ns() > end_ns:
                self._send(signal.SIGKILL, *names)

    def _log_path(self, label: str) -> Path | None:
        """The part's log in the state directory, None for our own standard error; a large one makes room."""
        if not self._logs:
            return None
        path = Path(self.plan.state_dir) / "logs" / f"{label}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.rename(path.with_suffix(".log.1"))
        return path

    def _last_words(self, label: str) -> str:
        path = self._log_path(label)
        return "\n  " + "\n  ".join(path.read_text().splitlines()[-3:]) if path and path.exists() else ""


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _describe(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"
