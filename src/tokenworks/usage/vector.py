"""Usage as a vector of disjoint, non-negative integers (DESIGN 4.1). Nothing else in the house counts tokens."""

from __future__ import annotations

from typing import Literal

import msgspec

Basis = Literal["reported", "progress", "counted", "estimated"]
CLASSES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Disjoint token counts. `input` is fresh input; `output` is visible output without `reasoning`.

    prompt = input + cache_read + cache_write_5m + cache_write_1h; completion = output + reasoning.
    `extras` counts what is not a token of text: images, audio_seconds, searches, calls. `calls` is 1 per request.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    extras: dict[str, int] = {}

    def __post_init__(self) -> None:
        # The union of the bits has a sign exactly when one of them has: one comparison for all six.
        if self.input | self.cache_read | self.cache_write_5m | self.cache_write_1h | self.output | self.reasoning < 0:
            raise ValueError("a usage count is negative")
        if self.extras and min(self.extras.values()) < 0:
            raise ValueError("an extra usage count is negative")

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def completion(self) -> int:
        return self.output + self.reasoning
