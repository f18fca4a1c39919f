"""One request through a whole worker: what goes upstream, what the client gets, what stands in the journal."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.books import INPUT, OUTPUT
from tests.gateway.shop import run, shop
from tests.gateway.upstream import answer_whole, chat_stream, chat_whole

from tokenworks.credit.records import Closed, Opened

HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def test_whole_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi there", 12, 3, cached=4))
            reply = await place.ask(HELLO)
            assert reply.status == 200 and reply.json["choices"][0]["message"]["content"] == "hi there"
            assert reply.headers["x-request-id"] == reply.headers["request-id"]
            (seen,) = place.upstream.seen
            assert seen.json["model"] == "up-model" and seen.headers["authorization"] == "Bearer upstream-secret"
            (opened,) = place.records(Opened)
            (closed,) = place.records(Closed)
            assert opened.request == closed.request == reply.headers["x-request-id"]
            assert closed.outcome == "ok" and closed.basis == "reported"
            assert (closed.usage.input, closed.usage.cache_read, closed.usage.output) == (8, 4, 3)
            assert closed.charged_minor == closed.rated_minor == 8 * INPUT + 4 * INPUT // 10 + 3 * OUTPUT
            assert closed.deployment == "dep" and closed.attempts[0].outcome == "served"

    run(main)


def test_stream_hides_usage(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(20)
            reply = await place.ask({**HELLO, "stream": True})
            assert reply.status == 200 and reply.whole
            assert reply.text == "".join(f"w{number} " for number in range(20))
            assert reply.events[-1] == "[DONE]" and not any("usage" in event for event in reply.events[:-1])
            assert place.upstream.seen[0].json["stream_options"] == {"include_usage": True}
            (closed,) = await place.closed()
            assert closed.charged_minor == 10 * INPUT + 20 * OUTPUT and closed.ttft_ms >= 0

    run(main)
