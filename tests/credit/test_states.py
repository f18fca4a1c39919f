"""The tables of states: closed, reachable, with ends; code moves only along them; the printed page is current."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import print_states

from tokenworks.credit.states import HOLD, LEASE, SEGMENT, Table, move
from tokenworks.errors import Broken

ROOT = Path(__file__).resolve().parents[2]
TABLES = {"hold": (HOLD, "held"), "lease": (LEASE, "valid"), "segment": (SEGMENT, "spare")}


def reached(table: Table, start: str) -> set[str]:
    found, edge = {start}, [start]
    while edge:
        for state in table[edge.pop()].values():
            if state not in found:
                found.add(state)
                edge.append(state)
    return found


@pytest.mark.parametrize(("table", "start"), TABLES.values(), ids=TABLES)
def test_closed_and_reachable(table: Table, start: str) -> None:
    assert {state for moves in table.values() for state in moves.values()} <= table.keys()
    assert reached(table, start) == set(table)


@pytest.mark.parametrize(("table", "start"), TABLES.values(), ids=TABLES)
def test_every_state_ends(table: Table, start: str) -> None:
    """No state is a trap: from each there is a way to an end, and there is more than no end."""
    ends = {state for state, moves in table.items() if not moves}
    assert ends
    assert all(reached(table, state) & ends for state in table)


def test_moves() -> None:
    for table, _ in TABLES.values():
        for state, moves in table.items():
            for event, after in moves.items():
                assert move(table, state, event) == after


@pytest.mark.parametrize(("table", "state", "event"), [
    (HOLD, "posted", "settle"), (HOLD, "voided", "settle"), (HOLD, "posted", "amend"), (HOLD, "held", "amend"),
    (LEASE, "returned", "grant"), (LEASE, "forgotten", "find"), (LEASE, "foreign", "renew"),
    (LEASE, "valid", "forget"), (SEGMENT, "open", "post"), (SEGMENT, "open", "retire"), (HOLD, "nowhere", "settle"),
])
def test_forbidden_moves(table: Table, state: str, event: str) -> None:
    """No double settlement, no lease from the dead, nothing posted while its writer may still write."""
    with pytest.raises(Broken, match=f"'{event}' is not a move from '{state}'"):
        move(table, state, event)


def test_page_is_current() -> None:
    page = (ROOT / print_states.PAGE).read_text()
    assert page == print_states.print_page(), "run: python -m tools.print_states > docs/reference/states.md"
