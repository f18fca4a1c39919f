"""What buyers get by every path, and how an answer ends when its credit does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from tests.e2e import test_anthropic_sdk as anthropic_tests
from tests.e2e.sources import Source, selling
from tests.e2e.utility import MODEL, Utility, wait_for
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.test_credit import counted_stream
from tests.gateway.upstream import answer_whole, chat_whole

BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": SAY, "max_tokens": 4},
    "/completions": {"prompt": "hello", "max_tokens": 4},
    "/responses": {"input": "hello", "max_output_tokens": 4},
    "/messages": {"messages": SAY, "max_tokens": 4},
    "/embeddings": {"input": "hello"},
}
PREFIXES = ("/v1", "/openai/v1", "/anthropic/v1", "/v1/v1")
EXACT: dict[str, Any] = {"engine": "llamacpp", "own": True, "progress": "exact"}


@pytest.fixture(scope="module")
def counted(utility: Utility) -> Iterator[Source]:
    """An engine that reports its progress, with a million tokens of context."""
    with selling(utility, "counted", known={"context_tokens": 1_000_000}, **EXACT) as source:
        yield source


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", list(BODIES))
def test_every_path(utility: Utility, prefix: str, path: str) -> None:
    for target in (prefix + path, prefix + path + "/", prefix + path + "?beta=true"):
        reply = ask(utility, target, {"model": MODEL, **BODIES[path]})
        assert reply.status == 200, (target, reply)
        assert reply.request.startswith("req_") and reply.headers["request-id"] == reply.request
        assert reply.json["model"] == MODEL, "the name that it is sold under"
        assert "timings" not in reply.json


@pytest.mark.parametrize("prefix", PREFIXES)
def test_models(utility: Utility, prefix: str) -> None:
    with Line(utility) as line:
        assert MODEL in {row["id"] for row in line.get(prefix + "/models").json["data"]}
        assert line.get(f"{prefix}/models/{MODEL}").json["id"] == MODEL
        missing = line.get(f"{prefix}/models/{MODEL}s")
        assert missing.status == 404 and MODEL in missing.json["error"]["message"]
    with Line(utility, "tw_live_nobody") as line:
        assert line.get(prefix + "/models").status == 401


def test_unknown_path(utility: Utility) -> None:
    for path in ("/v1/chat/completion", "/v1", "/openai/v1/chats", "/anthropic/v1/complet"):
        reply = ask(utility, path, {})
        assert reply.status == 404 and reply.headers["x-should-retry"] == "false", path
        assert "/v1/chat/completions" in reply.json["error"]["message"]


def test_unknown_method(utility: Utility) -> None:
    with Line(utility) as line:
        for path in ("/v1/chat/completions", "/v1/messages", "/v1/embeddings"):
            for method in ("GET", "PUT", "DELETE", "PATCH"):
                reply = line.get(path, method)
                assert reply.status == 405 and "POST" in reply.headers["allow"]
                assert reply.json["error"]["message"]
        assert line.get("/v1/models", "DELETE").status == 405


def test_not_offered(utility: Utility) -> None:
    """Paths of the interfaces that are not sold here say so, which is not the same as a wrong path."""
    for path in ("/v1/messages/batches", "/v1/files", "/v1/images/generations", "/v1/audio/speech", "/v1/batches"):
        reply = ask(utility, path, {"model": MODEL})
        assert reply.status == 501 and reply.json["error"]["message"] and reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_unknown_model(utility: Utility, path: str) -> None:
    reply = ask(utility, path, {"model": "tokenwork-tiny", "messages": SAY, "max_tokens": 4})
    assert reply.status == 404 and f"{MODEL}" in reply.json["error"]["message"]
    assert reply.headers["x-should-retry"] == "false"
    for model in ("", 5, None):
        reply = ask(utility, path, {"model": model, "messages": SAY, "max_tokens": 4})
        assert reply.status in (400, 404) and "model" in reply.json["error"]["message"]


def test_other_dialect(utility: Utility) -> None:
    """A model is offered at every endpoint that its deployment can be asked for; the refusal of others names them."""
    with selling(utility, "chat-only", answer_whole(chat_whole("hi", 3, 1)), dialects=["chat"]) as source:
        body = {"model": "chat-only", **BODIES["/chat/completions"]}
        assert ask(utility, "/v1/chat/completions", body).status == 200
        for path in ("/responses", "/messages", "/completions"):
            reply = ask(utility, "/v1" + path, {"model": "chat-only", **BODIES[path]})
            assert reply.status == 200 and "hi" in str(reply.json) and reply.json["usage"], reply
        reply = ask(utility, "/v1/embeddings", {"model": "chat-only", **BODIES["/embeddings"]})
        assert reply.status == 400 and "/v1/chat/completions" in reply.json["error"]["message"], reply
        assert len(source.seen) == 4


UNSUPPORTED: list[tuple[str, dict[str, Any], str]] = [
    ("/chat/completions", {"web_search_options": {}}, "web_search_options"),
    ("/chat/completions", {"modalities": ["audio"]}, "modalities"),
    ("/chat/completions", {"logit_bais": {}}, "logit_bais"),
    ("/responses", {"background": True}, "background"),
    ("/responses", {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tool_choice"),
    ("/messages", {"mcp_servers": [{"type": "url", "url": "http://127.0.0.1", "name": "x"}]}, "mcp_servers"),
    ("/chat/completions", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}]}]}, "image"),
]


@pytest.mark.parametrize(("path", "extra", "named"), UNSUPPORTED)
def test_unsupported(utility: Utility, path: str, extra: dict[str, Any], named: str) -> None:
    reply = ask(utility, "/v1" + path, {"model": MODEL, **BODIES[path], **extra})
    assert reply.status == 400 and named in reply.json["error"]["message"], reply
    assert reply.headers["x-should-retry"] == "false"


MALFORMED = [b"", b"{", b"[]", b"null", b'"x"', b'{"model":"a","model":"b"}', b'{"model":"a"}x', b"\xff\xfe{}",
             b'{"model": "m", "messages": ' + b"[" * 5000]


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("path", list(BODIES))
def test_malformed(utility: Utility, path: str, body: bytes) -> None:
    reply = ask(utility, "/v1" + path, body)
    assert reply.status == 400 and reply.json["error"]["message"] and reply.headers["x-should-retry"] == "false"
    assert ("request_id" in reply.json) == (path == "/messages")


@pytest.mark.parametrize("model", [MODEL, "counted"])
def test_usage_shown_when_asked(utility: Utility, counted: Source, model: str) -> None:
    """The last chunk with usage, and no figures in any other; without asking none at all."""
    counted.play(counted_stream("chat", 8))
    body = {"model": model, "messages": SAY, "max_tokens": 8, "stream": True}
    hidden = ask(utility, "/v1/chat/completions", body)
    shown = ask(utility, "/v1/chat/completions", {**body, "stream_options": {"include_usage": True}})
    for reply in (hidden, shown):
        assert reply.status == 200 and b"timings" not in reply.body and reply.events[-1] == "[DONE]"
    assert not any(event.get("usage") or not event["choices"] for event in hidden.events[:-1])
    *others, last = shown.events[:-1]
    assert last["choices"] == [] and not any(event.get("usage") for event in others)
    for reply in (hidden, shown):
        booked = utility.booked(reply.request)
        assert booked["basis"] == "reported"
    assert last["usage"]["completion_tokens"] == booked["usage"]["output"]


def test_timings_shown_when_asked(utility: Utility) -> None:
    reply = ask(utility, "/v1/chat/completions",
                {"model": MODEL, "messages": SAY, "max_tokens": 4, "stream": True, "timings_per_token": True})
    assert reply.status == 200 and b'"timings"' in reply.body


# --- the end of credit ---


def poor(utility: Utility, tokens: int) -> tuple[str, str]:
    """An account that can pay a short input and about so many tokens of output, at 80 per million."""
    return utility.buyer(f"{0.02 + tokens * 80 / 10**6:.6f}")


def endless(dialect: str) -> Any:
    return counted_stream(dialect, 1_000_000, step=10, gap_s=0.001)


def settled(utility: Utility, request: str, account: str) -> dict[str, Any]:
    """The request's record once it is posted, and the wallet is not below zero."""
    found = utility.booked(request)
    assert found["request"]["outcome"] == "cut" and found["request"]["reason"] == "credit_exhausted"
    assert float(found["charged"]["amount"]) > 0
    wallet = utility.client.call("GET", f"/accounts/{account}/wallet")
    assert float(wallet["balance"]["amount"]) >= 0
    return found


def sdk(utility: Utility, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{utility.url}/v1", api_key=key, http_client=httpx2.Client(timeout=60),
                         max_retries=0)


def said_why(extra: dict[str, Any] | None) -> bool:
    told = (extra or {}).get("tokenworks") or {}
    return told.get("reason") == "credit_exhausted" and "Top it up" in told.get("message", "")


@pytest.mark.parametrize("with_usage", [False, True])
def test_credit_ends_in_chat(utility: Utility, counted: Source, with_usage: bool) -> None:
    counted.play(endless("chat"))
    account, key = poor(utility, 700)
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if with_usage else {}
    stream = sdk(utility, key).chat.completions.create(model="counted", messages=SAY, stream=True, **options)
    chunks = list(stream)
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finishes == ["length"]
    assert any(said_why(chunk.model_extra) for chunk in chunks)
    found = settled(utility, stream.response.headers["x-request-id"], account)
    if with_usage:
        usage = chunks[-1].usage
        assert usage is not None and usage.completion_tokens == found["usage"]["output"], "shown is billed"
    else:
        assert not any(chunk.usage for chunk in chunks)


def test_credit_ends_in_completions(utility: Utility, counted: Source) -> None:
    counted.play(endless("completions"))
    account, key = poor(utility, 700)
    stream = sdk(utility, key).completions.create(model="counted", prompt="hello", max_tokens=100_000, stream=True)
    chunks = list(stream)
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finishes == ["length"] and any(said_why(chunk.model_extra) for chunk in chunks)
    settled(utility, stream.response.headers["x-request-id"], account)


