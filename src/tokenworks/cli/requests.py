"""`request tail` and `request explain`: the two that show more than a list."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tokenworks.cli.layout import used_columns
from tokenworks.cli.nouns import JSON, SERVER, STATE, Connect, quote_word
from tokenworks.cli.output import print_facts, print_json, print_line, print_rows, show_value
from tokenworks.language.speech import tell
from tokenworks.operations.fields import describe_field
from tokenworks.operations.view import show_time
from tokenworks.units import format_amount

_COUNTS = ("input", "cache_read", "cache_write", "output", "reasoning")
_LINES = ("cls", "count", "price", "per", "amount")
_STEPS = ("at", "step", "amount", "held")
_SHARES = ("kind", "lot", "account", "amount", "entry")
_ATTEMPTS = ("number", "deployment", "spoken", "outcome", "status", "reason", "usage", "basis", "cost", "ttft_ms",
             "duration_ms")


def add_requests(app: App, connect: Connect) -> None:
    """Registers both."""

    @app.command
    def tail(*, back: Annotated[int, Parameter(help="Begin with so many of the newest rows, at most 1000.")] = 10,
             state: STATE = "", server: SERVER = "", json: JSON = False) -> None:
        """Follow requests live, as they open and end, until Ctrl-C. Times are in UTC."""
        for row in connect(state, server).lines("/requests/live", {"back": back}):
            print_line(row) if json else print(_live_line(row), flush=True)

    @app.command
    def explain(request: Annotated[str, Parameter(help=describe_field("request.explain", "request"))], /, *,
                state: STATE = "", server: SERVER = "", json: JSON = False) -> None:
        """Why a request cost what it cost: admission, attempts, usage, rating, hold, ledger."""
        story = connect(state, server).call("GET", f"/requests/{quote_word(request)}")
        print_json(story) if json else _print_story(story)


def _live_line(row: dict[str, Any]) -> str:
    if "missed" in row:
        return tell(f"... {row['missed']} missed")
    moment = (show_time(row["at_ns"]) or "")[11:23]
    event = row.get("outcome") or row["event"]
    head = (f"{moment}  {event:<15}  {row['request']}  {row['account'] or '-':<10}  {row['model'] or '-':<16}  "
            f"{row.get('deployment') or '-':<10}")
    return f"{head}  {_live_rest(row)}".rstrip()


def _live_rest(row: dict[str, Any]) -> str:
    """What is told of this event: what was held, what it came to, or why not."""
    if row["event"] == "opened":
        held = f"{format_amount(row['held_minor'], row['unit'])} {row['unit']}"
        return tell(f"held {held}") if row["unit"] else ""
    status = f"{row['status']} {row['reason']}".rstrip()
    if row["event"] == "refused":
        return status
    counts = {name: row[name] for name in _COUNTS if row.get(name)}
    charged = f"{format_amount(row['charged_minor'], row['unit'])} {row['unit']}" if row["unit"] else ""
    first = tell(f"first after {row['ttft_ms']} ms") if row["stream"] else ""
    basis = "" if row["basis"] == "reported" else row["basis"]
    parts = (status, show_value(counts), basis, charged, first, f"{row['duration_ms']} ms")
    return "  ".join(filter(None, parts))


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
        _section("Notes", {str(number): tell(note) for number, note in enumerate(story["notes"], 1)})


def _section(title: str, facts: dict[str, Any]) -> None:
    if facts:
        print(f"\n{tell(title)}")
        print_facts(facts)


def _rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        print(f"\n{tell(title)}")
        print_rows(rows, used_columns(rows, columns))
