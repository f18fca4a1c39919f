"""The choice as a table, and what it never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.fleet.deployment import Deployment
from tokenworks.routing.choose import choose


def row(name: str) -> Deployment:
    return Deployment(name, "m", "http://x", "m", "vllm", ("chat",))


A, B, C = row("a"), row("b"), row("c")


@pytest.mark.parametrize(("inflight", "health", "tried", "expected"), [
    ({}, {}, (), "a"), ({"a": 3, "b": 1, "c": 2}, {}, (), "b"), ({"a": 1, "b": 1, "c": 1}, {}, (), "a"),
    ({"a": 9}, {"b": "failing", "c": "failing"}, (), "a"), ({}, {"a": "failing", "b": "down"}, (), "c"),
    ({}, {"a": "down", "b": "failing", "c": "down"}, (), "b"), ({}, {}, ("a",), "b"), ({}, {}, ("a", "b"), "c"),
    ({}, {}, ("a", "b", "c"), None), ({}, {"a": "down", "b": "down", "c": "down"}, (), None),
    ({}, {"a": "nonsense"}, ("b", "c"), None),
])
def test_choices(
    inflight: dict[str, int], health: dict[str, str], tried: tuple[str, ...], expected: str | None
) -> None:
    found = choose((C, A, B), inflight, health, tried)
    assert (found.deployment.id if found else None) == expected


def test_reasons() -> None:
    found = choose((A, B, C), {"a": 2, "b": 5}, {"c": "down"}, ())
    assert found is not None and found.why == {
        "route": "least busy", "candidates": 3, "a in flight": 2, "b in flight": 5, "c passed over": "down",
        "deployment": "a", "in_flight": 2}
    found = choose((A, B), {}, {"b": "failing"}, ("a",))
    assert found is not None and found.why["health"] == "failing" and found.why["a passed over"] == "tried"


@pytest.mark.parametrize(("health", "tried", "expected"), [
    ("up", (), "a"), ("failing", (), "a"), ("down", (), None), ("up", ("a",), None),
])
def test_a_single_candidate(health: str, tried: tuple[str, ...], expected: str | None) -> None:
    found = choose((A,), {"a": 5}, {"a": health}, tried)
    assert (found.deployment.id if found else None) == expected
    assert choose((), {}, {}) is None


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)),
       st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["up", "failing", "down"])),
       st.sets(st.sampled_from("abcdef")))
def test_rule(names: list[str], inflight: dict[str, int], health: dict[str, str], tried: set[str]) -> None:
    """Never one that was tried or is down; nobody left out is better in health, load and name."""
    found = choose([row(name) for name in names], inflight, health, tried)
    left = [name for name in names if name not in tried and health.get(name, "up") != "down"]
    assert (found is None) == (not left)
    if found:
        order = [(health.get(name, "up") != "up", inflight.get(name, 0), name) for name in left]
        assert min(order)[2] == found.deployment.id
