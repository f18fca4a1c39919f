"""Upstreams that fail, in every way, before and after something has reached the client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.books import INPUT, OUTPUT
from tests.gateway.shop import Shop, deployment, run, shop, until
from tests.gateway.upstream import (
    Exchange,
    Script,
    answer_whole,
    chat_chunk,
    chat_stream,
    chat_usage,
    chat_whole,
    sse,
)

from tokenworks.credit.messages import Probed
from tokenworks.credit.policy import Endpoint
from tokenworks.credit.records import Closed
from tokenworks.limits import ATTEMPTS_MAX
from tokenworks.tariff.card import Price, RateCard

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}


async def reset(exchange: Exchange) -> None:
    exchange.abort()


async def garbage(exchange: Exchange) -> None:
    await exchange.raw(b"220 mail.example ESMTP\r\n\r\n")


async def compressed(exchange: Exchange) -> None:
    await exchange.whole(b"\x1f\x8b", content_encoding="gzip")


async def no_dialect(exchange: Exchange) -> None:
    await exchange.whole(b"<html>it works</html>")


async def no_stream(exchange: Exchange) -> None:
    await exchange.whole(chat_whole("hi", 1, 1))


def status(code: int, body: object = b'{"error":{"message":"org-123 sk-secret quota"}}') -> Script:
    async def play(exchange: Exchange) -> None:
        await exchange.whole(body, code, x_ratelimit_remaining_tokens="0", set_cookie="a=b")

    return play


async def add_second(place: Shop, name: str = "dep2", **extra: Any) -> None:
    """A second deployment at the same upstream."""
    row = deployment(place.upstream.url, name, **extra)
    place.books.endpoints[name] = Endpoint(row, "second-secret")
    place.books.change(endpoints=(place.books.endpoints[name],))
    await until(lambda: name in place.shared.book.outlets.by_id)


def busy(wait: str) -> Script:
    async def play(exchange: Exchange) -> None:
        await exchange.whole(b"{}", 429, retry_after=wait)

    return play


@pytest.mark.parametrize(("wait", "told", "first"), [
    ("30", "30", "dep2"), ("7200", "60", "dep2"), ("0", "1", "dep"), ("Wed, 21 Oct 2026 07:28:00 GMT", "1", "dep"),
    ("-5", "1", "dep"), ("9" * 30, "1", "dep")])  # fmt: skip
def test_retry_after(tmp_path: Path, wait: str, told: str, first: str) -> None:
    """A busy upstream's Retry-After reaches the client, bounded; meanwhile others are asked first, and it itself only
    when there is nobody else."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = busy(wait)
            reply = await place.ask(HELLO)
            assert (reply.status, reply.headers["retry-after"]) == (503, told)
            assert (await place.ask(HELLO)).status == 503
            assert len(place.upstream.seen) == 2, "the only one is asked all the same"
            await add_second(place)
            place.upstream.script = answer_whole(chat_whole("hi", 10, 2))
            for _ in range(2):
                assert (await place.ask(HELLO)).status == 200
            assert {closed.deployment for closed in place.records(Closed)[2:]} == {first}
            place.shared.book.outlets.by_id["dep"].busy_until_ns = 1
            assert (await place.ask(HELLO)).status == 200
            assert place.records(Closed)[-1].deployment == "dep" and not place.shared.book.outlets.unwell

    run(main)


BEFORE = {"reset": reset, "garbage": garbage, "compressed": compressed, "html": no_dialect, "500": status(500),
          "401": status(401), "404": status(404), "429": status(429), "503": status(503), "302": status(302)}


