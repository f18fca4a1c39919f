"""Arbitrary bytes, splits and orders of events on both sides of a relay.

Nothing may raise out of a callback, no client may see a byte of another's answer, every request ends once, and when all
connections are gone every budget is back at zero. The payload of each client is made of a letter of its own, which
occurs nowhere else, so a crossed byte is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.relaying import Relays

from tokenworks.clock import FakeClock
from tokenworks.gateway import intake
from tokenworks.gateway.bounds import Bounds
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.client import ClientProtocol
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.server import Server
from tokenworks.gateway.upstream import UpstreamProtocol
from tokenworks.gateway.wheel import Wheel

LETTERS = b"QWZ"
BOUNDS = Bounds(body_bytes=3000, header_bytes=2000, target_bytes=200, discard_bytes=2000, header_count=20,
                pipeline_depth=2, client_buffer_bytes=1000)


class Wire:
    """A transport in memory, as uvloop's behaves: no write after it is closed, the loss told in a later turn."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.out = bytearray()
        self.lost = self.closing = self.reading_paused = self.blocked = self.eof = False
        protocol.connection_made(self)

    def write(self, data: bytes) -> None:
        assert not self.lost, "a write after connection_lost"
        assert not self.eof, "a write after write_eof"
        if not self.closing:
            self.out += data

    def writelines(self, buffers: Any) -> None:
        self.write(b"".join(buffers))

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.lose)

    abort = close

    def lose(self, error: Exception | None = None) -> None:
        if not self.lost:
            self.lost = self.closing = True
            self.protocol.connection_lost(error)

    def feed(self, data: bytes) -> bool:
        """As a read: False when it is not wanted now."""
        if self.lost or self.closing or self.eof_seen:
            return True
        if self.reading_paused:
            return False
        self.protocol.data_received(data)
        return True

    eof_seen = False

    def end(self) -> None:
        if not (self.lost or self.closing or self.reading_paused or self.eof_seen):
            self.eof_seen = True
            if not self.protocol.eof_received():
                self.close()

    def block(self) -> None:
        if not (self.lost or self.blocked):
            self.blocked = True
            self.protocol.pause_writing()

    def unblock(self) -> None:
        if self.blocked and not self.lost:
            self.blocked = False
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False

    def write_eof(self) -> None:
        self.eof = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 100_000 if self.blocked else 0

    def get_extra_info(self, name: str) -> None:
        return None

    def set_write_buffer_limits(self, high: int) -> None:
        pass


class World:
    """Clients, a worker, and upstream connections whose answers are scripted."""

    def __init__(self, answers: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self.wheel = Wheel(loop, 3600)
        self.budget = Budget(20_000)
        self.service = Relays()
        self.server = Server(self.service, self.budget, self.wheel, lambda: "req_0", FakeClock(), BOUNDS)
        self.pool = self.service.pool = Pool(self.wheel, BOUNDS)
        self.service.target = Target("http://127.0.0.1:1")
        self.pool._dialer = self  # type: ignore[assignment]
        self.answers = answers
        self.clients = [Wire(ClientProtocol(self.server)) for _ in LETTERS]
        self.pending: list[list[bytes]] = [[] for _ in LETTERS]
        self.upstreams: list[Wire] = []
        self.replies: dict[int, list[bytes]] = {}

    async def dial(self, target: Target) -> UpstreamProtocol:
        wire = Wire(UpstreamProtocol(self.pool, target))
        self.upstreams.append(wire)
        return wire.protocol

    async def settle(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)

    def send(self, client: int, count: int) -> None:
        """The next pieces of a client's bytes, as far as the worker reads them now."""
        pieces = self.pending[client]
        while count and pieces and self.clients[client].feed(pieces[0]):
            pieces.pop(0)
            count -= 1

    def reply(self, number: int, cut: int) -> None:
        """The next upstream with a request answers, whole but in pieces; a late piece would be nobody's to tell apart.

        The answer carries the payload letters that the request carried, and no others.
        """
        waiting = [wire for wire in self.upstreams if wire.out and not wire.closing]
        if not waiting:
            return
        wire = waiting[number % len(waiting)]
        body = bytes(byte for byte in wire.out if byte in LETTERS)
        wire.out.clear()
        if self.answers:
            template = self.answers.pop(0)
            data = template.replace(b"@LEN", b"%d" % len(body)).replace(b"@HEX", b"%x" % len(body))
            data = data.replace(b"@BODY", body)
            for at in range(0, len(data), cut):
                for _ in range(3):
                    if wire.feed(data[at : at + cut]):
                        break
                    self.clients_unblock()
        else:
            wire.end()

    def clients_unblock(self) -> None:
        for client in self.clients:
            client.unblock()

    def wait(self, ticks: int) -> None:
        """Everybody is swept after so long."""
        self.wheel.tick += ticks
        for part in self.wheel._parts:
            for item in tuple(part):
                item.sweep(self.wheel.tick)

    async def finish(self) -> None:
        self.clients_unblock()
        await self.settle()
        for wire in [*self.clients, *self.upstreams]:
            wire.lose()
        await self.settle()
        for wire in self.upstreams:
            wire.lose()
        await self.settle()
        self.wheel.stop()

    def check(self) -> None:
        for number, client in enumerate(self.clients):
            others = set(LETTERS) - {LETTERS[number]}
            assert others.isdisjoint(client.out), f"client {number} saw another's bytes: {bytes(client.out)!r}"
        assert self.budget.used == 0
        assert self.server.connections == 0 and self.pool.connections == 0
        assert [flow.ends for flow in self.service.flows] == [1] * len(self.service.flows)


def requests(letter: bytes) -> list[bytes]:
    body = letter * 20
    return [
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n" + body,
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n14\r\n" + body + b"\r\n0\r\nt: 1\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n" + body[:2],
        b"POST /v1/x HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n" + body[:2],
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 1\r\n\r\n" + letter,
        b"GET /v1/x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"HEAD /v1/x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n" + body,
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 20\r\n\r\n" + body,
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 2500\r\n\r\n" + letter * 2500,
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 3500\r\n\r\n" + letter * 3500,
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n" + body[:4],
    ]


ANSWERS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: @LEN\r\n\r\n@BODY",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n@HEX\r\n@BODY\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n@HEX\r\n@BODY\r\n1\r\n.\r\n0\r\nt: 1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: @LEN\r\n\r\n@BODY",
    b"HTTP/1.1 200 OK\r\n\r\n@BODY",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 500 x\r\nconnection: close\r\ncontent-length: @LEN\r\n\r\n@BODY",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: @LEN\r\n\r\n@BODY",
    b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.@BODY",
    # Behind the answer stands another one, or the beginning of one that the next answer would complete.
    b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n.HTTP/1.1 200 OK\r\ncontent-length: @LEN\r\n\r\n@BODY",
    b"HTTP/1.1 200 OK\r\ncontent-length: @LEN\r\n\r\n@BODYHTTP/1.1 200 OK\r\nx-stray: @BODY",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nx-stray: @BODY",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-kept: @BODY\r\n\r\n0\r\nx-trailer: @BODY\r\n\r\n",
    b"HTTP/1.1 101 x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n@BODY",
    b"",
]
NOISE = [b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b";", b"0", b"1", b"f", b"x", b"\xff", b"HTTP/1.1", b"-", b",",
         b"content-length: 1\r\n", b"transfer-encoding: chunked\r\n", b"\r\n\r\n"]
