"""Answers of upstreams: every framing, every way of failing, pauses, and what a pooled connection may carry over."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest
from tests.gateway.worker import Heard, Script, Worker, read_request, run, serving, until, working

from tokenworks.gateway.call import Failure, Fault
from tokenworks.gateway.pool import Target

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"


async def ask(worker: Worker, target: Target, head: bytes = HEAD, body: bytes = b"{}") -> Heard:
    heard = Heard()
    heard.call = worker.pool.call(target, head, [body] if body else [], heard)
    await until(lambda: heard.over)
    return heard


def says(*parts: bytes | float, close: bool = True) -> Script:
    """Reads a request, then sends the parts; a number is a pause in seconds."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for part in parts:
                if isinstance(part, bytes):
                    writer.write(part)
                else:
                    await asyncio.sleep(part)
            await writer.drain()
            if close:
                return

    return script


async def hear(*parts: bytes | float, **bounds: float) -> Heard:
    async with working(**bounds) as worker, serving(says(*parts)) as upstream:
        return await ask(worker, upstream.target())


OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
ANSWERS = {
    "length": OK + b"content-length: 6\r\n\r\nabcdef",
    "chunked": OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=1\r\ndef\r\n0\r\n\r\n",
    "trailers": OK + b"transfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\nx-time: 1\r\nx-more: 2\r\n\r\n",
    "until close": OK + b"\r\nabcdef",
    "until close in 1.0": b"HTTP/1.0 200 OK\r\n\r\nabcdef",
    "interim before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK
    + b"content-length: 6\r\n\r\nabcdef",
    "identity": OK + b"content-encoding: identity\r\ncontent-length: 6\r\n\r\nabcdef",
}  # fmt: skip


@pytest.mark.parametrize("step", [1 << 20, 1])
@pytest.mark.parametrize("shape", ANSWERS)
def test_whole_answer(shape: str, step: int) -> None:
    async def main() -> None:
        data = ANSWERS[shape]
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        parts = [part for piece in pieces for part in (piece, 0.0)] if step == 1 else pieces
        heard = await hear(*parts)
        assert heard.failure is None and heard.body == b"abcdef" and heard.ended
        assert heard.call.status == 200 and heard.call.get(b"link") is None
        assert heard.call.get(b"x-time") is None

    run(main)


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_statuses(status: int) -> None:
    async def main() -> None:
        answer = b"HTTP/1.1 %d x\r\n%b\r\n" % (status, b"content-length: 9\r\n" if status == 304 else b"")
        async with working() as worker, serving(says(answer, close=False)) as upstream:
            target = upstream.target()
            for _ in range(2):
                heard = await ask(worker, target)
                assert heard.ended and heard.body == b"" and heard.call.status == status
            assert upstream.connections == 1

    run(main)


