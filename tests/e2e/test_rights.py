"""Keys, accounts and prices that change while a utility sells."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.sources import Source, selling, time_policy
from tests.e2e.utility import MODEL, Utility, wait_for
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.upstream import Exchange, answer_whole, chat_chunk, chat_usage, chat_whole, sse

from tokenworks.cli.sale import open_shop

CHAT = "/v1/chat/completions"
BODY = {"model": "rights", "messages": SAY, "max_tokens": 4}


@pytest.fixture(scope="module")
def source(utility: Utility) -> Iterator[Source]:
    with selling(utility, "rights", answer_whole(chat_whole("hi", 1000, 100))) as source:
        yield source


def make_key(utility: Utility, account: str, **fields: Any) -> tuple[str, str]:
    """Its id and its text."""
    made = utility.client.call("POST", f"/accounts/{account}/keys", fields)
    return made["id"], made["secret"]


def cli(utility: Utility, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tokenworks", *words, "--state", str(utility.state)],
                          capture_output=True, text=True, timeout=60, check=False)


def status(line: Line) -> int:
    return line.ask(CHAT, BODY).status


def test_key_revoked(utility: Utility, source: Source) -> None:
    """On open connections too, to every worker, within a second; the account's other key goes on."""
    account, _ = utility.buyer("1.00")
    (revoked, text), (_, other) = make_key(utility, account), make_key(utility, account)
    utility.known(other)
    lines = [Line(utility, text) for _ in range(8)]
    stays = Line(utility, other)
    assert [status(line) for line in (*lines, stays)] == [200] * 9
    utility.client.call("DELETE", f"/keys/{revoked}")
    began_s = time.monotonic()
    wait_for(lambda: all(status(line) == 401 for line in lines), 3, lambda: "still served")
    assert time.monotonic() - began_s < 1
    refused = lines[0].ask(CHAT, BODY)
    assert "revoked" in refused.json["error"]["message"] and refused.headers["x-should-retry"] == "false"
    assert status(stays) == 200
    for line in (*lines, stays):
        line.sock.close()


def test_key_expires(utility: Utility, source: Source) -> None:
    account, _ = utility.buyer("1.00")
    at = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    _, text = make_key(utility, account, expires_at=at)
    utility.known(text)
    with Line(utility, text) as line:
        assert status(line) == 200
        time.sleep(2)
        refused = line.ask(CHAT, BODY)
    assert refused.status == 401 and "expired" in refused.json["error"]["message"]


def test_allowed_models(utility: Utility, source: Source) -> None:
    account, _ = utility.buyer("1.00")
    _, text = make_key(utility, account, models=["rights"])
    utility.known(text)
    with Line(utility, text) as line:
        assert status(line) == 200
        assert [row["id"] for row in line.get("/v1/models").json["data"]] == ["rights"]
        refused = line.ask(CHAT, {**BODY, "model": MODEL})
        assert refused.status == 403 and line.get(f"/v1/models/{MODEL}").status in (403, 404)


