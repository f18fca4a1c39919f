"""Deployments of another dialect: who is asked, what goes there, and what the client hears, whatever happens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.books import INPUT, OUTPUT
from tests.gateway.shop import Reply, Shop, deployment, run, shop, until
from tests.gateway.test_attempts import BREAKS
from tests.gateway.test_credit import ASKED, EXACT, counted_stream, input_held
from tests.gateway.test_lane import chunk
from tests.gateway.test_lane import events as chat_events
from tests.gateway.upstream import Exchange, Script, answer_whole, chat_stream, chat_whole
from tests.wire import sdk

from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.gateway import hangup
from tokenworks.wire.dialects import UPSTREAM_PATH, Dialect
from tokenworks.wire.prompt.translate import REACHES

PAIRS: list[tuple[Dialect, Dialect]] = [(client, spoken) for client, reached in REACHES.items() for spoken in reached]
WHOLE: dict[str, dict[str, Any]] = {
    "chat": chat_whole("hello there", 10, 5, cached=4),
    "responses": {
        "id": "resp_up", "object": "response", "created_at": 1, "status": "completed", "model": "up-model",
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "output": [
            {"type": "message", "id": "msg_up", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "hello there", "annotations": []}]}],
        "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15}},
    "messages": {
        "id": "msg_up", "type": "message", "role": "assistant", "model": "up-model", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": "hello there"}],
        "usage": {"input_tokens": 6, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0,
                  "output_tokens": 5}},
}
TEXT = "".join(f"w{number} " for number in range(1, 21))


def text_of(client: Dialect, reply: Reply) -> str:
    """What a streamed answer said."""
    events = [event for event in reply.events if isinstance(event, dict)]
    if client == "messages":
        return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    if client == "responses":
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    word = (lambda one: one["delta"].get("content")) if client == "chat" else (lambda one: one["text"])
    return "".join(word(one) or "" for event in events for one in event.get("choices", ()))


def figures_of(client: Dialect, usage: dict[str, Any]) -> tuple[int, int, int]:
    """Prompt, cached and output tokens as a client's usage object says them."""
    if client == "messages":
        read = usage.get("cache_read_input_tokens") or 0
        return usage["input_tokens"] + read, read, usage["output_tokens"]
    if client == "responses":
        return usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]
    return usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"], usage["completion_tokens"]


def whole_body(client: Dialect) -> dict[str, Any]:
    return {key: value for key, value in ASKED[client][1].items() if key != "stream"}


