"""Requests and answers on a client's connection: their order, their framing, their sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.gateway.worker import Answers, bind, connected, post, run, until, working

from tokenworks.gateway.budget import Budget
from tokenworks.gateway.turn import Turn
from tokenworks.wire.refusals import Refusal


def test_answers_request() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            for body in (b"one", b"two"):
                client.send(post(body))
                answer = await client.answer()
                assert (answer.status, answer.body) == (200, body)
                assert answer.headers[b"x-target"] == b"/v1/chat/completions" and b"date" in answer.headers
            assert len({id(turn) for turn in service.turns}) == 2 and worker.server.connections == 1
            assert service.turns[0].head.get(b"host") == b"x" and service.turns[0].head.length == 3

    run(main)


def test_pipelined_requests() -> None:
    """They are served one after the other, in order, whatever order the answers would have come in."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(b"".join(post(b"body %d" % n) for n in range(40)))
            for n in range(40):
                await until(lambda n=n: len(service.bodies) == n + 1)
                assert len(service.turns) == n + 1, "a request was opened while another was being served"
                service.turns[n].respond(200, [], service.bodies[n])
                assert (await client.answer()).body == b"body %d" % n

    run(main)


def test_pipeline_pauses_reading() -> None:
    """What stands behind the request that is being served stays in the kernel when it is much."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post(b"first"))
            await until(lambda: service.bodies)
            for _ in range(100):
                client.send(post(b"x" * 1_000_000))
            await asyncio.sleep(0.2)
            (connection,) = worker.server._clients
            read = sum(turn.size for turn in connection.queue)
            assert read < 2_000_000 and client.writer.transport.get_write_buffer_size() > 50_000_000
            service.answer = lambda turn, body: turn.respond(200, [], b"%d" % len(body))
            service.turns[0].respond(200, [])
            assert (await client.answer()).body == b""
            for _ in range(100):
                assert (await client.answer()).body == b"1000000"

    run(main)


def test_too_many_pipelined() -> None:
    async def main() -> None:
        async with working(Answers(lambda turn, body: None)) as worker, connected(await worker.listen()) as client:
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 3000)
            await asyncio.sleep(0.1)
            (connection,) = worker.server._clients
            assert len(connection.queue) == 257
            client.writer.transport.abort()
            await until(lambda: not worker.server.connections)

    run(main)


def test_chunked_upload() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            head = b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
            client.send(head + b"\r\n3\r\nabc\r\n4;note=1\r\ndefg\r\n0\r\n\r\n")
            assert (await client.answer()).body == b"abcdefg"
            for byte in head + b"\r\n3\r\nabc\r\n0\r\n\r\n":
                client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.answer()).body == b"abc"
            assert service.turns[0].head.length == -1

    run(main)


def test_trailers_are_dropped() -> None:
    """A trailer is no header: neither of its own request nor of the one behind it."""

    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
                        b"authorization: Bearer other\r\nx-more: 1\r\n\r\n" + post(b"two"))
            assert [(await client.answer()).body for _ in range(2)] == [b"abc", b"two"]
            for turn in service.turns:
                assert turn.get(b"authorization") is None and turn.get(b"x-more") is None
                assert b"x-more" not in dict(turn.head.headers)

    run(main)


def test_large_body() -> None:
    """32 MiB arrive whole, and the connection goes on behind them."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [], b"%d" % len(body)))
        async with working(service) as worker, connected(await worker.listen()) as client:
            body = bytes(range(256)) * 4096 * 32
            client.send(post(body) + post(b"next"))
            assert (await client.answer()).body == b"33554432"
            assert (await client.answer()).body == b"4"
            assert service.bodies == [body, b"next"]

    run(main)