def test_answer_to_head() -> None:
    async def main() -> None:
        answer = OK + b"content-length: 100\r\n\r\n"
        async with working() as worker, serving(says(answer, 0.5)) as upstream:
            heard = await ask(worker, upstream.target(), b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", b"")
            assert heard.ended and heard.body == b"" and heard.call.get(b"content-length") == b"100"

    run(main)


def test_one_call_per_read() -> None:
    """Many chunks in one read are one call, and a read that completes only the head is one too."""

    async def main() -> None:
        chunks = b"".join(b"3\r\n%03d\r\n" % n for n in range(200))
        heard = await hear(OK + b"transfer-encoding: chunked\r\n\r\n", 0.05, chunks, 0.05, b"0\r\n", 0.05, b"\r\n")
        assert heard.reads == [(b"", False), (b"".join(b"%03d" % n for n in range(200)), False), (b"", True)]

    run(main)


def failed(fault: Fault, got_bytes: bool) -> tuple[Fault, bool, bool]:
    return fault, True, got_bytes


def outcome(failure: Failure | None) -> tuple[Fault, bool, bool] | None:
    return (failure.fault, failure.sent, failure.got_bytes) if failure else None


CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
FAILURES = {
    "nothing": ([], failed(Fault.RESET, False)),
    "part of a head": ([b"HTTP/1.1 200 OK\r\nconte"], failed(Fault.EARLY_END, True)),
    "headers only": ([CHUNKED], failed(Fault.EARLY_END, True)),
    "part of a length": ([OK + b"content-length: 9\r\n\r\nabc"], failed(Fault.EARLY_END, True)),
    "no last chunk": ([CHUNKED + b"3\r\nabc\r\n"], failed(Fault.EARLY_END, True)),
    "part of a chunk": ([CHUNKED + b"9\r\nabc"], failed(Fault.EARLY_END, True)),
    "not HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n"], failed(Fault.GARBAGE, True)),
    "bad chunk": ([CHUNKED + b"xyz\r\nabc\r\n"], failed(Fault.GARBAGE, True)),
    "bad chunk later": ([CHUNKED + b"3\r\nabc\r\n", 0.05, b"oops\r\n"], failed(Fault.GARBAGE, True)),
    "both framings": ([OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
                      failed(Fault.GARBAGE, True)),
    "two lengths": ([OK + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd"], failed(Fault.GARBAGE, True)),
    "NUL in value": ([b"HTTP/1.1 200 OK\r\nx: a\x00b\r\n\r\n"], failed(Fault.GARBAGE, True)),
    "folded header": ([b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n"], failed(Fault.GARBAGE, True)),
    "compressed": ([OK + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"], failed(Fault.GARBAGE, True)),
    "switching": ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", 0.3],
                  failed(Fault.GARBAGE, True)),
    "too many headers": ([OK + b"x: 1\r\n" * 101 + b"content-length: 0\r\n\r\n"], failed(Fault.GARBAGE, True)),
    "endless head": ([OK, *[b"x: " + b"y" * 1000 + b"\r\n", 0.0] * 99, 0.5], failed(Fault.GARBAGE, True)),
    "endless interim": ([b"HTTP/1.1 100 Continue\r\nx: " + b"y" * 1000 + b"\r\n\r\n", 0.002] * 99,
                        failed(Fault.GARBAGE, True)),
    "endless trailers": ([CHUNKED + b"1\r\na\r\n0\r\n", *[b"x: " + b"y" * 1000 + b"\r\n", 0.002] * 99],
                         failed(Fault.GARBAGE, True)),
    "silence": ([2.0], failed(Fault.TIMEOUT, False)),
    "silence in head": ([OK, 2.0], failed(Fault.TIMEOUT, True)),
    "interim for ever": ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.1] * 20, failed(Fault.TIMEOUT, True)),
    "silence in stream": ([CHUNKED + b"3\r\nabc\r\n", 2.0], failed(Fault.STALL, True)),
}  # fmt: skip


@pytest.mark.parametrize("shape", FAILURES)
def test_failing_answer(shape: str) -> None:
    parts, expected = FAILURES[shape]

    async def main() -> None:
        heard = await hear(*parts, upstream_head_s=0.5, upstream_stall_s=0.5)
        assert outcome(heard.failure) == expected, heard.failure

    run(main)


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_reset_in_stream() -> None:
    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"3\r\nabc\r\n")
            await asyncio.sleep(0.1)
            reset(writer)

        async with working() as worker, serving(script) as upstream:
            heard = await ask(worker, upstream.target())
            assert outcome(heard.failure) == failed(Fault.EARLY_END, True) and heard.body == b"abc"

    run(main)


@pytest.mark.parametrize("tail", [b"", b"H", b"HTTP/1.1 200 OK\r\nx-stray: 1\r\n", ANSWERS["length"], b"garbage"])
def test_bytes_behind_answer(tail: bytes) -> None:
    """What stands behind an answer, at once or later, is nobody's: the connection is not used again."""

    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"] + tail, close=False)) as upstream:
            target = upstream.target()
            for _ in range(3):
                heard = await ask(worker, target)
                assert heard.body == b"abcdef" and heard.call.get(b"x-stray") is None
            assert upstream.connections == (3 if tail else 1)

    run(main)


def test_bytes_while_idle() -> None:
    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"], 0.05, ANSWERS["chunked"], close=False)) as up:
            target = up.target()
            for _ in range(3):
                assert (await ask(worker, target)).body == b"abcdef"
                await asyncio.sleep(0.1)
            assert up.connections == 3

    run(main)


def test_many_calls_share_connections() -> None:
    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["chunked"], close=False)) as upstream:
            target = upstream.target()
            for _ in range(50):
                assert (await ask(worker, target)).body == b"abcdef"
            assert upstream.connections == 1
            await asyncio.gather(*[ask(worker, target) for _ in range(5)])
            assert upstream.connections == 5 and len(target.idle) == 5

    run(main)


