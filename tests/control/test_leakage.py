"""Engine counters against the meter: exact sums, restarts of engine and control, amendments, crashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.control.site import Site, closed, opened

from tokenworks.control.losses import HOUR_NS
from tokenworks.credit.records import Amended, Attempt, Progressed
from tokenworks.errors import Broken
from tokenworks.limits import LEAKAGE_HOURS_KEPT
from tokenworks.supply.metrics import EngineCounts
from tokenworks.telemetry import Meters, series
from tokenworks.usage.vector import Usage


def test_exact_when_nothing_is_lost(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look()
    now_ns = site.clock.now_ns()
    site.write(opened("r1"), closed("r1", Usage(input=30, cache_read=70, output=8, reasoning=2), now_ns))
    site.counts = EngineCounts(30, 10, 70)
    assert site.total() == (30, 10, 30, 10, 0)
    site.counts = EngineCounts(60, 20)
    assert site.total() == (60, 20, 30, 10, 500_000)
    site.start()
    site.write(opened("r2"), closed("r2", Usage(input=30, output=10), now_ns))
    assert site.total() == (60, 20, 60, 20, 0), "a restart of control loses and doubles nothing"
    meters = Meters()
    site.book.show(meters)
    assert meters.gauges == {series("tokenworks_leakage_ppm", deployment="own"): 0}


def test_failed_attempts_cut_loss_and_amendments_count(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look()
    now_ns = site.clock.now_ns()
    failed = Attempt(1, "own", "failed", 500, usage=Usage(input=5, output=1))
    served = Attempt(2, "own", "served", usage=Usage(input=5, output=9))
    site.write(opened("r1"), closed("r1", Usage(input=5, output=9), now_ns, attempts=(failed, served),
                                    cut_loss=Usage(output=3)))
    site.write(opened("r2"), closed("r2", Usage(input=10, output=10), now_ns, "estimated"))
    site.counts = EngineCounts(5 + 5 + 12, 1 + 9 + 3 + 7)
    assert site.total() == (22, 20, 20, 23, -23_810)
    site.start()
    site.write(Amended("r2", now_ns, Usage(input=12, output=7), "counted", 1, 1, 0, 0, ()))
    assert site.total() == (22, 20, 22, 20, 0)


def test_a_dead_writers_open_requests_count_as_far_as_they_were_seen(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look()
    site.write(opened("r1"), Progressed("r1", 1, Usage(input=4, output=6), "progress", 1, ()), opened("r2"))
    site.counts = EngineCounts(4, 6)
    assert site.total() == (4, 6, 0, 0, 1_000_000)
    site.start()
    site.disk.kill()
    assert site.total() == (4, 6, 4, 6, 0)
    assert site.total() == (4, 6, 4, 6, 0)


def test_an_engine_that_starts_anew(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look()
    site.counts = EngineCounts(100, 100)
    site.look()
    site.counts = EngineCounts(10, 10)  # it went back
    site.look()
    site.url, site.counts = "http://127.0.0.1:2", EngineCounts(200, 200)  # it came up elsewhere, already further
    row = site.look()[0]
    assert (row.engine_prompt, row.resets) == (310, 2)
    site.counts = None
    assert site.look()[0].engine_prompt == 310, "one that does not answer changes nothing"


def test_what_was_before_counting_began_is_not_looked_at(tmp_path: Path) -> None:
    """The file was lost: neither the engine's history nor the journal's is counted."""
    site = Site(tmp_path)
    site.write(opened("r1"), closed("r1", Usage(input=9, output=9), site.clock.now_ns()))
    site.counts = EngineCounts(1000, 1000)
    site.look()
    site.counts = EngineCounts(1005, 1001)
    site.write(opened("r2"), closed("r2", Usage(input=5, output=1), site.clock.now_ns()))
    assert site.total() == (5, 1, 5, 1, 0)


def test_hours_are_kept_for_a_week(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look()
    for hour in range(LEAKAGE_HOURS_KEPT + 10):
        site.counts = EngineCounts(hour + 1, 0)
        site.look()
        site.clock.advance(HOUR_NS)
    rows = site.look()
    assert (rows[0].hour_ns, rows[0].engine_prompt) == (0, LEAKAGE_HOURS_KEPT + 10)
    assert LEAKAGE_HOURS_KEPT - 2 <= len(rows[1:]) <= LEAKAGE_HOURS_KEPT + 1
    assert all(row.hour_ns % HOUR_NS == 0 for row in rows)


def test_unreadable_sums_are_refused(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text("{")
    with pytest.raises(Broken, match="remove it to count leakage anew"):
        Site(tmp_path)
