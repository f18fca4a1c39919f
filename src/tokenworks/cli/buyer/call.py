"""`tokenworks call`: one request, sent as it is; its answer's body goes out byte by byte as it comes."""

from __future__ import annotations

import json
import sys
from typing import Literal
from urllib.parse import quote

from tokenworks.cli.buyer.chat import tell_figures
from tokenworks.cli.buyer.client import Buyer, find_price, read_error, send_request
from tokenworks.cli.exits import BY_STATUS, UNAVAILABLE, USAGE, failed
from tokenworks.cli.output import say, show_value
from tokenworks.language.speech import tell

Included = Literal["usage", "price", "balance"]
_PATH = "/?&=%:+,;@!$'()*[]~"  # as it was written; what no path can hold is escaped
SHORT = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages",
         "completions": "/v1/completions", "embeddings": "/v1/embeddings", "models": "/v1/models"}


def send_one(buyer: Buyer, endpoint: str, body: bytes | None, method: str, include: list[Included]) -> int:
    """Sends it, prints the body, tells what was asked for; the exit code. Raises Failed for what is no JSON."""
    path = SHORT.get(endpoint, endpoint)
    if not path.startswith("/"):
        raise failed(f"{endpoint} is no path.", USAGE, f"Write one like /v1/embeddings, or one of {', '.join(SHORT)}.",
                     "usage")
    if body is not None:
        _check_json(body)
    path = quote(path, _PATH, errors="replace")
    call = send_request(buyer, method or ("GET" if body is None else "POST"), path, body)
    seen = b""
    try:
        for piece in call.pieces():
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            seen = (seen + piece)[-1_000_000:] if call.status >= 400 else b""
    finally:
        call.close()
    if sys.stdout.isatty():
        print(flush=True)
    if call.status < 400:
        _tell_figures(buyer, call.request, include)
        return 0
    message, _ = read_error(seen)
    say(f"tokenworks: {call.status}: {tell(message)}" if message else f"tokenworks: {call.status}")
    return UNAVAILABLE if call.status >= 500 else BY_STATUS.get(call.status, USAGE)


def _check_json(body: bytes) -> None:
    try:
        json.loads(body)
    except ValueError as error:
        raise failed(f"The body is not JSON: {error}.", USAGE, code="usage") from None


def _tell_figures(buyer: Buyer, request: str, include: list[Included]) -> None:
    if not include:
        return
    price = find_price(buyer, request)
    if price is None:
        say(f"{request} is not in the books yet.")
        return
    figures = tell_figures({}, price)
    for name in dict.fromkeys(include):
        say(f"{tell(name)}: {show_value(figures[name])}")