async def add(place: Shop, name: str, **row: Any) -> None:
    place.books.sell(deployment(place.upstream.url, name, **row))
    place.books.change(endpoints=tuple(place.books.endpoints.values()))
    await asyncio.sleep(0.05)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_streams(tmp_path: Path, client: Dialect, spoken: Dialect) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=(spoken,), **EXACT, share_prefix_cache=True) as place:
            place.upstream.script = counted_stream(spoken, 20)
            path, body = ASKED[client]
            reply = await place.ask(body, path)
            assert reply.status == 200 and reply.whole and reply.headers["content-type"] == "text/event-stream"
            sdk.check(client, reply.body)
            assert text_of(client, reply) == TEXT
            assert b'"x"' not in reply.body and b"timings" not in reply.body and b"up-model" not in reply.body
            (seen,) = place.upstream.seen
            assert seen.target == UPSTREAM_PATH[spoken].decode() and seen.json["model"] == "up-model"
            assert seen.json["stream"] is True
            (closed,) = await place.closed()
            assert (closed.outcome, closed.basis, closed.usage.prompt, closed.usage.output) == ("ok", "reported", 5, 20)
            assert closed.charged_minor == 5 * INPUT + 20 * OUTPUT
            assert [attempt.spoken for attempt in closed.attempts] == [spoken]
            (opened,) = place.records(Opened)
            assert opened.dialect == client and opened.why["spoken"] == spoken

    run(main)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_whole(tmp_path: Path, client: Dialect, spoken: Dialect) -> None:
    """One answer, the same tokens in whatever words; nothing of the upstream's names or ids."""

    async def main() -> None:
        async with shop(tmp_path, dialects=(spoken,), engine="anthropic" if spoken == "messages" else "openai",
                        money=10**18) as place:
            place.upstream.script = answer_whole(WHOLE[spoken])
            reply = await place.ask(whole_body(client), ASKED[client][0])
            assert reply.status == 200 and reply.headers["content-type"] == "application/json"
            sdk.check_body(client, reply.body)
            assert "hello there" in str(reply.json) and reply.json["model"] == "m"
            assert b"_up" not in reply.body and b"up-model" not in reply.body and b"chatcmpl-1" not in reply.body
            assert figures_of(client, reply.json["usage"]) == (10, 4, 5)
            (closed,) = await place.closed()
            assert (closed.usage.input, closed.usage.cache_read, closed.usage.output) == (6, 4, 5)
            assert json.loads(closed.raw) == WHOLE[spoken]["usage"] and closed.objects == ()
            assert "stream" not in place.upstream.seen[0].json

    run(main)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_whole_put_together(tmp_path: Path, client: Dialect, spoken: Dialect) -> None:
    """A purse that is not ample: asked as a stream, told whole."""
    body = whole_body(client)

    async def main() -> None:
        async with shop(tmp_path, money=input_held(body) + 900 * OUTPUT, dialects=(spoken,), **EXACT,
                        share_prefix_cache=True) as place:
            place.upstream.script = counted_stream(spoken, 20)
            reply = await place.ask(body, ASKED[client][0])
            assert reply.status == 200 and place.upstream.seen[0].json["stream"] is True
            sdk.check_body(client, reply.body)
            assert TEXT in str(reply.json) and figures_of(client, reply.json["usage"]) == (5, 0, 20)
            (closed,) = await place.closed()
            assert closed.charged_minor == 5 * INPUT + 20 * OUTPUT

    run(main)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_cut_at_end(tmp_path: Path, client: Dialect, spoken: Dialect) -> None:
    """The end of credit is a clean end in the client's words, with the usage that is billed."""
    path, body = ASKED[client]

    async def main() -> None:
        async with shop(tmp_path, money=input_held(body) + 600 * OUTPUT, dialects=(spoken,), **EXACT,
                        share_prefix_cache=True) as place:
            place.upstream.script = counted_stream(spoken, 3000, step=5, gap_s=0.0005)
            reply = await place.ask(body, path)
            assert reply.status == 200 and reply.whole and b"credit_exhausted" in reply.body
            sdk.check(client, reply.body)
            (closed,) = await place.closed()
            assert closed.outcome == "cut" and 500 <= closed.usage.output <= 700
            if client == "responses":
                assert reply.events[-1]["type"] == "response.incomplete"
                assert reply.events[-1]["response"]["usage"]["output_tokens"] == closed.usage.output
            elif client == "messages":
                assert reply.events[-1]["type"] == "message_stop"
                assert reply.events[-2]["usage"]["output_tokens"] == closed.usage.output
            else:
                assert reply.events[-1] == "[DONE]"

    run(main)


