"""What a worker tells the control process about itself, twice a second: cumulative counters, gauges, who is running."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from tokenworks.clock import Clock
from tokenworks.credit.messages import Facts
from tokenworks.gateway.outlet import SHOWN
from tokenworks.gateway.shared import Shared
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.limits import SEGMENT_BYTES
from tokenworks.telemetry import series

_BUSY_NS, _IDLE_NS = 10_000_000, 250_000_000  # a hundred looks a second cost an idle machine 1 % of a core
_HALF_NS = 30_000_000_000


class StallMeter:
    """How long the loop stood still: how late a timer of its own came, at worst, in the last half to whole minute.

    A pause is seen up to one span too short. `worst_us` is in microseconds. `busy` says whether anybody would notice:
    while nobody does the loop is hardly woken, which is what costs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, busy: Collection[object]) -> None:
        self._loop, self._clock, self._busy = loop, clock, busy
        self._due_ns = self._until_ns = 0
        self._worst_ns = self._before_ns = 0  # in this half minute, and in the one before
        self._timer: asyncio.TimerHandle | None = None

    @property
    def worst_us(self) -> int:
        """The longest pause."""
        return max(self._worst_ns, self._before_ns) // 1000

    def start(self) -> None:
        """From now on; what a start takes is no pause."""
        self._due_ns = self._clock.mono_ns()
        self._tick()

    def stop(self) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns >= self._until_ns:
            self._until_ns = now_ns + _HALF_NS
            self._before_ns, self._worst_ns = self._worst_ns, 0
        self._worst_ns = max(self._worst_ns, now_ns - self._due_ns)
        span_ns = _BUSY_NS if self._busy else _IDLE_NS
        self._due_ns = now_ns + span_ns
        self._timer = self._loop.call_later(span_ns / 1e9, self._tick)


def build_facts(shared: Shared, connections: int, upstreams: int, stall_us: int) -> Facts:
    """The report. Counters are since the start of the worker, so that a lost report loses nothing."""
    outlets, position = shared.book.outlets, shared.journal.position
    counters = shared.tally.figures()
    segment_bytes = (position >> SEQUENCE_SHIFT) * SEGMENT_BYTES + (position & (1 << SEQUENCE_SHIFT) - 1)
    counters["tokenworks_journal_bytes_total"] = segment_bytes
    gauges = {
        "tokenworks_connections": connections,
        "tokenworks_requests_running": len(shared.running),
        "tokenworks_buffer_bytes": shared.budget.used,
        "tokenworks_holds": sum(1 for flow in shared.running if getattr(flow, "hold", None) is not None),
        "tokenworks_leases": sum(len(till.purse.leases()) for till in shared.desk.active.values()),
        "tokenworks_policy_version": shared.book.version,
        "tokenworks_loop_stall_seconds_max": stall_us,
        series("tokenworks_upstream_connections", state="open"): upstreams,
    }
    health = {name: SHOWN[outlet.health] for name, outlet in outlets.by_id.items()}
    for name, state in health.items():
        gauges[series("tokenworks_upstream_up", deployment=name)] = int(state != "down")
        gauges[series("tokenworks_upstream_running", deployment=name)] = outlets.inflight.get(name, 0)
    inflight = {name: count for name, count in outlets.inflight.items() if count or name in health}
    return Facts(shared.writer, shared.clock.now_ns(), counters, gauges, inflight, health, shared.tally.take_live())


