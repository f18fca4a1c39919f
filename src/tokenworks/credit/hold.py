"""A hold: credit set aside for one running request, as legs over the leases it was cut from.

Legs stand in the order they pay; a charge fills them one after the other. A hold moves along states.HOLD, and only its
purse moves it.
"""

from __future__ import annotations

from tokenworks.credit.records import HoldStep


class Lease:
    """Credit of one lot at this gateway: `free_minor` to cut from, `held_minor` in holds; together what is left."""

    __slots__ = ("epoch", "free_minor", "granted_minor", "held_minor", "id", "lot", "rank", "state", "used_at_ns",
                 "valid_until_ns")

    id: str
    lot: str
    rank: int
    epoch: int
    free_minor: int
    held_minor: int
    granted_minor: int  # all that the books say they lent, for grants that were lost on the way
    state: str  # of states.LEASE
    valid_until_ns: int  # on the monotonic clock
    used_at_ns: int


class Leg:
    """A hold's share of one lease. `charged_minor` is what it paid, once the hold is settled."""

    __slots__ = ("charged_minor", "held_minor", "lease")

    lease: Lease
    held_minor: int
    charged_minor: int


class Hold:
    """One request's hold. `keep_minor` is the expected remainder: what it will probably need beyond what it holds."""

    __slots__ = ("_steps", "held_minor", "keep_minor", "legs", "state")

    held_minor: int
    keep_minor: int
    legs: list[Leg]
    state: str  # of states.HOLD

    def history(self, offset_ns: int) -> tuple[HoldStep, ...]:
        """The steps so far for the record; `offset_ns` = wall clock - monotonic clock. Bounded by HOLD_STEPS_MAX."""
        raise NotImplementedError
