"""The straight lines of the usual request do what the long way does: the same bytes, records, credit and counters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.books import KEY, Books
from tests.gateway.shop import deployment, run, shop
from tests.gateway.upstream import Exchange, answer_whole, chat_whole

from tokenworks.clock import FakeClock, FakeDice
from tokenworks.credit.brief import Brief, expand
from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.records import Closed, Opened, Record, Served
from tokenworks.gateway import serve
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.ids import IdMint
from tokenworks.gateway.pool import Target
from tokenworks.gateway.service import Gateway
from tokenworks.gateway.shared import Shared
from tokenworks.gateway.turn import Head, Turn
from tokenworks.tariff.card import Price, RateCard

HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


class Journal:
    """Keeps what is written."""

    accepting, synced, position = True, 1 << 60, 1

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record | Brief) -> int:
        read: Record | Brief = msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record | Brief)
        self.records.append(expand(read) if isinstance(read, Brief) else read)
        return len(self.records)


class Wire:
    """Hub, link and transport of one request."""

    draining, date_line, deaf, closing, secure, peer = False, b"date: now\r\n", False, False, False, "peer"

    def __init__(self) -> None:
        self.written = b""
        self.hub = self.transport = self

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.written += b"<aborted>"

    def get_write_buffer_size(self) -> int:
        return 0

    def turn_ended(self, keep: bool) -> None:
        self.written += b"<ended>" if keep else b"<closed>"


class Sent:
    """Pool and call: remembers what was sent."""

    headers, connection, lane = [(b"server", b"x"), (b"content-type", b"application/json; charset=utf-8")], None, None

    def __init__(self, status: int) -> None:
        self.status, self.sent, self.cancelled = status, [b""][:0], False

    def call(self, target: Target, head: bytes, pieces: Sequence[Any], caller: object) -> Sent:
        self.sent.append(b"".join((head, *pieces)))
        return self

    def cancel(self) -> None:
        self.cancelled = True

    def get(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


def go_through(tmp_path: Path, requests: list[tuple[bytes, int, bytes]], minor: int, **extra: Any) -> list[Any]:
    """All that can be seen of these requests at a gateway with so much credit."""

    async def main() -> list[Any]:
        clock, journal = FakeClock(), Journal()
        shared = Shared(clock, asyncio.get_running_loop(), cast(Any, journal), Budget(1 << 30), "h/0/1",
                        IdMint("req", clock, FakeDice(7)))
        books = Books(tmp_path)
        books.open_account()
        books.sell(deployment("http://127.0.0.1:1", **extra))
        dearer = RateCard("retail", 2, "CNY", clock.now_ns() + 100_000_000, {"*": Price(input="1500", output="2500")})
        books.cards = [*books.cards, dearer]  # in force after the eighth request
        shared.book.load(books.snapshot())
        shared.connected = True
        learned = shared.book.learned["m"]
        for _ in range(20):  # long answers: a stream then keeps something for its rest
            learned.guess.learn(2500)
        learned.expected = learned.guess.remainder(0, 1 << 30)
        till = shared.desk.till("acc")
        till.purse.grant(LeaseGrant("lease", "lot", "acc", minor, 1, 10_000, 1), clock.mono_ns())
        till.available_minor = minor
        gateway, seen = Gateway(shared, Target(unix="/none")), []
        for body, status, answer in requests:
            wire, pool = Wire(), Sent(status)
            shared.pool = cast(Any, pool)
            fields = {b"authorization": b"Bearer " + KEY.encode(), b"content-length": b"%d" % len(body), b"host": b"x"}
            turn = Turn(cast(Any, wire), Head(b"POST", b"/v1/chat/completions", list(fields.items()), fields),
                        shared.budget)
            turn.complete = True
            clock.advance(5_000_000)
            flow = cast(Any, gateway.open(turn))
            flow.body_done(body)
            clock.advance(7_000_000)
            if pool.sent and not turn.ended and flow.mode != "stream":
                flow.upstream_read(flow.call, answer, True)
            elif flow.stage not in ("ended", "dialling"):
                flow.client_gone()
            seen.append((pool.sent, wire.written, flow.stage, getattr(flow, "mark", 0), till.purse.free_minor,
                         till.purse.held_minor, till.purse.kept_minor, till.spent_minor, len(shared.running),
                         learned.rate.ceiling(600), learned.expected, learned._seen))
            if flow.stage == "dialling":
                flow.client_gone()
        return [*seen, journal.records, shared.tally.figures(), dict(shared.book.outlets.inflight)]

    return asyncio.run(main())


def both_ways(tmp_path: Path, *given: Any, **extra: Any) -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "ask_usual", lambda *_: False)
        patch.setattr(serve, "answer_usual", lambda *_: False)
        long = go_through(tmp_path, *given, **extra)
    short = go_through(tmp_path, *given, **extra)
    assert short == long
    return short


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


MESSAGES = st.sampled_from([
    b'[{"role":"user","content":"hello"}]', b'[{"role":"user","content":"a much longer one, ' + 300 * b"x" + b'"}]',
    b'[{"role":"user","content":"with [brackets]"}]', b'[{"role":"user","content":[{"type":"text","text":"hi"}]}]',
    b'[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}]', b'"text"', b"[]", b"null",
    b'[{"role":"user","content":"hi"}', b'[],"model":"other","messages":[]', b"", b'[] , "n":2', b'[{"a":"\\u00e9"}]',
    b'[{"role":"user","content":"\xff"}]', b" [] ", b'[{"role":"user","content":"' + 20_000 * b"y" + b'"}]'])
AROUND = st.sampled_from([
    (b'{"model":"m","messages":', b"}"), (b'{"model":"m","messages":', b',"max_tokens":64}'),
    (b'{"max_tokens":9,"model":"m","temperature":0.5,"messages":', b',"stream":false}'),
    (b'{"model":"m","stream":true,"messages":', b"}"), (b'{"model": "m", "messages":', b"}"),
    (b'{"model":"m","n":2,"messages":', b"}"), (b'{"model":"m","odd":1,"messages":', b"}"),
    (b'{"model":"m","messages":', b',"tools":[{"type":"function","function":{"name":"f"}}]}'),
    (b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":', b',"max_tokens":3000}')])
ANSWERS = st.sampled_from([
    (200, compact(chat_whole("hi", 12, 3, cached=4))), (200, compact(chat_whole("hi", 0, 0))),
    (200, compact(chat_whole("caf\u00e9", 12, 3, finish="length"))), (200, compact(chat_whole("hi", 10**6, 10**6))),
    (200, compact({**chat_whole("hi", 1, 1), "usage": None})), (200, compact({**chat_whole("hi", 1, 1), "error": "x"})),
    (200, compact({**chat_whole("hi", 1, 1), "timings": {"predicted_n": 1}})), (200, b"{"), (200, b"[]"),
    (200, compact({**chat_whole("hi", 1, 1), "choices": 2 * chat_whole("hi", 1, 1)["choices"]})),  # type: ignore[operator]
    (500, b"{}"), (400, compact({"error": {"message": "no"}}))])


@settings(max_examples=150, deadline=None)
@given(st.lists(AROUND, min_size=1, max_size=2), st.lists(st.tuples(MESSAGES, ANSWERS), min_size=1, max_size=10),
       st.sampled_from([10**13, 10**13, 10**10, 10**8]),
       st.sampled_from([("openai", "visible"), ("llamacpp", "exact"), ("vllm", "visible"), ("openai", "blind")]))
def test_same_both_ways(
    tmp_path_factory: pytest.TempPathFactory, arounds: list[Any], chosen: list[Any], minor: int, kind: tuple[str, str]
) -> None:
    plain = (b'[{"role":"user","content":"plain"}]', (200, compact(chat_whole("hi", 12, 3))))
    requests = [(around[0] + messages + around[1], *answer)
                for messages, answer in (plain, plain, plain, *chosen) for around in arounds]
    engine, progress = kind
    both_ways(tmp_path_factory.mktemp("u"), requests, minor, progress=progress, engine=engine, own=engine != "openai")


def test_short_way_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the third request on: the first opens its lane, the second shows its form."""
    taken: list[bool] = []
    for name in ("ask_usual", "answer_usual"):
        real = getattr(serve, name)
        monkeypatch.setattr(serve, name, lambda *given, real=real: taken.append(real(*given)) or taken[-1])
    requests = [(compact({"model": "m", "messages": [{"role": "user", "content": text}]}), 200,
                 compact(chat_whole("hi", 12, 3))) for text in ("one", "two", "three", "four")]
    seen = go_through(tmp_path, requests, 10**14)
    assert taken == [True, True, True, True, True, True]  # no form twice; each answer is the usual one
    assert [type(record) for record in seen[-3]] == 4 * [Served]


def test_known_form_tried_again(tmp_path: Path) -> None:
    """A body that was not taken apart goes to a second deployment as well, with what belongs there."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 12, 3))
            client = await place.client()
            for _ in range(3):
                await client.send(HELLO)
                assert (await client.reply()).status == 200

            async def fail_once(exchange: Exchange) -> None:
                place.upstream.script = answer_whole(chat_whole("hi", 12, 3))
                await exchange.whole({}, 500)

            for name in ("dep2", "dep3"):
                place.books.sell(deployment(place.upstream.url, name))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await asyncio.sleep(0.05)
            for _ in range(3):
                await client.send(HELLO)
                assert (await client.reply()).status == 200
            place.upstream.script = fail_once
            await client.send(HELLO)
            assert (await client.reply()).status == 200
            bodies = [seen.json for seen in place.upstream.seen]
            assert all(body == {**HELLO, "model": "up-model"} for body in bodies)
            closed = place.records(Closed)[-1]
            assert [attempt.outcome for attempt in closed.attempts] == ["failed", "served"]
            assert len(place.records(Opened)) == len(place.records(Closed)) == 7

    run(main)
