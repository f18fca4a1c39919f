"""Who waits and for how long: slow heads, slow bodies, idle connections, slow readers, half-closed connections."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from tests.gateway.worker import Answers, connected, post, run, until, working

from tokenworks.wire.refusals import Refusal


def test_slow_head() -> None:
    """A head that trickles is cut after its time, however often a byte comes."""

    async def main() -> None:
        async with working(head_s=0.3) as worker, connected(await worker.listen()) as client:
            began_s = time.monotonic()
            for byte in b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: " + b"x" * 1000:
                client.send(bytes([byte]))
                await asyncio.sleep(0.02)
                if client.reader._buffer:
                    break
            assert (await client.answer()).status == 408 and await client.closed()
            assert 0.2 < time.monotonic() - began_s < 3

    run(main)


def test_silent_connection() -> None:
    """Whoever connects and says nothing is closed after the time for a head."""

    async def main() -> None:
        async with working(head_s=0.2) as worker, connected(await worker.listen()) as client:
            assert await client.closed()

    run(main)


def test_idle_connection() -> None:
    async def main() -> None:
        async with working(head_s=0.1, idle_s=0.6) as worker, connected(await worker.listen()) as client:
            client.send(post())
            assert (await client.answer()).status == 200
            await asyncio.sleep(0.35)  # longer than a head may take: between requests there is more time
            client.send(post())
            assert (await client.answer()).status == 200
            assert await client.closed()

    run(main)


@pytest.mark.parametrize("framing", [b"content-length: 1000000", b"transfer-encoding: chunked"])
def test_slow_body(framing: bytes) -> None:
    async def main() -> None:
        service = Answers()
        async with (
            working(service, body_s=0.2, body_rate_per_s=10_000) as worker,
            connected(await worker.listen()) as client,
        ):
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n" % framing)
            for _ in range(300):
                client.send(b"x" if framing.startswith(b"content") else b"1\r\nx\r\n")
                await asyncio.sleep(0.01)
                if client.reader._buffer:
                    break
            assert (await client.answer()).status == 408 and await client.closed()
            failed = service.flows[0].failed
            assert failed is not None and failed[0] is Refusal.BODY_TOO_SLOW and service.bodies == []

    run(main)


def test_steady_body() -> None:
    """A body that keeps the pace may take as long as it needs."""

    async def main() -> None:
        async with (
            working(body_s=0.1, body_rate_per_s=1000) as worker,
            connected(await worker.listen()) as client,
        ):
            client.send(post(b"x" * 4000)[:-4000])
            for _ in range(40):
                client.send(b"x" * 100)
                await asyncio.sleep(0.02)
            assert len((await client.answer()).body) == 4000

    run(main)


def test_slow_discarded_body() -> None:
    """Neither does a refused request's body keep a connection for ever."""

    async def main() -> None:
        service = Answers()
        service.decide = lambda turn: turn.respond(401, []) or True
        rate = 1_000_000
        async with (
            working(service, body_s=0.2, body_rate_per_s=rate) as worker,
            connected(await worker.listen()) as client,
        ):
            client.send(post(b"x" * 10_000)[:-5_000])
            assert (await client.answer()).status == 401
            await until(lambda: not worker.server.connections)

    run(main)


def slow_reader(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(post())
    return sock


def test_back_pressure() -> None:
    """A reader that stops is told of once, one that reads again too; nothing is lost."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service, client_buffer_bytes=100_000) as worker:
            sock = slow_reader(await worker.listen())
            await until(lambda: service.bodies)
            turn, flow = service.turns[0], service.flows[0]
            sent = 0
            while "blocked" not in flow.told:
                turn.write(b"x" * 10_000)
                sent += 10_000
            assert turn.buffered > 100_000
            await asyncio.sleep(0.2)
            assert flow.told == ["body", "blocked"] and worker.budget.used > 100_000
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            got = b""
            while "ready" not in flow.told:
                got += await loop.sock_recv(sock, 65536)
            turn.end(b"last")
            while not got.endswith(b"0\r\n\r\n"):
                got += await loop.sock_recv(sock, 65536)
            assert got.count(b"x") >= sent and b"last" in got
            sock.close()

    run(main)


def test_stalled_reader() -> None:
    """A reader that takes nothing is cut; the flow is told before the connection goes, and only of that."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service, client_buffer_bytes=100_000, stall_s=0.3) as worker:
            sock = slow_reader(await worker.listen())
            await until(lambda: service.bodies)
            turn, flow = service.turns[0], service.flows[0]
            while "blocked" not in flow.told:
                turn.write(b"x" * 10_000)
            await until(lambda: "stalled" in flow.told)
            await until(lambda: not worker.server.connections)
            assert flow.told == ["body", "blocked", "stalled"] and worker.budget.used == 0
            sock.close()

    run(main)


def test_trickling_stalled_reader() -> None:
    """Writing on does not hide that nothing is taken, even below the mark at which the upstream would be paused."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service, client_buffer_bytes=1 << 30, stall_s=0.3) as worker:
            sock = slow_reader(await worker.listen())
            await until(lambda: service.bodies)
            turn, flow = service.turns[0], service.flows[0]
            while not turn.buffered:
                turn.write(b"x" * 100_000)
            async with asyncio.timeout(5):
                while "stalled" not in flow.told:
                    turn.write(b"x")
                    await asyncio.sleep(0.01)
            sock.close()

    run(main)


def test_slow_but_reading() -> None:
    """A reader that takes a little now and then is not cut."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service, client_buffer_bytes=100_000, stall_s=0.4) as worker:
            sock = slow_reader(await worker.listen())
            sock.setblocking(False)
            await until(lambda: service.bodies)
            turn, flow = service.turns[0], service.flows[0]
            for _ in range(300):
                turn.write(b"x" * 10_000)
            for _ in range(10):
                await asyncio.sleep(0.1)
                for _ in range(3):
                    await asyncio.get_running_loop().sock_recv(sock, 65536)
            assert "stalled" not in flow.told
            sock.close()
            await until(lambda: "gone" in flow.told)

    run(main)


def test_unread_answer_of_ended_turn() -> None:
    """An answer that is out but not taken does not keep the connection for ever."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [], b"x" * 20_000_000))
        async with working(service, stall_s=0.3) as worker:
            sock = slow_reader(await worker.listen())
            await until(lambda: service.bodies)
            await until(lambda: not worker.server.connections)
            sock.close()

    run(main)


def test_blocked_pipeline() -> None:
    """Requests behind an answer that is not read wait: their answers must not pile up."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [], b"x" * 1_000_000))
        async with (
            working(service, client_buffer_bytes=100_000) as worker,
            connected(await worker.listen()) as client,
        ):
            client.writer.transport.pause_reading()
            client.send(post() * 100)
            await asyncio.sleep(0.3)
            assert len(service.turns) < 20
            client.writer.transport.resume_reading()
            for _ in range(100):
                assert len((await client.answer()).body) == 1_000_000

    run(main)


def test_worker_budget_cuts_slow_reader() -> None:
    """What slow readers leave waiting counts; when the worker has no room for it they are cut."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service, worker_bytes=200_000) as worker:
            sock = slow_reader(await worker.listen())
            await until(lambda: service.bodies)
            turn, flow = service.turns[0], service.flows[0]
            while turn.buffered < 500_000:
                turn.write(b"x" * 50_000)
            await until(lambda: "stalled" in flow.told)
            sock.close()

    run(main)


@pytest.mark.parametrize("size", [10, 100_000])
def test_half_close(size: int) -> None:
    """A client that has sent everything and closes its half still gets all its answers."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post(b"x" * size) + post(b"two"))
            client.writer.write_eof()
            await until(lambda: service.bodies)
            await asyncio.sleep(0.2)
            service.turns[0].respond(200, [], service.bodies[0])
            await until(lambda: len(service.bodies) == 2)
            service.turns[1].respond(200, [], service.bodies[1])
            text = await client.rest()
            assert text.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200") and text.endswith(b"two")
            assert text.count(b"HTTP/1.1 200") == 2 and text.count(b"connection: close") == 1

    run(main)


def test_half_close_in_body() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post(b"x" * 100)[:-50])
            client.writer.write_eof()
            await until(lambda: service.flows and service.flows[0].told == ["gone"])

    run(main)


def test_gone_before_answer() -> None:
    """A client that is gone is told from one that has only closed its half, without waiting for an answer to write."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post())
            await until(lambda: service.bodies)
            client.writer.close()  # an orderly end: FIN, as a killed process sends it
            await client.writer.wait_closed()
            await until(lambda: service.flows[0].told == ["body", "gone"], 2)

    run(main)


