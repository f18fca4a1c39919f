"""`request tail` and `request explain`: the two that show more than a list."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from tokenworks.cli.nouns import JSON, SERVER, STATE, Connect
from tokenworks.cli.output import print_facts, print_json, print_line, print_rows, show_value

_LINES = ("cls", "count", "price", "per", "amount")
_STEPS = ("at", "step", "amount", "held")
_SHARES = ("kind", "lot", "account", "amount", "entry")
_ATTEMPTS = ("number", "deployment", "outcome", "status", "reason", "usage", "basis", "cost", "ttft_ms", "duration_ms")


def add_requests(app: App, connect: Connect) -> None:
    """Registers both."""

    @app.command
    def tail(*, back: int = 10, state: STATE = "", server: SERVER = "", json: JSON = False) -> None:
        """Follow requests live, as they open and end, until Ctrl-C.

        Parameters
        ----------
        back: how many of the newest to begin with
        """
        for row in connect(state, server).lines("/requests/live", {"back": back}):
            print_line(row) if json else print(_live_line(row), flush=True)

    @app.command
    def explain(request: str, /, *, state: STATE = "", server: SERVER = "", json: JSON = False) -> None:
        """Why a request cost what it cost: admission, attempts, usage, rating, hold, ledger.

        Parameters
        ----------
        request: the id that the answer carried in x-request-id
        """
        story = connect(state, server).call("GET", f"/requests/{request}")
        print_json(story) if json else _print_story(story)


def _live_line(row: dict[str, Any]) -> str:
    if "missed" in row:
        return f"... {row['missed']} missed"
    return "  ".join(show_value(value) for value in row.values())


def _print_story(story: dict[str, Any]) -> None:
    print_facts(story["request"])
    _section("Admission", story["admission"])
    _rows("Attempts", story["attempts"], _ATTEMPTS)
    _section("Usage", {"basis": story["basis"], **story["usage"], "raw object": story["raw_usage"]})
    _rows(f"Rating by {story['rate_card'] or 'no card'}", story["rating"], _LINES)
    _section("Amount", {name: story[name] for name in ("rated", "charged", "waived", "overrun")})
    _rows("Paid from", story["shares"], _SHARES)
    _rows("Hold", story["hold"], _STEPS)
    for entry in story["entries"]:
        _rows(f"Ledger entry {entry['id']} ({entry['cause']})", entry["postings"], ("account", "amount"))
    if story["notes"]:
        _section("Notes", {str(number): note for number, note in enumerate(story["notes"], 1)})


def _section(title: str, facts: dict[str, Any]) -> None:
    if facts:
        print(f"\n{title}")
        print_facts(facts)


def _rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        print(f"\n{title}")
        print_rows(rows, columns)
