"""What the workers of this host measured, added up: metrics, gateways, the live feed.

A worker's counters are cumulative since its start and die with it; the sums here go on, so that nothing counted is lost
at a worker's restart and nothing is counted twice when control starts again and hears the running workers anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from tokenworks.control.feed import LiveFeed
from tokenworks.credit.messages import Facts
from tokenworks.telemetry import Meters, add_series, render_metrics, series

# Gauges whose sum over workers says nothing: how several values of one series become one.
_TOGETHER: Mapping[str, Callable[[int, int], int]] = {
    "tokenworks_loop_stall_seconds_max": max,
    "tokenworks_policy_version": min,
    "tokenworks_upstream_up": min,
}


class Gateway(msgspec.Struct, frozen=True):
    """One gateway worker as it was heard of last. `connected`: its link is up now."""

    writer: str  # host/worker/epoch
    pid: int
    connected: bool
    since_ns: int  # of its first Hello here
    heard_ns: int
    policy_version: int
    running: int
    connections: int
    inflight: dict[str, int]
    health: dict[str, str]


class _Worker:
    """What is known of one worker."""

    __slots__ = ("connected", "facts", "pid", "since_ns")

    def __init__(self, writer: str, now_ns: int) -> None:
        self.pid = 0
        self.connected = False
        self.since_ns = now_ns
        self.facts = Facts(writer, now_ns, {}, {})


class FactsBook:
    """The sums. Written on the event loop; `meters` holds control's own figures, each written by one thread."""

    def __init__(self) -> None:
        self.meters = Meters()
        self.feed = LiveFeed()
        self.probed: dict[str, bool] = {}  # per deployment whether its engine says that it is well
        self._workers: dict[str, _Worker] = {}
        self._gone: dict[str, int] = {}  # counters of workers that are no more

    def join(self, writer: str, pid: int, now_ns: int) -> None:
        """A worker has said Hello; the same worker again after a lost link goes on with its counters."""
        worker = self._workers.setdefault(writer, _Worker(writer, now_ns))
        worker.pid, worker.connected = pid, True

    def leave(self, writer: str) -> None:
        """Its link is lost. It may come back: its counters are kept with it until it is known to be dead."""
        if writer in self._workers:
            self._workers[writer].connected = False

    def bury(self, writer: str) -> None:
        """It is dead: its counters stay in the sums, its gauges go."""
        worker = self._workers.pop(writer, None)
        if worker is not None:
            self._gone = add_series((self._gone, worker.facts.counters))

    def take(self, facts: Facts) -> None:
        """A worker's newest report, which replaces the one before: the link keeps the order, the clock may jump."""
        worker = self._workers.get(facts.writer)
        if worker is not None:
            worker.facts = facts
            self.feed.push(facts.live)

    def inflight(self) -> dict[str, int]:
        """Requests running now, per deployment."""
        return add_series(facts.inflight for facts in self._connected())

    def health(self) -> dict[str, str]:
        """Per deployment the worst that the probe and the connected workers see: down, failing or up."""
        worst = {deployment: "up" if well else "down" for deployment, well in self.probed.items()}
        for facts in self._connected():
            for deployment, state in facts.health.items():
                worst[deployment] = min(worst.get(deployment, "up"), state, key=("down", "failing", "up").index)
        return worst

    def gateways(self) -> list[Gateway]:
        """Every worker of this host that is not known to be dead, by name."""
        return [_show_worker(writer, worker) for writer, worker in sorted(self._workers.items())]

    def counters(self) -> dict[str, int]:
        """Every counter of this host since control started, workers that are gone and control itself among them."""
        parts = [self._gone, self.meters.figures(), *(worker.facts.counters for worker in self._workers.values())]
        return add_series(parts)

    def gauges(self) -> dict[str, int]:
        """Every gauge of the workers connected now and of control itself."""
        probed = {series("tokenworks_upstream_up", deployment=name): int(well) for name, well in self.probed.items()}
        return join_gauges([dict(self.meters.gauges), probed, *(facts.gauges for facts in self._connected())])

    def metrics_text(self) -> str:
        """What GET /metrics answers."""
        return render_metrics(self.counters(), self.gauges())

    def _connected(self) -> list[Facts]:
        return [worker.facts for worker in self._workers.values() if worker.connected]


def join_gauges(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Gauges of several processes as one: added, but for those whose sum says nothing."""
    total: dict[str, int] = {}
    for part in parts:
        for key, value in part.items():
            together = _TOGETHER.get(key.partition("{")[0], int.__add__)
            total[key] = together(total[key], value) if key in total else value
    return total


def _show_worker(writer: str, worker: _Worker) -> Gateway:
    facts = worker.facts
    return Gateway(
        writer, worker.pid, worker.connected, worker.since_ns, facts.at_ns,
        facts.gauges.get("tokenworks_policy_version", 0), sum(facts.inflight.values()),
        facts.gauges.get("tokenworks_connections", 0), facts.inflight, facts.health,
    )
