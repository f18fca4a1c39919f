"""Journals and suspense in memory."""

from __future__ import annotations

import msgspec

from tokenworks.credit import ending
from tokenworks.credit.rows import EndView
from tokenworks.errors import NotFound
from tokenworks.store.memory.state import State
from tokenworks.store.memory.trail import MemoryScribe
from tokenworks.store.shapes import Rows, Suspended, WriterRow
from tokenworks.store.writers import ACTIVE, host_of, next_state


def greet_writer(state: State, writer: str, now_ns: int) -> WriterRow:
    """Makes the writer known, unless it is."""
    return state.writers.setdefault(writer, WriterRow(writer, host_of(writer), "live", 0, now_ns, now_ns, now_ns))


class MemoryWriters:
    """ports.Writers."""

    def __init__(self, state: State, scribe: MemoryScribe) -> None:
        self._state, self._scribe = state, scribe

    def greet(self, writer: str, now_ns: int) -> WriterRow:
        """See ports.Writers."""
        with self._state.lock:
            self._state.faults("greet")
            return greet_writer(self._state, writer, now_ns)

    def roster(self, host: str = "", active: bool = False) -> list[WriterRow]:
        """See ports.Writers."""
        with self._state.lock:
            self._state.faults("roster")
            return [row for _, row in sorted(self._state.writers.items())
                    if (not host or row.host == host) and (not active or row.state in ACTIVE)]

    def beat(self, writer: str, now_ns: int, watermark_ns: int, lag_bytes: int) -> None:
        """See ports.Writers."""
        with self._state.lock:
            self._state.faults("beat")
            if known := self._state.writers.get(writer):
                self._state.amend_writer(writer, seen_at_ns=now_ns, lag_bytes=lag_bytes,
                                         watermark_ns=max(known.watermark_ns, watermark_ns))

    def mark(self, writer: str, event: str, now_ns: int) -> WriterRow:
        """See ports.Writers."""
        state = self._state
        with state.lock:
            state.faults("mark")
            before = state.writer(writer).state
            after = next_state(writer, before, event)
            turn = ending.find_writer if event == "find" else ending.lose_writer
            state.move([], turn(state.held(writer).values()))
            if event == "forget":
                leases = state.held(writer)
                lots = {lease.lot: state.lots[lease.lot] for lease in leases.values()}
                state.apply(ending.forget_writer(EndView(writer, "0", now_ns, state.epoch, {}, leases, lots)))
            self._scribe.tell(("gateway", writer), {"state": before}, {"state": after})
            return state.amend_writer(writer, state=after)

    def complete(self, now_ns: int) -> int:
        """See ports.Writers."""
        with self._state.lock:
            self._state.faults("complete")
            return least_watermark(self._state, now_ns)


def least_watermark(state: State, now_ns: int) -> int:
    """Nothing that ended before it is still to come."""
    return min((row.watermark_ns for row in state.writers.values() if row.state in ACTIVE), default=now_ns)


class MemorySuspense:
    """ports.Suspense."""

    def __init__(self, state: State, scribe: MemoryScribe) -> None:
        self._state, self._scribe = state, scribe

    def page(self, unresolved: bool = True, cursor: str = "", limit: int = 50) -> Rows[Suspended]:
        """See ports.Suspense."""
        with self._state.lock:
            found = [row for ident, row in sorted(self._state.suspense.items())
                     if ident > cursor and not (unresolved and row.resolved_at_ns)]
        return Rows(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def resolve(self, ident: str, resolution: str, now_ns: int) -> Suspended:
        """See ports.Suspense."""
        with self._state.lock:
            if ident not in self._state.suspense:
                raise NotFound("suspense", ident)
            before = self._state.suspense[ident].resolution
            self._scribe.tell(("suspense", ident), {"resolution": before}, {"resolution": resolution})
            row = msgspec.structs.replace(self._state.suspense[ident], resolution=resolution, resolved_at_ns=now_ns)
            self._state.suspense[ident] = row
            return row
