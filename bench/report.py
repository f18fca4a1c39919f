"""From rounds to figures: medians, ratios within the same round, a verdict per promise, a table for the docs."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from bench.rows import Figures, Row

BEGIN, END = "<!-- {}:begin -->", "<!-- {}:end -->"
TIE = 0.1  # so much apart is no difference
TIMES = ("latency", "mixed")  # rows of times, of which what nobody in between takes as well is no gateway's
Measured = dict[str, dict[str, list[Figures]]]  # row, contestant, one entry per round


def figure_of(row: Row, contestant: str, rounds: dict[str, list[Figures]]) -> float | None:
    """What is held against the limit: a median over rounds, of ratios or differences where the row compares."""
    own = rounds.get(contestant)
    base = rounds.get({"ratio to nginx": "nginx", "above direct": "direct"}.get(row.compared, contestant))
    if not own or not base:
        return None
    pairs = [(mine[row.figure], theirs[row.figure]) for mine, theirs in zip(own, base, strict=True)]
    if row.compared == "ratio to nginx":
        return median(mine / theirs for mine, theirs in pairs)
    if row.compared == "above direct":
        return median(mine - theirs for mine, theirs in pairs)
    return median(mine for mine, _ in pairs)


def medians(rounds: list[Figures]) -> Figures:
    """The median of each figure on its own."""
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def summary(rows: tuple[Row, ...], measured: Measured) -> dict[str, Any]:
    """Per row: what each contestant cost, what is compared, the limit, and whether Tokenworks keeps it."""
    return {row.name: _line(row, measured[row.name]) for row in rows if row.name in measured}


def _line(row: Row, rounds: dict[str, list[Figures]]) -> dict[str, Any]:
    compared = {name: figure for name in rounds if (figure := figure_of(row, name, rounds)) is not None}
    ours = compared.get("tokenworks")
    return {"title": row.title, "unit": row.unit, "figure": row.figure, "compared": row.compared, "limit": row.limit,
            "kept": None if ours is None else ours <= row.limit, "by_contestant": compared,
            "medians": {name: medians(each) for name, each in rounds.items()}}


def table(lines: dict[str, Any], contestants: list[str]) -> str:
    """The Markdown table: medians per contestant, then the compared figure against its limit."""
    heads = ["row", *contestants, "compared", "limit", "kept"]
    text = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 2) + "|---|"]
    for line in lines.values():
        cells = [_cell(line["medians"].get(name), line["figure"], line["unit"]) for name in contestants]
        text.append("| " + " | ".join([line["title"], *cells, _compared(line), _limit(line), _kept(line)]) + " |")
    return "\n".join(text)


def remarks(lines: dict[str, Any], journal: dict[str, dict[str, float]]) -> str:
    """Figures without a limit that belong beside the table: journal appends, and the loop's worst pause."""
    text = [f"A journal append: p50 {journal['process']['p50_us']:.1f} µs, p99 {journal['process']['p99_us']:.1f} µs "
            f"(durability process); until it is on the disk: p50 {journal['disk']['p50_us']:,.0f} µs, "
            f"p99 {journal['disk']['p99_us']:,.0f} µs (durability disk)."]
    stall = lines.get("mixed", {}).get("medians", {}).get("tokenworks", {}).get("loop_stall_us_max")
    if stall:
        text.append(f"The worst pause of the worker's loop beside bodies of 1 MB, its journal being flushed: "
                    f"{stall / 1000:,.1f} ms.")
    return "\n".join(text)


def _cell(figures: Figures | None, figure: str, unit: str) -> str:
    return "" if figures is None else f"{figures[figure]:,.1f} {unit}"


def _compared(line: dict[str, Any]) -> str:
    ours = line["by_contestant"].get("tokenworks", line["by_contestant"].get("floor"))
    if ours is None:
        return ""
    return f"{ours:.2f} x nginx" if line["compared"] == "ratio to nginx" else f"{ours:,.1f} {line['unit'][:2]}"


def _limit(line: dict[str, Any]) -> str:
    return f"{line['limit']} x" if line["compared"] == "ratio to nginx" else f"{line['limit']:,} {line['unit'][:2]}"


def _kept(line: dict[str, Any]) -> str:
    return {True: "yes", False: "**no**", None: ""}[line["kept"]]


def save(path: Path, result: dict[str, Any]) -> None:
    """Writes the result as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def splice(page: Path, text: str, name: str) -> None:
    """Puts the text between the markers of a page."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def versus(lines: dict[str, Any], measured: Measured, peers: list[str]) -> str:
    """The Markdown table against others: medians, and ours as a multiple of theirs, within the same round each."""
    shown = ["nginx", "tokenworks", *peers]
    heads = ["row", *shown, *(f"of {name}" for name in peers)]
    text = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for name, line in lines.items():
        cells = [_cell(line["medians"].get(one), line["figure"], line["unit"]) for one in shown]
        against = [_against(measured[name], line["figure"], name in TIMES, peer) for peer in peers]
        text.append("| " + " | ".join([line["title"], *cells, *against]) + " |")
    return "\n".join(text)


def _against(rounds: dict[str, list[Figures]], figure: str, times: bool, peer: str) -> str:
    """What Tokenworks takes for each of the peer's, and whether that is less, as much (a tie) or more."""
    ours, theirs = rounds.get("tokenworks", []), rounds.get(peer, [])
    if not ours or not theirs:
        return ""
    base = [each[figure] for each in rounds["direct"]] if times and rounds.get("direct") else [0.0] * len(ours)
    ratios = [(mine[figure] - less) / max(its[figure] - less, 1.0)
              for mine, its, less in zip(ours, theirs, base, strict=False)]  # a peer may have left the run
    ratio = median(ratios)
    verdict = "less" if ratio < 1 - TIE else "tie" if ratio <= 1 + TIE else "**more**"
    return f"{ratio:.2f} x, {verdict}"