PLACES = st.integers(0, 120)
KINDS = st.sampled_from(["insert", "drop", "swap", "cut", "twice"])
SOME = st.lists(st.tuples(KINDS, PLACES, st.sampled_from(NOISE)), max_size=2)
MUTATIONS = st.one_of(st.just([]), st.just([]), SOME)  # most are good, or little would ever be served


def mutate(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, at, noise in changes:
        at = min(at, len(data))
        if kind == "insert":
            data = data[:at] + noise + data[at:]
        elif kind == "drop":
            data = data[:at] + data[at + 1 :]
        elif kind == "swap":
            data = data[:at] + noise + data[at + len(noise) :]
        elif kind == "cut":
            data = data[:at]
        else:
            data = data[:at] * 2 + data[at:]
    return data


def split(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


SIZES = st.lists(st.sampled_from([9999, 1, 2, 3, 7, 30, 100, 700]), min_size=1, max_size=4)
STREAM = st.tuples(st.lists(st.tuples(st.integers(0, len(requests(b"Q")) - 1), MUTATIONS), max_size=5), SIZES)
SEND = st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from([1, 3, 20, 500]))
REPLY = st.tuples(st.just("reply"), st.integers(0, 3), st.sampled_from([1, 5, 40, 9999]))
EVENT = st.one_of(
    SEND,
    SEND,
    SEND,
    REPLY,
    REPLY,
    st.tuples(st.sampled_from(["end", "block", "unblock"]), st.integers(0, 2), st.just(0)),
    st.tuples(st.sampled_from(["gone", "lost", "closed"]), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 1, 100_000, 100_000_000])),
)


async def play(streams: list[Any], answers: list[bytes], events: list[tuple[str, int, int]]) -> None:
    world = World(answers)
    for number, (parts, sizes) in enumerate(streams):
        kinds = requests(LETTERS[number : number + 1])
        world.pending[number] = split(b"".join(mutate(kinds[kind], changes) for kind, changes in parts), sizes)
    acts: dict[str, Callable[[int, int], Any]] = {
        "send": world.send,
        "reply": world.reply,
        "gone": lambda who, _: world.clients[who].lose(),
        "end": lambda who, _: world.clients[who].end(),
        "block": lambda who, _: world.clients[who].block(),
        "unblock": lambda who, _: world.clients[who].unblock(),
        "lost": lambda who, _: world.upstreams[who].lose(OSError("reset")) if who < len(world.upstreams) else None,
        "closed": lambda who, _: world.upstreams[who].end() if who < len(world.upstreams) else None,
        "wait": lambda _, ticks: world.wait(ticks),
    }
    intake._RAW_BYTES_MIN, raw_bytes_min = 10, intake._RAW_BYTES_MIN  # so that small bodies go past the parser too
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    for kind, who, amount in events:
        acts[kind](who, amount)
        await world.settle()
    for number in range(len(world.clients)):
        for _ in range(50):
            if not world.pending[number]:
                break
            world.send(number, 500)
            await world.settle()
            world.reply(0, 9999)
    await world.finish()
    intake._RAW_BYTES_MIN = raw_bytes_min
    assert errors == [], errors
    world.check()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(STREAM, min_size=3, max_size=3),
    st.lists(st.tuples(st.sampled_from(ANSWERS), MUTATIONS).map(lambda pair: mutate(*pair)), max_size=12),
    st.lists(EVENT, max_size=50),
)
def test_relay_survives(streams: list[Any], answers: list[bytes], events: list[tuple[str, int, int]]) -> None:
    asyncio.run(play(streams, answers, events))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), SIZES)
def test_noise_from_client(data: bytes, sizes: list[int]) -> None:
    async def main() -> None:
        world = World([])
        for piece in split(data, sizes):
            world.clients[0].feed(piece)
        await world.settle()
        await world.finish()
        world.check()

    asyncio.run(main())