@pytest.mark.parametrize("name", list(BEFORE))
def test_tried_elsewhere(tmp_path: Path, name: str) -> None:
    """Nothing has reached the client: the next deployment serves it, and only that one is charged."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            await add_second(place)
            place.upstream.scripts = [BEFORE[name], answer_whole(chat_whole("hi", 10, 2))]
            reply = await place.ask(HELLO)
            assert reply.status == 200
            (closed,) = place.records(Closed)
            assert [attempt.outcome for attempt in closed.attempts] == ["failed", "served"]
            assert closed.charged_minor == 10 * INPUT + 2 * OUTPUT
            assert closed.deployment == closed.attempts[1].deployment != closed.attempts[0].deployment
            used = {seen.headers["authorization"] for seen in place.upstream.seen}
            assert used == {"Bearer upstream-secret", "Bearer second-secret"}

    run(main)


@pytest.mark.parametrize("name", list(BEFORE))
def test_nobody_serves(tmp_path: Path, name: str) -> None:
    """The client is told in his dialect, nothing of the upstream's own words or headers, and pays nothing."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = BEFORE[name]
            reply = await place.ask(HELLO)
            code = "server_is_overloaded" if name in ("429", "503") else "upstream_failed"
            assert (reply.status, reply.json["error"]["code"]) == (503, code)
            assert b"org-123" not in reply.body and "set-cookie" not in reply.headers
            assert not any(header.startswith("x-ratelimit") for header in reply.headers)
            assert reply.json["error"]["type"] == "server_error"
            (closed,) = place.records(Closed)
            assert closed.outcome == "upstream_failed" and closed.charged_minor == 0
            assert closed.status == reply.status and closed.hold[-1].step == "voided"

    run(main)


