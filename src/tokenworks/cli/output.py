"""What a command prints: JSON for programs, tables for people. Data goes to standard output, all else to the error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from tokenworks.language.speech import tell
from tokenworks.usage.vector import CLASSES

NUMBERS = {"balance", "available", "lent", "spent", "credited", "refunded", "expired", "charged", "rated", "waived",
           "overrun", "amount", "held", "cost", "price", "per", "requests", "lag_bytes", "position", "postings",
           "duration_ms", "ttft_ms", "count", "status", "running", "connections", "context_tokens",
           "output_tokens_max", *CLASSES, "request"}
HEADS = {"cls": "class", "per": "per tokens"}
PROSE = ("findings", "why", "reason", "detail")  # fields that hold sentences of ours
UNFOLDED = 10_000  # columns: a pipe has no edge


def print_json(value: object) -> None:
    """One JSON document, readable where a person may look at it."""
    print(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False), flush=True)


def print_line(value: object) -> None:
    """One JSON object on a line of its own."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A table with a line per row; times to the second."""
    table = _table(show_header=True)
    for column in columns:
        table.add_column(tell(HEADS.get(column, column.replace("_", " "))),
                         justify="right" if column in NUMBERS else "left", overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(show_cell(column, row.get(column)) for column in columns))
        count += 1
    _print(table if count else tell("none"))


def print_facts(value: Mapping[str, Any], names: Sequence[str] = ()) -> None:
    """A line per field."""
    table = _table(show_header=False)
    table.add_column(style="" if Console().no_color else "bold")
    table.add_column(overflow="fold")
    for name in names or value:
        table.add_row(tell(name.replace("_", " ")), show_cell(name, value.get(name)) if name in PROSE
                      else show_value(value.get(name)))
    _print(table)


def show_cell(column: str, value: object) -> str:
    """A value in a table, where a time to the microsecond is noise."""
    if column in PROSE and isinstance(value, str | list):
        return show_value([tell(str(part)) for part in value] if isinstance(value, list) else tell(value))
    if column == "cls" and isinstance(value, str):
        told = tell(value.replace("_", " "))
        return told if told != value.replace("_", " ") else value
    if isinstance(value, str) and len(value) == 27 and column.endswith(("_at", "at", "until", "from")):
        return f"{value[:10]} {value[11:19]}Z"
    return f"{value:,}" if column == "per" and isinstance(value, int) else show_value(value)


def show_value(value: object) -> str:
    """One value as text: amounts with their currency, usage as counts, lists with commas, nothing as a dash."""
    if value is None or value == "" or value == [] or value == {} or value == ():
        return "-"
    if isinstance(value, bool):
        return tell("yes" if value else "no")
    if isinstance(value, Mapping):
        return _show_mapping(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(show_value, value))
    return str(value)


def say(text: str) -> None:
    """A remark for the person, not for the pipe."""
    print(tell(text), file=sys.stderr, flush=True)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Shows on a terminal that something over a second is going on."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(tell(text)):
            yield
    else:
        yield


def _show_mapping(value: Mapping[str, Any]) -> str:
    if value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    if value.keys() <= {*CLASSES, "cache_write"}:
        return ", ".join(f"{count:,} {tell(name.replace('_', ' '))}" for name, count in value.items())
    return ", ".join(f"{name}={show_value(part)}" for name, part in value.items())


def _table(show_header: bool) -> Table:
    return Table(box=None, show_header=show_header, pad_edge=False, header_style="" if Console().no_color else "bold")


def _print(what: Table | str) -> None:
    """On a terminal as wide as it is; into a pipe unfolded, without spaces at the ends of lines."""
    if sys.stdout.isatty():
        Console(highlight=False, markup=False).print(what)
        return
    text = StringIO()
    Console(file=text, width=UNFOLDED, highlight=False, markup=False).print(what)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()), flush=True)