@pytest.mark.parametrize("client", ["messages", "responses", "completions"])
@pytest.mark.parametrize("name", list(BREAKS))
def test_broken_in_stream(tmp_path: Path, name: str, client: Dialect) -> None:
    """The upstream fails in mid-answer: the client's own kind of error event, nothing behind it, and nobody else."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "dep2", dialects=("chat",))
            place.upstream.script = BREAKS[name]
            reply = await place.ask(ASKED[client][1], ASKED[client][0])
            assert reply.status == 200 and text_of(client, reply) == "".join(f"w{number} " for number in range(8))
            last = reply.events[-1]
            if client == "messages":
                assert (last["type"], last["error"]["type"]) == ("error", "api_error")
            elif client == "responses":
                assert last["type"] == "response.failed" and last["response"]["error"]["code"]
            else:
                assert last["error"]["code"] == "upstream_failed"
            assert b"org-123" not in reply.body and len(place.upstream.seen) == 1
            (closed,) = await place.closed()
            assert closed.outcome == "upstream_failed" and closed.usage.output > 0

    run(main)


@pytest.mark.parametrize("policy", ["cancel", "drain"])
def test_client_leaves(tmp_path: Path, policy: str) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), hangup=policy) as place:
            place.upstream.script = chat_stream(60, gap_s=0.005)
            client = await place.client()
            await client.send(ASKED["messages"][1], "/v1/messages")
            await client.head()
            for _ in range(5):
                await client.chunk()
            client.close()
            (closed,) = await place.closed()
            assert closed.outcome == "client_gone"
            assert (closed.usage.output == 60) is (policy == "drain") and closed.usage.output > 2

    run(main)


def test_client_leaves_when_dry(tmp_path: Path) -> None:
    """A stream that waits for credit and is told in other words ends with its hold."""

    async def main() -> None:
        path, body = ASKED["messages"]
        async with shop(tmp_path, money=input_held(body) + 600 * OUTPUT, dialects=("chat",), hangup="drain",
                        **EXACT) as place:
            place.upstream.script = counted_stream("chat", 3000, step=5, gap_s=0.0005)
            client = await place.client()
            await client.send(body, path)
            await until(lambda: any(flow.stage == "dry" and flow.denied for flow in place.shared.running))
            client.close()
            (closed,) = await place.closed()
            assert closed.outcome == "client_gone" and closed.charged_minor > 0

    run(main)


def test_one_chunk_at_a_time(tmp_path: Path) -> None:
    """The short way of a running stream tells what the long one tells."""
    texts = {}

    def play(pause_s: float, size: int) -> Script:
        async def script(exchange: Exchange) -> None:
            await exchange.start()
            parts = chat_events()
            for at in range(0, len(parts), size):
                await exchange.raw(chunk(b"".join(parts[at : at + size])))
                await asyncio.sleep(pause_s)
            await exchange.end()
        return script

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), **EXACT) as place:
            for client in ("messages", "responses", "completions"):
                for size, pause_s in ((1, 0.002), (1000, 0.0)):
                    place.upstream.script = play(pause_s, size)
                    reply = await place.ask(ASKED[client][1], ASKED[client][0])
                    sdk.check(client, reply.body)
                    events = [{**event, "usage": None} if client == "completions" and event != "[DONE]" else event
                              for event in reply.events]
                    texts[client, size] = [str(event)[-60:] for event in events], text_of(client, reply)
            for client in ("messages", "responses", "completions"):
                assert texts[client, 1][1] == texts[client, 1000][1]
                assert len(texts[client, 1][0]) == len(texts[client, 1000][0])
            assert len({(one.usage.output, one.charged_minor) for one in await place.closed(6)}) == 1

    run(main)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("client", ["messages", "responses", "completions"])
def test_shown_is_billed(tmp_path: Path, client: Dialect, streamed: bool) -> None:
    """An upstream that says no usage: what is estimated for the bill is what the client is shown."""
    body = {**ASKED[client][1], "stream": streamed}
    if client == "completions" and streamed:
        body["stream_options"] = {"include_usage": True}
    silent = {key: value for key, value in WHOLE["chat"].items() if key != "usage"}

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), money=10**18) as place:
            place.upstream.script = chat_stream(30, usage=False) if streamed else answer_whole(silent)
            reply = await place.ask(body, ASKED[client][0])
            assert reply.status == 200
            (closed,) = await place.closed()
            assert closed.basis == "estimated" and closed.usage.output > 0
            events = [event for event in reply.events if isinstance(event, dict)]
            holder = reply.json if not streamed else events[-1]["response"] if client == "responses" else \
                next(event for event in reversed(events) if event.get("usage"))
            assert figures_of(client, holder["usage"]) == (closed.usage.prompt, 0, closed.usage.completion)

    run(main)


@pytest.mark.parametrize("client", ["messages", "responses", "completions"])
def test_blind_cap_marked(tmp_path: Path, client: Dialect) -> None:
    """What can only be asked whole gets the cap that can be paid, and the client is told so in his words."""
    body = whole_body(client)
    finish = {**WHOLE["chat"], "choices": [{**WHOLE["chat"]["choices"][0], "finish_reason": "length"}]}

    async def main() -> None:
        async with shop(tmp_path, money=input_held(body) + 40 * OUTPUT, dialects=("chat",), progress="blind") as place:
            place.upstream.script = answer_whole(finish)
            reply = await place.ask(body, ASKED[client][0])
            assert reply.status == 200, reply.body
            sent = place.upstream.seen[0].json
            assert 0 < sent["max_completion_tokens"] < 60, "by what goes upstream, which is a little longer"
            assert reply.json["tokenworks"]["reason"] == "output_capped"
            (closed,) = await place.closed()
            assert closed.notes == ("output_capped",)

    run(main)


# --- who is asked ---


def test_own_dialect_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "native", dialects=("messages",), engine="anthropic")
            place.upstream.script = answer_whole(WHOLE["messages"])
            for _ in range(3):
                reply = await place.ask(whole_body("messages"), "/v1/messages")
                assert reply.status == 200 and reply.json["id"] == "msg_up"
            assert {seen.target for seen in place.upstream.seen} == {"/v1/messages"}
            assert [one.attempts[0].spoken for one in await place.closed(3)] == ["", "", ""]
            (seat,) = place.shared.book._seats.values()
            assert set(seat.lanes) == {("messages", "m")}, "what was decided holds, whoever else there is"
            await place.ask(whole_body("responses"), "/v1/responses")
            assert set(seat.lanes) == {("messages", "m")}, "what has to be translated is decided each time"

    run(main)


@pytest.mark.parametrize("streamed", [False, True])
def test_others_when_it_fails(tmp_path: Path, streamed: bool) -> None:
    """The next try may be in another dialect; the record says in which each was."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "native", dialects=("messages",), engine="anthropic")
            second = chat_stream(5) if streamed else answer_whole(WHOLE["chat"])
            place.upstream.scripts = [answer_whole({}, 500), second]
            body = ASKED["messages"][1] if streamed else whole_body("messages")
            reply = await place.ask({**body, "metadata": {"user_id": "someone"}}, "/v1/messages")
            assert reply.status == 200
            (sdk.check if streamed else sdk.check_body)("messages", reply.body)
            assert [seen.target for seen in place.upstream.seen] == ["/v1/messages", "/v1/chat/completions"]
            (closed,) = await place.closed()
            tried = [(one.deployment, one.outcome, one.spoken) for one in closed.attempts]
            assert tried == [("native", "failed", ""), ("dep", "served", "chat")]

    run(main)


