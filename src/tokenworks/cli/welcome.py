"""What `up --demo` shows once everything runs: address, key, a ready line, and what the first sale did to the books."""

from __future__ import annotations

from typing import Any

from rich.cells import set_cell_size

from tokenworks.cli.client import RestClient
from tokenworks.cli.output import show_value
from tokenworks.cli.sale import MODEL, Shop, Sold, open_shop, text_of, wait_booked, wait_ready
from tokenworks.language.speech import tell


def welcome(client: RestClient, url: str, state_dir: str, engine_fault: str, spoken: tuple[str, str]) -> str:
    """Opens the demo shop, sells a first completion, and says so. `spoken`: the command, and what finds us."""
    shop = open_shop(client, state_dir)
    if engine_fault:
        return _without_engine(url, shop, engine_fault, spoken)
    before = client.call("GET", f"/accounts/{shop.account}")["balance"]
    sold = wait_ready(client, url, shop)
    (story,) = wait_booked(client, [sold.request])
    after = client.call("GET", f"/accounts/{shop.account}")["balance"]
    return _report(url, shop, sold, story) + _books(story, before, after) + _ready_line(url, shop, spoken)


def _report(url: str, shop: Shop, sold: Sold, story: dict[str, Any]) -> str:
    usage = ", ".join(f"{count} {tell(name.replace('_', ' '))}" for name, count in story["usage"].items() if count)
    lines = [f"  {set_cell_size(tell(line['cls']), 14)} "
             f"{line['count']:>6} x {line['price']} / {line['per']:,} = {line['amount']}"
             for line in story["rating"]]
    return "\n".join([
        "", tell(f"Tokenworks is open for business at {url}"), "",
        _line("API key", shop.key, 9), _line("model", MODEL, 9), "", tell(f"Sold just now ({sold.request}):"),
        _line("answer", repr(text_of(sold)[:60])), _line("tokens", usage), _line("basis", story["basis"]), *lines,
        _line("charged", show_value(story["charged"])), ""])


def _books(story: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> str:
    entries = [_line("ledger entry", f"{entry['id']}: " + ", ".join(
        f"{posting['account']} {show_value(posting['amount'])}" for posting in entry["postings"]))
        for entry in story["entries"]]
    balance = tell(f"{show_value(before)} before, {show_value(after)} after")
    return "\n".join([_line("balance", balance), *entries, "", ""])


def _line(label: str, value: str, width: int = 14) -> str:
    """A name and what it is; Chinese letters are two columns wide."""
    return f"  {set_cell_size(tell(label), width)} {value}"


def _ready_line(url: str, shop: Shop, spoken: tuple[str, str]) -> str:
    command, place = spoken
    body = f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"What is the capital of France?"}}]}}'
    return "\n".join([
        tell("Try it:"), f"  curl {url}/v1/chat/completions \\", f"    -H 'Authorization: Bearer {shop.key}' \\",
        "    -H 'Content-Type: application/json' \\", f"    -d '{body}'", "",
        tell("Then, at another shell:"), *(f"  {command} {verb}{place}" for verb in
                                     ("request tail", "request explain ID", "usage", "doctor")), "",
        tell(f"Status page: {url}/   Ctrl-C ends it; a second start goes on from here."), ""])


def _without_engine(url: str, shop: Shop, fault: str, spoken: tuple[str, str]) -> str:
    command, place = spoken
    return "\n".join([
        "", tell(f"Tokenworks runs at {url}, without the embedded engine: {fault}"), "",
        _line("API key", shop.key, 9), "", tell("Sell another source of tokens:"),
        f"  {command} model set NAME --context-tokens 131072{place}",
        f"  {command} deployment add NAME --model NAME --url https://... --engine openai "
        f"--secret env:TOKENWORKS_SECRET_NAME{place}", ""])
