"""The worker around the requests: doors, probes, lists, the way to control, durability, drain, reload, policy."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.books import INPUT, OUTPUT, PEPPER
from tests.gateway.shop import deployment, run, shop, until
from tests.gateway.upstream import Exchange, answer_whole, chat_stream, chat_whole

from tokenworks.credit.messages import Bye, Order
from tokenworks.credit.policy import Account, Endpoint, Key
from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.errors import JournalFull
from tokenworks.gateway.policybook import _make_digest
from tokenworks.gateway.worker import FILES_MAX, lift_limit
from tokenworks.tariff.card import Price, RateCard

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}


def test_doors(tmp_path: Path) -> None:
    """What is no inference, and what it gets; nothing of it touches money."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            client = await place.client()
            expected = [
                ("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/v1/models", 200),
                ("GET", "/v1/models/m", 200), ("GET", "/v1/models/none", 404), ("GET", "/v1/chat/completions", 405),
                ("POST", "/v1/nothing", 404), ("POST", "/v1/images/generations", 501), ("OPTIONS", "/v1/models", 204),
                ("POST", "/v1/chat/completions?key=abc", 401), ("GET", "/api/v1/accounts", 503),
            ]
            for method, path, status in expected:
                await client.send(b"", path, method=method)
                reply = await client.reply()
                assert (path, reply.status) == (path, status)
                assert reply.headers["x-request-id"] == reply.headers["request-id"]
            client.close()
            assert place.books.records() == []

    run(main)


@pytest.mark.parametrize("key", ["", "tw_live_wrong"])
def test_wrong_key(tmp_path: Path, key: str) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            reply = await place.ask(HELLO, key=key)
            assert reply.status == 401 and reply.headers["x-should-retry"] == "false"
            assert reply.json["error"]["code"] == "invalid_api_key"
            assert place.upstream.seen == [] and place.books.records() == []

    run(main)


def test_bodies_refused(tmp_path: Path) -> None:
    """Each with the field, the remedy, the right status, and a record of who was refused and why."""
    cases = [(b"{", 400, "invalid_json"), ({"model": 3}, 400, "invalid_value"), ({"model": "m"}, 400, "invalid_value"),
             ({**HELLO, "model": "none"}, 404, "model_not_found")]

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            for body, status, code in cases:
                reply = await place.ask(body)
                assert (reply.status, reply.json["error"]["code"]) == (status, code)
            refused = place.records(Refused)
            assert [record.status for record in refused] == [400, 400, 400, 404]
            assert {record.key for record in refused} == {"key-acc"} and place.records(Opened) == []

    run(main)


def test_key_revoked_live(tmp_path: Path) -> None:
    """A change of policy reaches a worker that is serving; other keys go on."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            other = Key(_make_digest(PEPPER)(b"tw_live_other"), "key2", "acc", models=("n",))
            revoked = Key(_make_digest(PEPPER)(b"tw_live_test"), "key-acc", "acc", revoked=True)
            assert (await place.ask(HELLO)).status == 200
            place.books.change(keys=(other, revoked))
            await until(lambda: place.shared.book.version == 2)
            reply = await place.ask(HELLO)
            assert reply.status == 401 and "revoked" in reply.json["error"]["message"]
            assert (await place.ask(HELLO, key="tw_live_other")).status == 403
            place.books.change(accounts=(Account("acc", "a", "CNY", "retail", active=False),))
            await until(lambda: place.shared.book.version == 3)
            assert (await place.ask(HELLO, key="tw_live_other")).json["error"]["code"] == "account_deactivated"

    run(main)


def test_price_is_pinned(tmp_path: Path) -> None:
    """A running request is rated by the version in force at its start; the next one by the new version."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            gate = asyncio.Event()

            async def later(exchange: Exchange) -> None:
                await gate.wait()
                await exchange.whole(chat_whole("hi", 1, 1))

            place.upstream.script = later
            running = asyncio.create_task(place.ask(HELLO))
            await until(lambda: place.upstream.seen)
            card = RateCard("retail", 2, "CNY", 1, {"*": Price(input="1", output="1")})
            place.books.store.cards.add(card)
            place.books.change(cards=(card,))
            await until(lambda: place.shared.book.version == 2)
            gate.set()
            await running
            await place.ask(HELLO)
            old, new = place.records(Closed)
            assert (old.charged_minor, new.charged_minor) == (INPUT + OUTPUT, 2000)
            assert [record.card for record in place.records(Opened)] == ["retail@1", "retail@2"]

    run(main)