def test_others_when_it_is_down(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "native", dialects=("messages",), engine="anthropic")
            outlet = place.shared.book.outlets.by_id["native"]
            outlet.health, outlet.failures, outlet.rest_until_ns = "down", 3, 2**62
            place.shared.book.outlets.unwell.add("native")
            place.upstream.script = answer_whole(WHOLE["chat"])
            assert (await place.ask(whole_body("messages"), "/v1/messages")).status == 200
            assert [seen.target for seen in place.upstream.seen] == ["/v1/chat/completions"]

    run(main)


def test_known_form_tried_elsewhere(tmp_path: Path) -> None:
    """A body that was not taken apart is, when it has to be told in other words."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "other", dialects=("messages",), engine="anthropic")
            place.upstream.script = answer_whole(WHOLE["chat"])
            for _ in range(3):
                assert (await place.ask(whole_body("chat"))).status == 200
            place.upstream.scripts = [answer_whole({}, 500), answer_whole(WHOLE["messages"])]
            reply = await place.ask(whole_body("chat"))
            assert reply.status == 200 and reply.json["choices"][0]["message"]["content"] == "hello there"
            last = place.upstream.seen[-1]
            assert last.target == "/v1/messages" and last.json["messages"][0]["role"] == "user"
            assert last.json["max_tokens"] == 4096

    run(main)


def test_both_fail(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            await add(place, "native", dialects=("messages",), engine="anthropic")
            place.upstream.script = answer_whole({"error": {"message": "org-1"}}, 500)
            reply = await place.ask(whole_body("messages"), "/v1/messages")
            assert reply.status == 502 and reply.json["type"] == "error" and b"org-1" not in reply.body
            assert len(place.upstream.seen) == 2
            (closed,) = await place.closed()
            assert closed.charged_minor == 0

    run(main)


# --- what goes there ---


def test_heads(tmp_path: Path) -> None:
    """A head is the target's own: nothing that the client said for his dialect goes along."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("messages",), engine="anthropic") as place:
            place.upstream.script = answer_whole(WHOLE["messages"])
            await place.ask(whole_body("chat"), anthropic_version="2026-10-21", anthropic_beta="x-1")
            headers = place.upstream.seen[0].headers
            assert headers["anthropic-version"] == "2023-06-01" and "anthropic-beta" not in headers
            assert headers["x-api-key"] == "upstream-secret"
        async with shop(tmp_path / "2", dialects=("chat",)) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            await place.ask(whole_body("messages"), "/v1/messages?beta=true", anthropic_version="2026-10-21",
                            anthropic_beta="x-1")
            assert not [name for name in place.upstream.seen[0].headers if name.startswith("anthropic")]
            assert place.upstream.seen[0].target == "/v1/chat/completions"

    run(main)


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
@pytest.mark.parametrize("spoken", ["messages", "chat"])
def test_versions(tmp_path: Path, spoken: Dialect, version: str) -> None:
    """Both versions of the interface are served alike; what a vendor refuses in the newer one is his to refuse."""

    async def main() -> None:
        async with shop(tmp_path, dialects=(spoken,), engine="sglang", own=True, share_prefix_cache=True) as place:
            place.upstream.script = answer_whole(WHOLE[spoken])
            reply = await place.ask({**whole_body("messages"), "temperature": 0.5, "top_p": 0.9}, "/v1/messages",
                                    anthropic_version=version, anthropic_beta="some-beta-2031-01-01")
            assert reply.status == 200, reply.body
            sent = place.upstream.seen[0]
            assert (sent.json["temperature"], sent.json["top_p"]) == (0.5, 0.9)
            assert "anthropic-beta" not in sent.headers
            assert sent.headers.get("anthropic-version") == (version if spoken == "messages" else None)

    run(main)


