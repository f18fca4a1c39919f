"""Unaccounted-for tokens: what the engines counted against what the meter wrote into the journals (DESIGN 4.6)."""

from __future__ import annotations

import msgspec


class LeakageRow(msgspec.Struct, frozen=True):
    """One deployment in one hour (`hour_ns` its start), or all the time since counting began (`hour_ns` 0).

    `ppm` = (engine − metered) / engine in parts per million, over prompt and completion tokens together. `resets`
    counts the engine's restarts that were seen. Requests that run across the end of an hour blur the hour, not the sum.
    """

    deployment: str
    hour_ns: int
    engine_prompt: int
    engine_completion: int
    metered_prompt: int
    metered_completion: int
    resets: int = 0

    @property
    def ppm(self) -> int:
        engine = self.engine_prompt + self.engine_completion
        lost = engine - self.metered_prompt - self.metered_completion
        return lost * 1_000_000 // engine if engine else 0
