"""The lane of a stream over real sockets: however the upstream frames its answer, bytes and bill are the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.gateway.books import OUTPUT, UNIT
from tests.gateway.shop import run, shop, until
from tests.gateway.test_credit import EXACT, INPUT_HELD, STREAM
from tests.gateway.upstream import Exchange, chat_chunk, sse

TOKENS = 40


def events(tokens: int = TOKENS) -> list[bytes]:
    """An answer of llama.cpp, its texts of all kinds."""
    texts = ["word ", "a\nline", 'a "quote"', "你好", "x" * 300, "\\"]
    parts = [sse(chat_chunk(texts[n % 30] if n % 30 < len(texts) else f"w{n} ",
                            timings={"cache_n": 2, "prompt_n": 5, "predicted_n": n, "predicted_ms": n * 1.5}))
             for n in range(1, tokens + 1)]
    usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens,
             "prompt_tokens_details": {"cached_tokens": 2}}
    last = [{**chat_chunk("", "stop")}, {**chat_chunk(""), "choices": [], "usage": usage}, "[DONE]"]
    return parts + [sse(part) for part in last]


def chunk(data: bytes, size: str = "%x") -> bytes:
    return (size % len(data)).encode() + b"\r\n" + data + b"\r\n"


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


WHOLE = b"".join(chunk(event) for event in events())
FRAMINGS: dict[str, list[bytes]] = {
    "a chunk each": [chunk(event) for event in events()],
    "sizes with zeros": [chunk(event, "%06x") for event in events()],
    "sizes in capitals": [chunk(event, "%X") for event in events()],
    "sizes with extensions": [chunk(event, "%x;a=b") for event in events()],
    "two chunks a read": [b"".join(map(chunk, events()[at : at + 2])) for at in range(0, TOKENS + 3, 2)],
    "two events a chunk": [chunk(b"".join(events()[at : at + 2])) for at in range(0, TOKENS + 3, 2)],
    "an event in two chunks": [chunk(event[:150]) + chunk(event[150:]) for event in events() if event[150:]],
    "now and then another": [chunk(event) if n % 7 else chunk(event[:9]) + chunk(event[9:])
                             for n, event in enumerate(events())],
    "cut anywhere": cut(WHOLE, 251),
    "cut within line ends": [piece for n, event in enumerate(events()) for piece in
                             ([chunk(event)] if n % 5 else [chunk(event)[:-1], b"\n"])],
}
FRAMINGS["an event in two chunks"].append(b"".join(chunk(event) for event in events() if not event[150:]))


@pytest.mark.parametrize("framing", FRAMINGS)
def test_framings(framing: str, tmp_path: Path) -> None:
    """All text arrives, no figure does, and the bill is the upstream's."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for piece in FRAMINGS[framing]:
            await exchange.raw(piece)
            await asyncio.sleep(0.001)
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s", **EXACT) as place:
            place.upstream.script = play
            for _ in range(2):  # the second on the same connection to the upstream
                reply = await place.ask(STREAM)
                said = [json.loads(event[6:]) for event in events()[:TOKENS]]
                assert [event["choices"] for event in reply.events[:TOKENS]] == [event["choices"] for event in said]
                assert b"timings" not in reply.body and b"usage" not in reply.body
                assert reply.whole and reply.events[-1] == "[DONE]"
            closed = await place.closed(2)
            assert [(one.outcome, one.basis, one.usage.output) for one in closed] == [("ok", "reported", TOKENS)] * 2
            assert place.upstream.connections == 1

    run(main)


def test_not_the_size_it_says(tmp_path: Path) -> None:
    """A chunk that looks like the usual one but says another size is not taken for one."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for event in events()[9:20]:
            await exchange.raw(chunk(event))
            await asyncio.sleep(0.002)
        event = events()[20]
        await exchange.raw(b"%x\r\n%b\r\n" % (len(event) + 9, event))
        await asyncio.sleep(0.01)
        await exchange.raw(b": hm\n\n\n\r\n")  # with the two bytes before, the nine that were missing
        await exchange.event("[DONE]")
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s", **EXACT) as place:
            place.upstream.script = play
            reply = await place.ask(STREAM)
            assert reply.whole and reply.body.count(b"data: ") == 13

    run(main)


def test_hangup_in_lane(tmp_path: Path) -> None:
    """Who hangs up pays for the last figure that came, though nobody has read it."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for event in events()[9:20]:
            await exchange.raw(chunk(event))
            await asyncio.sleep(0.002)
        await exchange.hangup()

    async def main() -> None:
        async with shop(tmp_path / "s", **EXACT) as place:
            place.upstream.script = play
            client = await place.client()
            await client.send(STREAM)
            await client.head()
            for _ in range(11):
                await client.chunk()
            (flow,) = place.shared.running
            assert flow.call.usual is not None and flow.meter.unread
            client.close()
            (closed,) = await place.closed()
            assert (closed.basis, closed.usage.output, closed.usage.cache_read) == ("progress", 20, 2)

    run(main)


def test_dry_in_lane(tmp_path: Path) -> None:
    """At the end of its hold a stream stops at once, and what is read while it stands is not lost."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for event in events(1000):
            await exchange.raw(chunk(event))
            await asyncio.sleep(0.0005)
        await exchange.end()

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = play
            asked = asyncio.create_task(place.ask(STREAM))
            await until(lambda: any(flow.stage == "dry" and flow.denied for flow in place.shared.running))
            (flow,) = place.shared.running
            assert flow.call.usual is None and 600 <= flow.meter.output_seen < 610
            place.books.fund(10 * UNIT)
            place.books.offer(need_minor=UNIT)
            reply = await asked
            assert reply.whole and len(reply.events) == 1002
            (closed,) = await place.closed()
            assert (closed.outcome, closed.usage.output, closed.overrun_minor) == ("ok", 1000, 0)

    run(main)
