"""No overdraft, no false refusal: a thousand requests at once on one wallet, two hosts of two workers on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.load import Load, Seen
from tests.e2e.utility import MODEL, Utility, wait_for
from tests.store.postgres import MISSING, fresh_database, running_server

from tokenworks.units import parse_amount

HOSTS, REQUESTS = 2, 1000
HOLD_AT_MOST = "0.002"  # of one request: its input's bound, and 40 tokens of output
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


def rush(hosts: list[Utility], funds: str, seed: int) -> tuple[list[Seen], dict[str, Any]]:
    """Every request at once, half at each host; then the wallet, once nothing is open any more."""
    account, key = hosts[0].buyer(funds)

    async def run() -> list[Seen]:
        share = REQUESTS // HOSTS
        loads = [Load(*host.address, key, MODEL, share, share, KINDS, 0, 24, seed + number)
                 for number, host in enumerate(hosts)]
        return [one for part in await asyncio.gather(*(load.run() for load in loads)) for one in part]

    seen = asyncio.run(run())
    audit: dict[str, Any] = {}

    def ended() -> bool:
        audit.update(hosts[0].audit())
        return audit["open_requests"] == 0

    wait_for(ended, 60, lambda: f"requests stay open: {audit}")
    assert audit["balanced"], audit["findings"]
    assert audit["held"] == {} and audit["suspended"] == 0
    return seen, hosts[0].client.call("GET", f"/accounts/{account}/wallet")


def test_a_wallet_that_funds_some(hosts: list[Utility], capsys: pytest.CaptureFixture[str]) -> None:
    seen, wallet = rush(hosts, "0.15", 11)
    served = [one for one in seen if one.status == 200]
    with capsys.disabled():
        print(f"\n{REQUESTS} requests at once on 0.15 CNY: {Counter(one.status for one in seen)}, left "
              f"{wallet['balance']['amount']}")
    assert all(one.status in (200, 402, 429) and not one.error for one in seen), Counter(
        (one.status, one.error) for one in seen)
    assert 0 < len(served) < REQUESTS
    assert all(one.whole for one in served)
    assert parse_amount(wallet["balance"]["amount"], "CNY") >= 0
    for lot in wallet["lots"]:
        assert all(parse_amount(lot[side]["amount"], "CNY") >= 0 for side in ("spent", "lent", "available"))


def test_a_wallet_that_funds_all(hosts: list[Utility], capsys: pytest.CaptureFixture[str]) -> None:
    funds = f"{REQUESTS * 2 / 1000:.2f}"  # REQUESTS x HOLD_AT_MOST
    seen, wallet = rush(hosts, funds, 23)
    with capsys.disabled():
        print(f"\n{REQUESTS} requests at once on {funds} CNY: {Counter(one.status for one in seen)}, left "
              f"{wallet['balance']['amount']}")
    bad = [(one.status, one.error, one.body[:200]) for one in seen if one.status != 200 or not one.whole]
    assert bad == []
    stopped = [one for one in seen if b"tokenworks" in one.body and b"credit" in one.body]
    assert stopped == [], "a stream was cut although there was credit"
