"""No overdraft, no false refusal: a thousand requests at once on one wallet, two hosts of two workers on PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from tests.e2e.load import Load, Seen
from tests.e2e.utility import MODEL, Utility, wait_for
from tests.store.postgres import MISSING, fresh_database, running_server

from tokenworks.units import parse_amount

HOSTS, REQUESTS = 2, 1000
FEW = 200  # on SQLite: one host
HOLD_AT_MOST = "0.002"  # of one request: its input's bound, and 40 tokens of output
LEAST_HOLD = "0.0006"  # when money is short and inputs are counted: about 30 tokens of input, 24 to 40 of output
DECIDED_S = 15  # a thousand answers, the served ones included, on two busy cores
KINDS = ("chat", "chat_stream", "messages_stream", "responses")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Utility]]:
    """Two hosts: each its own state directory, supervisor, control, workers and engine; one database behind both."""
    with running_server() as server:
        if server is None:
            pytest.skip(MISSING)
        with fresh_database(server) as database:
            env = {"TOKENWORKS_DATABASE__URL": database}
            running = [Utility(tmp_path_factory.mktemp(f"host{number}"), env=env) for number in range(HOSTS)]
            for host in running:
                host.start()
            yield running
            for host in running:
                host.stop()


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Utility]]:
    """One host of two workers on SQLite."""
    running = Utility(tmp_path_factory.mktemp("lone")).start()
    yield [running]
    running.stop()


async def storm(hosts: list[Utility], key: str, count: int, clients: int, seed: int) -> list[Seen]:
    """`count` requests, as many at once as there are clients, shared out among the hosts."""
    loads = [Load(*host.address, key, MODEL, count // len(hosts), clients // len(hosts), KINDS, 0, 24, seed + number)
             for number, host in enumerate(hosts)]
    return [one for part in await asyncio.gather(*(load.run() for load in loads)) for one in part]


def check_wallet(hosts: list[Utility], account: str) -> dict[str, Any]:
    """The wallet, once all that has ended by now is in the books and nothing is open; these balance, nothing is below
    zero."""
    audit: dict[str, Any] = {}
    now = datetime.now(UTC)

    def ended() -> bool:
        complete = hosts[0].client.call("GET", f"/accounts/{account}/wallet")["books_complete_until"]
        audit.update(hosts[0].audit())
        return audit["open_requests"] == 0 and datetime.fromisoformat(complete) > now

    wait_for(ended, 60, lambda: f"requests stay open: {audit}")
    assert audit["balanced"], audit["findings"]
    assert audit["held"] == {} and audit["suspended"] == 0
    wallet: dict[str, Any] = hosts[0].client.call("GET", f"/accounts/{account}/wallet")
    for lot in wallet["lots"]:
        assert all(minor(lot[side]) >= 0 for side in ("spent", "lent", "available"))
    return wallet


def minor(amount: dict[str, str]) -> int:
    return parse_amount(amount["amount"], "CNY")


def spend_rest(hosts: list[Utility], key: str) -> int:
    """One request after the other, each at the next host, until one is refused; how many were served."""
    for served in count():
        (one,) = asyncio.run(storm([hosts[served % len(hosts)]], key, 1, 1, 100 + served))
        if one.status != 200:
            assert one.status in (402, 429), (one.status, one.body)
            return served
    raise AssertionError


def check_some(hosts: list[Utility], funds: str, wanted: int) -> str:
    """All at once on too little: served or told that the balance does not cover it, nothing else. What the served gave
    back is there for whoever comes next, on whichever host, down to less than a request needs."""
    account, key = hosts[0].buyer(funds)
    began_s = time.monotonic()
    seen = asyncio.run(storm(hosts, key, wanted, wanted, 11))
    took_s = time.monotonic() - began_s
    statuses = Counter(one.status for one in seen)
    after = check_wallet(hosts, account)["balance"]
    assert all(one.status in (200, 402, 429) and not one.error for one in seen), Counter(
        (one.status, one.error, one.body[:200]) for one in seen if one.status not in (200, 402, 429))
    assert all(b"insufficient_quota" in one.body for one in seen if one.status == 429)
    assert all(b"billing_error" in one.body for one in seen if one.status == 402)
    assert 0 < statuses[200] < wanted
    assert all(one.whole for one in seen)
    later = spend_rest(hosts, key)
    left = check_wallet(hosts, account)["balance"]
    assert 0 <= minor(left) < parse_amount(LEAST_HOLD, "CNY"), "credit lies where nobody can use it"
    assert took_s < DECIDED_S
    return (f"{wanted} requests at once on {funds} CNY: {dict(statuses)} in {took_s:.1f} s, left {after['amount']}; "
            f"{later} more one by one, left {left['amount']}")


def check_all(hosts: list[Utility], wanted: int) -> str:
    """Total demand fits the balance: nothing is refused, nothing is cut."""
    funds = f"{wanted * 2 / 1000:.2f}"  # wanted x HOLD_AT_MOST
    account, key = hosts[0].buyer(funds)
    began_s = time.monotonic()
    seen = asyncio.run(storm(hosts, key, wanted, wanted, 23))
    took_s = time.monotonic() - began_s
    left = check_wallet(hosts, account)["balance"]["amount"]
    bad = [(one.status, one.error, one.body[:200]) for one in seen if one.status != 200 or not one.whole]
    assert bad == []
    stopped = [one for one in seen if b"tokenworks" in one.body and b"credit" in one.body]
    assert stopped == [], "a stream was cut although there was credit"
    return f"{wanted} requests at once on {funds} CNY: all served in {took_s:.1f} s, left {left}"


def test_a_wallet_that_funds_some(hosts: list[Utility], capsys: pytest.CaptureFixture[str]) -> None:
    said = check_some(hosts, "0.15", REQUESTS)
    with capsys.disabled():
        print(f"\ntwo hosts, PostgreSQL: {said}")


def test_a_wallet_that_funds_all(hosts: list[Utility], capsys: pytest.CaptureFixture[str]) -> None:
    said = check_all(hosts, REQUESTS)
    with capsys.disabled():
        print(f"\ntwo hosts, PostgreSQL: {said}")


def test_small_credit_spread_over_all_workers(hosts: list[Utility]) -> None:
    """Every worker of both hosts has sold from the wallet and keeps a little of it: nobody is refused for that."""
    account, key = hosts[0].buyer("0.02")
    seen = asyncio.run(storm(hosts, key, 16, 8, 41))
    assert {one.status for one in seen} == {200}
    assert spend_rest(hosts, key) > 10
    assert minor(check_wallet(hosts, account)["balance"]) < parse_amount(LEAST_HOLD, "CNY")


def test_one_host_on_sqlite(lone: list[Utility], capsys: pytest.CaptureFixture[str]) -> None:
    some, everything = check_some(lone, "0.03", FEW), check_all(lone, FEW)
    with capsys.disabled():
        print(f"\none host, SQLite: {some}\none host, SQLite: {everything}")
