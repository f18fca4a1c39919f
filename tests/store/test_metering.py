"""The contract of what hosts have metered, on all three stores."""

from __future__ import annotations

from tokenworks.store.ports import Store
from tokenworks.store.shapes import WorkSum

HOUR = 3600 * 10**9
HUGE = 2**63 - 1


def test_each_host_puts_its_own(store: Store) -> None:
    assert store.metering.own("a") == store.metering.others("a") == []
    mine = [WorkSum("x", 0, 30, 3), WorkSum("x", 5 * HOUR, 20, 2), WorkSum("y", 0, 1, 1)]
    store.metering.put("a", mine[::-1], 0)
    assert store.metering.own("a") == store.metering.others("b") == mine
    assert store.metering.own("b") == store.metering.others("a") == []
    grown = WorkSum("x", 0, 31, 4)
    for _ in range(2):  # the same again changes nothing
        store.metering.put("a", [grown], 0)
        assert store.metering.own("a") == [grown, *mine[1:]]
    store.metering.put("a", [], 0)
    assert store.metering.own("a") == [grown, *mine[1:]]


def test_the_sum_of_the_others_is_exact(store: Store) -> None:
    for host in ("a", "b", "c"):
        store.metering.put(host, [WorkSum("x", 0, HUGE, 7), WorkSum(host, 0, 1, 0)], 0)
    assert store.metering.others("c") == [WorkSum("a", 0, 1, 0), WorkSum("b", 0, 1, 0), WorkSum("x", 0, 2 * HUGE, 14)]


def test_old_hours_go_and_the_whole_time_stays(store: Store) -> None:
    """Also those of hosts that are no more."""
    store.metering.put("gone", [WorkSum("x", 0, 9, 9), WorkSum("x", HOUR, 4, 4), WorkSum("x", 2 * HOUR, 5, 5)], 0)
    store.metering.put("here", [WorkSum("x", HOUR, 1, 1)], 2 * HOUR)
    assert store.metering.own("here") == []
    assert store.metering.others("here") == [WorkSum("x", 0, 9, 9), WorkSum("x", 2 * HOUR, 5, 5)]
