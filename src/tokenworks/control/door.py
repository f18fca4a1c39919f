"""The public socket: Starlette's application served by uvicorn, inside a loop and under signals that are ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tokenworks.limits import DOOR_DRAIN_S
from tokenworks.link.server import bind_socket


class _Server(uvicorn.Server):
    """Signals belong to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Door:
    """Serves `app` at `path` from `open` to `close`."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._server = _Server(uvicorn.Config(
            app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False,
            server_header=False, date_header=False, timeout_graceful_shutdown=DOOR_DRAIN_S))
        self._path = path
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to answer."""
        self._socket = bind_socket(self._path)
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
            if self._task.done():
                self._task.result()

    async def close(self) -> None:
        """Finish what is being answered, bounded, and end."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
