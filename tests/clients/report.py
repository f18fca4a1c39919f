"""The tables of clients, versions and results, for docs/reference/clients.md: what the last run came to."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.clients.catalogue import CLIENTS, FAILURES, Client
from tests.clients.install import LOCKS, ROOT, wanted_versions
from tests.clients.play import Row
from tests.clients.world import DIALECTS

PAGE = ROOT / "docs" / "reference" / "clients.md"
WAYS = {"chat": "chat completions", "messages": "messages", "responses": "responses"}


def show(rows: list[Row]) -> str:
    """Both tables, as Markdown."""
    return "\n".join(["", *_work(rows), "", *_failures(rows), ""])


def _work(rows: list[Row]) -> Iterator[str]:
    yield f"Run on {datetime.date.today().isoformat()}. A cell tells how many cases came to what they had to."
    yield ""
    yield from table(("client", "version", "asks in", *(f"{WAYS[dialect]} only" for dialect in DIALECTS)),
                     (_line(client, way, rows) for client in CLIENTS for way in client.ways))
    wrong = [f"- {row.client.title}, {WAYS[row.way]}, from {row.deployment}, `{case}`: {' '.join(why.split())[:300]}"
             for row in rows for case, why in row.cases.items() if why]
    if wrong:
        yield from ("", "What did not:", "", *wrong)


def _line(client: Client, way: str, rows: list[Row]) -> list[str]:
    found = {row.deployment: row for row in rows if (row.client.name, row.way) == (client.name, way)}
    return [client.title, versions(client), WAYS[way], *(_cell(found.get(dialect)) for dialect in DIALECTS)]


def versions(client: Client) -> str:
    """What stands in its lock."""
    return ", ".join(dict.fromkeys(wanted_versions(LOCKS, client.name).values()))


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    good = sum(not wrong for wrong in row.cases.values())
    return f"{good} of {len(row.cases)}" if good == len(row.cases) else f"**{good} of {len(row.cases)}**"


def _failures(rows: list[Row]) -> Iterator[str]:
    """The exceptions, as the client's user sees them: one line per client and dialect."""
    yield ("What the user of a client gets when a request is refused: exception, status, requests sent, seconds. The "
           "words are those of [refusals](refusals.md).")
    yield ""
    native = [row for row in rows if row.failures and row.way == row.deployment]
    yield from table(("client", "asks in", "unknown key", "no credit", "unknown model"),
                     ([row.client.title, WAYS[row.way], *(_failure(row, case) for case in FAILURES)]
                      for row in native))


def _failure(row: Row, case: str) -> str:
    one = row.failures.get(case)
    if one is None:
        return ""
    status = f", {one['status']}" if one["status"] else ""
    return f"`{one['class']}`{status}, {one['attempts']}, {one['seconds']:.1f} s"


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> Iterator[str]:
    """Rows of a Markdown table."""
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for line in lines:
        yield f"| {' | '.join(line)} |"


def splice(page: Path, mark: str, text: str) -> None:
    """Puts the text between `<!-- MARK:begin -->` and `<!-- MARK:end -->` of a page."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