@pytest.mark.parametrize("announced", [True, False])
def test_body_too_large(announced: bool) -> None:
    async def main() -> None:
        service = Answers()
        async with working(service, body_bytes=100_000) as worker, connected(await worker.listen()) as client:
            if announced:
                client.send(post(b"x" * 100_001))
            else:
                client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
                client.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                await asyncio.sleep(0.05)
                client.send((b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 20)
            answer = await client.answer()
            assert answer.status == 413 and answer.headers[b"connection"] == b"close"
            assert service.bodies == []
            assert [flow.failed[0] for flow in service.flows if flow.failed] == (
                [] if announced else [Refusal.BODY_TOO_LARGE])

    run(main)


@pytest.mark.parametrize("head", [
    b"".join(b"h%d: 1\r\n" % n for n in range(100)),
    b"big: " + b"x" * 65_536 + b"\r\n",
    b"".join(b"h%d: " % n + b"x" * 8_000 + b"\r\n" for n in range(9)),
])  # fmt: skip
@pytest.mark.parametrize("step", [1 << 20, 4096])
def test_headers_too_large(head: bytes, step: int) -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            data = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + head + b"content-length: 2\r\n\r\n{}"
            for at in range(0, len(data), step):
                client.send(data[at : at + step])
                await asyncio.sleep(0)
            answer = await client.answer()
            assert answer.status == 400 and b'"type":"error"' in answer.body
            assert await client.closed() and service.turns == []

    run(main)


def test_endless_head() -> None:
    """A head that never ends is refused when it has grown too large, not kept until memory ends."""

    async def main() -> None:
        async with working() as worker, connected(await worker.listen()) as client:
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\nendless: ")
            with pytest.raises(ConnectionError):
                for _ in range(10_000):
                    client.send(b"x" * 65_536)
                    await client.writer.drain()
                    await asyncio.sleep(0)

    run(main)


def test_endless_trailers() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")
            for n in range(200):
                client.send(b"t%d: " % n + b"x" * 1000 + b"\r\n")
                await asyncio.sleep(0)
            assert (await client.answer()).status == 400
            assert service.flows[0].failed is not None and service.bodies == []

    run(main)


def test_target_too_long() -> None:
    async def main() -> None:
        async with working() as worker, connected(await worker.listen()) as client:
            client.send(b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n" % (b"x" * 8192))
            answer = await client.answer()
            assert answer.status == 400 and b"8192" in answer.body

    run(main)


def test_expect_continue() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post(b"body", more=b"expect: 100-Continue\r\n")[:-4])
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"body")
            assert (await client.answer()).body == b"body"
            client.send(post(b"body", more=b"expect: 100-continue\r\n"))  # the body comes unasked: nothing to say
            assert (await client.answer()).status == 200

    run(main)


def test_expect_refused() -> None:
    """A request that is refused on its head gets no 100, and its body is not awaited."""

    async def main() -> None:
        service = Answers()
        service.decide = lambda turn: turn.respond(401, [(b"x-why", b"key")], b"no") or True
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post(b"x" * 1000, more=b"expect: 100-continue\r\n")[:-1000])
            answer = await client.answer()
            assert answer.status == 401 and answer.headers[b"connection"] == b"close"
            assert await client.closed()

    run(main)


@pytest.mark.parametrize("size", [10, 300_000])
def test_refused_on_head(size: int) -> None:
    """The answer goes out before the body has come; the body is read away and the connection goes on."""

    async def main() -> None:
        service = Answers()
        service.decide = lambda turn: turn.get(b"x-key") is None and (turn.respond(401, [], b"no") or True)
        async with working(service) as worker, connected(await worker.listen()) as client:
            request = post(b"x" * size)
            client.send(request[:-5])
            assert (await client.answer()).status == 401
            client.send(request[-5:] + post(b"good", more=b"x-key: 1\r\n"))
            assert (await client.answer()).body == b"good"
            assert service.bodies == [b"good"] and worker.budget.used == 0

    run(main)


def test_refused_body_too_large_to_discard() -> None:
    """The client sends on and on; it still gets its answer, then the connection ends."""

    async def main() -> None:
        service = Answers()
        service.decide = lambda turn: turn.respond(401, [], b"no") or True
        async with working(service, discard_bytes=500_000) as worker, connected(await worker.listen()) as client:
            client.send(post(b"x" * 20_000_000))
            answer = await client.answer()
            assert answer.status == 401 and answer.headers[b"connection"] == b"close"
            assert await client.closed()

    run(main)


def test_head_and_options() -> None:
    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [], b"some text"))
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\nOPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = await client.answer("HEAD")
            assert (answer.headers[b"content-length"], answer.body) == (b"9", b"")
            assert (await client.answer()).body == b"some text"
            assert [turn.head.method for turn in service.turns] == [b"HEAD", b"OPTIONS"]

    run(main)


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_answers(status: int) -> None:
    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(status, [], b"dropped"))
        async with working(service) as worker, connected(await worker.listen()) as client:
            for _ in range(2):
                client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                answer = await client.answer()
                assert answer.status == status and b"content-length" not in answer.headers

    run(main)


def stream(turn: Turn, body: bytes) -> None:
    turn.start(200, [(b"content-type", b"text/event-stream")])
    turn.write(b"data: 1\n\n")
    turn.write(b"")
    turn.end(b"data: 2\n\n")