@pytest.mark.parametrize("client", ["messages", "responses", "completions"])
def test_silence_is_pinged(tmp_path: Path, client: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that says nothing is kept alive in the client's own way, before its first event and between two."""
    monkeypatch.setattr(hangup, "PING_GAP_S", 0)

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            async def slow(exchange: Exchange) -> None:
                await exchange.start()
                await asyncio.sleep(0.1)
                for flow in tuple(place.shared.running):
                    flow.beat(place.shared.tick + 1)
                await chat_rest(exchange)

            async def chat_rest(exchange: Exchange) -> None:
                for part in chat_events(3):
                    await exchange.send(part)
                    for flow in tuple(place.shared.running):
                        flow.beat(place.shared.tick + 1)
                await exchange.end()

            place.upstream.script = slow
            reply = await place.ask(ASKED[client][1], ASKED[client][0])
            assert reply.whole and (b"event: ping" if client == "messages" else b": ping") in reply.body
            sdk.check(client, reply.body)

    run(main)


def test_trace_goes_on(tmp_path: Path) -> None:
    """The client's trace is on record, when it is one."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            await place.ask(whole_body("messages"), "/v1/messages", traceparent=trace)
            await place.ask(whole_body("messages"), "/v1/messages", traceparent="00-odd")
            await place.ask(whole_body("chat"), traceparent=trace)
            assert [opened.why.get("traceparent") for opened in place.records(Opened)] == [trace, None, trace]

    run(main)


def test_owned_fields(tmp_path: Path) -> None:
    """What is ours in every request is ours in a translated one: model, cap, salt, usage flags."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), engine="vllm", own=True) as place:
            place.upstream.script = chat_stream(3)
            await place.ask(ASKED["messages"][1], "/v1/messages")
            sent = place.upstream.seen[0].json
            assert sent["model"] == "up-model" and sent["cache_salt"] == "acc"
            assert sent["stream_options"] == {"include_usage": True}
            assert {sent.get("max_tokens"), sent.get("max_completion_tokens")} == {None, 4000}

    run(main)


def test_raised_cap(tmp_path: Path) -> None:
    """A cap that the upstream would refuse goes as it was raised, and is held for as that, in a second try too."""
    body = {**whole_body("chat"), "max_tokens": 5}

    async def main() -> None:
        async with shop(tmp_path, dialects=("responses",), engine="openai") as place:
            place.upstream.script = answer_whole(WHOLE["responses"])
            assert (await place.ask(body)).status == 200
            await add(place, "native", dialects=("chat",), engine="openai")
            place.upstream.scripts = [answer_whole({}, 500), answer_whole(WHOLE["responses"])]
            assert (await place.ask(body)).status == 200
            first, native, second = (seen.json for seen in place.upstream.seen)
            assert first["max_output_tokens"] == second["max_output_tokens"] == 16 and native["max_tokens"] == 5
            straight, again = await place.closed(2)
            assert place.records(Opened)[0].why["output_held"] == 16
            assert [step.amount_minor for step in again.hold if step.step == "extended"] == [11 * OUTPUT]
            assert "is raised to 16" in straight.notes[0] and straight.notes == again.notes

    run(main)


def test_input_bound_by_what_goes(tmp_path: Path) -> None:
    """Held for are the bytes that go upstream, not those that came."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            await place.ask({**whole_body("responses"), "metadata": {f"k{n}": "v" * 400 for n in range(16)}},
                            "/v1/responses")
            (opened,) = place.records(Opened)
            assert opened.why["input_bound"] < 600

    run(main)


# --- refusals and notes ---


@pytest.mark.parametrize(("client", "more", "param"), [
    ("responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
    ("responses", {"background": True}, "background"),
    ("responses", {"conversation": "conv_1"}, "conversation"),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "riddle"}]}]}, "messages"),
    ("chat", {"messages": [{"role": "tool", "tool_call_id": "none", "content": "x"}]}, "messages"),
])
def test_refused_by_own_name(tmp_path: Path, client: Dialect, more: dict[str, Any], param: str) -> None:
    spoken: Dialect = "messages" if client == "chat" else "chat"

    async def main() -> None:
        async with shop(tmp_path, dialects=(spoken,), engine="anthropic" if client == "chat" else "openai") as place:
            reply = await place.ask({**whole_body(client), **more}, ASKED[client][0])
            assert reply.status == 400 and reply.headers["x-should-retry"] == "false", reply.body
            assert param in str(reply.json["error"]) and not place.upstream.seen
            (refused,) = place.records(Refused)
            assert any(name.startswith("passed over") for name in refused.why)

    run(main)


def test_notes_on_record(tmp_path: Path) -> None:
    """What was dropped on the way stands on the record of the request."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",)) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            reply = await place.ask({**whole_body("messages"), "top_k": 5, "context_management": {"edits": []}},
                                    "/v1/messages")
            assert reply.status == 200, reply.body
            (closed,) = place.records(Closed)
            assert any("context_management" in note for note in closed.notes), closed.notes

    run(main)


