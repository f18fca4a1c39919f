"""Byte budgets and the wheel."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.worker import run

from tokenworks.gateway.budget import Budget
from tokenworks.gateway.wheel import PARTS, Wheel


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=40))
def test_all_or_nothing(steps: list[tuple[int, int]]) -> None:
    """What is taken below is taken above; no bound is ever passed; all that is given back leaves zero."""
    worker = Budget(150)
    accounts = [Budget(100, worker), Budget(100, worker), Budget(20, worker)]
    taken: list[tuple[Budget, int]] = []
    for which, size in steps:
        account = accounts[which]
        room = account.has_room(size)
        assert account.take(size) is room
        taken += [(account, size)] * room
        assert worker.used == sum(each.used for each in accounts) == sum(size for _, size in taken)
        assert worker.used <= 150 and all(each.used <= each.limit for each in accounts)
    for account, size in taken:
        account.give(size)
    assert worker.used == 0 and [each.used for each in accounts] == [0, 0, 0]


class Item:
    part = 0

    def __init__(self, wheel: Wheel, leaves: bool = False, faulty: bool = False) -> None:
        self.wheel, self.leaves, self.faulty = wheel, leaves, faulty
        self.ticks: list[int] = []

    def sweep(self, tick: int) -> None:
        self.ticks.append(tick)
        if self.leaves:
            self.wheel.drop(self)
        if self.faulty:
            raise ValueError("planted")


def test_wheel() -> None:
    """Everybody is swept once per round, whoever leaves is not, and a sweep that raises stops nothing."""

    async def main() -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
        wheel = Wheel(asyncio.get_running_loop(), 0.01)
        items = [Item(wheel) for _ in range(10)]
        leaver, faulty = Item(wheel, leaves=True), Item(wheel, faulty=True)
        for item in [*items, leaver, faulty]:
            wheel.add(item)
        async with asyncio.timeout(5):
            while wheel.tick < 6 * PARTS:
                await asyncio.sleep(0.01)
        wheel.stop()
        for item in items:
            gaps = {after - before for before, after in zip(item.ticks, item.ticks[1:], strict=False)}
            assert len(item.ticks) in (5, 6) and gaps == {PARTS}
        assert len(leaver.ticks) == 1 and len(faulty.ticks) == len(errors) > 1
        assert wheel.ticks(0.1) == 10 and wheel.ticks(0) == 1

    run(main)
