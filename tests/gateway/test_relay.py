"""Both sides together: one write per read, pressure from end to end, disconnects passed on."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from tests.gateway.relaying import Relays
from tests.gateway.test_upstream import ANSWERS, CHUNKED, OK, says
from tests.gateway.test_waiting import slow_reader
from tests.gateway.worker import Upstream, Worker, connected, post, read_request, run, serving, until, working


async def relay(worker: Worker, service: Relays, upstream: Upstream) -> int:
    """The port at which the worker relays to the upstream."""
    service.pool, service.target = worker.pool, upstream.target()
    return await worker.listen()


@pytest.mark.parametrize("shape", ANSWERS)
def test_relays(shape: str) -> None:
    async def main() -> None:
        service = Relays()
        async with (
            working(service) as worker, serving(says(ANSWERS[shape])) as upstream,
            connected(await relay(worker, service, upstream)) as client,
        ):
            for _ in range(3):
                client.send(post(b"hello"))
                answer = await client.answer()
                assert (answer.status, answer.body) == (200, b"abcdef")

    run(main)


def test_one_write_per_read() -> None:
    """Many events in one read leave in one write, and the head leaves with the first of them."""

    async def main() -> None:
        events = b"".join(b"b\r\ndata: %03d\n\n\r\n" % n for n in range(100))
        service = Relays()
        script = says(0.1, CHUNKED + events, 0.05, events + b"0\r\n\r\n", close=False)
        async with (
            working(service) as worker, serving(script) as upstream,
            connected(await relay(worker, service, upstream)) as client,
        ):
            client.send(post())
            await until(lambda: service.flows)
            (connection,) = worker.server._clients
            connection.transport = Counting(connection.transport)
            answer = await client.answer()
            assert answer.body.count(b"data: ") == 200
            assert connection.transport.writes == 2, "head and first events, then more events and the end"

    run(main)


class Counting:
    """A transport that counts writes."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.writes = inner, 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        self.inner.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_slow_reader_pauses_upstream() -> None:
    """A client that does not read stops the upstream's sending, and everything arrives when it reads on."""

    async def main() -> None:
        size = 60_000_000
        sent = 0

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(OK + b"content-length: %d\r\n\r\n" % size)
            while sent < size:
                writer.write(b"z" * 100_000)
                sent += 100_000
                await writer.drain()
            await reader.read()

        service = Relays()
        async with working(service) as worker, serving(script) as upstream:
            sock = slow_reader(await relay(worker, service, upstream))
            await until(lambda: service.flows and service.flows[0].call and service.flows[0].call.paused)
            await asyncio.sleep(0.3)
            halted = sent
            await asyncio.sleep(0.3)
            assert sent == halted < size / 2
            sock.setblocking(False)
            got = 0
            while got < size:
                got += len(await asyncio.get_running_loop().sock_recv(sock, 1 << 20))
            assert sent == size
            sock.close()

    run(main)


def test_stalled_reader_stops_upstream() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(OK + b"content-length: 90000000\r\n\r\n")
            try:
                while True:
                    writer.write(b"z" * 100_000)
                    await writer.drain()
            finally:
                gone.set()

        service = Relays()
        async with working(service, stall_s=0.3) as worker, serving(script) as upstream:
            sock = slow_reader(await relay(worker, service, upstream))
            async with asyncio.timeout(5):
                await gone.wait()
            assert service.flows[0].ends == 1
            sock.close()

    run(main)


@pytest.mark.parametrize("stage", ["waiting", "streaming"])
def test_disconnect_stops_upstream(stage: str) -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            if stage == "streaming":
                writer.write(CHUNKED + b"3\r\nabc\r\n")
            while await reader.read(100):
                pass
            gone.set()

        service = Relays()
        async with working(service) as worker, serving(script) as upstream:
            async with connected(await relay(worker, service, upstream)) as client:
                client.send(post())
                await until(lambda: upstream.connections)
                if stage == "streaming":
                    await client.reader.readuntil(b"abc")
            async with asyncio.timeout(3):
                await gone.wait()
            await until(lambda: service.flows[0].ends == 1 and not worker.pool.connections)

    run(main)


def test_many_clients() -> None:
    """Many clients at once over few connections: each gets its own answer."""

    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                _, body = await read_request(reader)
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for at in range(0, len(body), 7000):
                    writer.write(b"%x\r\n%b\r\n" % (len(body[at : at + 7000]), body[at : at + 7000]))
                    await asyncio.sleep(0)
                writer.write(b"0\r\n\r\n")

        service = Relays()
        async with working(service) as worker, serving(script) as upstream:
            port = await relay(worker, service, upstream)

            async def use(number: int) -> None:
                async with connected(port) as client:
                    for size in (10, 50_000, 300, 200_000):
                        body = os.urandom(size) + b"%d" % number
                        client.send(post(body))
                        assert (await client.answer()).body == body

            await asyncio.gather(*[use(number) for number in range(30)])
            assert upstream.connections <= 30 and all(flow.ends == 1 for flow in service.flows)

    run(main)