def test_policy_gap(tmp_path: Path) -> None:
    """An increment for another version means something was missed: the worker asks for everything anew."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.books.version = 7
            place.books.change(models=())
            await until(lambda: place.shared.book.version == 8)
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            assert (await place.ask(HELLO)).status == 200

    run(main)


@pytest.mark.parametrize("stream", [False, True])
def test_durability_disk(tmp_path: Path, stream: bool) -> None:
    """The last bytes leave only when the closing record is on the disk."""

    async def main() -> None:
        async with shop(tmp_path / "s", durability="disk") as place:
            journal = place.shared.journal
            gate = asyncio.Event()
            wait = place.shared.flusher.synced

            async def slow(position: int) -> None:
                await gate.wait()
                await wait(position)

            place.shared.flusher.synced = slow
            place.upstream.script = chat_stream(3) if stream else answer_whole(chat_whole("hi", 10, 3))
            asking = asyncio.create_task(place.ask(STREAM if stream else HELLO))
            await until(lambda: place.records(Closed))
            await asyncio.sleep(0.05)
            assert not asking.done()
            gate.set()
            reply = await asking
            assert reply.whole and reply.status == 200 and journal.synced >= journal.position - 4096

    run(main)


def test_disk_fails(tmp_path: Path) -> None:
    """A flush that fails: the answer is not completed, and no new work is taken."""

    async def main() -> None:
        async with shop(tmp_path / "s", durability="disk") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 10, 3))

            def fail() -> int:
                raise OSError("no")

            place.shared.journal.sync = fail
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await place.ask(HELLO)
            reply = await place.ask(HELLO)
            assert reply.status == 503 and "disk" in reply.json["error"]["message"]
            del place.shared.journal.sync

    run(main)


def test_drain(tmp_path: Path) -> None:
    """Readiness fails first, open requests end, new ones are refused, credit goes back, Bye comes last."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(60, gap_s=0.005)
            kept = await place.client()
            await kept.send(b"", "/healthz", method="GET")
            await kept.reply()
            asking = asyncio.create_task(place.ask(STREAM))
            await until(lambda: place.upstream.seen)
            ending = asyncio.create_task(place.worker.stop(5))
            await asyncio.sleep(0.05)
            reply = await asking
            assert reply.whole and reply.events[-1] == "[DONE]"
            await ending
            await until(lambda: isinstance(place.books.heard[-1], Bye))
            place.worker.stop = _nothing  # type: ignore[method-assign]

    run(main)


async def _nothing(*_: object) -> None:
    return None


def test_drain_is_bounded(tmp_path: Path) -> None:
    """What still runs when the time is over ends cleanly: billed for what was written, and told why."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(10_000, gap_s=0.005)
            asking = asyncio.create_task(place.ask(STREAM))
            whole = asyncio.create_task(place.ask(HELLO))
            await until(lambda: len(place.upstream.seen) == 2 and len(place.shared.running) == 2)
            await asyncio.sleep(0.1)
            await place.worker.stop(0.2)
            reply = await asking
            assert reply.whole and b"gateway_draining" in reply.body and reply.events[-1] == "[DONE]"
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await whole
            outcomes = sorted((record.outcome, record.charged_minor > 0) for record in place.records(Closed))
            assert outcomes == [("drained", False), ("drained", True)]
            place.worker.stop = _nothing  # type: ignore[method-assign]

    run(main)


def test_orders(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.worker._left = asyncio.get_running_loop().create_future()
            place.upstream.script = chat_stream(50, gap_s=0.005)
            asking = asyncio.create_task(place.ask(STREAM))
            await until(lambda: place.upstream.seen)
            place.books.tell(Order("reload"))
            await asyncio.sleep(0.05)
            assert (await asking).whole, "a reload drops no stream"
            place.books.tell(Order("drain"))
            await until(lambda: place.worker._left.done())

    run(main)


def test_objects_bound(tmp_path: Path) -> None:
    """An upstream's object works for the account it was issued to, at that deployment, and for nobody else."""
    answer = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "x",
              "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                          "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
              "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}
    first = {"model": "m", "input": "hello"}
    second = {**first, "previous_response_id": "resp_1"}

    async def main() -> None:
        async with shop(tmp_path / "s", money=10**15) as place:
            row = deployment(place.upstream.url, "dep0")
            place.books.endpoints["dep0"] = Endpoint(row, "zero")
            place.books.open_account("mallory", "tw_live_mallory")
            place.books.fund(10**15, "mallory")
            place.books.version = 5
            place.books.tell(place.books.snapshot())
            await until(lambda: place.shared.book.version == 5)
            place.upstream.script = answer_whole(answer)
            assert (await place.ask(first, "/v1/responses")).status == 200
            (closed,) = place.records(Closed)
            assert closed.objects == ("resp_1",)
            assert (await place.ask(second, "/v1/responses")).status == 200
            assert place.records(Closed)[1].deployment == closed.deployment
            assert (await place.ask(second, "/v1/responses", "tw_live_mallory")).status == 404
            assert (await place.ask({**first, "previous_response_id": "resp_x"}, "/v1/responses")).status == 404
            place.books.owners["resp_y"] = ("acc", "dep")
            assert (await place.ask({**first, "previous_response_id": "resp_y"}, "/v1/responses")).status == 200
            assert place.records(Closed)[-1].deployment == "dep"

    run(main)


