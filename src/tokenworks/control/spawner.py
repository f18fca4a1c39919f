"""Tasks that must not fail: one that does ends the process, whose supervisor starts it again where the books stand.

A control process that goes on without one of its loops would look well and do half of its work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

Spawn = Callable[[Coroutine[Any, Any, None]], None]

_LOG = structlog.get_logger()


class Spawner:
    """Keeps its tasks; `fail` is called once, on the loop, when one has raised."""

    def __init__(self, fail: Callable[[], None]) -> None:
        self._fail = fail
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` in a task of its own."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note)

    def cancel(self) -> None:
        """Ends them all."""
        for task in self._tasks:
            task.cancel()

    def _note(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("task_failed", exc_info=(type(error), error, error.__traceback__))
            self._fail()
