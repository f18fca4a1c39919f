"""A hold: credit set aside for one running request, as legs over the leases it was cut from.

Legs stand in the order they pay; a charge fills them one after the other. A hold moves along states.HOLD, and only its
purse moves it.
"""

from __future__ import annotations

from tokenworks.credit.records import HoldStep
from tokenworks.credit.states import HOLD, move
from tokenworks.limits import HOLD_STEPS_MAX

_FIRST_STEPS = HOLD_STEPS_MAX // 2  # kept as they were; what follows them is folded into one when there are too many
FOLDED = "folded"


class Lease:
    """Credit of one lot at this gateway: `free_minor` to cut from, `held_minor` in holds; together what is left."""

    __slots__ = ("epoch", "free_minor", "held_minor", "id", "lot", "rank", "state", "used_ns", "valid_ns",
                 "valid_until_ns")

    def __init__(self, number: str, lot: str, rank: int, epoch: int) -> None:
        self.id = number
        self.lot = lot
        self.rank = rank  # lower burns first
        self.epoch = epoch
        self.state = "valid"  # of states.LEASE
        self.free_minor = 0
        self.held_minor = 0
        self.valid_ns = 0  # how long it is valid for after each grant or renewal
        self.valid_until_ns = 0  # on the monotonic clock
        self.used_ns = 0


class Leg:
    """A hold's share of one lease. `charged_minor` is what it paid, once the hold is settled."""

    __slots__ = ("charged_minor", "held_minor", "lease")

    def __init__(self, lease: Lease, held_minor: int) -> None:
        self.lease = lease
        self.held_minor = held_minor
        self.charged_minor = 0


class Hold:
    """One request's hold. `keep_minor` is the expected remainder: what it will probably need beyond what it holds."""

    __slots__ = ("_steps", "held_minor", "keep_minor", "legs", "state")

    def __init__(self, legs: list[Leg], held_minor: int, keep_minor: int, mono_ns: int) -> None:
        self.legs = legs
        self.held_minor = held_minor
        self.keep_minor = keep_minor
        self.state = "held"  # of states.HOLD
        self._steps = [(mono_ns, "cut", held_minor, held_minor)]

    def move(self, event: str) -> None:
        """Along states.HOLD; raises Broken where there is no way."""
        self.state = move(HOLD, self.state, event)

    def note(self, mono_ns: int, step: str, amount_minor: int) -> None:
        """A step for the record, which keeps HOLD_STEPS_MAX: the first half, and the newest after one folded step."""
        steps = self._steps
        if len(steps) == HOLD_STEPS_MAX:
            second = steps[_FIRST_STEPS + 1]
            before = steps[_FIRST_STEPS - 1][3]
            steps[_FIRST_STEPS : _FIRST_STEPS + 2] = [(second[0], FOLDED, second[3] - before, second[3])]
        steps.append((mono_ns, step, amount_minor, self.held_minor))

    def history(self, offset_ns: int) -> tuple[HoldStep, ...]:
        """The steps so far for the record; `offset_ns` = wall clock - monotonic clock. Bounded by HOLD_STEPS_MAX.

        The amount of a step is what it moved; of a folded one, by how much what is held changed over all it stands for.
        """
        return tuple([HoldStep(at_ns + offset_ns, step, amount, held) for at_ns, step, amount, held in self._steps])