def test_streamed_answer() -> None:
    async def main() -> None:
        service = Answers(stream)
        async with working(service) as worker, connected(await worker.listen()) as client:
            for _ in range(2):
                client.send(post())
                answer = await client.answer()
                assert answer.body == b"data: 1\n\ndata: 2\n\n" and answer.headers[b"transfer-encoding"] == b"chunked"
            assert service.turns[0].ended and service.turns[0].buffered == 0

    run(main)


def test_head_waits_for_data() -> None:
    """The head shares a packet with the first bytes, unless it is flushed."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []))
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post())
            await until(lambda: service.bodies)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.reader.read(1)
            service.turns[0].flush()
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
            service.turns[0].end(b"x")
            assert await client.reader.readexactly(11) == b"1\r\nx\r\n0\r\n\r\n"

    run(main)


@pytest.mark.parametrize("large", [False, True])
def test_declared_length(large: bool) -> None:
    parts = [b"x" * 100_000] * 3 if large else [b"abc", b"de", b"f"]

    def answer(turn: Turn, body: bytes) -> None:
        turn.start(200, [], sum(map(len, parts)))
        turn.write(parts[0])
        turn.write(parts[1])
        turn.end(parts[2] + b"beyond")

    async def main() -> None:
        async with working(Answers(answer)) as worker, connected(await worker.listen()) as client:
            for _ in range(2):
                client.send(post())
                assert (await client.answer()).body == b"".join(parts)

    run(main)


@pytest.mark.parametrize("cut", [lambda turn: turn.end(b"too little"), lambda turn: turn.abort()])
def test_cut_answer(cut: Callable[[Turn], None]) -> None:
    """An answer that cannot be finished must not look finished."""

    def answer(turn: Turn, body: bytes) -> None:
        turn.start(200, [], 100)
        turn.write(b"abc")
        cut(turn)
        turn.write(b"never")
        turn.end()

    async def main() -> None:
        async with working(Answers(answer)) as worker, connected(await worker.listen()) as client:
            client.send(post())
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.answer()

    run(main)


def test_large_stream() -> None:
    def answer(turn: Turn, body: bytes) -> None:
        turn.start(200, [])
        turn.write(b"y" * 200_000)
        turn.end(b"z" * 200_000)

    async def main() -> None:
        async with working(Answers(answer)) as worker, connected(await worker.listen()) as client:
            client.send(post())
            assert (await client.answer()).body == b"y" * 200_000 + b"z" * 200_000

    run(main)


def test_http_1_0() -> None:
    async def main() -> None:
        service = Answers(stream)
        async with working(service) as worker:
            port = await worker.listen()
            async with connected(port) as client:
                client.send(b"POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}")
                head, _, body = (await client.rest()).partition(b"\r\n\r\n")
                assert body == b"data: 1\n\ndata: 2\n\n" and b"transfer-encoding" not in head
                assert b"connection: close" in head
            service.answer = lambda turn, body: turn.respond(200, [], b"ok")
            async with connected(port) as client:
                for _ in range(2):
                    client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
                    answer = await client.answer()
                    assert answer.headers[b"connection"] == b"keep-alive" and answer.body == b"ok"

    run(main)


def test_connection_close() -> None:
    async def main() -> None:
        async with working() as worker, connected(await worker.listen()) as client:
            client.send(post(b"a", more=b"connection: close\r\n") + post(b"b"))
            answer = await client.answer()
            assert answer.headers[b"connection"] == b"close" and await client.closed()

    run(main)


def test_upgrade_is_ignored() -> None:
    """Java's client asks every plain server for HTTP/2; the request is meant as it stands."""

    async def main() -> None:
        async with working() as worker, connected(await worker.listen()) as client:
            ask = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
            client.send(post(b"one", more=ask) + post(b"x" * 100_000, more=ask) + post(b"three"))
            assert [len((await client.answer()).body) for _ in range(3)] == [3, 100_000, 5]
            client.send((b"GET / HTTP/1.1\r\nhost: x\r\n" + ask + b"\r\n") * 200)
            assert {(await client.answer()).status for _ in range(200)} == {200}

    run(main)


