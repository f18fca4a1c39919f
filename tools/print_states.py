"""Prints docs/reference/states.md from the tables that the code moves along: python -m tools.print_states."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tokenworks.credit.states import HOLD, LEASE, SEGMENT, Table

PAGE = "docs/reference/states.md"
SECTIONS: tuple[tuple[str, Table, str, str, dict[str, str]], ...] = (
    ("Holds", HOLD, "held",
     "Credit set aside for one running request. The gateway moves it; the books follow by its records.",
     {"held": "set aside; grows slice by slice and shrinks when the input turns out to be cached",
      "estimated": "charged by an estimate; what was held and not charged waits for the amended count",
      "posted": "charged, the rest released",
      "voided": "nothing was charged, all of it released",
      "expired": "its gateway died: billed by its last progress record, or waived"}),
    ("Leases", LEASE, "valid",
     "Credit of one lot, lent to one gateway worker. Time alone never returns credit.",
     {"valid": "new holds are cut from it and running ones extended",
      "lapsed": "cuts no new hold, still extends running ones",
      "foreign": "of another epoch of the books: neither cuts nor extends, only settles and goes back",
      "in_doubt": "its worker is not heard of, its journal not read to the end: the credit stays lent",
      "returned": "given back, or its dead worker's journal has been read to the end",
      "forgotten": "an operator gave its worker up: what records still come is charged to overrun"}),
    ("Journal segments", SEGMENT, "spare",
     "One file of a worker's journal.",
     {"spare": "preallocated ahead of need", "open": "being written",
      "sealed": "ended by its writer", "dead": "without an end mark, because its writer died",
      "posted": "wholly in the books; kept for replay", "removed": "kept long enough"}),
)
INVARIANTS = (
    ("lot", "credited - refunded - expired - transferred = posted + leased + available, no side below zero",
     "`ledger/lots.py`, on every movement"),
    ("lot", "leased = what its leases have left; posted = the sum of its requests' shares; "
            "leased + available = its wallet account in the ledger", "`ledger/audit.py`"),
    ("lease", "left = granted - posted - returned, never below zero", "`credit/stock.py`"),
    ("lease", "left in the books = free + held in its purse + what its journal has yet to tell + "
              "what was granted and not heard of", "`tests/credit/test_machine.py`"),
    ("hold", "what it holds is the sum of its legs; a charge never passes it, the rest is overrun",
     "`credit/purse.py`"),
    ("request", "rated = charged + waived + overrun; its parts sum to charged",
     "`credit/verdict.py`, `ledger/audit.py`"),
    ("request", "charged once: it moves along the table of holds, and (request, number) of a share is unique",
     "`credit/booking.py`"),
    ("entry", "sums to zero per unit; the shares of its requests sum to its revenue",
     "`ledger/entries.py`, `ledger/audit.py`"),
)


def print_page() -> str:
    """The page as Markdown with Mermaid diagrams."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# States"
    yield ""
    yield "Printed from the tables in `src/tokenworks/credit/states.py` by `python -m tools.print_states`."
    yield "The code moves only along these tables."
    for title, table, start, what, meanings in SECTIONS:
        yield from ("", f"## {title}", "", what, "", "```mermaid", "stateDiagram-v2", f"    [*] --> {start}")
        for state, moves in table.items():
            for after in dict.fromkeys(moves.values()):
                events = ", ".join(event for event, target in moves.items() if target == after)
                yield f"    {state} --> {after}: {events}"
            if not moves:
                yield f"    {state} --> [*]"
        yield from ("```", "", "| state | meaning |", "|---|---|")
        yield from (f"| `{state}` | {meanings[state]} |" for state in table)
    yield from ("", "## What holds after every step", "", "| of a | what holds | checked in |", "|---|---|---|")
    yield from (f"| {noun} | {what} | {where} |" for noun, what, where in INVARIANTS)


if __name__ == "__main__":
    sys.stdout.write(print_page())
