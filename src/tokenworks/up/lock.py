"""One `up` per state directory: a lock that the kernel drops with its holder, whatever ends it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tokenworks.errors import CallerError, Conflict

SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7), less its closing zero
LONGEST_SOCKET = "run/private.sock"


class StateUnusable(CallerError):
    """The state directory {0} cannot be used: {1}. Name another with --state, or mend it."""


class AlreadyRunning(Conflict):
    """Process {1} already runs on the state directory {0}. Stop it (`kill {1}`), or name another with --state."""


class StateLock:
    """The exclusive lock of a state directory. `unclean` tells that the holder before us did not end by itself."""

    def __init__(self, state_dir: str) -> None:
        self.state_dir = Path(state_dir)
        self.unclean = False
        self._fd = -1

    def take(self) -> None:
        """Make the directory if need be, and lock it; raises StateUnusable or AlreadyRunning."""
        if len(os.fsencode(self.state_dir / LONGEST_SOCKET)) > SOCKET_PATH_BYTES_MAX:
            raise StateUnusable(self.state_dir, "its path is too long for the unix sockets in it")
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.state_dir.chmod(0o700)
            (self.state_dir / "run").mkdir(mode=0o700, exist_ok=True)
            (self.state_dir / "logs").mkdir(mode=0o700, exist_ok=True)
            self._fd = os.open(self.state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnusable(self.state_dir, error.strerror) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(self.state_dir, self._read_pid() or "unknown") from None
        self.unclean = self._read_pid() != ""
        self._write(str(os.getpid()))

    def release(self) -> None:
        """A clean end: nobody's pid stays behind."""
        self._write("")
        os.close(self._fd)

    def _read_pid(self) -> str:
        return os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()

    def _write(self, text: str) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)