def test_answer_header_injection() -> None:
    """A header value with a line end in it, from wherever, is left out."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [(b"a", b"1\r\nset-cookie: x"), (b"b", b"2")], b"ok"))
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post())
            answer = await client.answer()
            assert b"set-cookie" not in answer.headers and b"a" not in answer.headers and answer.headers[b"b"] == b"2"

    run(main)


def test_turn_after_end() -> None:
    """A flow that speaks too late says nothing, least of all into the next answer."""

    def answer(turn: Turn, body: bytes) -> None:
        turn.respond(200, [], b"ok")
        turn.respond(500, [], b"late")
        turn.start(500, [])
        turn.write(b"late")
        turn.end(b"late")
        turn.abort()
        turn.flush()
        assert turn.buffered == 0 and turn.peer == "" and not turn.keep_alive and not turn.secure

    async def main() -> None:
        async with working(Answers(answer)) as worker, connected(await worker.listen()) as client:
            client.send(post() + post())
            assert [(await client.answer()).body for _ in range(2)] == [b"ok", b"ok"]

    run(main)


def test_account_budget() -> None:
    """The body counts for the account the service names, and is given back when the request has ended."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker:
            account = Budget(150, worker.budget)

            def decide(turn: Turn) -> bool:
                turn.budget = account
                return False

            service.decide = decide
            port = await worker.listen()
            async with connected(port) as one, connected(port) as two:
                one.send(post(b"x" * 100))
                await until(lambda: service.bodies)
                assert account.used == worker.budget.used == 100
                two.send(post(b"x" * 100))
                assert (await two.answer()).status == 429
                service.turns[0].respond(200, [])
                assert (await one.answer()).status == 200 and account.used == worker.budget.used == 0

    run(main)


def test_worker_budget() -> None:
    async def main() -> None:
        service = Answers(lambda turn, body: turn.respond(200, [], b"%d" % len(body)))
        async with working(service, worker_bytes=100_000) as worker:
            port = await worker.listen()
            async with connected(port) as one, connected(port) as two:
                one.send(post(b"x" * 60_000)[:-1])
                await until(lambda: worker.budget.used)
                two.send(post(b"x" * 70_000))  # larger than the room: refused before its body is read
                assert (await two.answer()).status == 503
                assert service.flows[-1].failed is not None and service.flows[-1].failed[0] is Refusal.NO_CAPACITY
                one.send(b"x")
                assert (await one.answer()).body == b"60000"

    run(main)


def test_too_many_connections() -> None:
    async def main() -> None:
        async with working(connections=2) as worker:
            port = await worker.listen()
            async with connected(port) as one, connected(port) as two:
                one.send(post(b"1"))
                two.send(post(b"2"))
                assert [(await one.answer()).body, (await two.answer()).body] == [b"1", b"2"]
                async with connected(port) as three:
                    assert (await three.answer()).status == 503 and await three.closed()
                one.send(post(b"1"))
                assert (await one.answer()).body == b"1"

    run(main)


@pytest.mark.parametrize("stage", ["head", "body", "served", "streaming"])
def test_client_disconnects(stage: str) -> None:
    """At every stage the flow learns of it once, and nothing is left."""

    async def main() -> None:
        service = Answers(lambda turn, body: None)
        async with working(service) as worker:
            async with connected(await worker.listen()) as client:
                request = post(b"x" * 100)
                client.send({"head": request[:20], "body": request[:-50]}.get(stage, request))
                await until(lambda: worker.server.connections and (stage == "head" or service.turns))
                if stage in ("served", "streaming"):
                    await until(lambda: service.bodies)
                if stage == "streaming":
                    service.turns[0].start(200, [])
                    service.turns[0].write(b"data: 1\n\n")
            await until(lambda: not worker.server.connections)
            told = [flow.told for flow in service.flows]
            assert told == {"head": [], "body": [["gone"]]}.get(stage, [["body", "gone"]])
            for turn in service.turns:
                turn.write(b"nobody hears this")
                turn.end()

    run(main)


def test_faulty_flow_ends_connection() -> None:
    """A flow that raises costs its own connection, nobody else's."""

    def answer(turn: Turn, body: bytes) -> None:
        if body == b"bad":
            raise ValueError("planted")
        turn.respond(200, [], body)

    async def main() -> None:
        async with working(Answers(answer)) as worker:
            port = await worker.listen()
            async with connected(port) as one, connected(port) as two:
                one.send(post(b"bad"))
                assert await one.closed()
                two.send(post(b"good"))
                assert (await two.answer()).body == b"good"
            assert [str(error["exception"]) for error in worker.errors] == ["planted"]
            worker.errors.clear()

    run(main)


