"""What each host has metered, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tokenworks.store.memory.state import State
from tokenworks.store.shapes import WorkSum


class MemoryMetering:
    """ports.Metering."""

    def __init__(self, state: State) -> None:
        self._state = state

    def own(self, host: str) -> list[WorkSum]:
        """See ports.Metering."""
        with self._state.lock:
            self._state.faults("own")
            table = self._state.metered
            return [table[place] for place in sorted(table) if place[0] == host]

    def others(self, host: str) -> list[WorkSum]:
        """See ports.Metering."""
        sums: dict[tuple[str, int], WorkSum] = {}
        with self._state.lock:
            self._state.faults("others")
            for (of, *_), row in self._state.metered.items():
                if of != host:
                    have = sums.get((row.deployment, row.hour_ns), WorkSum(row.deployment, row.hour_ns, 0, 0))
                    sums[row.deployment, row.hour_ns] = WorkSum(
                        row.deployment, row.hour_ns, have.prompt + row.prompt, have.completion + row.completion)
        return [sums[place] for place in sorted(sums)]

    def put(self, host: str, sums: Sequence[WorkSum], least_ns: int) -> None:
        """See ports.Metering."""
        with self._state.lock:
            self._state.faults("put")
            table = self._state.metered
            table.update({(host, row.deployment, row.hour_ns): row for row in sums})
            for place in [place for place in table if 0 < place[2] < least_ns]:
                del table[place]
