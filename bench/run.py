"""Runs the rounds: every contestant once per row and round, in turn, so that a noisy minute falls on all of them."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench.contestants import CONTESTANTS, Contestant, answering, version_of
from bench.journal import measure as measure_journal
from bench.machine import describe
from bench.peers import PEERS, SLOW
from bench.report import Measured, remarks, save, splice, summary, table, versus
from bench.rows import ROWS, Figures, Row
from bench.tools import BenchError, Mock, build

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "explanation" / "performance.md"
QUICK = 0.1  # share of each load in a smoke test


def options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run? Not a measurement")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, medians are taken (5)")
    parser.add_argument("--with", dest="contestants", nargs="+", choices=[*CONTESTANTS, *PEERS],
                        default=list(CONTESTANTS))
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS], default=[row.name for row in ROWS])
    parser.add_argument("--name", default="latest", help="results go to bench/results/NAME.json (latest)")
    parser.add_argument("--docs", action="store_true", help="also put the table into the page on performance")
    return parser.parse_args(words)


def one(row: Row, contestant: Contestant, mock: Mock, scale: float) -> Figures:
    """One measurement; rows that need it get a contestant just started."""
    if row.fresh and contestant.gateway():
        contestant.stop()
        contestant.start()
        answering(contestant)
    return row.measure(contestant, mock, scale)


def rounds(rows: tuple[Row, ...], taking_part: list[Contestant], mock: Mock, asked: argparse.Namespace) -> Measured:
    """All rounds; who is first changes from round to round. A slow peer that hangs leaves the run, and is told of."""
    hung: set[str] = set()
    measured: Measured = {row.name: {each.name: [] for each in taking_part if fits(row, each)} for row in rows}
    for number in range(1 if asked.quick else asked.rounds):
        for row in rows:
            for contestant in taking_part[number % len(taking_part):] + taking_part[:number % len(taking_part)]:
                if not fits(row, contestant) or contestant.name in hung:
                    continue
                try:
                    figures = one(row, contestant, mock, QUICK if asked.quick else 1)
                except BenchError as error:
                    if contestant.name not in SLOW:
                        raise
                    print(f"{contestant.name} is left out from here on: {error}", file=sys.stderr, flush=True)
                    hung.add(contestant.name)
                    continue
                measured[row.name][contestant.name].append(figures)
                print(f"round {number + 1} {row.name:8} {contestant.name:10} {figures[row.figure]:10.2f} {row.unit}",
                      file=sys.stderr, flush=True)
    return {name: {who: figures for who, figures in each.items() if figures} for name, each in measured.items()}


def fits(row: Row, contestant: Contestant) -> bool:
    """Nobody in between costs no CPU and no memory: only times are of interest."""
    if contestant.name in SLOW:
        return row.name in SLOW[contestant.name]
    return contestant.name != "direct" or row.name in ("latency", "mixed")


def run(asked: argparse.Namespace) -> str:
    """Everything from start to table."""
    rows = tuple(row for row in ROWS if row.name in asked.rows)
    machine = describe() | {"nginx": version_of("nginx"), "began": time.strftime("%Y-%m-%d %H:%M %z")}
    build()
    with Mock() as mock:
        known = {**CONTESTANTS, **PEERS}
        taking_part = [known[name](mock.port) for name in asked.contestants]
        try:
            for contestant in taking_part:
                contestant.start()
                answering(contestant)
            measured = rounds(rows, taking_part, mock, asked)
        finally:
            for contestant in taking_part:
                contestant.stop()
    lines, journal = summary(rows, measured), measure_journal()
    count = 1 if asked.quick else asked.rounds
    save(HERE / "results" / f"{asked.name}.json", {"machine": machine, "quick": asked.quick, "rounds": count,
                                                   "summary": lines, "journal": journal, "measured": measured})
    peers = [name for name in asked.contestants if name in PEERS]
    text = table(lines, [name for name in asked.contestants if name not in PEERS]) + "\n\n" + remarks(lines, journal)
    others = versus(lines, measured, peers) if peers else ""
    if asked.docs and not asked.quick:
        told = f"{count} interleaved rounds, medians; {machine['cpu']}, Linux {machine['kernel']}, " \
               f"Python {machine['python']}, {machine['nginx'].partition(': ')[2]}; {machine['pinning']}."
        splice(PAGE, f"{text}\n\n{told}", "bench")
        if peers:
            splice(PAGE, f"{others}\n\n{told}", "peers")
    return f"{text}\n\n{others}" if peers else text


def main() -> int:
    """0 when everything was measured, 2 when something is missing or an answer was wrong."""
    try:
        print(run(options(sys.argv[1:])))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
