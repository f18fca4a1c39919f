"""Clients that hang up, at every stage and under every policy; slow readers; silent streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.books import INPUT, OUTPUT
from tests.gateway.shop import run, shop, until
from tests.gateway.upstream import Exchange, answer_whole, chat_chunk, chat_stream, chat_usage, chat_whole

from tokenworks.control.metered import Metered, fold_records
from tokenworks.credit.records import Closed, Opened, Progressed
from tokenworks.tariff.card import Price, RateCard

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}


def endless(gap_s: float = 0.01) -> Any:
    """Words until the gateway hangs up."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        while not exchange.gone.is_set():
            await exchange.event(chat_chunk("word "))
            await asyncio.sleep(gap_s)

    return play


async def silent(exchange: Exchange) -> None:
    """Reads the request and says nothing."""
    await exchange.hangup()


def test_gone_before_body(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            client = await place.client()
            client.writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                                b"authorization: Bearer tw_live_test\r\ncontent-length: 100\r\n\r\n{")
            await until(lambda: place.worker.server.connections == 1)
            client.close()
            await until(lambda: place.worker.server.connections == 0)
            assert place.books.records() == []

    run(main)


@pytest.mark.parametrize("policy", ["cancel", "drain", "waive"])
def test_gone_before_answer(tmp_path: Path, policy: str) -> None:
    """Nothing is known to have been made: nothing is charged; a drained one is read to its end and charged."""

    async def main() -> None:
        async with shop(tmp_path / "s", hangup=policy) as place:
            place.upstream.script = answer_whole(chat_whole("hi", 10, 5), delay_s=0.2)
            client = await place.client()
            await client.send(HELLO)
            await until(lambda: place.upstream.seen)
            client.close()
            (closed,) = await place.closed()
            assert closed.outcome == "client_gone"
            assert closed.charged_minor == (10 * INPUT + 5 * OUTPUT if policy == "drain" else 0)
            if policy != "drain":
                await place.upstream.seen[0].hangup()

    run(main)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("policy", ["cancel", "waive"])
def test_work_for_nobody(tmp_path: Path, policy: str, stream: bool) -> None:
    """An upstream that has said nothing yet has read the prompt: nobody is billed, but it stands on record what it was
    and what it cost, once. One that was not reached has done nothing."""
    card = RateCard("cost", 1, "USD", 0, {"*": Price(input="100", output="200")})
    body = {**HELLO, "messages": [{"role": "user", "content": "word " * 400}], "stream": stream}

    async def main() -> None:
        async with shop(tmp_path / "s", hangup=policy, cost_card="cost") as place:
            place.books.cards.append(card)
            place.books.change(cards=(card,))
            await until(lambda: place.shared.book.version == 2)
            place.upstream.script = silent
            client = await place.client()
            await client.send(body)
            await until(lambda: place.upstream.seen)
            client.close()
            (closed,) = await place.closed()
            (attempt,) = closed.attempts
            assert (closed.charged_minor, closed.waived_minor, closed.deployment) == (0, 0, "")
            assert 500 < attempt.usage.input < 600 and attempt.usage.completion == 0
            assert (attempt.outcome, attempt.basis, closed.cut_loss) == ("failed", "estimated", attempt.usage)
            assert attempt.cost_minor == attempt.usage.input * 10**5
            met = list(fold_records(Metered(), place.books.records(), "w", False))
            assert [(one.deployment, one.prompt, one.completion) for one in met] == [("dep", attempt.usage.input, 0)]

    run(main)


@pytest.mark.parametrize("policy", ["cancel", "waive"])
def test_gone_in_stream(tmp_path: Path, policy: str) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s", hangup=policy) as place:
            place.upstream.script = endless()
            client = await place.client()
            await client.send(STREAM)
            await client.head()
            for _ in range(10):
                await client.chunk()
            client.close()
            (closed,) = await place.closed()
            await place.upstream.seen[0].hangup()
            assert closed.outcome == "client_gone" and closed.basis == "estimated"
            assert closed.usage.output >= 10 and closed.usage.input > 0
            paid = (closed.charged_minor, closed.waived_minor)
            assert paid == ((closed.rated_minor, 0) if policy == "cancel" else (0, closed.rated_minor))

    run(main)