def test_proxied(tmp_path: Path) -> None:
    """Everything else goes to control as it comes, and back."""

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        body = await reader.readexactly(size)
        text = head.encode() + body
        writer.write(b"HTTP/1.1 201 Created\r\nx-own: 1\r\nset-cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(text), 50):
            writer.write(b"%x\r\n%b\r\n" % (len(text[at : at + 50]), text[at : at + 50]))
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            server = await asyncio.start_unix_server(control, str(place.state / "run" / "public.sock"))
            reply = await place.ask({"name": "x"}, "/api/v1/accounts?limit=3", "admin-token", connection="keep-alive")
            assert reply.status == 201 and reply.headers["x-own"] == "1" and reply.headers["set-cookie"] == "a=b"
            text = reply.body.decode()
            assert text.startswith("POST /api/v1/accounts?limit=3 HTTP/1.1") and text.endswith('{"name":"x"}')
            assert "authorization: Bearer admin-token" in text and "x-forwarded-for: 127.0.0.1" in text
            server.close()

    run(main)


def test_facts_and_live(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 10, 3))
            await place.ask(HELLO)
            await place.ask({**HELLO, "model": "none"})
            await until(lambda: sum(len(facts.live) for facts in place.books.facts) == 2)
            rows = [row for facts in place.books.facts for row in facts.live]
            assert [row["event"] for row in rows] == ["closed", "refused"]
            assert rows[0]["output"] == 3 and rows[0]["charged_minor"] == 10 * INPUT + 3 * OUTPUT
            last = place.books.facts[-1]
            assert last.gauges["tokenworks_policy_version"] == 1 and last.inflight == {"dep": 0}
            assert last.counters['tokenworks_tokens_total{basis="reported",class="output",model="m"}'] == 3
            key = 'tokenworks_requests_total{dialect="chat",model="m",outcome="ok",status="200"}'
            assert last.counters[key] == 1

    run(main)


def test_connection_reused(tmp_path: Path) -> None:
    """Requests one after the other share one upstream connection: reuse is worth four times the cost."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            client = await place.client()
            for _ in range(20):
                await client.send(HELLO)
                assert (await client.reply()).status == 200
            place.upstream.script = chat_stream(5)
            for _ in range(5):
                await client.send(STREAM)
                assert (await client.reply()).whole
            assert place.upstream.connections == 1
            client.close()

    run(main)


def test_journal_full(tmp_path: Path) -> None:
    """A journal without room: the client gets nothing of an answer that is not on record, and no new work is taken."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            append = place.shared.journal.append

            def full(record: object) -> int:
                raise JournalFull("no room")

            for body, script in ((HELLO, answer_whole(chat_whole("hi", 10, 3))), (STREAM, chat_stream(5))):
                place.upstream.script = script
                place.shared.journal.append = full
                reply = await place.ask(body)
                place.shared.journal.append = append
                assert reply.status == 503 and "disk" in reply.json["error"]["message"]
                assert (await place.ask(body)).status == 503
                place.shared.journal.failure, place.shared.journal.accepting = "", True
            assert len(place.upstream.seen) == 2 and place.records(Opened) == []

    run(main)


def test_dropped_while_asking(tmp_path: Path) -> None:
    """The deployment goes while a request waits for the books: nobody serves it, nothing breaks."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            second = Endpoint(deployment(place.upstream.url, "dep2"), "s")
            place.books.change(endpoints=(second,))
            await until(lambda: place.shared.book.version == 2)

            async def failing(exchange: Exchange) -> None:
                place.books.change(dropped_deployments=("dep", "dep2"))
                await until(lambda: place.shared.book.version == 3)
                exchange.abort()

            place.upstream.script = failing
            assert (await place.ask(HELLO)).json["error"]["code"] == "upstream_failed"
            assert (await place.ask(HELLO)).json["error"]["code"] == "server_is_overloaded"

    run(main)


def test_large_body_let_go(tmp_path: Path) -> None:
    """A stream that has begun does not keep its request in memory."""

    async def main() -> None:
        async with shop(tmp_path / "s", money=10**18) as place:
            place.upstream.script = chat_stream(100, gap_s=0.01)
            body = {**STREAM, "messages": [{"role": "user", "content": "x" * 1_000_000}]}
            client = await place.client()
            await client.send(body)
            await client.head()
            await client.chunk()
            await until(lambda: all(flow.first_ns for flow in place.shared.running))
            (flow,) = place.shared.running
            assert flow.body == b"" and flow.facts.fields == {}
            client.close()

    run(main)


@pytest.mark.parametrize(("before", "after"), [
    ((1024, 4096), 4096), ((1024, 10**6), FILES_MAX), ((10**6, 10**6), 10**6)])
def test_open_files(monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: int) -> None:
    """The usual limit of 1,024 would stop a worker at 500 streams."""
    limits = [before]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert lift_limit() == after
    assert limits[-1] == (after, before[1])
