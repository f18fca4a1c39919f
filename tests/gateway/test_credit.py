"""Slices, the end of credit in each dialect, top-ups, recalls, lapses, epochs, blind caps, and books that are away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateway.books import INPUT, OUTPUT, UNIT
from tests.gateway.shop import run, shop, until
from tests.gateway.upstream import Exchange, Script, answer_whole, chat_chunk, chat_stream, chat_whole, sse

from tokenworks.credit.messages import Written
from tokenworks.credit.records import Closed, Opened, Released
from tokenworks.limits import SLICE_TOKENS
from tokenworks.store.shapes import RequestQuery
from tokenworks.tariff.card import Price, RateCard

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}


def input_held(body: object) -> int:
    """Nothing is learned yet: a token per byte and a template."""
    return (len(json.dumps(body, separators=(",", ":"))) + 128) * INPUT


INPUT_HELD = input_held(STREAM)



def counted_stream(dialect: str, tokens: int, step: int = 1, gap_s: float = 0.0) -> Script:
    """`tokens` output tokens with llama.cpp's progress figures, in the dialect's shapes; ends by itself."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for part in OPENINGS[dialect]:
            await exchange.event(part, part.get("type", ""))
        for number in range(step, tokens + 1, step):
            if exchange.gone.is_set():
                return
            timings = {"cache_n": 0, "prompt_n": 5, "predicted_n": number}
            part = {**DELTAS[dialect](f"w{number} "), "timings": timings}
            await exchange.event(part, part.get("type", ""))
            await asyncio.sleep(gap_s)
        for part in CLOSINGS[dialect](tokens):
            if part == "[DONE]":
                await exchange.event("[DONE]")
            else:
                await exchange.event(part, part.get("type", ""))
        await exchange.end()

    return play


def _completion_chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "x",
            "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}]}


def _usage(tokens: int) -> dict[str, Any]:
    return {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}


RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "model": "x", "output": [],
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
OPENINGS: dict[str, list[dict[str, Any]]] = {
    "chat": [chat_chunk("")],
    "completions": [],
    "responses": [
        {"type": "response.created", "sequence_number": 0, "response": RESPONSE},
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0,
         "item": {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", "sequence_number": 2, "output_index": 0, "content_index": 0,
         "item_id": "msg_1", "part": {"type": "output_text", "text": "", "annotations": []}},
    ],
    "messages": [
        {"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ],
}
DELTAS: dict[str, Callable[[str], dict[str, Any]]] = {
    "chat": lambda text: chat_chunk(text),
    "completions": lambda text: _completion_chunk(text),
    "responses": lambda text: {"type": "response.output_text.delta", "sequence_number": 3, "output_index": 0,
                               "content_index": 0, "item_id": "msg_1", "delta": text},
    "messages": lambda text: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
}
CLOSINGS: dict[str, Callable[[int], list[Any]]] = {
    "chat": lambda tokens: [chat_chunk(finish="stop"), {**chat_chunk(), "choices": [], "usage": _usage(tokens)},
                            "[DONE]"],
    "completions": lambda tokens: [_completion_chunk("", "stop"), {**_completion_chunk(""), "choices": [],
                                                                  "usage": _usage(tokens)}, "[DONE]"],
    "responses": lambda tokens: [
        {"type": "response.completed", "sequence_number": 9, "response": {
            **RESPONSE, "status": "completed",
            "usage": {"input_tokens": 5, "output_tokens": tokens, "total_tokens": 5 + tokens}}}],
    "messages": lambda tokens: [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": tokens}},
        {"type": "message_stop"}],
}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", STREAM),
    "completions": ("/v1/completions", {"model": "m", "prompt": "hello", "stream": True, "max_tokens": 4000}),
    "responses": ("/v1/responses", {"model": "m", "input": "hello", "stream": True}),
    "messages": ("/v1/messages", {"model": "m", "max_tokens": 4000, "stream": True,
                                  "messages": [{"role": "user", "content": "hello"}]}),
}
EXACT: dict[str, Any] = {"engine": "llamacpp", "own": True, "progress": "exact"}


@pytest.mark.parametrize("dialect", list(ASKED))
def test_stream_in_slices(tmp_path: Path, dialect: str) -> None:
    """With money nothing is cut; the hold grows slice by slice and is charged exactly."""

    async def main() -> None:
        async with shop(tmp_path / "s", **EXACT) as place:
            place.upstream.script = counted_stream(dialect, 1500, step=10)
            path, body = ASKED[dialect]
            reply = await place.ask(body, path)
            assert reply.status == 200 and reply.whole
            (closed,) = await place.closed()
            assert closed.outcome == "ok" and closed.basis == "reported"
            assert closed.charged_minor == 5 * INPUT + 1500 * OUTPUT
            steps = [step.step for step in closed.hold]
            assert steps[0] == "cut" and steps.count("extended") >= 2 and steps[-1] == "posted"

    run(main)


@pytest.mark.parametrize("dialect", list(ASKED))
def test_cut_at_end(tmp_path: Path, dialect: str) -> None:
    """The end of credit is a clean end in the dialect's own words, and says why."""
    path, body = ASKED[dialect]
    money = input_held(body) + 600 * OUTPUT

    async def main() -> None:
        async with shop(tmp_path / "s", money=money, **EXACT) as place:
            place.upstream.script = counted_stream(dialect, 3000, step=5, gap_s=0.0005)
            reply = await place.ask(body, path)
            assert reply.status == 200 and reply.whole
            (closed,) = await place.closed()
            assert closed.outcome == "cut" and closed.reason == "credit_exhausted"
            assert 600 <= closed.usage.output <= 700
            assert closed.overrun_minor == 0 or closed.charged_minor == money
            assert b"credit_exhausted" in reply.body
            last = reply.events[-1]
            if dialect in ("chat", "completions"):
                assert last == "[DONE]"
                assert any(event["choices"] and event["choices"][0]["finish_reason"] == "length"
                           for event in reply.events[:-1])
            elif dialect == "responses":
                assert last["type"] == "response.incomplete"
                assert last["response"]["incomplete_details"]["reason"] == "max_output_tokens"
                assert last["response"]["usage"]["output_tokens"] == closed.usage.output
            else:
                assert last["type"] == "message_stop"
                assert reply.events[-2]["delta"]["stop_reason"] == "max_tokens"

    run(main)


@pytest.mark.parametrize("money", [10**13, INPUT_HELD + 60 * OUTPUT])
def test_cap_is_ignored(tmp_path: Path, money: int) -> None:
    """An upstream that goes on beyond its cap is stopped a slice later, whatever the account could still pay."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=money, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 5000, step=10, gap_s=0.0005)
            reply = await place.ask({**STREAM, "max_tokens": 50})
            assert reply.status == 200 and reply.whole and b"stream_limit" in reply.body
            (closed,) = await place.closed()
            assert closed.outcome == "cut" and closed.reason == "stream_limit"
            assert 50 + SLICE_TOKENS < closed.usage.output <= 50 + 2 * SLICE_TOKENS
            assert (closed.overrun_minor == 0) == (money == 10**13)
            assert closed.charged_minor <= money

    run(main)


@pytest.mark.parametrize("progress", ["exact", "visible"])
def test_short_before_cap(tmp_path: Path, progress: str) -> None:
    """Who is short of credit is cut for it, also when one read leaps from what is held past the cap."""
    body = {**STREAM, "max_tokens": 650}

    async def main() -> None:
        settings = {**EXACT, "progress": progress}
        async with shop(tmp_path / "s", money=input_held(body) + 600 * OUTPUT, **settings) as place:
            place.upstream.script = (counted_stream("chat", 9000, step=400, gap_s=0.002) if progress == "exact"
                                     else wordy_stream(1600 * "x" + " ", 900))
            reply = await place.ask(body)
            assert reply.whole and b"credit_exhausted" in reply.body and b"stream_limit" not in reply.body
            (closed,) = await place.closed()
            assert (closed.outcome, closed.reason) == ("cut", "credit_exhausted")

    run(main)


def test_size_is_no_proof(tmp_path: Path) -> None:
    """Where only sizes tell, an answer of long words is not taken for one beyond its cap."""

    async def main() -> None:
        async with shop(tmp_path / "s", engine="openai") as place:
            place.upstream.script = wordy_stream(11 * "x" + " ", 600)
            reply = await place.ask({**STREAM, "max_tokens": 600})
            assert reply.whole and b"stream_limit" not in reply.body
            (closed,) = await place.closed()
            assert closed.outcome == "ok" and closed.overrun_minor == 0
            place.upstream.script = wordy_stream(100 * "x" + " ", 3000)
            reply = await place.ask({**STREAM, "max_tokens": 50})
            assert reply.whole and b"stream_limit" in reply.body

    run(main)


def wordy_stream(word: str, count: int) -> Script:
    """So many words of a token each, none of which is counted before the end."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.event(chat_chunk(""))
        for number in range(count):
            if exchange.gone.is_set():
                return
            await exchange.event(chat_chunk(word))
            await asyncio.sleep(0 if number % 50 else 0.001)
        await exchange.event(chat_chunk(finish="stop"))
        await exchange.event({**chat_chunk(), "choices": [], "usage": _usage(count)})
        await exchange.event("[DONE]")
        await exchange.end()

    return play


def test_refused_without_money(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s", money=0) as place:
            reply = await place.ask(HELLO)
            assert reply.status == 429 and reply.json["error"]["code"] == "insufficient_quota"
            reply = await place.ask(ASKED["messages"][1], "/v1/messages")
            assert reply.status == 402 and reply.json["error"]["type"] == "billing_error"
            assert place.upstream.seen == [] and place.records(Opened) == []
            assert place.shared.tally.meters.counters['tokenworks_refusals_total{refusal="credit_exhausted"}'] == 2

    run(main)


def test_topup_reaches_stream(tmp_path: Path) -> None:
    """A stream at the end of its credit waits for a top-up, and goes on when it comes."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 1500, step=5, gap_s=0.0005)
            asking = asyncio.create_task(place.ask(STREAM))
            await until(lambda: any(flow.stage == "dry" and flow.denied for flow in place.shared.running))
            place.books.fund(10 * UNIT)
            place.books.offer(need_minor=UNIT)
            reply = await asking
            assert reply.whole and reply.events[-1] == "[DONE]"
            (closed,) = await place.closed()
            assert closed.outcome == "ok" and closed.usage.output == 1500
            assert len({part.lot for part in closed.parts}) == 2, "it spilled into the new lot"

    run(main)


def test_topups_in_small_pieces(tmp_path: Path) -> None:
    """A top-up that is too small for the next slice is no reason to miss the one after it: the stream asks again."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 3000, step=5, gap_s=0.0005)
            asking = asyncio.create_task(place.ask(STREAM))
            for count in range(1, 4):
                await until(lambda: any(flow.stage == "dry" and flow.denied for flow in place.shared.running))
                asks = len(place.books.asks)
                place.books.fund(100 * OUTPUT)
                place.books.offer(need_minor=100 * OUTPUT)
                await until(lambda asks=asks: len(place.books.asks) > asks)
                await until(lambda count=count: place.shared.running and next(iter(
                    place.shared.running)).held_tokens >= 600 + 100 * count)
            place.books.fund(10 * UNIT)
            place.books.offer(need_minor=UNIT)
            reply = await asking
            assert reply.whole and b"credit_exhausted" not in reply.body
            (closed,) = await place.closed()
            assert closed.outcome == "ok" and closed.usage.output == 3000

    run(main)


def test_neighbour_release_reaches_stream(tmp_path: Path) -> None:
    """What a neighbour gives back keeps a waiting stream going, without asking anybody."""

    async def main() -> None:
        money = 2 * input_held({**STREAM, "max_tokens": 512}) + 1030 * OUTPUT
        async with shop(tmp_path / "s", money=money, **EXACT) as place:
            first = asyncio.Event()

            async def held_back(exchange: Exchange) -> None:
                await first.wait()
                await counted_stream("chat", 5)(exchange)

            place.upstream.scripts = [held_back, counted_stream("chat", 900, step=5, gap_s=0.0005)]
            small = asyncio.create_task(place.ask({**STREAM, "max_tokens": 512}))
            await until(lambda: len(place.upstream.seen) == 1)
            large = asyncio.create_task(place.ask({**STREAM, "max_tokens": 900}))
            await until(lambda: any(flow.stage == "dry" for flow in place.shared.running))
            first.set()
            assert (await small).whole and (await large).whole
            closed = {record.usage.output: record.outcome for record in await place.closed(2)}
            assert closed == {5: "ok", 900: "ok"}

    run(main)


def test_books_silent(tmp_path: Path) -> None:
    """No answer is not a no: a new request is told to come again, a running stream is cut after its wait."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 3000, step=5, gap_s=0.0005)
            asking = asyncio.create_task(place.ask(STREAM))
            await until(lambda: place.upstream.seen)
            place.books.mood = "silent"
            refused = await place.ask(HELLO)
            assert refused.status == 503 and refused.headers["retry-after"] == "2"
            reply = await asking
            assert reply.whole and b"credit_exhausted" in reply.body

    run(main)


def test_goes_on_alone(tmp_path: Path) -> None:
    """Without control a worker sells what it has leased, refuses what it has not, and comes back by itself."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 5, 5))
            assert (await place.ask(HELLO)).status == 200
            place.books.stop()
            await until(lambda: not place.shared.connected)
            assert place.purse().free_minor > 0
            assert (await place.ask(HELLO)).status == 200
            place.books.open_account("poor", "tw_live_poor")
            await place.books.start()
            await until(lambda: place.shared.connected)
            assert (await place.ask(HELLO)).status == 200
            hello = [message for message in place.books.heard if type(message).__name__ == "Hello"][-1]
            assert hello.version == 1 and sum(hello.granted.values()) > 0
        assert len(place.records(Closed)) == 3

    run(main)


def test_many_ask_once(tmp_path: Path) -> None:
    """Requests that arrive together are funded by a few asks, and none is refused while the money lasts."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.books.delay_s = 0.02
            place.upstream.script = answer_whole(chat_whole("hi", 5, 5), delay_s=0.05)
            replies = await asyncio.gather(*(place.ask({**HELLO, "max_tokens": 100}) for _ in range(60)))
            assert {reply.status for reply in replies} == {200}
            assert len(place.books.asks) < 12

    run(main)


def test_all_that_fit(tmp_path: Path) -> None:
    """When the money is for some of them, these are served and only the others are refused."""

    async def main() -> None:
        each = input_held({**HELLO, "max_tokens": 100}) + 100 * OUTPUT
        async with shop(tmp_path / "s", money=each * 11 - 50 * OUTPUT, progress="blind") as place:
            place.books.delay_s = 0.01
            gate = asyncio.Event()

            async def later(exchange: Exchange) -> None:
                await gate.wait()
                await exchange.whole(chat_whole("hi", 5, 100))

            place.upstream.script = later
            asking = [asyncio.create_task(place.ask({**HELLO, "max_tokens": 100})) for _ in range(30)]
            await until(lambda: len(place.upstream.seen) == 11 and sum(task.done() for task in asking) == 19)
            gate.set()
            statuses = sorted(reply.status for reply in await asyncio.gather(*asking))
            assert statuses == [200] * 11 + [429] * 19
            bodies = [seen.json for seen in place.upstream.seen]
            capped = sorted(body.get("max_tokens") or body["max_completion_tokens"] for body in bodies)
            assert capped[1:] == [100] * 10 and 0 < capped[0] < 100
            for lot in place.books.store.ledger.lots().data:
                assert lot.available_minor >= 0

    run(main)


def test_short_money_is_counted(tmp_path: Path) -> None:
    """Bounds are dear: when they do not all fit, inputs are counted before anybody is refused, and nearly all fit."""

    class Exact:
        def can_count(self, model: object) -> bool:
            return True

        def count(self, model: object, dialect: str, body: bytes, text: str, done: Any) -> None:
            asyncio.get_running_loop().call_later(0.01, done, (7, None))

    async def main() -> None:
        exact = 7 * INPUT + 100 * OUTPUT
        assert input_held({**STREAM, "max_tokens": 100}) > 20 * 7 * INPUT
        async with shop(tmp_path / "s", money=30 * exact, counter=Exact(), model={"tokenizer": "words"}) as place:
            place.books.delay_s = 0.1
            gate = asyncio.Event()

            async def later(exchange: Exchange) -> None:
                await gate.wait()
                await chat_stream(5)(exchange)

            place.upstream.script = later
            asking = [asyncio.create_task(place.ask({**STREAM, "max_tokens": 100})) for _ in range(60)]
            await until(lambda: len(place.upstream.seen) + sum(task.done() for task in asking) == 60)
            served = len(place.upstream.seen)
            gate.set()
            assert sorted({reply.status for reply in await asyncio.gather(*asking)}) == [200, 429]
            assert 25 <= served <= 30
            assert len(place.books.asks) < 20

    run(main)


def test_blind_cap_marked(tmp_path: Path) -> None:
    """Where only a whole hold will do, the cap is lowered to what can be funded, and the answer says so."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 50 * OUTPUT, progress="blind") as place:
            place.upstream.script = answer_whole(chat_whole("cut sho", 5, 50, finish="length"))
            reply = await place.ask(HELLO)
            assert reply.status == 200 and reply.json["tokenworks"]["reason"] == "output_capped"
            sent = place.upstream.seen[0].json
            assert 50 <= (sent.get("max_tokens") or sent["max_completion_tokens"]) < 80
            (closed,) = await place.closed()
            assert closed.notes == ("output_capped",) and closed.overrun_minor == 0

    run(main)


def test_short_whole_is_sliced(tmp_path: Path) -> None:
    """A whole body that cannot be held for at once is asked as a stream and put together."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 700 * OUTPUT, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 20)
            reply = await place.ask(HELLO)
            assert place.upstream.seen[0].json["stream"] is True
            assert reply.status == 200 and reply.headers["content-type"] == "application/json"
            assert reply.json["object"] == "chat.completion"
            assert reply.json["choices"][0]["message"]["content"] == "".join(f"w{n} " for n in range(1, 21))
            assert reply.json["usage"]["completion_tokens"] == 20
            (closed,) = await place.closed()
            assert closed.charged_minor == 5 * INPUT + 20 * OUTPUT

    run(main)


def test_short_whole_is_cut(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = counted_stream("chat", 3000, step=5, gap_s=0.0005)
            reply = await place.ask(HELLO)
            assert reply.status == 200 and reply.json["choices"][0]["finish_reason"] == "length"
            assert reply.json["tokenworks"]["reason"] == "credit_exhausted"
            (closed,) = await place.closed()
            assert reply.json["usage"]["completion_tokens"] == closed.usage.output
            assert closed.outcome == "cut"

    run(main)


def test_recall_answered(tmp_path: Path) -> None:
    """What is not held goes back through the journal, and the books are told where it stands there."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 5, 5))
            await place.ask(HELLO)
            free = place.purse().free_minor
            assert free > 0
            place.books.recall("lot1", free // 2)
            place.books.recall("lot-unknown", 1)
            await until(lambda: sum(isinstance(message, Written) for message in place.books.heard) == 2)
            assert [message.recalls for message in place.books.heard if isinstance(message, Written)] == [1, 2]
            (released,) = place.records(Released)
            assert released.amount_minor == free // 2 and place.purse().free_minor == free - free // 2
            assert place.books.post() == []

    run(main)


def test_epoch_change(tmp_path: Path) -> None:
    """After a restore old credit cuts no hold; a running request still settles what it holds."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            gate = asyncio.Event()

            async def later(exchange: Exchange) -> None:
                await gate.wait()
                await exchange.whole(chat_whole("hi", 5, 5))

            place.upstream.script = later
            running = asyncio.create_task(place.ask(HELLO))
            await until(lambda: place.upstream.seen)
            assert place.purse().free_minor > 0
            place.books.mood = "silent"
            place.books.tell(msgspec.structs.replace(place.books.snapshot(), books_epoch=place.books.epoch + 1))
            await until(lambda: place.purse().epoch == place.books.epoch + 1)
            assert place.purse().free_minor == 0
            assert (await place.ask(HELLO)).status == 503
            gate.set()
            assert (await running).status == 200

    run(main)


def test_lapsed_lease(tmp_path: Path) -> None:
    """The end of a lease's validity stops new holds and gives nothing back by itself."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 5, 5))
            await place.ask(HELLO)
            before = place.purse().free_minor
            for lease in place.purse().leases():
                lease.valid_until_ns = 0
            place.books.mood = "silent"
            assert (await place.ask(HELLO)).status == 503
            released = sum(record.amount_minor for record in place.records(Released))
            assert place.purse().free_minor + released == before, "it goes back through the journal or not at all"
            place.books.mood = "lend"
            assert (await place.ask(HELLO)).status == 200

    run(main)


def test_missing_usage_amended(tmp_path: Path) -> None:
    """Without figures the closing record goes out at once as an estimate; the count follows within the same hold."""

    class Words:
        def can_count(self, model: object) -> bool:
            return True

        def count(self, model: object, dialect: str, body: bytes, text: str, done: Any) -> None:
            asyncio.get_running_loop().call_later(0.05, done, (7, len(text.split())))

    async def main() -> None:
        async with shop(tmp_path / "s", counter=Words(), model={"tokenizer": "words"}) as place:
            place.upstream.script = chat_stream(40, usage=False)
            reply = await place.ask(STREAM)
            assert reply.whole
            (closed,) = await place.closed()
            assert closed.basis == "estimated" and place.purse().held_minor > 0
            await until(lambda: place.purse().held_minor == 0)
            (amended,) = [record for record in place.books.records() if type(record).__name__ == "Amended"]
            assert amended.basis == "counted" and (amended.usage.input, amended.usage.output) == (7, 40)
            assert amended.charged_minor == 7 * INPUT + 40 * OUTPUT

    run(main)


def test_missing_usage_for_good(tmp_path: Path) -> None:
    """Where there is no tokenizer the estimate is the bill: nothing of it stays open in the books."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(40, usage=False)
            assert (await place.ask(STREAM)).whole
            (closed,) = await place.closed()
            assert closed.basis == "estimated" and closed.final and place.purse().held_minor == 0
            place.books.post()
            (row,) = place.books.store.requests.page(RequestQuery()).data
            assert (row.state, row.basis) == ("posted", "estimated") and row.charged_minor == closed.charged_minor > 0
            assert place.books.store.ledger.audit().open_requests == 0

    run(main)


def test_dear_bound_counted(tmp_path: Path) -> None:
    """A bound that cannot be funded is counted before the request is refused."""

    class Short:
        def can_count(self, model: object) -> bool:
            return True

        def count(self, model: object, dialect: str, body: bytes, text: str, done: Any) -> None:
            asyncio.get_running_loop().call_later(0.01, done, (50, None))

    body = {**STREAM, "messages": [{"role": "user", "content": "word " * 400}], "max_tokens": 10}

    async def main() -> None:
        async with shop(tmp_path / "s", money=200 * INPUT, counter=Short(), model={"tokenizer": "t"}) as place:
            place.upstream.script = chat_stream(5, prompt=50)
            reply = await place.ask(body)
            assert reply.status == 200 and reply.whole
            assert place.records(Opened)[0].held_minor == 50 * INPUT + 10 * OUTPUT

    run(main)


def test_large_read_stops_close(tmp_path: Path) -> None:
    """An upstream that writes everything at once cannot run far beyond the hold: a large read is metered in parts."""

    async def burst(exchange: Exchange) -> None:
        await exchange.start()
        parts = [sse(chat_chunk(f"w{n} ", timings={"cache_n": 0, "prompt_n": 5, "predicted_n": n}))
                 for n in range(1, 3001)]
        await exchange.send(b"".join(parts))
        await exchange.hangup()

    async def main() -> None:
        async with shop(tmp_path / "s", money=INPUT_HELD + 600 * OUTPUT, **EXACT) as place:
            place.upstream.script = burst
            reply = await place.ask(STREAM)
            assert reply.whole and reply.events[-1] == "[DONE]"
            (closed,) = await place.closed()
            assert closed.outcome == "cut" and 600 <= closed.usage.output < 800
            assert closed.overrun_minor < 200 * OUTPUT and closed.cut_loss.output > 500

    run(main)


def test_extras_are_held_for(tmp_path: Path) -> None:
    """What a server-side tool may cost by its uses is held for beforehand, and charged by the upstream's count."""
    card = RateCard("retail", 2, "CNY", 1, {"*": Price(input="1", output="1", extras={"searches": "0.01"})})
    body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}],
                            "tools": [{"type": "web_search_20260318", "name": "web_search", "max_uses": 7}]}
    usage = {"input_tokens": 10, "output_tokens": 2, "server_tool_use": {"web_search_requests": 3}}
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn",
              "content": [{"type": "text", "text": "hi"}], "usage": usage}

    async def main() -> None:
        async with shop(tmp_path / "s", engine="anthropic") as place:
            place.books.store.cards.add(card)
            place.books.change(cards=(card,))
            await until(lambda: place.shared.book.version == 2)
            place.upstream.script = answer_whole(answer)
            assert (await place.ask(body, "/v1/messages")).status == 200
            (closed,) = place.records(Closed)
            assert closed.hold[0].held_minor == 7 * 10**7 + (100_000 + 9) * 1000  # the context: results come in between
            assert (closed.charged_minor, closed.overrun_minor) == (3 * 10**7 + 12 * 1000, 0)

    run(main)
