"""What is read past the parser is what the parser would have read."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.test_fuzz import BOUNDS, KINDS, NOISE, SIZES, Wire, mutate, split

from tokenworks.clock import FakeClock
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.call import Call, Failure
from tokenworks.gateway.client import ClientProtocol
from tokenworks.gateway.pool import Pool, Target
from tokenworks.gateway.repeat import KnownAnswer
from tokenworks.gateway.server import Server
from tokenworks.gateway.turn import Turn
from tokenworks.gateway.upstream import UpstreamProtocol
from tokenworks.gateway.wheel import Wheel
from tokenworks.wire.refusals import Refusal

HEAD = b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-More: %b\r\n\r\n"
REQUEST = st.tuples(st.sampled_from([0, 1, 3, 12, 2999, 3001]), st.sampled_from([b"1", b"1", b"1", b"2"]))
CHANGES = st.lists(st.tuples(KINDS, st.integers(0, 90), st.sampled_from(NOISE)), max_size=1)


class Notes:
    """A service and the flow of all its requests; it writes down what it is given."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def open(self, turn: Turn) -> Notes:
        head = turn.head
        self.turn = turn
        self.lines.append((head.method, head.target, head.headers, head.fields, head.length, head.version))
        return self

    def body_done(self, body: bytes) -> None:
        self.lines.append(body)
        self.turn.respond(200, [])

    def body_failed(self, refusal: Refusal, message: str) -> None:
        self.lines.append(message)

    def client_gone(self) -> None:
        self.lines.append("gone")

    client_blocked = client_ready = stalled = client_gone


async def read(pieces: list[bytes], repeats: bool) -> tuple[list[Any], bytes]:
    """What the service was given, and what the client was answered."""
    wheel = Wheel(asyncio.get_running_loop(), 3600)
    notes = Notes()
    client = ClientProtocol(Server(notes, Budget(1 << 20), wheel, lambda: "req_0", FakeClock(), BOUNDS))
    client.repeat.misses = 0 if repeats else 1000
    wire = Wire(client)
    for piece in pieces:
        wire.feed(piece)
    wire.lose()
    wheel.stop()
    return notes.lines, bytes(wire.out)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(REQUEST, CHANGES), max_size=6), SIZES)
def test_same_as_parsed(requests: list[Any], sizes: list[int]) -> None:
    data = b"".join(mutate(HEAD % (size, more) + b"b" * size, changes) for (size, more), changes in requests)
    pieces = split(data, sizes)
    assert asyncio.run(read(pieces, True)) == asyncio.run(read(pieces, False))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=8))
def test_parser_rests(sizes: list[int]) -> None:
    """The comparison is of two ways: from the second request on the parser of one is not asked."""
    fed: list[bytes] = []

    async def main() -> None:
        wheel = Wheel(asyncio.get_running_loop(), 3600)
        client = ClientProtocol(Server(Notes(), Budget(1 << 20), wheel, lambda: "req_0", FakeClock(), BOUNDS))
        wire = Wire(client)
        parse = client.feed
        client.feed = lambda data: (fed.append(data), parse(data))
        for size in sizes:
            wire.feed(HEAD % (size, b"1") + b"b" * size)
        wire.lose()
        wheel.stop()

    asyncio.run(main())
    assert len(fed) == 1


ANSWER = b"HTTP/1.1 %b OK\r\nDate: %b\r\n%bContent-Type: application/json\r\n\r\n%b"
ANSWERS = st.tuples(st.sampled_from([b"200", b"200", b"200", b"404"]), st.sampled_from([b"mon", b"mon", b"tue"]),
                    st.integers(0, 30), st.integers(-1, 1), CHANGES, st.booleans())


class Heard:
    """A caller."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def upstream_read(self, call: Call, data: bytes, ended: bool) -> None:
        kinds = [pair for pair in call.headers if pair[0] != b"content-length"]
        self.lines.append((call.status, kinds, data, ended))

    def upstream_failed(self, call: Call, failure: Failure) -> None:
        self.lines.append((failure.fault, failure.got_bytes))


def hear(answers: list[tuple[bytes, bool]], known: bool) -> list[Any]:
    """What a caller is told by connections to one upstream, whose answers come whole or in two reads."""

    async def main() -> list[Any]:
        wheel = Wheel(asyncio.get_running_loop(), 3600)
        pool, target, heard = Pool(wheel, BOUNDS), Target("http://127.0.0.1:1"), Heard()
        for data, cut in answers:
            wheel.tick += 1  # at each an answer may be learned
            if not known:
                target.known = KnownAnswer()
            if not target.idle:
                connection = UpstreamProtocol(pool, target)
                Wire(connection)
                target.idle.append(connection)
            connection = target.idle.pop()
            call = Call(target, b"POST / HTTP/1.1\r\n\r\n", (), heard)
            connection.begin(call)
            for piece in (data[:40], data[40:]) if cut else (data,):
                if connection.call is call and not connection.transport.is_closing():
                    connection.data_received(piece)
            if connection.call is call:
                connection.drop()
            heard.lines.append((len(target.idle), connection.transport.is_closing()))
        wheel.stop()
        return heard.lines

    return asyncio.run(main())


@settings(max_examples=300, deadline=None)
@given(st.lists(ANSWERS, max_size=8))
def test_answers_same_as_parsed(answers: list[Any]) -> None:
    """A head known, almost known, with a length that fits or does not, whole or in two reads."""
    sent = []
    for status, date, size, wrong, changes, cut in answers:
        length = b"Content-Length: %d\r\n" % max(0, size + (wrong if size > 20 else 0))
        sent.append((mutate(ANSWER % (status, date, length, b"b" * size), changes), cut))
    assert hear(sent, True) == hear(sent, False)


def test_answers_past_the_parser() -> None:
    """The comparison is of two ways: the head of the first answer is known when the second comes."""
    known = KnownAnswer()
    first, second = (ANSWER % (b"200", b"mon", b"Content-Length: %d\r\n" % size, b"b" * size) for size in (3, 12))
    assert known.match(first) == 0
    known.learn(first, [], {}, 1)
    assert second[known.match(second):] == 12 * b"b" and known.match(second[:-1]) == known.match(second + b"b") == 0
