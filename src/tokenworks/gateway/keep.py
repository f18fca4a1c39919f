"""How long a connection to an upstream may lie idle, and for how many calls it is good: as the upstream says it.

Some servers close idle connections after seconds (llama.cpp after five, or after a hundred requests) and say so in a
Keep-Alive header. A connection is given up a little before: a request that met the close would have to be sent again.
"""

from __future__ import annotations

import re

from tokenworks.gateway.wheel import Wheel

_SAID = re.compile(rb"(timeout|max)[ \t]*=[ \t]*([0-9]{1,9})")
_MARGIN_S = 1


class Keep:
    """Of one connection. `idle_ticks` is our own limit until the upstream has a lower one; `calls` it has served."""

    __slots__ = ("_calls_max", "_said", "_ticks", "calls", "idle_ticks")

    def __init__(self, ticks: int) -> None:
        self.idle_ticks = self._ticks = ticks
        self.calls = self._calls_max = 0
        self._said = b""

    def lasts(self, said: bytes, wheel: Wheel) -> bool:
        """A call has ended, whose answer had this Keep-Alive header (b"" for none): whether there may be another."""
        self.calls += 1
        if said != self._said:
            self._said = said
            found = {name: int(digits) for name, digits in _SAID.findall(said.lower())}
            wait_s = found.get(b"timeout")
            self.idle_ticks = self._ticks
            if wait_s is not None:
                self.idle_ticks = min(self._ticks, wheel.ticks(max(0, wait_s - _MARGIN_S)))
            self._calls_max = max(1, found[b"max"]) if b"max" in found else 0
        return not 0 < self._calls_max <= self.calls
