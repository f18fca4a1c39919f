"""`python -m tests.sim [--seeds N] [--from S] [--seed S] [--plant BUG]`: many days on all cores, or one in full."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.sim.day import Report, live
from tests.sim.plants import PLANTS

SEEDS = 3000
MINUTES = 10.0
PORTION = 5
SHOWN = 5


def live_some(seeds: range, plant: str) -> list[Report]:
    """A portion of days, one after the other."""
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")  # its process died first
    return [live(seed, PLANTS.get(plant)) for seed in seeds]


def live_all(first: int, count: int, plant: str, limit_s: float) -> Iterator[Report]:
    """All days, on all cores, until the time is over; the reports as they come."""
    until = time.monotonic() + limit_s
    cores = len(os.sched_getaffinity(0))
    portions = iter(range(first, first + count, PORTION))
    with ProcessPoolExecutor(cores) as pool:
        waiting = set()
        while True:
            while len(waiting) < 2 * cores and time.monotonic() < until and (start := next(portions, -1)) >= 0:
                seeds = range(start, min(start + PORTION, first + count))
                waiting.add(pool.submit(live_some, seeds, plant))
            if not waiting:
                return
            done = next(as_completed(waiting))
            waiting.remove(done)
            yield from done.result()


def show(report: Report, plant: str) -> None:
    """A failure, the last that happened before it, and how to see it again."""
    print(f"\nseed {report.seed}: {report.failure}")
    print(f"  again: python -m tests.sim --seed {report.seed}" + (f" --plant {plant}" if plant else ""))
    for line in report.trace[-25:]:
        print("   ", line[:200])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many days ({SEEDS})")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (0)")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"begin no day after so long ({MINUTES:g})")
    parser.add_argument("--seed", type=int, help="this day alone, with its trace")
    parser.add_argument("--plant", choices=PLANTS, default="", help="with a bug put in: it must be found")
    asked = parser.parse_args()
    began = time.monotonic()
    if asked.seed is not None:
        report = live(asked.seed, PLANTS.get(asked.plant))
        show(report, asked.plant)
        print(f"\n{report.steps} steps, {report.requests} requests, faults: {dict(report.faults)}")
        return 1 if report.failure else 0
    seeds = steps = requests = failed = 0
    faults: Counter[str] = Counter()
    for report in live_all(asked.first, asked.seeds, asked.plant, asked.minutes * 60):
        seeds, steps, requests = seeds + 1, steps + report.steps, requests + report.requests
        faults += report.faults
        failed += bool(report.failure)
        if report.failure and failed <= SHOWN:
            show(report, asked.plant)
        if seeds % 100 == 0 and sys.stderr.isatty():
            print(f"\r{seeds} days, {failed} failed", end="", file=sys.stderr, flush=True)
    print(f"\n{seeds} days in {time.monotonic() - began:.0f} s: {steps:,} steps, {requests:,} requests, "
          f"{sum(faults.values()):,} faults; {failed} days failed")
    for name, count in faults.most_common():
        print(f"  {count:8,}  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
