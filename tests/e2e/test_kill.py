"""A few rounds of kill -9; `make kill` runs two hundred."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.e2e.utility import Utility
from tests.kill.rounds import REQUESTS, VICTIMS, Tally, run_round


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("kill")).start()
    yield running
    running.stop()


@pytest.mark.parametrize("part", VICTIMS)
def test_part_is_killed(victim: Utility, part: str) -> None:
    tally = Tally()
    run_round(victim, part, random.Random(part), tally)
    assert tally.rounds == 1 and sum(tally.seen.values()) == REQUESTS
