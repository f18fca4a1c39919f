"""What `up --demo` shows once everything runs: address, key, a ready line, and what the first sale did to the books."""

from __future__ import annotations

from typing import Any

from tokenworks.cli.client import RestClient
from tokenworks.cli.output import show_value
from tokenworks.cli.sale import MODEL, Shop, Sold, open_shop, text_of, wait_booked, wait_ready


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
    usage = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in story["usage"].items() if count)
    lines = [f"  {line['cls']:<14} {line['count']:>6} x {line['price']} / {line['per']:,} = {line['amount']}"
             for line in story["rating"]]
    return "\n".join([
        "", f"Tokenworks is open for business at {url}", "",
        f"  API key   {shop.key}", f"  model     {MODEL}", "", f"Sold just now ({sold.request}):",
        f"  answer         {text_of(sold)[:60]!r}", f"  tokens         {usage}",
        f"  basis          {story['basis']}", *lines, f"  charged        {show_value(story['charged'])}", ""])


def _books(story: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> str:
    entries = [f"  ledger entry   {entry['id']}: " + ", ".join(
        f"{posting['account']} {show_value(posting['amount'])}" for posting in entry["postings"])
        for entry in story["entries"]]
    return "\n".join([f"  balance        {show_value(before)} before, {show_value(after)} after", *entries, "", ""])


def _ready_line(url: str, shop: Shop, spoken: tuple[str, str]) -> str:
    command, place = spoken
    body = f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"What is the capital of France?"}}]}}'
    return "\n".join([
        "Try it:", f"  curl {url}/v1/chat/completions \\", f"    -H 'Authorization: Bearer {shop.key}' \\",
        "    -H 'Content-Type: application/json' \\", f"    -d '{body}'", "",
        "Then, at another shell:", *(f"  {command} {verb}{place}" for verb in
                                     ("request tail", "request explain ID", "usage", "doctor")), "",
        f"Status page: {url}/   Ctrl-C ends it; a second start goes on from here.", ""])


def _without_engine(url: str, shop: Shop, fault: str, spoken: tuple[str, str]) -> str:
    command, place = spoken
    return "\n".join([
        "", f"Tokenworks runs at {url}, without the embedded engine: {fault}", "",
        f"  API key   {shop.key}", "", "Sell another source of tokens:",
        f"  {command} model set NAME --context-tokens 131072{place}",
        f"  {command} deployment add NAME --model NAME --url https://... --engine openai "
        f"--secret env:TOKENWORKS_SECRET_NAME{place}", ""])