def test_account_closed(utility: Utility, source: Source) -> None:
    """New requests are refused, a running stream ends as it is, and reopening opens it again."""
    account, text = utility.buyer("1.00")

    async def slowly(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(30):
            await exchange.send(sse(chat_chunk(f"w{number} ")))
            await asyncio.sleep(0.05)
        for part in (sse(chat_chunk(finish="stop")), sse(chat_usage(10, 30)), sse("[DONE]")):
            await exchange.send(part)
        await exchange.end()

    source.play(slowly, answer_whole(chat_whole("hi", 1000, 100)))
    with Line(utility, text) as running, Line(utility, text) as new:
        running.post(CHAT, {**BODY, "stream": True, "max_tokens": 50})
        assert running.head()[0] == 200
        running.chunk()
        utility.client.call("PATCH", f"/accounts/{account}", {"active": False})
        wait_for(lambda: status(new) == 403, 2, lambda: "still served")
        body = b"".join(iter(running.chunk, b""))
        assert body.endswith(b"data: [DONE]\n\n") and b"w29" in body
        utility.client.call("PATCH", f"/accounts/{account}", {"active": True})
        wait_for(lambda: status(new) == 200, 2, lambda: "not served again")


def test_new_prices(utility: Utility, source: Source) -> None:
    """What began before a card changed is rated by the version it began with; what begins after it, by the new one."""
    utility.client.call("POST", "/rate-cards/moving/versions", {
        "currency": "CNY", "models": {"*": {"input": "10", "output": "100"}}})
    account = utility.client.call("POST", "/accounts", {"name": "Moving", "rate_card": "moving"})["id"]
    utility.client.call("POST", f"/accounts/{account}/topups", {"amount": "5.00"})
    _, text = make_key(utility, account)
    utility.known(text)

    async def later(exchange: Exchange) -> None:
        await asyncio.sleep(1.5)
        await exchange.whole(chat_whole("hi", 1000, 100))

    source.play(later, answer_whole(chat_whole("hi", 1000, 100)))
    with Line(utility, text) as line:
        line.post(CHAT, BODY)
        wait_for(lambda: source.seen and not source.upstream.scripts, 5, lambda: "it never began")
        utility.client.call("POST", "/rate-cards/moving/versions", {
            "currency": "CNY", "models": {"*": {"input": "20", "output": "200"}}})
        time.sleep(0.6)
        after = ask(utility, CHAT, BODY, text)
        before = line.reply()
    old, new = utility.booked(before.request), utility.booked(after.request)
    assert (old["rate_card"], new["rate_card"]) == ("moving@1", "moving@2")
    assert (old["charged"]["amount"], new["charged"]["amount"]) == ("0.02", "0.04")


def test_done_once(utility: Utility) -> None:
    """The same words under the same key: one top-up, the same answer; other words under it are refused."""
    account, _ = utility.buyer()
    words = ("topup", account, "7.00", "--idempotency-key", f"invoice-{account}", "--json")
    first, second = cli(utility, *words), cli(utility, *words)
    assert first.returncode == second.returncode == 0 and json.loads(first.stdout) == json.loads(second.stdout)
    wallet = json.loads(cli(utility, "account", "wallet", account, "--json").stdout)
    assert wallet["balance"]["amount"] == "7.00" and len(wallet["lots"]) == 1
    other = cli(utility, "topup", account, "8.00", "--idempotency-key", f"invoice-{account}")
    assert other.returncode == 5 and "Idempotency-Key" in other.stderr


def fill_keys(books: Path, like: str, count: int) -> None:
    """So many more keys of the account of `like`, in one transaction beside the running control process."""
    with sqlite3.connect(books, timeout=30) as database:
        under, row = database.execute("select under, row from keys where id = ?", (like,)).fetchone()
        (version,) = database.execute("select policy_version + 1 from books").fetchone()
        shape = json.loads(row)

        def rows() -> Iterator[tuple[Any, ...]]:
            for number in range(count):
                digest = hashlib.sha256(b"%d" % number).digest()
                made = {**shape, "id": f"key_{number:026d}", "digest": base64.b64encode(digest).decode()}
                yield made["id"], under, digest, json.dumps(made), version, False

        database.executemany("insert into keys (id, under, digest, row, version, dropped) values (?,?,?,?,?,?)", rows())
        database.execute("update books set policy_version = ?", (version,))
    database.close()


def test_100_000_keys(tmp_path: Path) -> None:
    """A gateway that runs takes them within seconds, and answers meanwhile."""
    state = tmp_path / "s"
    state.mkdir(mode=0o700)
    utility = Utility(state, "--no-engine", workers=1)
    utility.launch()
    try:
        utility.key = open_shop(utility.client, str(state)).key
        first, _ = make_key(utility, "demo")
        time_policy(utility)
        fill_keys(state / "books.db", first, 100_000)
        began_s, slowest_s = time.monotonic(), 0.0
        _, text = make_key(utility, "demo", name="the last")
        with Line(utility, text) as new, Line(utility) as old:
            while new.get("/v1/models").status != 200:
                asked_s = time.monotonic()
                assert old.get("/v1/models").status == 200
                slowest_s = max(slowest_s, time.monotonic() - asked_s)
                assert asked_s - began_s < 10, "not loaded"
                time.sleep(0.005)
        assert slowest_s < 0.5, f"the gateway stood still for {slowest_s:.2f} s"
    finally:
        utility.stop()
