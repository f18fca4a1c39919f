"""Sums over workers that come, report, lose their link and die; gauges whose sum says nothing; the live feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.control.facts import FactsBook, join_gauges
from tokenworks.control.feed import Follower, LiveFeed, Row
from tokenworks.credit.messages import Facts
from tokenworks.limits import LIVE_QUEUE_MAX, LIVE_ROWS_KEPT
from tokenworks.telemetry import series

REQUESTS = series("tokenworks_requests_total", model="tiny")
RUNNING = "tokenworks_requests_running"


def report(writer: str, count: int, running: int = 0, **more: object) -> Facts:
    return Facts(writer, 5, {REQUESTS: count}, {RUNNING: running}, **more)  # type: ignore[arg-type]


def test_counters_outlive_their_workers_and_links() -> None:
    book = FactsBook()
    book.join("h/0/1", 11, 1)
    book.join("h/1/1", 12, 1)
    book.take(report("h/0/1", 5, 2))
    book.take(report("h/1/1", 7, 1))
    assert (book.counters()[REQUESTS], book.gauges()[RUNNING]) == (12, 3)
    book.leave("h/0/1")
    assert (book.counters()[REQUESTS], book.gauges()[RUNNING]) == (12, 1)
    book.join("h/0/1", 11, 2)
    book.take(report("h/0/1", 6, 2))
    assert book.counters()[REQUESTS] == 13, "the same worker again is not counted twice"
    book.leave("h/0/1")
    book.bury("h/0/1")
    book.bury("h/0/1")
    book.join("h/0/2", 13, 3)
    book.take(report("h/0/2", 1))
    assert book.counters()[REQUESTS] == 14
    book.take(report("h/9/9", 100))  # nobody knows it
    assert book.counters()[REQUESTS] == 14


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=6), max_size=5), st.integers(0, 4))
def test_any_sequence_of_reports_adds_up_to_the_last_of_each(reports: list[list[int]], dead: int) -> None:
    book = FactsBook()
    for number, values in enumerate(reports):
        book.join(f"h/{number}/1", 1, 1)
        total = 0
        for value in values:
            total += value
            book.take(report(f"h/{number}/1", total))
        if number < dead:
            book.bury(f"h/{number}/1")
    assert book.counters().get(REQUESTS, 0) == sum(map(sum, reports))


def test_gauges_that_do_not_add() -> None:
    stall, version, up = ("tokenworks_loop_stall_seconds_max", "tokenworks_policy_version",
                          series("tokenworks_upstream_up", deployment="d"))
    assert join_gauges([{stall: 3, version: 7, up: 1, RUNNING: 1}, {stall: 9, version: 6, up: 0, RUNNING: 1}]) == {
        stall: 9, version: 6, up: 0, RUNNING: 2}


def test_health_is_the_worst_that_anybody_sees() -> None:
    book = FactsBook()
    for number, state in enumerate(("up", "failing", "up")):
        book.join(f"h/{number}/1", 1, 1)
        book.take(report(f"h/{number}/1", 0, health={"d": state, "e": "up"}, inflight={"d": 2}))
    assert book.health() == {"d": "failing", "e": "up"}
    assert book.inflight() == {"d": 6}
    book.leave("h/1/1")
    assert book.health() == {"d": "up", "e": "up"}


def test_gateways_and_metrics() -> None:
    book = FactsBook()
    book.join("h/0/1", 11, 77)
    book.take(Facts("h/0/1", 99, {REQUESTS: 3}, {"tokenworks_connections": 4, "tokenworks_policy_version": 8},
                    {"d": 1, "e": 2}))
    (gateway,) = book.gateways()
    assert (gateway.writer, gateway.pid, gateway.connected, gateway.since_ns) == ("h/0/1", 11, True, 77)
    assert (gateway.heard_ns, gateway.policy_version, gateway.running, gateway.connections) == (99, 8, 3, 4)
    book.meters.add("tokenworks_posted_records_total", 5)
    text = book.metrics_text()
    assert 'tokenworks_requests_total{model="tiny"} 3' in text
    assert "tokenworks_posted_records_total 5" in text


def test_followers_get_what_was_and_what_comes() -> None:
    async def scenario() -> None:
        feed = LiveFeed()
        feed.push([{"n": number} for number in range(LIVE_ROWS_KEPT + 10)])
        assert feed.last(2) == [{"n": LIVE_ROWS_KEPT + 8}, {"n": LIVE_ROWS_KEPT + 9}]
        assert feed.last(0) == []
        rows: AsyncIterator[Row] = feed.follow(1)
        assert await anext(rows) == {"n": LIVE_ROWS_KEPT + 9}
        waiting = asyncio.create_task(anext(rows))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        feed.push([{"n": -1}])
        assert await waiting == {"n": -1}
        await rows.aclose()  # type: ignore[attr-defined]
        assert not feed._followers

    asyncio.run(scenario())


def test_a_slow_follower_loses_the_oldest_and_is_told() -> None:
    async def scenario() -> None:
        follower = Follower([])
        for number in range(LIVE_QUEUE_MAX + 3):
            follower.push({"n": number})
        assert await follower.take() == {"missed": 3}
        assert await follower.take() == {"n": 3}

    asyncio.run(scenario())