def test_drain() -> None:
    """Idle connections close, a running answer ends, new connections are not taken but stay in the socket's queue."""

    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []) or turn.write(b"one"))
        async with working(service) as worker:
            port = await worker.listen()
            async with connected(port) as idle, connected(port) as busy:
                busy.send(post())
                await until(lambda: service.bodies)
                draining = asyncio.ensure_future(worker.server.drain(5))
                assert await idle.closed()
                await asyncio.sleep(0.05)
                assert not draining.done()
                service.turns[0].end(b"two")
                assert (await busy.answer()).body == b"onetwo" and await busy.closed()
                await draining
                async with connected(port) as late:
                    late.send(post())
                    await asyncio.sleep(0.05)
                    assert len(service.turns) == 1

    run(main)


def test_drain_is_bounded() -> None:
    async def main() -> None:
        service = Answers(lambda turn, body: turn.start(200, []) or turn.write(b"one"))
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(post())
            await until(lambda: service.bodies)
            await worker.server.drain(0.1)
            assert service.flows[0].told == ["body", "gone"]

    run(main)


def test_several_sockets() -> None:
    async def main() -> None:
        async with working() as worker:
            ports = [await worker.listen(), await worker.listen()]
            for port in ports:
                async with connected(port) as client:
                    client.send(post(b"x"))
                    assert (await client.answer()).body == b"x"
        bind().close()

    run(main)


AGAIN = (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
         b"Content-Length: %d\r\nx-z: 1\r\n\r\n")  # fmt: skip


def test_repeated_heads() -> None:
    """A head that comes again means the same, whatever length it has now and however it comes."""

    async def main() -> None:
        service = Answers()
        async with working(service, body_bytes=300_000) as worker, connected(await worker.listen()) as client:
            sizes = [5, 5, 12, 5, 0, 100_000, 7, 123, 250_000, 1]
            for size in sizes:
                client.send(AGAIN % size + b"y" * size)
                assert (await client.answer()).body == b"y" * size
            client.send(b"".join(AGAIN % size + b"z" * size for size in sizes))
            assert [(await client.answer()).body for _ in sizes] == [b"z" * size for size in sizes]
            whole = AGAIN % 9 + b"in pieces"
            for at in range(1, len(whole), 7):
                client.send(whole[:at])
                await asyncio.sleep(0.002)
                client.send(whole[at:])
                assert (await client.answer()).body == b"in pieces"
            assert len(service.turns) == 2 * len(sizes) + len(range(1, len(whole), 7))
            for turn in service.turns:
                head = turn.head
                assert (head.method, head.get(b"x-z"), head.get(b"authorization")) == (b"POST", b"1", b"Bearer k")
                assert head.get(b"content-length") == dict(head.headers)[b"content-length"] == b"%d" % head.length
            client.send(AGAIN % 300_001)
            assert (await client.answer()).status == 413

    run(main)


def test_repeat_is_not_parsed() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            for size in (3, 4):
                client.send(AGAIN % size + b"y" * size)
                assert (await client.answer()).status == 200
                (connection,) = worker.server._clients
                connection.feed = None  # whoever parses now fails
            assert worker.errors == []

    run(main)


LENGTHS = [b"+3", b" 3", b"3 ", b"0x3", b"3,3", b"", b"999999999999", b"3\r\ncontent-length: 4"]


@pytest.mark.parametrize("digits", LENGTHS)
def test_repeat_with_other_length(digits: bytes) -> None:
    """Only digits may differ: anything else goes through the parser and gets what it says."""

    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(AGAIN % 3 + b"yyy")
            assert (await client.answer()).status == 200
            client.send((AGAIN % 3).replace(b": 3\r", b": " + digits + b"\r") + b"yyy")
            answer = await client.answer()
            assert answer.status == {b"3": 200, b"999999999999": 413}.get(digits.strip(), 400)

    run(main)


def test_repeat_inside_another_head() -> None:
    """Bytes that look like the known head are one only where a request begins."""

    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            client.send(AGAIN % 3 + b"yyy")
            assert (await client.answer()).status == 200
            client.send(AGAIN % 3 + b"yyyGET /other HTTP/1.1\r\nx-value: ")
            assert (await client.answer()).status == 200
            client.send(AGAIN % 3 + b"yyy")
            answer = await client.answer()
            assert answer.status == 200 and answer.headers[b"x-target"] == b"/other"
            assert service.turns[2].get(b"x-value") == b"POST /v1/chat/completions HTTP/1.1"
            client.send(AGAIN % 3 + b"yyy" + AGAIN % 9 + b"not" + AGAIN[:6])
            assert [(await client.answer()).body for _ in range(2)][1:] == [b"not" + AGAIN[:6]]

    run(main)
