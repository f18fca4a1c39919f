"""A whole worker in one loop: real sockets, a real journal on disk, books in memory, a scripted upstream, raw clients.

When the shop closes, everything that must hold after any run is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from tests.gateway.books import KEY, UNIT, Books
from tests.gateway.upstream import Upstream

from tokenworks.clock import SystemClock, SystemDice
from tokenworks.credit.records import Amended, Closed, Opened, Record, Served
from tokenworks.fleet.deployment import Deployment
from tokenworks.gateway.shared import Counter
from tokenworks.gateway.worker import Worker, WorkerConfig, open_socket

ALL: Any = ("chat", "completions", "responses", "messages", "embeddings")
CHAT = "/v1/chat/completions"


def deployment(url: str, name: str = "dep", **extra: Any) -> Deployment:
    values: dict[str, Any] = {"engine": "openai", "dialects": ALL, **extra}
    return Deployment(name, "m", url, "up-model", **values)


class Shop:
    """Everything together. `client()` is a raw connection, `ask` one request on a connection of its own."""

    def __init__(self, state: Path, books: Books, upstream: Upstream, worker: Worker, port: int) -> None:
        self.state, self.books, self.upstream, self.worker, self.port = state, books, upstream, worker, port
        self.errors: list[dict[str, Any]] = []

    @property
    def shared(self) -> Any:
        return self.worker.shared

    def purse(self, account: str = "acc") -> Any:
        return self.shared.desk.till(account).purse

    async def client(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))

    async def ask(self, body: object, path: str = CHAT, key: str = KEY, **headers: str) -> Reply:
        client = await self.client()
        try:
            await client.send(body, path, key, **headers)
            return await client.reply()
        finally:
            client.close()

    def records(self, kind: type[Record]) -> list[Any]:
        """All of a kind; a Served stands for its Opened and its Closed."""
        return [record for written in self.books.records()
                for record in ((written.opened, written.closed) if isinstance(written, Served) else (written,))
                if isinstance(record, kind)]

    async def closed(self, count: int = 1, wait_s: float = 5) -> list[Closed]:
        await until(lambda: len(self.records(Closed)) >= count, wait_s)
        return self.records(Closed)


class Reply:
    """A parsed answer. `whole`: its end came as it should."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, whole: bool) -> None:
        self.status, self.headers, self.body, self.whole = status, headers, body, whole

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Data of SSE events, decoded; [DONE] as text."""
        found = []
        for block in self.body.split(b"\n\n"):
            for line in block.split(b"\n"):
                if line.startswith(b"data: "):
                    data = line[6:]
                    found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        return found

    @property
    def text(self) -> str:
        """The text of a chat stream."""
        return "".join(choice["delta"].get("content") or "" for event in self.events if isinstance(event, dict)
                       for choice in event.get("choices", ()))


class Client:
    """A raw keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, body: object, path: str = CHAT, key: str = KEY, method: str = "POST", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        rows = [f"{method} {path} HTTP/1.1", "host: gw", f"content-length: {len(data)}"]
        rows += [f"authorization: Bearer {key}"] if key else []
        rows += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(rows) + "\r\n\r\n").encode() + data)
        await self.writer.drain()

    async def head(self, wait_s: float = 10) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(wait_s):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        return int(lines[0].split()[1]), headers

    async def chunk(self, wait_s: float = 10) -> bytes:
        async with asyncio.timeout(wait_s):
            size = int(await self.reader.readline(), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def reply(self, wait_s: float = 10) -> Reply:
        status, headers = await self.head(wait_s)
        body = b""
        async with asyncio.timeout(wait_s):
            try:
                if headers.get("transfer-encoding") == "chunked":
                    while part := await self.chunk():
                        body += part
                else:
                    body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            except (asyncio.IncompleteReadError, ConnectionError, ValueError):
                return Reply(status, headers, body, False)
        return Reply(status, headers, body, True)

    def close(self) -> None:
        """Hangs up as a process that dies does: the other side hears at once that nobody is there."""
        sock = self.writer.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def until(check: Callable[[], object], wait_s: float = 5) -> None:
    async with asyncio.timeout(wait_s):
        while not check():
            await asyncio.sleep(0.005)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs on uvloop, as workers do."""
    uvloop.run(main())  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def shop(
    state: Path, money: int = 100 * UNIT, counter: Counter | None = None, durability: Any = "process",
    model: dict[str, Any] | None = None, **settings: Any,
) -> AsyncIterator[Shop]:
    """One account with `money`, one model `m`, one deployment `dep` with `settings`."""
    (state / "run").mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    upstream = await Upstream().start()
    books = Books(state)
    books.open_account()
    if money:
        books.fund(money)
    books.sell(deployment(upstream.url, **settings), **(model or {}))
    await books.start()
    config = WorkerConfig(state_dir=str(state), host_id="host", durability=durability, drain_s=0)
    worker = Worker(config, SystemClock(), SystemDice(), counter)
    sock = open_socket(config)
    await worker.start(sock)
    place = Shop(state, books, upstream, worker, sock.getsockname()[1])
    asyncio.get_running_loop().set_exception_handler(lambda _, context: place.errors.append(context))
    try:
        await until(lambda: worker.shared.book.ready)
        yield place
    finally:
        await worker.stop(0.0)
        await upstream.stop()
        books.stop()
        sock.close()
    check(place)


def check(place: Shop) -> None:
    """What holds after every run."""
    assert place.errors == [], place.errors
    assert not place.shared.running, "a request never ended"
    assert place.shared.budget.used == 0
    for till in place.shared.desk.tills.values():
        assert (till.purse.held_minor, till.purse.kept_minor, till.waiting) == (0, 0, [])
    assert all(count == 0 for count in place.shared.book.outlets.inflight.values())
    opened, closed = place.records(Opened), place.records(Closed)
    assert sorted(record.request for record in opened) == sorted(record.request for record in closed)
    assert len({record.request for record in closed}) == len(closed)
    for record in [*closed, *place.records(Amended)]:
        assert record.rated_minor == record.charged_minor + record.waived_minor + record.overrun_minor
    for record in closed:
        assert sum(part.amount_minor for part in record.parts) == record.charged_minor
    assert place.books.post(ended=True) == []
    for lot in place.books.store.ledger.lots().data:
        assert lot.leased_minor == 0, f"{lot.id} has {lot.leased_minor} leased after everything was given back"
