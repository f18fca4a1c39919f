"""What a client really sends and gets: a relay before the gateway that counts attempts and keeps their bytes.

It changes nothing; it reads along. Attempts and the times between them are what tells a retry from a hang.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from tests.e2e.sources import Loop

KEPT_BYTES = 200_000


@dataclass
class Attempt:
    """One request as it passed: `status` 0 while there is no answer, or when none came."""

    method: str
    target: str
    head: str
    began_s: float
    body: bytes = b""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    ended_s: float = 0


class Tap:
    """Listens on loopback before `host`:`port`."""

    def __init__(self, host: str, port: int) -> None:
        self.there = (host, port)
        self.attempts: list[Attempt] = []
        self.loop = Loop()
        self.loop.run(self._start())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 26)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.loop.loop.call_soon_threadsafe(self._server.close)
        self.loop.stop()

    def posts(self) -> list[Attempt]:
        """Attempts to have something made."""
        return [one for one in self.attempts if one.method == "POST"]

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        gateway, there = await asyncio.open_connection(*self.there, limit=1 << 26)
        try:
            while await self._relay(client, back, gateway, there):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            for writer in (back, there):
                writer.close()

    async def _relay(self, client: asyncio.StreamReader, back: asyncio.StreamWriter, gateway: asyncio.StreamReader,
                     there: asyncio.StreamWriter) -> bool:
        """One request and its answer; True while the connection goes on."""
        head = await _next_head(client, gateway)
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        attempt = Attempt(method, target, head.decode("latin-1"), time.monotonic())
        self.attempts.append(attempt)
        there.write(head)
        asking = asyncio.ensure_future(_copy(client, there, fields_of(head), attempt, "body"))
        status = 100
        while 100 <= status < 200:
            head = await gateway.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ")[1])
            back.write(head)
        attempt.status, attempt.headers = status, fields_of(head)
        if method != "HEAD" and status not in (204, 304):
            await _copy(gateway, back, attempt.headers, attempt, "answer")
        await asking
        attempt.ended_s = time.monotonic()
        return attempt.headers.get("connection", "") != "close"


async def _next_head(client: asyncio.StreamReader, gateway: asyncio.StreamReader) -> bytes:
    """The client's next request, unless the gateway closes the connection first: then it closes here as well."""
    reading = asyncio.ensure_future(client.readuntil(b"\r\n\r\n"))
    while not reading.done():
        await asyncio.wait([reading], timeout=0.01)
        if gateway.at_eof() and not reading.done():
            reading.cancel()
            raise ConnectionResetError("the gateway has closed the connection")
    return reading.result()


def fields_of(head: bytes) -> dict[str, str]:
    """Header fields by lower-case name."""
    rows = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:] if line)
    return {name.lower(): value.strip() for name, _, value in rows}


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, fields: dict[str, str], attempt: Attempt,
                part: str) -> None:
    """A body, as it is framed; its beginning is kept."""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        size = 1
        while size:
            line = await source.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data = await source.readexactly(size + 2)
            target.write(line + data)
            await target.drain()
            _keep(attempt, part, data[:-2])
    else:
        left = int(fields.get("content-length", 0))
        while left:
            data = await source.read(min(left, 1 << 16))
            if not data:
                raise ConnectionResetError("closed in a body")
            left -= len(data)
            target.write(data)
            await target.drain()
            _keep(attempt, part, data)
    await target.drain()


def _keep(attempt: Attempt, part: str, data: bytes) -> None:
    have = getattr(attempt, part)
    setattr(attempt, part, have + data[: KEPT_BYTES - len(have)])
