"""A hundred days, the same day twice, and that the simulator finds what is put in."""

from __future__ import annotations

import pytest
from tests.sim.__main__ import live_all
from tests.sim.day import live
from tests.sim.faults import FAULTS
from tests.sim.plants import PLANTS

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # its process died first
DAYS = 100
SEEDS_MAX = {"hold_from_foreign_lease": 120}  # a bug of every day shows in a few
SEEDS_USUAL = 40


def test_holds_on_all_days() -> None:
    seen: set[str] = set()
    for report in live_all(0, DAYS, "", 100):
        again = f"again: python -m tests.sim --seed {report.seed}"
        assert not report.failure, "\n".join((report.failure, *report.trace[-25:], again))
        seen |= report.faults.keys()
    assert {fault.name for fault in FAULTS} <= seen  # a fault that never strikes tests nothing


def test_one_seed_is_one_day() -> None:
    assert live(11) == live(11)


@pytest.mark.parametrize("plant", PLANTS)
def test_finds_what_is_planted(plant: str) -> None:
    for seed in range(SEEDS_MAX.get(plant, SEEDS_USUAL)):
        report = live(seed, PLANTS[plant])
        if report.failure:
            print(f"{plant}: found after {seed + 1} seeds: {report.failure}")
            return
    raise AssertionError(f"{plant} is not found in {SEEDS_MAX.get(plant, SEEDS_USUAL)} seeds")
