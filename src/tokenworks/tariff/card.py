"""Rate cards: immutable, versioned, effective-dated functions from usage to an amount in one unit."""

from __future__ import annotations

import msgspec

from tokenworks.usage.vector import CLASSES

PRICED_CLASSES = CLASSES


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices of one model: decimal strings per million tokens by class, and a fee per request.

    A class without a price falls back: cache_read, cache_write_* to input; reasoning to output. `extras` are per count.
    """

    input: str = "0"
    output: str = "0"
    cache_read: str | None = None
    cache_write_5m: str | None = None
    cache_write_1h: str | None = None
    reasoning: str | None = None
    request: str = "0"
    extras: dict[str, str] = {}


class RateCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a card. `models` maps a model's name, or "*" for any other, to its price.

    In force from `effective_from_ns` (Unix nanoseconds) until the next version of the same name.
    """

    name: str
    version: int
    unit: str
    effective_from_ns: int
    models: dict[str, Price]

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"