def test_gone_in_stream_drains(tmp_path: Path) -> None:
    """The upstream is read to its end, and the whole answer is billed by its own figures."""

    async def main() -> None:
        async with shop(tmp_path / "s", hangup="drain") as place:
            place.upstream.script = chat_stream(700, gap_s=0.0003)
            client = await place.client()
            await client.send(STREAM)
            await client.head()
            await client.chunk()
            client.close()
            (closed,) = await place.closed()
            assert closed.outcome == "client_gone" and closed.reason == "drained"
            assert closed.basis == "reported" and closed.charged_minor == 10 * INPUT + 700 * OUTPUT
            assert place.shared.drains == 0

    run(main)


def test_gone_while_asking(tmp_path: Path) -> None:
    """A client that waits for the books leaves no trace and no hold."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.books.mood = "silent"
            client = await place.client()
            await client.send(HELLO)
            await until(lambda: place.books.asks)
            client.close()
            await until(lambda: not place.shared.desk.till("acc").waiting)
            assert place.records(Opened) == []

    run(main)


def test_exact_progress_billed(tmp_path: Path) -> None:
    """An engine that reports progress is billed to the token when the client hangs up."""

    async def counted(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(1, 1000):
            if exchange.gone.is_set():
                return
            timings = {"cache_n": 3, "prompt_n": 7, "predicted_n": number}
            await exchange.event(chat_chunk("two words ", timings=timings))
            await asyncio.sleep(0.002)

    async def main() -> None:
        async with shop(tmp_path / "s", engine="llamacpp", own=True, progress="exact") as place:
            place.upstream.script = counted
            client = await place.client()
            await client.send(STREAM)
            await client.head()
            for _ in range(20):
                assert b"timings" not in await client.chunk()
            client.close()
            (closed,) = await place.closed()
            assert closed.basis == "progress"
            assert (closed.usage.input, closed.usage.cache_read) == (7, 3)
            assert 20 <= closed.usage.output < 60
            assert closed.charged_minor == closed.rated_minor
            assert place.upstream.seen[0].json["timings_per_token"] is True

    run(main)


def test_slow_reader_cut(tmp_path: Path) -> None:
    """A reader that takes nothing pauses the upstream; `stalled` then cuts and bills it."""

    async def flood(exchange: Exchange) -> None:
        await exchange.start()
        while not exchange.gone.is_set():
            await exchange.event(chat_chunk("x" * 4000))

    async def main() -> None:
        long = {"context_tokens": 10**7, "output_tokens_max": 10**7}
        async with shop(tmp_path / "s", money=10**15, model=long) as place:
            place.upstream.script = flood
            client = await place.client()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send({**STREAM, "max_tokens": 10**7})
            await until(lambda: any(flow.blocked for flow in place.shared.running), 30)
            (flow,) = place.shared.running
            await asyncio.sleep(0.1)
            before = flow.meter.visible_bytes
            await asyncio.sleep(0.2)
            assert flow.meter.visible_bytes == before, "the upstream was not paused"
            flow.stalled()
            flow.turn.abort()
            (closed,) = await place.closed()
            assert (closed.outcome, closed.reason) == ("client_gone", "slow_reader")
            assert closed.charged_minor > 0
            client.close()

    run(main)


def test_silent_stream_pinged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenworks.gateway.hangup.PING_GAP_S", 1)

    async def thinking(exchange: Exchange) -> None:
        await exchange.start()
        await asyncio.sleep(2.5)
        await chat_end(exchange)

    async def chat_end(exchange: Exchange) -> None:
        await exchange.event(chat_chunk("done", finish="stop"))
        await exchange.event(chat_usage(1, 1))
        await exchange.event("[DONE]")
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = thinking
            reply = await place.ask(STREAM)
            assert reply.body.startswith(b":") and reply.whole and reply.text == "done"

    run(main)


def test_progress_records(tmp_path: Path) -> None:
    """A crash loses at most half a slice: what it would bill stands in the journal as the stream goes on."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(2000)
            await place.ask({**STREAM, "max_tokens": 3000})
            progress = place.records(Progressed)
            assert len(progress) >= 4
            outputs = [record.usage.output for record in progress]
            assert outputs == sorted(outputs)
            for record in progress:
                assert sum(part.amount_minor for part in record.parts) == record.rated_minor
            assert place.records(Closed)[0].usage.output == 2000

    run(main)