def test_connection_close_is_not_pooled() -> None:
    async def main() -> None:
        answer = OK + b"connection: close\r\ncontent-length: 2\r\n\r\nok"
        async with working() as worker, serving(says(answer, 0.2, close=False)) as upstream:
            target = upstream.target()
            assert (await ask(worker, target)).body == b"ok" and target.idle == []

    run(main)


def test_died_while_idle() -> None:
    """A pooled connection that is dead gets its request repeated on a new one; the caller learns nothing of it."""

    async def main() -> None:
        heads: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(1 if upstream.connections == 1 else 9):
                heads.append(b"".join(await read_request(reader)))
                writer.write(ANSWERS["length"])
            await reader.read(1)  # the second request arrives, and the connection ends under it
            reset(writer)

        async with working() as worker, serving(script) as upstream:
            target = upstream.target()
            assert (await ask(worker, target)).body == b"abcdef"
            heard = await ask(worker, target)
            assert heard.failure is None and heard.body == b"abcdef"
            assert upstream.connections == 2 and heads == [HEAD + b"{}"] * 2

    run(main)


def test_repeated_only_once() -> None:
    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if upstream.connections == 1:
                await read_request(reader)
                writer.write(ANSWERS["length"])
            await reader.read(1)
            reset(writer)

        async with working() as worker, serving(script) as upstream:
            target = upstream.target()
            await ask(worker, target)
            heard = await ask(worker, target)
            assert outcome(heard.failure) == failed(Fault.RESET, False) and upstream.connections == 2

    run(main)


def test_not_repeated_after_a_byte() -> None:
    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(ANSWERS["length"])
            await read_request(reader)
            writer.write(b"H")
            await asyncio.sleep(0.05)
            reset(writer)

        async with working() as worker, serving(script) as upstream:
            target = upstream.target()
            await ask(worker, target)
            heard = await ask(worker, target)
            assert outcome(heard.failure) == failed(Fault.EARLY_END, True) and upstream.connections == 1

    run(main)


def test_fresh_connection_is_not_repeated() -> None:
    """A new connection that ends without an answer may have had its request served."""

    async def main() -> None:
        async with working() as worker, serving(says()) as upstream:
            heard = await ask(worker, upstream.target())
            assert outcome(heard.failure) == failed(Fault.RESET, False) and upstream.connections == 1

    run(main)


def test_upstream_restart() -> None:
    """All idle connections die at once; every call goes through on new ones."""

    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            target = upstream.target()
            await asyncio.gather(*[ask(worker, target) for _ in range(8)])
            for connection in list(target.idle):
                connection.transport.abort()
            heards = await asyncio.gather(*[ask(worker, target) for _ in range(8)])
            assert [heard.body for heard in heards] == [b"abcdef"] * 8

    run(main)


def test_idle_connections_end() -> None:
    async def main() -> None:
        async with working(upstream_idle_s=0.2) as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            await ask(worker, upstream.target())
            assert worker.pool.connections == 1
            await until(lambda: worker.pool.connections == 0)

    run(main)


def test_pool_is_bounded() -> None:
    async def main() -> None:
        async with working(upstream_pool=2) as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            target = upstream.target()
            await asyncio.gather(*[ask(worker, target) for _ in range(6)])
            assert len(target.idle) == 2
            await until(lambda: worker.pool.connections == 2)

    run(main)


def test_early_answer() -> None:
    """An upstream that answers before it has read the request: the answer counts, the connection is not used again."""

    async def main() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
            await asyncio.sleep(0.3)

        async with working() as worker, serving(script) as upstream:
            target, body = upstream.target(), b"x" * 30_000_000
            head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
            heard = await ask(worker, target, head, body)
            assert heard.call.status == 413 and heard.body == b"no" and target.idle == []

    run(main)


def test_large_request_in_pieces() -> None:
    async def main() -> None:
        got: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append((await read_request(reader))[1])
            writer.write(ANSWERS["length"])

        async with working() as worker, serving(script) as upstream:
            body = os.urandom(5_000_000)
            heard = Heard()
            pieces = [memoryview(body)[:1000], b"injected", memoryview(body)[1000:]]
            head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (len(body) + 8)
            worker.pool.call(upstream.target(), head, pieces, heard)
            await until(lambda: heard.over)
            assert got == [body[:1000] + b"injected" + body[1000:]]

    run(main)


def test_pause_and_resume() -> None:
    """A paused call reads nothing more, is not taken for stalled, and goes on where it was."""

    async def main() -> None:
        size = 50_000_000
        async with (
            working(upstream_stall_s=0.2) as worker,
            serving(says(OK + b"content-length: %d\r\n\r\n" % size + b"z" * size, close=False)) as upstream,
        ):
            heard = Heard()
            heard.on_read = lambda call, data, ended: call.pause()
            target = upstream.target()
            call = worker.pool.call(target, HEAD, [b"{}"], heard)
            await until(lambda: heard.reads)
            seen = len(heard.reads)
            await asyncio.sleep(0.6)
            assert len(heard.reads) <= seen + 1 and not heard.over
            heard.on_read = lambda call, data, ended: None
            call.resume()
            await until(lambda: heard.over)
            assert len(heard.body) == size and heard.ended
            assert (await ask(worker, target)).ended and upstream.connections == 1

    run(main)


def test_pause_at_the_end() -> None:
    """A caller that pauses in its last read, or never resumes, does not spoil the connection for the next."""

    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            target = upstream.target()
            for _ in range(3):
                heard = Heard()
                heard.on_read = lambda call, data, ended: call.pause()
                worker.pool.call(target, HEAD, [b"{}"], heard).pause()
                await asyncio.sleep(0.05)
                heard.on_read = lambda call, data, ended: None
                assert (await ask(worker, target)).body == b"abcdef"

    run(main)


def test_cancel() -> None:
    """The upstream sees the connection go, and the caller hears nothing more."""

    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"3\r\nabc\r\n")
            while await reader.read(100):
                pass
            gone.set()

        async with working() as worker, serving(script) as upstream:
            heard, target = Heard(), upstream.target()
            call = worker.pool.call(target, HEAD, [b"{}"], heard)
            await until(lambda: heard.reads)
            call.cancel()
            call.cancel()
            call.pause()
            call.resume()
            async with asyncio.timeout(2):
                await gone.wait()
            await asyncio.sleep(0.05)
            assert heard.body == b"abc" and not heard.over and target.idle == []

    run(main)


def test_cancel_while_dialling() -> None:
    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            heard, target = Heard(), upstream.target()
            worker.pool.call(target, HEAD, [b"{}"], heard).cancel()
            await until(lambda: target.idle)
            assert heard.reads == [] and heard.failure is None
            assert (await ask(worker, target)).body == b"abcdef" and upstream.connections == 1

    run(main)


