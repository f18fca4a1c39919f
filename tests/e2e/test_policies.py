"""Who pays when a client hangs up, an upstream breaks off, figures are missing or a try fails, as the record has it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.sources import Source, add_deployment, selling, time_policy
from tests.e2e.utility import Utility, wait_for
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.upstream import Exchange, answer_whole, chat_chunk, chat_stream, chat_usage, chat_whole

from tokenworks.units import parse_amount

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def source(utility: Utility) -> Iterator[Source]:
    utility.client.call("POST", "/rate-cards/our-cost/versions", {
        "currency": "USD", "models": {"*": {"input": "100", "output": "200"}}})
    with selling(utility, "policy", known={"tokenizer": "tokenworks-tiny"}, cost_card="our-cost") as source:
        yield source


def set_policy(utility: Utility, **fields: Any) -> None:
    utility.client.call("PATCH", "/deployments/policy", fields)
    time_policy(utility)


def streamed(**more: Any) -> dict[str, Any]:
    return {"model": "policy", "messages": SAY, "max_tokens": 500, "stream": True, **more}


def amounts(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """rated, charged, waived, overrun, in the smallest unit."""
    return tuple(parse_amount(found[name]["amount"], "CNY") for name in (  # type: ignore[return-value]
        "rated", "charged", "waived", "overrun"))


def explain(utility: Utility, request: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`tokenworks request explain`, as an operator runs it."""
    command = [sys.executable, "-m", "tokenworks", "request", "explain", request, "--state", str(utility.state), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("policy", ["cancel", "drain", "waive"])
def test_client_hangs_up(utility: Utility, source: Source, policy: str) -> None:
    set_policy(utility, hangup=policy)
    source.play(chat_stream(60, prompt=10, gap_s=0.01))
    with Line(utility) as line:
        line.post(CHAT, streamed())
        _, headers = line.head()
        for _ in range(8):
            line.chunk()
        line.hang_up()
    found = utility.booked(headers["x-request-id"])
    rated, charged, waived, overrun = amounts(found)
    assert found["request"]["outcome"] == "client_gone" and rated == charged + waived + overrun and rated > 0
    assert (charged, waived) == ((0, rated) if policy == "waive" else (rated, 0))
    if policy == "drain":
        assert found["usage"]["output"] == 60 and found["basis"] == "reported"
    else:
        assert 6 <= found["usage"]["output"] < 60
        assert source.seen[-1].gone.is_set(), "the upstream was told to stop"
    shown = explain(utility, headers["x-request-id"])
    assert shown.returncode == 0 and "client_gone" in shown.stdout and "Rating" in shown.stdout
    assert ("waived" in shown.stdout) and shown.stderr == ""


@pytest.mark.parametrize("policy", ["bill", "waive"])
def test_upstream_breaks_off(utility: Utility, source: Source, policy: str) -> None:
    set_policy(utility, failure=policy, hangup="cancel")

    async def breaks(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(20):
            await exchange.event(chat_chunk(f"word{number} "))
            await asyncio.sleep(0.005)
        exchange.abort()

    source.play(breaks)
    with Line(utility) as line:
        reply = line.ask(CHAT, streamed())
    last = reply.events[-1]
    assert reply.status == 200 and last != "[DONE]" and "error" in last, "the stream does not look whole"
    assert "127.0.0.1" not in json.dumps(last) and "policy" not in json.dumps(last)
    found = utility.booked(reply.request)
    rated, charged, waived, overrun = amounts(found)
    assert rated > 0 and (charged, waived, overrun) == ((rated, 0, 0) if policy == "bill" else (0, rated, 0))
    assert found["attempts"][-1]["outcome"] == "failed" and found["attempts"][-1]["reason"]
    assert json.loads(explain(utility, reply.request, "--json").stdout)["request"]["outcome"] == "upstream_failed"


def test_figures_are_missing(utility: Utility, source: Source) -> None:
    """No usage from the upstream: estimated at once, then counted by the model's tokenizer and amended."""
    source.play(chat_stream(40, usage=False))
    reply = ask(utility, CHAT, streamed())
    assert reply.status == 200 and reply.events[-1] == "[DONE]"
    found: dict[str, Any] = {}

    def amended() -> bool:
        found.update(utility.booked(reply.request))
        return bool(found["amended_at"])

    wait_for(amended, 10, lambda: f"never amended: {found}")
    assert found["basis"] == "counted" and found["usage"]["output"] > 20 and found["usage"]["input"] > 0
    rated, charged, *_ = amounts(found)
    assert rated == charged > 0
    entries = {share["entry"] for share in found["shares"]}
    assert {entry["id"] for entry in found["entries"] if entry["cause"] == "usage"} == entries
    total = sum(parse_amount(share["amount"]["amount"], "CNY") for share in found["shares"])
    assert total == charged, "the correction and what it corrects make up the charge"
    wait_for(lambda: utility.audit()["balanced"], 5, lambda: utility.audit())


def test_failed_tries_cost_us(utility: Utility, source: Source) -> None:
    """A try that failed before anything reached the client is on the record, at the operator's cost."""
    broken = Source("broken")
    try:
        add_deployment(utility, "aaa-broken", "policy", f"http://127.0.0.1:{broken.port}", cost_card="our-cost")
        time_policy(utility)

        async def spends(exchange: Exchange) -> None:
            """Tells of its usage, and breaks before it says a word."""
            await exchange.start()
            await exchange.event({**chat_usage(10, 3)})
            exchange.abort()

        broken.play(spends)
        source.play(chat_stream(5))
        found: dict[str, Any] = {}
        for _ in range(6):
            reply = ask(utility, CHAT, streamed())
            assert reply.status == 200 and reply.events[-1] == "[DONE]"
            found = utility.booked(reply.request)
            if len(found["attempts"]) > 1:
                break
        first, second = found["attempts"]
        assert (first["deployment"], second["deployment"]) == ("aaa-broken", "policy")
        assert (first["outcome"], second["outcome"]) == ("failed", "served") and first["reason"]
        assert second["cost"] == {"amount": "0.002", "currency": "USD"} and second["cost_card"].startswith("our-cost@")
        assert first["cost"] == {"amount": "0.0016", "currency": "USD"}, first
        assert found["usage"]["output"] == 5, "the buyer pays the one that served him"
        rows = {row["account"]: row["balance"] for row in utility.client.call(
            "GET", "/ledger/balances", {"prefix": "cost:"})["data"]}
        assert rows["cost:aaa-broken"] == {"amount": "-0.0016", "currency": "USD"}, "what we owe stands under payable:"
    finally:
        utility.client.call("PATCH", "/deployments/aaa-broken", {"enabled": False})
        broken.stop()


def test_cost_of_the_whole(utility: Utility, source: Source) -> None:
    source.play(answer_whole(chat_whole("hi", 10, 2)))
    reply = ask(utility, CHAT, {"model": "policy", "messages": SAY, "max_tokens": 4})
    found = utility.booked(reply.request)
    assert found["attempts"][0]["cost"] == {"amount": "0.0014", "currency": "USD"}
    shown = explain(utility, reply.request)
    assert "0.0014 USD" in shown.stdout, shown.stdout
    assert found["raw_usage"]["completion_tokens"] == 2, "the upstream's own figures, as they came"
