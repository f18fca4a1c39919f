"""A gateway worker with nothing above its sockets: a service that answers by rule, a scripted upstream, raw clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvloop

from tokenworks.clock import SystemClock
from tokenworks.gateway.bounds import Bounds
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.dial import Lookup, look_up
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.server import Server
from tokenworks.gateway.turn import Turn
from tokenworks.gateway.wheel import Wheel
from tokenworks.wire.refusals import Refusal

TICK_S = 0.02


class Echo:
    """A flow that answers with what it got, and notes what it was told."""

    def __init__(self, service: Answers, turn: Turn) -> None:
        self.service, self.turn = service, turn
        self.told: list[str] = []
        self.failed: tuple[Refusal, str] | None = None

    def body_done(self, body: bytes) -> None:
        self.told.append("body")
        self.service.bodies.append(body)
        self.service.answer(self.turn, body)

    def body_failed(self, refusal: Refusal, message: str) -> None:
        self.told.append("failed")
        self.failed = (refusal, message)

    def client_gone(self) -> None:
        self.told.append("gone")

    def client_blocked(self) -> None:
        self.told.append("blocked")

    def client_ready(self) -> None:
        self.told.append("ready")

    def stalled(self) -> None:
        self.told.append("stalled")


def answer_same(turn: Turn, body: bytes) -> None:
    turn.respond(200, [(b"x-target", turn.head.target)], body)


class Answers:
    """A service whose flows answer with `answer`; `decide` may answer in `open` already."""

    def __init__(self, answer: Callable[[Turn, bytes], None] = answer_same) -> None:
        self.answer = answer
        self.decide: Callable[[Turn], bool] = lambda turn: False
        self.flows: list[Echo] = []
        self.turns: list[Turn] = []
        self.bodies: list[bytes] = []

    def open(self, turn: Turn) -> Echo | None:
        self.turns.append(turn)
        if self.decide(turn):
            return None
        self.flows.append(Echo(self, turn))
        return self.flows[-1]


class Heard:
    """A caller that keeps what an upstream said."""

    def __init__(self) -> None:
        self.reads: list[tuple[bytes, bool]] = []
        self.failure: Failure | None = None
        self.on_read: Callable[[Call, bytes, bool], None] = lambda call, data, ended: None

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        assert not self.ended and self.failure is None
        self.reads.append((data, ended))
        self.on_read(call, data, ended)

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        assert not self.ended and self.failure is None
        self.failure = failure

    @property
    def body(self) -> bytes:
        return b"".join(data for data, _ in self.reads)

    @property
    def ended(self) -> bool:
        return bool(self.reads) and self.reads[-1][1]

    @property
    def over(self) -> bool:
        return self.ended or self.failure is not None


class Worker:
    """Server and pool on one loop, with everything that went wrong in a callback."""

    def __init__(self, service: Any, bounds: Bounds, worker_bytes: int, lookup: Lookup) -> None:
        self.wheel = Wheel(asyncio.get_running_loop(), TICK_S)
        self.budget = Budget(worker_bytes)
        self.server = Server(service, self.budget, self.wheel, lambda: "req_0", SystemClock(), bounds)
        self.pool = Pool(self.wheel, bounds, lookup)
        self.sockets: list[socket.socket] = []
        self.errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(context))

    async def listen(self, tls: ssl.SSLContext | None = None) -> int:
        sock = bind()
        self.sockets.append(sock)
        await self.server.listen(sock, tls)
        return int(sock.getsockname()[1])

    async def stop(self) -> None:
        await self.server.drain(0)
        await self.pool.close()
        self.wheel.stop()
        for sock in self.sockets:
            sock.close()


@contextlib.asynccontextmanager
async def working(
    service: Any = None, worker_bytes: int = 1 << 30, lookup: Lookup = look_up, **bounds: Any
) -> AsyncIterator[Worker]:
    """A worker that is stopped again; nothing may have been raised out of a callback, every budget is back at zero."""
    worker = Worker(service or Answers(), Bounds(**bounds), worker_bytes, lookup)
    try:
        yield worker
    finally:
        await worker.stop()
    assert worker.errors == [], worker.errors
    assert worker.budget.used == 0
    assert worker.server.connections == 0
    assert worker.pool.connections == 0


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs on uvloop, as workers do."""
    uvloop.run(main())


def bind() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


async def until(check: Callable[[], object], wait_s: float = 5) -> None:
    async with asyncio.timeout(wait_s):
        while not check():
            await asyncio.sleep(0.005)


class Client:
    """A raw connection to the worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def answer(self, method: str = "GET") -> Answer:
        """The next whole answer that is not an interim one."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            fields = [line.partition(b": ") for line in lines[1:-2]]
            headers = {name.lower(): value for name, _, value in fields}
            status = int(lines[0].split()[1])
            if b"transfer-encoding" in headers:
                body = b""
                while size := int(await self.reader.readline(), 16):
                    body += (await self.reader.readexactly(size + 2))[:-2]
                assert await self.reader.readline() == b"\r\n"
            elif method == "HEAD" or status in (204, 304) or status < 200:
                body = b""
            elif b"content-length" in headers:
                body = await self.reader.readexactly(int(headers[b"content-length"]))
            else:
                body = await self.reader.read()
            return Answer(status, headers, body)

    async def closed(self) -> bool:
        """Whether the server ends the connection, within the usual wait."""
        try:
            return await self.rest() == b""
        except ConnectionError:
            return True


class Answer:
    """A parsed answer."""

    def __init__(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


@contextlib.asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None, limit=1 << 26)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """An upstream that runs `script` for each connection."""
    upstream = Upstream()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream.connections += 1
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, RuntimeError):  # the gateway has hung up
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls, limit=1 << 26)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()


class Upstream:
    """Where it is and how often it was dialled."""

    port = 0
    connections = 0

    def target(self, **settings: Any) -> Target:
        return Target(f"http://127.0.0.1:{self.port}", allow_private=True, **settings)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of a request with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return head, await reader.readexactly(size[0]) if size else b""


def post(body: bytes = b"{}", target: bytes = b"/v1/chat/completions", more: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (target, more, len(body), body)
