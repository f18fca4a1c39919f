"""How answers become tables where field by field would not be read: cards by model, entries by posting, wallets by lot.

A layout takes the rows of an answer and gives the rows and columns that are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tokenworks.cli.output import print_facts, print_rows, say, show_cell
from tokenworks.language.speech import tell

Row = Mapping[str, Any]
_PRICES = ("id", "currency", "effective_from", "model", "input", "output", "cache_read", "cache_write_5m",
           "cache_write_1h", "reasoning", "request", "extras")
_POSTINGS = ("id", "cause", "booked_at", "account", "amount", "ref")
PARTS = {
    "lots": ("id", "kind", "credited", "spent", "lent", "refunded", "expired", "available", "expires_at",
             "created_at", "reference"),
    "lines": ("booked_at", "cause", "amount", "balance", "lot", "ref", "entry"),
    "sums": ("rated", "charged", "waived", "overrun", "lent"),
}


def show_list(answer: Row, columns: Sequence[str], layout: str = "") -> None:
    """A page of a list as a table; what follows it is said beside."""
    rows, names = list(answer["data"]), columns
    if layout:
        rows, names = LAYOUTS[layout](rows)
    print_rows(rows, used_columns(rows, names))
    if answer.get("next_cursor"):
        say(f"More: --cursor {answer['next_cursor']}")
    if answer.get("books_complete_until"):
        say(f"Complete for what ended before {show_cell('until', answer['books_complete_until'])}.")


def show_thing(answer: Row, layout: str = "") -> None:
    """One thing: a line per field, then its lists as tables."""
    if layout:
        rows, names = LAYOUTS[layout]([answer])
        print_rows(rows, used_columns(rows, names))
        return
    if isinstance(changes := answer.get("changes"), dict):
        answer = {**answer, "changes": [{"field": name, "before": before, "after": after}
                                        for name, (before, after) in changes.items()]}
    parts = {name: value for name, value in answer.items()
             if isinstance(value, list) and value and isinstance(value[0], dict)}
    print_facts({name: value for name, value in answer.items() if name not in parts and name != "next_cursor"})
    for name, rows in parts.items():
        print(f"\n{tell(name.replace('_', ' '))}")
        print_rows(rows, used_columns(rows, PARTS.get(name, list(rows[0]))))
    if answer.get("next_cursor"):
        say(f"More: --cursor {answer['next_cursor']}")


def used_columns(rows: Sequence[Row], columns: Sequence[str]) -> Sequence[str]:
    """The columns in which something stands; all of them where there is no row."""
    return [name for name in columns if any(row.get(name) not in (None, "", {}, []) for row in rows)] or columns


def _by_model(cards: Sequence[Row]) -> tuple[list[Row], Sequence[str]]:
    return [{"id": card["id"], "currency": card["currency"], "effective_from": card["effective_from"],
             "model": model, **{name: None if name == "request" and value == "0" else value
                                for name, value in price.items()}}
            for card in cards for model, price in card["models"].items()], _PRICES


def _by_posting(entries: Sequence[Row]) -> tuple[list[Row], Sequence[str]]:
    return [row for entry in entries for row in _postings(entry)], _POSTINGS


def _postings(entry: Row) -> Iterator[Row]:
    """The entry's own fields stand on its first line only."""
    for number, posting in enumerate(entry["postings"]):
        head = {name: entry[name] if number == 0 else " " for name in ("id", "cause", "booked_at", "ref")}
        yield {**head, **posting}


LAYOUTS: dict[str, Callable[[Sequence[Row]], tuple[list[Row], Sequence[str]]]] = {
    "prices": _by_model,
    "postings": _by_posting,
}
