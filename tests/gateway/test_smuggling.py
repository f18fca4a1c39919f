"""Requests that two servers could read differently are refused, and nothing behind them is served."""

from __future__ import annotations

import pytest
from tests.gateway.worker import Answers, connected, run, working

HOST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
CHUNKED = HOST + b"transfer-encoding: chunked\r\n\r\n"
SHAPES = {
    "both framings": HOST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both framings, other order": HOST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": HOST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "two equal lengths": HOST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    "list of lengths": HOST + b"content-length: 3, 3\r\n\r\nabc",
    "signed length": HOST + b"content-length: +3\r\n\r\nabc",
    "hexadecimal length": HOST + b"content-length: 0x3\r\n\r\nabc",
    "endless length": HOST + b"content-length: 99999999999999999999\r\n\r\n",
    "empty length": HOST + b"content-length:\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\naccept: a\r\n\r\n",
    "two keys": HOST + b"authorization: Bearer a\r\nAuthorization: Bearer b\r\ncontent-length: 0\r\n\r\n",
    "two x-api-keys": HOST + b"x-api-key: a\r\nX-Api-Key: b\r\ncontent-length: 0\r\n\r\n",
    "two types": HOST + b"content-type: a/b\r\ncontent-type: c/d\r\ncontent-length: 0\r\n\r\n",
    "other coding": HOST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": HOST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding twice": HOST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": HOST + b"content-length : 3\r\n\r\nabc",
    "folded header": HOST + b"x-a: 1\r\n folded\r\ncontent-length: 0\r\n\r\n",
    "folded by tab": HOST + b"x-a: 1\r\n\tfolded\r\ncontent-length: 0\r\n\r\n",
    "CR in value": HOST + b"x-a: 1\r2\r\ncontent-length: 0\r\n\r\n",
    "LF in value": HOST + b"x-a: 1\nx-b: 2\r\ncontent-length: 0\r\n\r\n",
    "NUL in value": HOST + b"x-a: 1\x002\r\ncontent-length: 0\r\n\r\n",
    "control in value": HOST + b"x-a: 1\x012\r\ncontent-length: 0\r\n\r\n",
    "NUL in name": HOST + b"x\x00a: 1\r\ncontent-length: 0\r\n\r\n",
    "empty name": HOST + b": 1\r\ncontent-length: 0\r\n\r\n",
    "bare line ends": b"POST / HTTP/1.1\nhost: x\ncontent-length: 0\n\n",
    "bare LF chunk": CHUNKED + b"3\nabc\n0\n\n",
    "space in chunk size": CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n",
    "sign in chunk size": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "endless chunk size": CHUNKED + b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": b"POST / HTTP/2.0\r\nhost: x\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nhost: x\r\n\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
    "unknown method": b"STEAL / HTTP/1.1\r\nhost: x\r\n\r\n",
    "tunnel": b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n",
    "chunked upgrade": HOST + b"connection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "TLS on a plain socket": bytes.fromhex("16030100a5010000a10303"),
    "noise": bytes(range(256)),
}
BEHIND = b"GET /stolen HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize("step", [1 << 20, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_refused(shape: str, step: int) -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            data = SHAPES[shape] + BEHIND
            for at in range(0, len(data), step):
                client.send(data[at : at + step])
            answer = await client.answer()
            assert answer.status == 400 and answer.headers[b"connection"] == b"close", answer.body
            assert b"error" in answer.body
            assert await client.closed()
            assert b"/stolen" not in [turn.head.target for turn in service.turns]
            assert all("body" not in flow.told for flow in service.flows)

    run(main)


def test_refused_in_order() -> None:
    """Good requests before a bad one are served first."""

    async def main() -> None:
        async with working() as worker, connected(await worker.listen()) as client:
            client.send(BEHIND + BEHIND + SHAPES["both framings"] + BEHIND)
            assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
            assert await client.closed()

    run(main)


def test_refused_by_family() -> None:
    async def main() -> None:
        async with working() as worker:
            port = await worker.listen()
            for target, word in ((b"/v1/messages", b'"type":"error"'), (b"/v1/chat/completions", b'"param"')):
                async with connected(port) as client:
                    client.send(b"POST %b HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n" % target)
                    assert word in (await client.answer()).body

    run(main)
