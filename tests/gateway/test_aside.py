"""What takes long to translate is admitted beside the loop: others go on, and whoever leaves meanwhile has left."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.shop import deployment, run, shop, until
from tests.gateway.test_retold import WHOLE
from tests.gateway.upstream import answer_whole

from tokenworks.admission import translated
from tokenworks.credit.records import Refused
from tokenworks.gateway.aside import Aside, is_heavy
from tokenworks.limits import TRANSLATED_ITEMS_AT_ONCE

LONG: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [
    {"role": "user" if number % 2 == 0 else "assistant", "content": "hi"} for number in range(20_001)]}
SHORT: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(("body", "heavy"), [
    (b'{"messages":[{"role":"user"}]}', False), (b'{"role":""}' * TRANSLATED_ITEMS_AT_ONCE, False),
    (b'{"r\\u006fle":""}' * (TRANSLATED_ITEMS_AT_ONCE + 1), True),
    (b'{"name":"f","input_schema":{}}' * (TRANSLATED_ITEMS_AT_ONCE // 2 + 1), True), (b"x" * 600_000, True),
])
def test_heavy(body: bytes, heavy: bool) -> None:
    assert is_heavy(body) is heavy


def test_others_go_on(tmp_path: Path) -> None:
    """A short request is served while a long one is still being translated; then that is served too."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), money=10**18) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            await place.ask(SHORT, "/v1/messages")
            begun = time.monotonic()
            long = asyncio.create_task(place.ask(LONG, "/v1/messages"))
            await asyncio.sleep(0.02)
            assert (await place.ask(SHORT, "/v1/messages")).status == 200
            short_s = time.monotonic() - begun
            assert not long.done()
            assert (await long).status == 200 and time.monotonic() - begun > short_s
            assert len(place.upstream.seen[-1].json["messages"]) == 20_001
            assert all(one.outcome == "ok" for one in await place.closed(3))

    run(main)


def test_refused_aside(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            odd = {**LONG, "messages": [*LONG["messages"][:-1], {"role": "user", "content": [{"type": "riddle"}]}]}
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                reply = await place.ask(odd, path)
                assert reply.status == 400 and "messages[20000]" in reply.json["error"]["message"]
            assert len(place.records(Refused)) == 2

    run(main)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_client_leaves(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), engine="llamacpp", own=True, money=10**18) as place:
            client = await place.client()
            await client.send(LONG, path)
            await until(lambda: place.shared.aside._thread._threads)
            client.close()
            await until(lambda: place.worker.server.connections == 0)
            place.upstream.script = answer_whole({**WHOLE["chat"], "input_tokens": 5})
            assert (await place.ask(LONG, path)).status == 200  # behind the one that was left
            assert len(place.upstream.seen) == 1

    run(main)


def test_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own in the thread is answered, not waited for."""

    def broken(*_: Any) -> Any:
        raise AssertionError("a fault of ours")

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            monkeypatch.setattr(translated, "translate", broken)
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                reply = await place.ask(LONG, path)
                assert reply.status == 500 and reply.json["error"]["type"] == "api_error"

    run(main)


def test_no_more_on_sale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is withdrawn while a request is being translated, its client gets an answer."""
    begun, withdrawn, translate = threading.Event(), threading.Event(), translated.translate

    def wait(*given: Any) -> Any:
        begun.set()
        assert withdrawn.wait(9)
        return translate(*given)

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), money=10**18) as place:
            monkeypatch.setattr(translated, "translate", wait)
            asked = asyncio.create_task(place.ask(LONG, "/v1/messages"))
            await until(begun.is_set)
            place.books.change(dropped_models=("m",), dropped_deployments=("dep",))
            await until(lambda: not place.shared.book.offers)
            withdrawn.set()
            assert (await asyncio.wait_for(asked, 9)).status == 529
            assert not place.upstream.seen

    run(main)


def test_no_other_dialect_for_long_ones(tmp_path: Path) -> None:
    """When who speaks the client's dialect has failed, a long request is not translated after all."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), money=10**18) as place:
            place.books.sell(deployment(place.upstream.url, "native", dialects=("messages",), engine="anthropic"))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await asyncio.sleep(0.05)
            place.upstream.script = answer_whole({}, 500)
            assert (await place.ask(LONG, "/v1/messages")).status == 502
            assert [seen.target for seen in place.upstream.seen] == ["/v1/messages"]

    run(main)


def test_closed() -> None:
    """At the worker's end nothing is asked any more, and what waits is told."""

    async def main() -> None:
        loop, told = asyncio.get_running_loop(), []
        aside = Aside(loop.call_soon_threadsafe)
        aside.ask(lambda: time.sleep(0.1), told.append)  # type: ignore[arg-type,return-value]
        aside.ask(lambda: None, lambda found: told.append("second"))  # type: ignore[arg-type,return-value]
        aside.close()
        while len(told) < 2:
            await asyncio.sleep(0.01)
        assert "second" in told

    asyncio.run(main())
