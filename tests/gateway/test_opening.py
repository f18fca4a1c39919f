"""When the beginning of a request goes on record: with its end, or before whatever else follows it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.gateway.shop import deployment, run, shop, until
from tests.gateway.upstream import Exchange, answer_whole, chat_chunk, chat_stream, chat_whole

from tokenworks.credit.records import Closed, Opened, Progressed, Record, Served

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}
OWN = (Opened, Progressed, Closed, Served)


def kinds(records: list[Record]) -> list[type]:
    return [type(record) for record in records if isinstance(record, OWN)]


def test_whole_answer_is_one_record(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 12, 3))
            assert (await place.ask(HELLO)).status == 200
            assert kinds(place.books.records()) == [Served]

    run(main)


def test_stream_opens_before_its_first_byte(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            async def begins(exchange: Exchange) -> None:
                await exchange.start()
                await exchange.event(chat_chunk("one"))
                await exchange.gone.wait()

            place.upstream.script = begins
            client = await place.client()
            await client.send(STREAM)
            await client.head()
            assert kinds(place.books.records()) == [Opened]
            client.close()
            await place.closed()
            assert kinds(place.books.records()) == [Opened, Closed]

    run(main)


def test_beat_and_second_try(tmp_path: Path) -> None:
    """What runs at a beat goes on record, and so does whatever was tried in vain, with where it went first."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            go_on = asyncio.Event()

            async def waits(exchange: Exchange) -> None:
                await go_on.wait()
                await exchange.whole(chat_whole("hi", 12, 3))

            place.upstream.script = waits
            client = await place.client()
            await client.send(HELLO)
            await until(lambda: place.shared.running)
            assert kinds(place.books.records()) == []
            for flow in place.shared.running:
                flow.beat(1)
                flow.beat(2)
            assert kinds(place.books.records()) == [Opened]
            go_on.set()
            assert (await client.reply()).status == 200
            assert kinds(place.books.records()) == [Opened, Closed]

            place.books.sell(deployment(place.upstream.url, "dep2"))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await until(lambda: "dep2" in place.shared.book.outlets.by_id)

            async def fails_once(exchange: Exchange) -> None:
                place.upstream.script = answer_whole(chat_whole("hi", 12, 3))
                await exchange.whole({}, 500)

            place.upstream.script = fails_once
            await client.send(HELLO)
            assert (await client.reply()).status == 200
            opened, closed = place.records(Opened)[-1], place.records(Closed)[-1]
            assert kinds(place.books.records()) == [Opened, Closed, Opened, Closed]
            assert [attempt.deployment for attempt in closed.attempts] == [opened.deployment, closed.deployment]
            assert opened.deployment != closed.deployment

    run(main)


def test_gone_before_anything_came(tmp_path: Path) -> None:
    """A client that left before anything came leaves one record behind."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(3, gap_s=5)
            client = await place.client()
            await client.send(HELLO)
            await until(lambda: place.upstream.seen)
            client.close()
            await place.closed()
            assert kinds(place.books.records()) == [Served]
            assert place.records(Closed)[0].outcome == "client_gone"

    run(main)
