"""How many input tokens a request would be billed: relayed to who bills it, or 501; never held for, never billed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.shop import Reply, Shop, deployment, run, shop
from tests.gateway.upstream import Exchange, answer_whole

from tokenworks.credit.policy import Key
from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.limits import QUESTIONS_MAX

COUNT, INPUT = "/v1/messages/count_tokens", "/v1/responses/input_tokens"
SAY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ASK = {"model": "m", "input": "hi"}


def asked(place: Shop) -> list[str]:
    return [seen.target for seen in place.upstream.seen]


@pytest.mark.parametrize(("path", "body", "row", "target"), [
    (COUNT, SAY, {"engine": "anthropic", "dialects": ("messages",)}, "/v1/messages/count_tokens"),
    (COUNT, SAY, {"engine": "llamacpp", "own": True}, "/v1/messages/count_tokens"),
    (INPUT, ASK, {"engine": "openai"}, "/v1/responses/input_tokens"),
    (INPUT, ASK, {"engine": "llamacpp", "own": True}, "/v1/responses/input_tokens"),
])
def test_asked_where_billed(tmp_path: Path, path: str, body: dict[str, Any], row: dict[str, Any], target: str) -> None:
    async def main() -> None:
        async with shop(tmp_path, **row) as place:
            place.upstream.script = answer_whole({"input_tokens": 17, "more": 1})
            reply = await place.ask(body, path)
            assert reply.status == 200 and reply.json["input_tokens"] == 17 and "more" not in reply.json
            assert reply.headers["x-request-id"] == reply.headers["request-id"]
            assert asked(place) == [target] and place.upstream.seen[0].json == {**body, "model": "up-model"}
            assert not place.records(Opened) and not place.records(Closed) and not place.records(Refused)
            assert place.purse().free_minor == 0 or not place.books.asks, "no credit was asked for"

    run(main)


@pytest.mark.parametrize(("path", "body", "row"), [
    (COUNT, SAY, {"engine": "openai", "dialects": ("messages",)}),
    (COUNT, SAY, {"engine": "vllm", "share_prefix_cache": True}),
    (INPUT, ASK, {"engine": "vllm"}),
])
def test_nobody_can_say(tmp_path: Path, path: str, body: dict[str, Any], row: dict[str, Any]) -> None:
    async def main() -> None:
        async with shop(tmp_path, **row) as place:
            no_figure(await place.ask(body, path))
            assert not place.upstream.seen

    run(main)


def no_figure(reply: Reply) -> None:
    assert reply.status == 501 and reply.headers["x-should-retry"] == "false"
    assert "cannot be counted" in reply.json["error"]["message"]


def test_one_of_two_cannot_say(tmp_path: Path) -> None:
    """It may be the one that bills it."""

    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            place.books.sell(deployment(place.upstream.url, "other", engine="openai"))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await asyncio.sleep(0.05)
            no_figure(await place.ask(SAY, COUNT))

    run(main)


@pytest.mark.parametrize(("status", "answer", "seen"), [
    (404, {}, 501), (405, {}, 501), (501, {}, 501), (400, {"error": {"message": "secret"}}, 400),
    (429, {}, 529), (500, {}, 502), (200, {"tokens": 5}, 502), (200, {"input_tokens": "x" * 100_000}, 502),
])
def test_no_figure_comes(tmp_path: Path, status: int, answer: dict[str, Any], seen: int) -> None:
    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            place.upstream.script = answer_whole(answer, status)
            reply = await place.ask(SAY, COUNT)
            assert reply.status == seen and "secret" not in str(reply.json)
            (refused,) = place.records(Refused)
            assert refused.status == seen and refused.why == {"asked": "input tokens"}

    run(main)


def test_next_is_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            place.books.sell(deployment(place.upstream.url, "dep2", engine="anthropic", dialects=("messages",)))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await asyncio.sleep(0.05)

            async def hang_up(exchange: Exchange) -> None:
                exchange.abort()

            place.upstream.scripts = [hang_up, answer_whole({"input_tokens": 3})]
            assert (await place.ask(SAY, COUNT)).json == {"input_tokens": 3}

    run(main)


@pytest.mark.parametrize(("path", "body", "status"), [
    (COUNT, {"model": "m"}, 400), (COUNT, b"{", 400), (COUNT, {**SAY, "model": "other"}, 404),
    (COUNT, {**SAY, "tools": [{"type": "web_search_20260318", "name": "s"}], "tool_choice": {"type": "any"}}, 400),
    (COUNT, {**SAY, "tools": [{"type": "web_search_20260318", "name": "s"}]}, 200),
    (INPUT, {**ASK, "previous_response_id": "resp_1"}, 400), (INPUT, {"model": "m", "input": "hi", "input ": 1}, 200),
])
def test_rights_are_checked(tmp_path: Path, path: str, body: Any, status: int) -> None:
    async def main() -> None:
        async with shop(tmp_path) as place:
            place.books.sell(deployment(place.upstream.url, engine="anthropic" if path == COUNT else "openai"))
            place.books.change(endpoints=tuple(place.books.endpoints.values()))
            await asyncio.sleep(0.05)
            place.upstream.script = answer_whole({"input_tokens": 3})
            assert (await place.ask(body, path)).status == status
            assert (await place.ask(body, path, key="tw_live_wrong")).status == 401

    run(main)


def test_key_for_another_model(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            (key,) = place.books.keys.values()
            place.books.change(keys=(Key(key.digest, key.id, key.account, models=("else",)),))
            await asyncio.sleep(0.05)
            reply = await place.ask(SAY, COUNT)
            assert reply.status == 403 and reply.json["type"] == "error"

    run(main)


def test_client_leaves(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            async def never(exchange: Exchange) -> None:
                await exchange.hangup()

            place.upstream.script = never
            client = await place.client()
            await client.send(SAY, COUNT)
            while not place.upstream.seen:
                await asyncio.sleep(0.005)
            client.close()
            await place.upstream.seen[0].hangup()
            assert not place.shared.questions

    run(main)


@pytest.mark.parametrize("path", [COUNT, "/v1/messages"])
def test_unknown_version(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with shop(tmp_path, engine="anthropic") as place:
            reply = await place.ask(SAY, path, anthropic_version="2023-01-01")
            assert reply.status == 400 and reply.json["error"]["type"] == "invalid_request_error"
            assert "2023-06-01 or 2026-10-21" in reply.json["error"]["message"]
            assert reply.headers["x-should-retry"] == "false"

    run(main)


def test_so_many_at_once(tmp_path: Path) -> None:
    """They cost an upstream work and nobody pays: so many of one account at a time, and then again."""

    async def main() -> None:
        async with shop(tmp_path, engine="anthropic", dialects=("messages",)) as place:
            go = asyncio.Event()

            async def wait(exchange: Exchange) -> None:
                await go.wait()
                await exchange.whole({"input_tokens": 3})

            place.upstream.script = wait
            asked = [asyncio.create_task(place.ask(SAY, COUNT)) for _ in range(QUESTIONS_MAX)]
            while len(place.upstream.seen) < QUESTIONS_MAX:
                await asyncio.sleep(0.005)
            reply = await place.ask(SAY, COUNT)
            assert reply.status == 429 and reply.headers["retry-after-ms"] == "1000"
            go.set()
            assert {(await one).status for one in asked} == {200}
            assert (await place.ask(SAY, COUNT)).status == 200 and not place.shared.questions

    run(main)
