"""The child's end of its lifeline: when the supervisor dies, however it dies, the pipe closes and the child leaves."""

from __future__ import annotations

import os
import signal
import threading

LEAVE_S = 10


def hold_lifeline(lifeline_fd: int) -> None:
    """Watch the pipe from a thread that sleeps in the kernel; at its end ask ourselves to stop, then insist."""
    threading.Thread(target=_watch, args=(lifeline_fd,), name="lifeline", daemon=True).start()


def _watch(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(LEAVE_S)
    os.kill(os.getpid(), signal.SIGKILL)