def test_credit_ends_in_responses(utility: Utility, counted: Source) -> None:
    counted.play(endless("responses"))
    account, key = poor(utility, 700)
    stream = sdk(utility, key).responses.create(model="counted", input="hello", stream=True)
    events = list(stream)
    last = events[-1]
    assert last.type == "response.incomplete", last
    assert last.response.status == "incomplete" and last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert said_why(last.response.model_extra) or said_why(last.model_extra)
    numbers = [event.sequence_number for event in events]
    assert numbers[-1] == max(numbers)
    kinds = [event.type for event in events[-4:-1]]
    assert kinds == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert last.response.output_text == text, "what was written so far is all in the last event"
    found = settled(utility, stream.response.headers["x-request-id"], account)
    assert last.response.usage is not None and last.response.usage.output_tokens == found["usage"]["output"]


def test_credit_ends_in_messages(utility: Utility, counted: Source) -> None:
    counted.play(endless("messages"))
    account, key = poor(utility, 700)
    client = anthropic_tests.Sdk(utility, key).client
    with client.messages.stream(model="counted", messages=SAY, max_tokens=100_000) as stream:
        events = list(stream)
        message = stream.get_final_message()
        request = stream.response.headers["request-id"]
    assert isinstance(message, anthropic.types.Message) and message.stop_reason == "max_tokens"
    assert [event.type for event in events if event.type.startswith("message_")][-2:] == ["message_delta",
                                                                                          "message_stop"]
    deltas = [event for event in events if event.type == "message_delta"]
    assert any(said_why(event.model_extra) or said_why(event.delta.model_extra) for event in deltas)
    found = settled(utility, request, account)
    assert message.usage.output_tokens == found["usage"]["output"]


def test_top_up_reaches_stream(utility: Utility, counted: Source) -> None:
    """A stream at the end of its credit waits a second; a top-up in that time and it goes on to its own end."""
    total = 6000
    counted.play(counted_stream("chat", total, step=5, gap_s=0.0005))
    account, key = poor(utility, 700)
    done = threading.Event()

    def top_up() -> None:
        while not done.wait(0.2):  # as an operator's automatic top-up does, when little is left
            utility.client.call("POST", f"/accounts/{account}/topups", {"amount": "0.10"})

    topping = threading.Thread(target=top_up)
    topping.start()
    try:
        reply = ask(utility, "/v1/chat/completions", {"model": "counted", "messages": SAY, "stream": True}, key)
    finally:
        done.set()
        topping.join()
    assert reply.status == 200 and reply.events[-1] == "[DONE]"
    assert [choice["finish_reason"] for event in reply.events[:-1] for choice in event["choices"]
            if choice["finish_reason"]] == ["stop"]
    assert b"credit_exhausted" not in reply.body
    found = utility.booked(reply.request)
    assert found["request"]["outcome"] == "ok" and found["usage"]["output"] == total
    assert len({share["lot"] for share in found["shares"]}) >= 2, "it spilled into what was topped up"


def test_top_up_after_waiting(utility: Utility, counted: Source) -> None:
    """The top-up comes only when the stream stands still."""
    counted.play(counted_stream("chat", 3000, step=5, gap_s=0.0005))
    account, key = poor(utility, 700)
    with Line(utility, key) as line:
        line.post("/v1/chat/completions", {"model": "counted", "messages": SAY, "stream": True})
        assert line.head()[0] == 200
        body, last_s = b"", time.monotonic()
        line.sock.settimeout(0.25)
        while True:
            try:
                part = line.chunk()
                if not part:
                    break
                body, last_s = body + part, time.monotonic()
            except TimeoutError:
                utility.client.call("POST", f"/accounts/{account}/topups", {"amount": "1.00"})
                assert time.monotonic() - last_s < 5, "it stands still for ever"
    assert b"credit_exhausted" not in body and body.endswith(b"data: [DONE]\n\n")


def test_nothing_left_behind(utility: Utility) -> None:
    """After all of this the books balance, and no hold is open."""
    wait_for(lambda: utility.client.call("GET", "/ledger/audit")["open_requests"] == 0, 10, lambda: "open requests")
    audit = utility.audit()
    assert audit["balanced"] and audit["held"] == {} and audit["suspended"] == 0, audit