def test_attempts_bounded(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            for number in range(2, 6):
                await add_second(place, f"dep{number}")
            place.upstream.script = status(500)
            assert (await place.ask(HELLO)).status == 503
            assert len(place.upstream.seen) == ATTEMPTS_MAX

    run(main)


def test_own_fault_not_retried(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            await add_second(place)
            place.upstream.script = status(400)
            reply = await place.ask(HELLO)
            assert reply.status == 400 and reply.headers["x-should-retry"] == "false"
            assert b"org-123" not in reply.body and len(place.upstream.seen) == 1
            (closed,) = place.records(Closed)
            assert closed.outcome == "refused_upstream" and closed.attempts[0].reason.startswith("status 400: org-123")

    run(main)


def test_overlength_told(tmp_path: Path) -> None:
    """A prompt that does not fit is told in the sentence that clients look for."""
    body = {"error": {"code": 400, "message": "request exceeds the available context size",
                      "type": "exceed_context_size_error", "n_prompt_tokens": 123456, "n_ctx": 100000}}

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = status(400, body)
            reply = await place.ask(HELLO)
            assert reply.json["error"]["code"] == "context_length_exceeded" and "123456 tokens" in reply.body.decode()
            reply = await place.ask({**HELLO, "max_tokens": 5}, "/v1/messages")
            assert reply.json["error"]["message"] == "prompt is too long: 123456 tokens > 100000 maximum"

    run(main)


async def break_stream(exchange: Exchange) -> None:
    await exchange.start()
    for number in range(8):
        await exchange.event(chat_chunk(f"w{number} "))
    await asyncio.sleep(0.02)


async def broken_reset(exchange: Exchange) -> None:
    await break_stream(exchange)
    exchange.abort()


async def broken_json(exchange: Exchange) -> None:
    await break_stream(exchange)
    await exchange.send(b"data: {not json\n\n")
    await exchange.hangup()


async def broken_error(exchange: Exchange) -> None:
    await break_stream(exchange)
    await exchange.event({"error": {"message": "org-123 CUDA out of memory", "type": "server_error"}})
    await exchange.end()


async def broken_end(exchange: Exchange) -> None:
    await break_stream(exchange)
    await exchange.end()


BREAKS = {"reset": broken_reset, "garbage": broken_json, "error": broken_error, "early end": broken_end}


@pytest.mark.parametrize("policy", ["bill", "waive"])
@pytest.mark.parametrize("name", list(BREAKS))
def test_broken_in_stream(tmp_path: Path, name: str, policy: str) -> None:
    """The client has part of the answer: no second try, the dialect's error, and the policy says who pays."""

    async def main() -> None:
        async with shop(tmp_path / "s", failure=policy) as place:
            await add_second(place, failure=policy)
            place.upstream.script = BREAKS[name]
            reply = await place.ask(STREAM)
            assert reply.status == 200 and reply.text == "".join(f"w{number} " for number in range(8))
            assert "error" in reply.events[-1] and b"org-123" not in reply.body and b"[DONE]" not in reply.body
            assert len(place.upstream.seen) == 1
            (closed,) = await place.closed()
            assert closed.outcome == "upstream_failed" and closed.usage.output > 0
            assert closed.charged_minor == (closed.rated_minor if policy == "bill" else 0)

    run(main)


def test_missing_last_event(tmp_path: Path) -> None:
    """Everything was said but the last word: that is an answer."""

    async def no_done(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.event(chat_chunk("all of it", finish="stop"))
        await exchange.event(chat_usage(9, 4))
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = no_done
            reply = await place.ask(STREAM)
            assert reply.whole and reply.events[-1] == "[DONE]" and reply.text == "all of it"
            (closed,) = await place.closed()
            assert closed.outcome == "ok" and closed.basis == "reported" and closed.notes == ("last_event_missing",)

    run(main)


def test_stream_asked_json_came(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            await add_second(place)
            place.upstream.scripts = [no_stream, chat_stream(3)]
            reply = await place.ask(STREAM)
            assert reply.whole and reply.text == "w0 w1 w2 "

    run(main)


def test_error_before_output_retried(tmp_path: Path) -> None:
    """An error event before any output has reached nobody: another deployment is tried."""

    async def at_once(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.event({"error": {"message": "overloaded"}})
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            await add_second(place)
            place.upstream.scripts = [at_once, chat_stream(3)]
            reply = await place.ask(STREAM)
            assert reply.whole and reply.text == "w0 w1 w2 "

    run(main)


def test_down_is_left_alone(tmp_path: Path) -> None:
    """Who fails three times in a row is not asked for a while; the facts say that it is down."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = status(500)
            for _ in range(3):
                assert (await place.ask(HELLO)).status == 503
            reply = await place.ask(HELLO)
            assert reply.status == 503 and len(place.upstream.seen) == 3
            await until(lambda: place.books.facts and place.books.facts[-1].health["dep"] == "down")
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            place.shared.book.outlets.by_id["dep"].rest_until_ns = 0
            assert (await place.ask(HELLO)).status == 200
            assert place.shared.book.outlets.by_id["dep"].health == "up"

    run(main)


def test_a_probe_brings_it_back(tmp_path: Path) -> None:
    """Its engine says that it is well: it is asked again at once. If that fails, it is left alone for longer."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            outlet = place.shared.book.outlets.by_id["dep"]
            place.upstream.script = status(500)
            for _ in range(3):
                await place.ask(HELLO)
            assert outlet.health == "down"
            place.books.tell(Probed(("dep", "other")))
            await until(lambda: place.books.facts and place.books.facts[-1].health["dep"] == "up")
            assert (await place.ask(HELLO)).status == 503
            assert outlet.health == "down" and outlet.failures == 4
            place.books.tell(Probed(("dep",)))
            await until(lambda: outlet.health == "up")
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            assert (await place.ask(HELLO)).status == 200
            assert outlet.failures == 0 and not place.shared.book.outlets.unwell

    run(main)


def test_cost_of_attempts(tmp_path: Path) -> None:
    """The operator's cost is counted per attempt, whoever pays the request."""
    card = RateCard("cost", 1, "USD", 0, {"*": Price(input="100", output="200")})

    async def main() -> None:
        async with shop(tmp_path / "s", cost_card="cost", hangup="waive") as place:
            place.books.cards.append(card)
            place.books.change(cards=(card,))
            await until(lambda: place.shared.book.version == 2)
            place.upstream.script = answer_whole(chat_whole("hi", 10, 2))
            await place.ask(HELLO)
            (closed,) = place.records(Closed)
            (attempt,) = closed.attempts
            assert (attempt.cost_minor, attempt.cost_unit, attempt.cost_card) == (14 * 10**5, "USD", "cost@1")

    run(main)


def test_split_anywhere(tmp_path: Path) -> None:
    """Bytes of a stream in any pieces: the client gets whole events, the figures are the same."""
    whole = b"".join([*(sse(chat_chunk(f"wörd{n} ")) for n in range(5)), sse(chat_chunk(finish="stop")),
                      sse(chat_usage(10, 5)), sse("[DONE]")])

    def pieces(size: int) -> Script:
        async def play(exchange: Exchange) -> None:
            await exchange.start()
            for at in range(0, len(whole), size):
                await exchange.send(whole[at : at + size])
                await asyncio.sleep(0)
            await exchange.end()

        return play

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            for size in (1, 7, 64, 5000):
                place.upstream.script = pieces(size)
                reply = await place.ask(STREAM)
                assert reply.whole and reply.text == "".join(f"wörd{n} " for n in range(5))
            assert {record.charged_minor for record in await place.closed(4)} == {10 * INPUT + 5 * OUTPUT}
            assert json.dumps(place.upstream.seen[0].json)

    run(main)
