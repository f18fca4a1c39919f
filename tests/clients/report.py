"""The tables of clients, versions and results, for docs/reference/clients.md: what the last runs came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.clients.catalogue import CLIENTS, FAILURES, Client
from tests.clients.install import ROOT
from tests.clients.results import Result, show_versions
from tests.clients.world import DIALECTS

PAGE = ROOT / "docs" / "reference" / "clients.md"
WAYS = {"chat": "chat completions", "messages": "messages", "responses": "responses"}


def show(results: list[Result]) -> str:
    """Both tables, as Markdown."""
    return "\n".join(["", *_work(results), "", *_failures(results), ""])


def _work(results: list[Result]) -> Iterator[str]:
    yield "A cell tells how many cases came to what they had to, of how many."
    yield ""
    yield from table(("client", "version", "asks in", *(f"{WAYS[dialect]} only" for dialect in DIALECTS), "run on"),
                     (_line(client, way, results) for client in CLIENTS for way in client.ways))
    wrong = [f"- {one.client}, {WAYS[one.way]}, from {one.deployment}, `{case}`: {' '.join(why.split())[:300]}"
             for one in results for case, why in one.cases.items() if why]
    if wrong:
        yield from ("", "What did not:", "", *wrong)


def _line(client: Client, way: str, results: list[Result]) -> list[str]:
    found = {one.deployment: one for one in results if (one.client, one.way) == (client.name, way)}
    return [client.title, show_versions(client), WAYS[way], *(_cell(found.get(dialect)) for dialect in DIALECTS),
            min((one.day for one in found.values()), default="")]


def _cell(one: Result | None) -> str:
    if one is None:
        return "not run"
    good = sum(not wrong for wrong in one.cases.values())
    return f"{good} of {len(one.cases)}" if good == len(one.cases) else f"**{good} of {len(one.cases)}**"


def _failures(results: list[Result]) -> Iterator[str]:
    """The exceptions, as the client's user sees them: one line per client and dialect."""
    yield ("What the user of a client gets when a request is refused: exception, status, requests sent, seconds. The "
           "words are those of [refusals](refusals.md).")
    yield ""
    titles = {client.name: client.title for client in CLIENTS}
    yield from table(("client", "asks in", "unknown key", "no credit", "unknown model"),
                     ([titles[one.client], WAYS[one.way], *(_failure(one, case) for case in FAILURES)]
                      for client in CLIENTS for one in results
                      if one.client == client.name and one.way == one.deployment))


def _failure(result: Result, case: str) -> str:
    one = result.failures.get(case)
    if one is None:
        return ""
    what = f"`{one['class']}`, {one['status']}" if one["status"] else "words alone"
    return f"{what}, {one['attempts']}, {one['seconds']:.1f} s"


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