def test_notes_are_short(tmp_path: Path) -> None:
    """Names in them are the client's, and he may be long-winded."""
    body = {**whole_body("messages"), **{f"odd{n}" + "x" * 5000: 1 for n in range(100)}}

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), money=10**18) as place:
            place.upstream.script = answer_whole(WHOLE["chat"])
            reply = await place.ask(body, "/v1/messages")
            assert reply.status == 200, reply.body
            (closed,) = await place.closed()
            assert closed.notes and sum(map(len, closed.notes)) <= 32 * 200

    run(main)


@pytest.mark.parametrize("streamed", [False, True])
def test_declared_search(tmp_path: Path, streamed: bool) -> None:
    """An agent that declares a search with every request is served, and told by what he gets; the record says it."""
    body = {"model": "m", "input": "hi", "stream": streamed,
            "tools": [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {"type": "object"}}]}

    async def main() -> None:
        async with shop(tmp_path, dialects=("responses",)) as place:
            place.upstream.script = counted_stream("responses", 5) if streamed else answer_whole(WHOLE["responses"])
            reply = await place.ask(body, "/v1/responses")
            assert reply.status == 200, reply.body
            assert [tool["type"] for tool in place.upstream.seen[0].json["tools"]] == ["function"]
            assert b"up-model" in reply.body or streamed, "it is relayed, not told anew"
            (closed,) = await place.closed()
            assert [attempt.spoken for attempt in closed.attempts] == [""]
            assert closed.objects == ("resp_1",) if streamed else ("resp_up",)
            assert "web_search dropped" in closed.notes[-1]

    run(main)


def test_upstream_says_it_is_wrong(tmp_path: Path) -> None:
    """The words of one's own server are passed on, with the dialect in which it was asked."""

    async def main() -> None:
        async with shop(tmp_path, dialects=("chat",), engine="vllm", own=True) as place:
            place.upstream.script = answer_whole({"error": {"message": "messages[0] is odd"}}, 400)
            reply = await place.ask(whole_body("responses"), "/v1/responses")
            assert reply.status == 400 and "asked as chat" in reply.json["error"]["message"]
            assert "messages[0] is odd" in reply.json["error"]["message"]

    run(main)
