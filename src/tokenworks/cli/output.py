"""What a command prints: JSON for programs, tables for people. Data goes to standard output, all else to the error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

NUMBERS = {"balance", "available", "lent", "spent", "credited", "charged", "rated", "waived", "overrun", "amount",
           "requests", "lag_bytes", "position", "postings", "duration_ms", "ttft_ms", "count"}


def print_json(value: object) -> None:
    """One JSON document, readable where a person may look at it."""
    print(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False), flush=True)


def print_line(value: object) -> None:
    """One JSON object on a line of its own."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A table with a line per row; a column is a name, or a path with dots."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right" if column in NUMBERS else "left",
                         overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(show_value(row.get(column)) for column in columns))
        count += 1
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    console.print(table if count else "none")


def print_facts(value: Mapping[str, Any], names: Sequence[str] = ()) -> None:
    """A line per field."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name in names or value:
        table.add_row(name.replace("_", " "), show_value(value.get(name)))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(table)


def show_value(value: object) -> str:
    """One value as text: amounts with their currency, lists with commas, nothing as a dash."""
    if value is None or value == "" or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if value.keys() == {"amount", "currency"}:
            return f"{value['amount']} {value['currency']}"
        return ", ".join(f"{name}={show_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(show_value, value))
    return str(value)


def say(text: str) -> None:
    """A remark for the person, not for the pipe."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows on a terminal that something over a second is going on."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield
