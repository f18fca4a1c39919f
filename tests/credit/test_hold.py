"""Holds: their way along the table, and a history that is bounded and still adds up."""

from __future__ import annotations

import pytest

from tokenworks.credit.hold import FOLDED, Hold, Lease, Leg
from tokenworks.credit.records import HoldStep
from tokenworks.errors import Broken
from tokenworks.limits import HOLD_STEPS_MAX


def test_new_hold() -> None:
    lease = Lease("L1", "l1", 3, 1)
    leg = Leg(lease, 7)
    hold = Hold([leg], 7, 2, 1_000)
    assert (hold.state, hold.held_minor, hold.keep_minor) == ("held", 7, 2)
    assert (leg.charged_minor, lease.state, lease.free_minor, lease.held_minor) == (0, "valid", 0, 0)
    assert hold.history(500) == (HoldStep(1_500, "cut", 7, 7),)


def test_moves_along_table() -> None:
    hold = Hold([], 0, 0, 0)
    hold.move("settle_estimated")
    assert hold.state == "estimated"
    with pytest.raises(Broken):
        hold.move("settle")


@pytest.mark.parametrize("count", [0, 1, HOLD_STEPS_MAX - 1, HOLD_STEPS_MAX, HOLD_STEPS_MAX + 1, 1_000])
def test_bounded_history(count: int) -> None:
    """However many steps: the first and the last are there, and the amounts still lead from nothing to what is held."""
    hold = Hold([], 5, 0, 0)
    for number in range(count):
        hold.held_minor += 2
        hold.note(number + 1, "extended", 2)
    steps = hold.history(0)
    assert len(steps) == min(count + 1, HOLD_STEPS_MAX)
    assert steps[0] == HoldStep(0, "cut", 5, 5)
    assert steps[-1].held_minor == hold.held_minor == sum(step.amount_minor for step in steps)
    assert len([step for step in steps if step.step == FOLDED]) == (count + 1 > HOLD_STEPS_MAX)
    assert [step.at_ns for step in steps] == sorted(step.at_ns for step in steps)
