"""The only time and the only randomness.

Everything that needs either is handed a Clock or a Dice, so that the simulator can run the real code under its own.
"""

from __future__ import annotations

import os
import time
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case: sorts as it counts


class Clock(Protocol):
    """Wall time for the books, monotonic time for durations; both in nanoseconds."""

    def now_ns(self) -> int: ...

    def mono_ns(self) -> int: ...


class Dice(Protocol):
    """Random bytes; from the operating system outside simulations."""

    def draw(self, size: int) -> bytes: ...


class SystemClock:
    """The machine's clocks, without a step of Python between."""

    now_ns = staticmethod(time.time_ns)
    mono_ns = staticmethod(time.monotonic_ns)


class FakeClock:
    """A clock that moves only when told: `advance` moves both hands, `step` jumps the wall clock alone."""

    def __init__(self, now_ns: int = 1_790_000_000_000_000_000, mono_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._mono_ns = mono_ns

    def now_ns(self) -> int:
        return self._now_ns

    def mono_ns(self) -> int:
        return self._mono_ns

    def advance(self, span_ns: int) -> None:
        self._now_ns += span_ns
        self._mono_ns += span_ns

    def step(self, span_ns: int) -> None:
        self._now_ns += span_ns


class SystemDice:
    """The operating system's randomness."""

    def draw(self, size: int) -> bytes:
        return os.urandom(size)


class FakeDice:
    """A seeded counter stretched to bytes: repeatable, never for secrets."""

    def __init__(self, seed: int = 0) -> None:
        self._state = seed

    def draw(self, size: int) -> bytes:
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self._state.to_bytes(8, "big") * (size // 8) + self._state.to_bytes(8, "big")[: size % 8]


def mint_id(prefix: str, clock: Clock, dice: Dice) -> str:
    """`prefix_` + 26 characters: 48 bits of wall milliseconds, then 80 random bits, so ids sort by time (as UUIDv7)."""
    value = ((clock.now_ns() // 1_000_000) << 80) | int.from_bytes(dice.draw(10), "big")
    return f"{prefix}_{encode_base32(value, 26)}"


def encode_base32(value: int, length: int) -> str:
    """`value` as `length` Crockford base-32 characters, most significant first."""
    return "".join(_ALPHABET[(value >> (5 * place)) & 31] for place in range(length - 1, -1, -1))
