"""Counters: parsing, restarts, and the real engine's figures against the usage that it reports."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.supply.asking import ask, ask_json
from tests.supply.conftest import Running

from tokenworks.supply.engine.facts import EngineFacts
from tokenworks.supply.metrics import CountWatch, EngineCounts, parse_counts, read_counts

PAGE = """# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed, excluding cached tokens
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 16
llamacpp:prompt_tokens_cached_total 3
llamacpp:prompt_tokens_seconds 2835.37
llamacpp:tokens_predicted_total {}
llamacpp:tokens_predicted_seconds_total 0.002
"""
TURN = [{"role": "user", "content": "Tell me a story."}]


@pytest.mark.parametrize(("text", "value"), [("10", 10), ("1234567", 1234567), ("1.23457e+06", 1234570), ("0", 0)])
def test_parse(text: str, value: int) -> None:
    assert parse_counts(PAGE.format(text)) == EngineCounts(16, value, 3)


def test_parse_others() -> None:
    assert parse_counts("") is None
    assert parse_counts("vllm:prompt_tokens_total 3\n") is None
    assert parse_counts(PAGE.format("nan")) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))))
def test_watch_loses_nothing(steps: list[tuple[bool, int, int, int]]) -> None:
    """Between looks an engine counts on or starts anew; with its incarnation known, all that it showed is seen once."""
    watch, counts, shown, seen, start = CountWatch(), EngineCounts(0, 0, 0), [0, 0, 0], [0, 0, 0], 0
    for renewed, *more in steps:
        start += renewed
        counts = EngineCounts(*((0 if renewed else now) + add for now, add in zip(counts, more, strict=True)))
        shown = [total + add for total, add in zip(shown, more, strict=True)]
        growth = watch.see(counts, start)
        seen = [total + add for total, add in zip(seen, growth[:3], strict=True)]
    assert seen == shown
    assert watch.resets <= start


def test_watch_without_incarnation() -> None:
    watch = CountWatch()
    assert watch.see(EngineCounts(10, 5, 0)) == (10, 5, 0, False)
    assert watch.see(EngineCounts(12, 9, 1)) == (2, 4, 1, False)
    assert watch.see(EngineCounts(3, 9, 1)) == (3, 9, 1, True)
    assert watch.resets == 1


def test_read_counts(engine: Running) -> None:
    assert read_counts(engine.facts.url, engine.facts.key) is not None
    assert read_counts(engine.facts.url, "wrong") is None
    assert read_counts("http://127.0.0.1:1", "") is None


def counts_of(facts: EngineFacts) -> EngineCounts:
    found = read_counts(facts.url, facts.key)
    assert found is not None
    return found


def usage_of(dialect: str, usage: dict[str, Any]) -> EngineCounts:
    """(fresh prompt, completion, cached) as the dialect tells it."""
    if dialect == "messages":
        return EngineCounts(usage["input_tokens"], usage["output_tokens"], usage["cache_read_input_tokens"])
    if dialect == "responses":
        cached = usage["input_tokens_details"]["cached_tokens"]
        return EngineCounts(usage["input_tokens"] - cached, usage["output_tokens"], cached)
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return EngineCounts(usage["prompt_tokens"] - cached, usage.get("completion_tokens", 0), cached)


def mixed(number: int) -> tuple[str, str, dict[str, Any]]:
    """The request of this number: all dialects in turn, some sharing their prompt's beginning."""
    share = {"cache_prompt": True} if number % 2 else {}
    return [
        ("chat", "/v1/chat/completions", {"messages": TURN, "max_tokens": 1 + number, **share}),
        ("completions", "/v1/completions", {"prompt": "Once upon a time", "max_tokens": 1 + number, **share}),
        ("responses", "/v1/responses", {"input": "Tell me a story.", "max_output_tokens": 1 + number, **share}),
        ("messages", "/v1/messages", {"messages": TURN, "max_tokens": 1 + number}),
        ("embeddings", "/v1/embeddings", {"input": ["hello"] * (1 + number % 3)}),
    ][number % 5]


def test_counters_equal_usage(engine: Running) -> None:
    """Nobody hangs up: what the engine counted is what it reported, to the token, embeddings among it."""
    def one(number: int) -> EngineCounts:
        dialect, path, body = mixed(number)
        return usage_of(dialect, ask_json(engine.facts, path, body)["usage"])

    before = counts_of(engine.facts)
    with ThreadPoolExecutor(24) as pool:
        told = list(pool.map(one, range(60)))
    after = counts_of(engine.facts)
    sums = EngineCounts(*(sum(column) for column in zip(*told, strict=True)))
    assert sums == EngineCounts(*(now - then for now, then in zip(after, before, strict=True)))
    assert sums.cached > 0


def test_hangup_costs_few(engine: Running) -> None:
    """A stream that is cut costs what was seen and at most four tokens more; its slot is free at once."""
    before = counts_of(engine.facts)
    connection = http.client.HTTPConnection(engine.facts.url.removeprefix("http://"), timeout=30)
    body = {"messages": TURN, "max_tokens": 2000, "stream": True, "timings_per_token": True, "ignore_eos": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body),
                       {"Authorization": f"Bearer {engine.facts.key}", "Content-Type": "application/json"})
    answer, seen = connection.getresponse(), 0
    while seen < 50:
        line = answer.readline()
        if line.startswith(b"data: {"):
            seen = json.loads(line[6:]).get("timings", {}).get("predicted_n", 0)
    answer.close()
    connection.close()
    time.sleep(0.2)
    made = counts_of(engine.facts).completion - before.completion
    assert seen <= made <= seen + 20  # what lay in buffers was made too
    busy = ask(engine.facts, "/metrics")[1].decode()
    assert "llamacpp:requests_processing 0" in busy


def test_prefix_is_not_shared(engine: Running) -> None:
    """No dialect takes another's prompt from the cache unless the request says so; messages cannot even say it."""
    for dialect, path, body in [mixed(0), mixed(2), mixed(8)] * 2:
        assert usage_of(dialect, ask_json(engine.facts, path, body)["usage"]).cached == 0
    chat = {"messages": TURN, "max_tokens": 2, "cache_prompt": True}
    ask_json(engine.facts, "/v1/chat/completions", chat)
    assert usage_of("chat", ask_json(engine.facts, "/v1/chat/completions", chat)["usage"]).cached > 0
