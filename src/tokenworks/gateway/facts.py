"""What a worker tells the control process about itself, twice a second: cumulative counters, gauges, who is running."""

from __future__ import annotations

from tokenworks.clock import Clock
from tokenworks.credit.messages import Facts
from tokenworks.gateway.outlet import SHOWN
from tokenworks.gateway.shared import Shared
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.limits import SEGMENT_BYTES
from tokenworks.telemetry import series


class StallMeter:
    """The longest pause of the loop: how late the beat came, since it was last asked."""

    def __init__(self, clock: Clock, span_ms: int) -> None:
        self._clock, self._span_ns = clock, span_ms * 1_000_000
        self._due_ns = clock.mono_ns() + self._span_ns
        self.worst_ms = 0

    def beat(self) -> None:
        """The beat is here."""
        now_ns = self._clock.mono_ns()
        self.worst_ms = max(0, (now_ns - self._due_ns) // 1_000_000)
        self._due_ns = now_ns + self._span_ns


def build_facts(shared: Shared, connections: int, upstreams: int, stall_ms: int) -> Facts:
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
        "tokenworks_loop_stall_seconds_max": stall_ms,
        series("tokenworks_upstream_connections", state="open"): upstreams,
    }
    health = {name: SHOWN[outlet.health] for name, outlet in outlets.by_id.items()}
    for name, state in health.items():
        gauges[series("tokenworks_upstream_up", deployment=name)] = int(state != "down")
        gauges[series("tokenworks_upstream_running", deployment=name)] = outlets.inflight.get(name, 0)
    inflight = {name: count for name, count in outlets.inflight.items() if count or name in health}
    return Facts(shared.writer, shared.clock.now_ns(), counters, gauges, inflight, health, shared.tally.take_live())


