"""Exactness: what the engine counted is what we metered is what was charged is what the ledger and statement say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.load import Load, Seen
from tests.e2e.utility import MODEL, Utility, wait_for

from tokenworks.supply.engine.facts import read_facts
from tokenworks.supply.metrics import EngineCounts, read_counts
from tokenworks.units import parse_amount


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    """A utility that nobody else buys from."""
    running = Utility(tmp_path_factory.mktemp("exact")).start()
    yield running
    running.stop()


def engine_counts(utility: Utility) -> EngineCounts:
    facts = read_facts(str(utility.state))
    assert facts is not None
    counts = read_counts(facts.url, facts.key)
    assert counts is not None
    return counts


def drive(utility: Utility, **settings: Any) -> tuple[list[Seen], EngineCounts, list[dict[str, Any]]]:
    """A load, what the engine counted meanwhile, and the stories of its requests once all are booked."""
    host, port = utility.address
    before = engine_counts(utility)
    seen = asyncio.run(Load(host, port, utility.key, MODEL, **settings).run())
    audit: dict[str, Any] = {}

    def ended() -> bool:
        audit.update(utility.audit())
        return audit["open_requests"] == 0

    wait_for(ended, 30, lambda: f"requests stay open: {audit}")
    assert audit["balanced"], audit["findings"]
    assert audit["suspended"] == 0 and audit["held"] == {}
    after = engine_counts(utility)
    delta = EngineCounts(*(new - old for new, old in zip(after, before, strict=True)))
    rows = list(utility.client.pages("/requests", {"limit": 500, "account": "demo"}))
    ours = {one.request for one in seen}
    return seen, delta, [row for row in rows if row["id"] in ours]


def metered(rows: list[dict[str, Any]]) -> EngineCounts:
    """The sums of the meter, as the engine counts."""
    def total(*names: str) -> int:
        return sum(row["usage"].get(name, 0) for row in rows for name in names)
    return EngineCounts(total("input"), total("output", "reasoning"), total("cache_read"))


def check_money(utility: Utility) -> None:
    """Sum of charges = what the lots paid = the ledger = the statement, to the last digit; nothing is held."""
    unit = "CNY"
    rows = list(utility.client.pages("/requests", {"limit": 500, "account": "demo"}))
    charged = sum(parse_amount(row["charged"]["amount"], unit) for row in rows if row["charged"])
    wallet = utility.client.call("GET", "/accounts/demo/wallet")
    assert sum(parse_amount(lot["spent"]["amount"], unit) for lot in wallet["lots"]) == charged
    statement = utility.client.call("GET", "/accounts/demo/statement", {"limit": 1})
    assert parse_amount(statement["sums"]["usage"]["amount"], unit) == -charged
    assert statement["closing"] == wallet["balance"]
    ledger = utility.client.pages("/ledger/balances", {"prefix": "wallet:", "limit": 500})
    assert sum(parse_amount(row["balance"]["amount"], unit) for row in ledger) == parse_amount(
        wallet["balance"]["amount"], unit)


def test_a_thousand_mixed_requests(alone: Utility, capsys: pytest.CaptureFixture[str]) -> None:
    seen, engine, rows = drive(alone, count=1000, clients=16)
    assert [one for one in seen if not one.whole or one.status != 200] == []
    assert len(rows) == 1000 and all(row["basis"] == "reported" for row in rows)
    ours = metered(rows)
    with capsys.disabled():
        print(f"\n1,000 mixed requests: engine {tuple(engine)}, meter {tuple(ours)}, difference "
              f"{engine.prompt + engine.completion - ours.prompt - ours.completion}")
    assert (ours.prompt, ours.completion) == (engine.prompt, engine.completion)
    check_money(alone)


def test_clients_that_hang_up(alone: Utility, capsys: pytest.CaptureFixture[str]) -> None:
    seen, engine, rows = drive(alone, count=600, clients=24, cut_percent=25, kinds=("chat_stream", "messages_stream",
                                                                                 "chat_stream", "chat"), seed=7)
    cut = [one for one in seen if one.hung_up]
    assert len(cut) > 40 and len(rows) == 600
    lost = engine.prompt + engine.completion - sum(metered(rows)[:2])
    with capsys.disabled():
        print(f"\n600 requests, {len(cut)} cut in mid-stream: the engine made {lost} tokens more than was billed, "
              f"{lost / len(cut):.2f} for each cut")
    assert 0 <= lost <= 4 * len(cut)
    check_money(alone)
