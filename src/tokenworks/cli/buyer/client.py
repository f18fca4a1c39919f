"""A buyer's side of the gateway: one request with its key, the answer as it comes, and the buyer's own figures."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tokenworks.cli.client import connect_url
from tokenworks.cli.connect.setup import ModelFact
from tokenworks.cli.exits import AUTH, BY_STATUS, UNAVAILABLE, USAGE, Failed, failed

ANSWER_S = 600  # the longest silence: a queue and a long thought send pings meanwhile
BOOKED_S = 10  # a request is in the books within a second, as a rule; a busy machine takes longer
_READ_BYTES = 65_536
_ENDED = ("held", "open")  # states of a request that has not ended


class Buyer(NamedTuple):
    """Who buys where. `language` is what sentences are wanted in, "" for the gateway's own choice."""

    url: str
    key: str
    language: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        spoken = {"accept-language": self.language} if self.language else {}
        return {"authorization": f"Bearer {self.key}", "anthropic-version": "2023-06-01", **spoken}


class Price(NamedTuple):
    """What one request cost by the books, and what was left then."""

    story: Mapping[str, Any]
    balance: Mapping[str, str]


class Call:
    """One request that is being answered. `close` hangs up, which ends it upstream too and bills what came."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self._connection, self._response = connection, response
        self.status = response.status
        self.request = response.headers.get("x-request-id", "")
        self.kind = response.headers.get("content-type", "")

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes; raises Failed when it breaks off."""
        try:
            while piece := self._response.read1(_READ_BYTES):
                yield piece
        except (OSError, HTTPException) as error:
            raise failed(f"The answer broke off: {_why(error)}.", UNAVAILABLE, code="broken_off") from None

    def body(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces())

    def close(self) -> None:
        """No more is wanted."""
        self._connection.close()


def send_request(buyer: Buyer, method: str, path: str, body: bytes | None = None,
                 more: Mapping[str, str] | None = None) -> Call:
    """One request as the buyer's tools send it; raises Failed when nobody answers."""
    connection = connect_url(buyer.url, ANSWER_S)
    headers = {**buyer.headers, **({"content-type": "application/json"} if body is not None else {}), **(more or {})}
    try:
        connection.request(method, urlsplit(buyer.url).path + path, body, headers)
        return Call(connection, connection.getresponse())
    except (OSError, HTTPException, ValueError) as error:
        connection.close()
        raise failed(f"Nobody answers at {buyer.url}: {_why(error)}.", UNAVAILABLE,
                     "Give the address of a gateway with --url or TOKENWORKS_BASE_URL.", "unreachable") from None


def list_models(buyer: Buyer) -> tuple[ModelFact, ...]:
    """What is on sale to the key, with the sizes that Anthropic's shape of the list tells."""
    rows = _ask(buyer, "/anthropic/v1/models?limit=1000")["data"]
    return tuple(ModelFact(str(row["id"]), int(row.get("max_input_tokens") or 0), int(row.get("max_tokens") or 0))
                 for row in rows)


def choose_model(buyer: Buyer, wanted: str) -> str:
    """The wanted model, else the first on sale; raises Failed when none is."""
    if wanted:
        return wanted
    models = list_models(buyer)
    if not models:
        raise failed("No model is on sale to this key.", UNAVAILABLE, "Ask your operator.", "no_model")
    return models[0].id


def find_price(buyer: Buyer, request: str, wait_s: int = BOOKED_S) -> Price | None:
    """What a request cost, once it is in the books; None when it is not by then, or the gateway does not tell."""
    for _ in range(wait_s * 10):
        try:
            story = _ask(buyer, f"/api/v1/own/requests/{request}")
        except Failed as error:
            if error.code != "not_found":
                return None
            story = {}
        if story and story["state"] not in _ENDED:
            return Price(story, _ask(buyer, "/api/v1/own")["balance"])
        threading.Event().wait(0.1)
    return None


def refused(status: int, body: bytes) -> Failed:
    """The gateway's own sentence as a failure, whichever envelope it came in."""
    message, code = read_error(body)
    exit_code = UNAVAILABLE if status >= 500 else BY_STATUS.get(status, USAGE)
    return failed(message or f"The answer is {status}, and not of a gateway.", exit_code,
                  "Give it with --key or TOKENWORKS_API_KEY." if exit_code == AUTH else "", code or "refused")


def read_error(body: bytes) -> tuple[str, str]:
    """(message, code) of an error in OpenAI's, Anthropic's or our own envelope; "" for what is none."""
    try:
        found = json.loads(body)
        inner = found.get("error", found) or {}
        if "response" in found:
            inner = found["response"].get("error") or inner
        return str(inner.get("message") or inner.get("detail") or ""), str(inner.get("code") or inner.get("type") or "")
    except (ValueError, AttributeError):
        return "", ""


def _ask(buyer: Buyer, path: str) -> Any:
    call = send_request(buyer, "GET", path)
    try:
        body = call.body()
    finally:
        call.close()
    if call.status != http.client.OK:
        raise refused(call.status, body)
    try:
        return json.loads(body)
    except ValueError:
        raise failed(f"What answers at {buyer.url} is no gateway.", UNAVAILABLE, code="unreachable") from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