def test_cancel_from_callback() -> None:
    async def main() -> None:
        async with working() as worker, serving(says(CHUNKED + b"3\r\nabc\r\n", 0.05, b"3\r\ndef\r\n")) as upstream:
            heard = Heard()
            heard.on_read = lambda call, data, ended: call.cancel()
            worker.pool.call(upstream.target(), HEAD, [b"{}"], heard)
            await asyncio.sleep(0.2)
            assert heard.body == b"abc" and not heard.over

    run(main)


def test_call_from_callback() -> None:
    """A caller may start its next call in the last read of the one before; it gets the same connection."""

    async def main() -> None:
        async with working() as worker, serving(says(ANSWERS["length"], close=False)) as upstream:
            target, second = upstream.target(), Heard()
            first = Heard()
            first.on_read = lambda call, data, ended: ended and worker.pool.call(target, HEAD, [b"{}"], second)
            worker.pool.call(target, HEAD, [b"{}"], first)
            await until(lambda: second.over)
            assert second.body == b"abcdef" and upstream.connections == 1

    run(main)


def test_faulty_caller() -> None:
    """A caller that raises loses its connection; the call is failed, and the pool goes on."""

    async def main() -> None:
        async with working() as worker, serving(says(CHUNKED + b"3\r\nabc\r\n", 0.2, close=False)) as upstream:
            heard = Heard()
            heard.on_read = lambda call, data, ended: [][1]
            worker.pool.call(upstream.target(), HEAD, [b"{}"], heard)
            await until(lambda: heard.over)
            assert heard.failure is not None and heard.failure.fault is Fault.EARLY_END
            assert len(worker.errors) == 1
            worker.errors.clear()

    run(main)


def test_close_fails_calls() -> None:
    async def main() -> None:
        async with working() as worker, serving(says(2.0)) as upstream:
            heard = Heard()
            worker.pool.call(upstream.target(), HEAD, [b"{}"], heard)
            await until(lambda: worker.pool.connections)
            await worker.pool.close()
            assert outcome(heard.failure) == failed(Fault.RESET, False)

    run(main)


def test_unix_socket(tmp_path: Path) -> None:
    async def main() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            script = says(ANSWERS["length"], close=False)
            with pytest.raises(asyncio.IncompleteReadError):
                await script(reader, writer)
            writer.close()

        server = await asyncio.start_unix_server(handle, str(tmp_path / "public.sock"))
        async with working() as worker:
            target = Target(unix=str(tmp_path / "public.sock"))
            for _ in range(2):
                assert (await ask(worker, target)).body == b"abcdef"
            assert len(target.idle) == 1
            nobody = await ask(worker, Target(unix=str(tmp_path / "absent.sock")))
            assert nobody.failure is not None and nobody.failure.fault is Fault.CONNECT and not nobody.failure.sent
        server.close()

    run(main)


@pytest.mark.parametrize(("said", "connections"), [
    (b"", 1), (b"timeout=60, max=1000", 1), (b"timeout=0", 3), (b"Timeout = 1", 3), (b"max=2", 2), (b"max=1", 3),
    (b"max=0", 3), (b"timeout=99999999999999999999, max=junk", 1)])  # fmt: skip
def test_keep_alive_heeded(said: bytes, connections: int) -> None:
    """How long and for how many requests the upstream keeps a connection is known beforehand: nothing has to be sent
    twice. (A pause between the calls is longer than one tick, which is the least that is waited.)"""

    async def main() -> None:
        answer = OK + b"content-length: 2\r\n" + (b"keep-alive: %b\r\n" % said if said else b"") + b"\r\nok"
        async with working() as worker, serving(says(answer, close=False)) as upstream:
            target = upstream.target()
            for _ in range(3):
                heard = await ask(worker, target)
                assert heard.body == b"ok" and not heard.call.repeated
                tick = worker.wheel.tick
                await until(lambda tick=tick: worker.wheel.tick > tick + 2)
            assert upstream.connections == connections
            await until(lambda: worker.pool.connections == (connections == 1) or connections == 2)

    run(main)
