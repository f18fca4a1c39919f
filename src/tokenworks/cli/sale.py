"""The demo shop: what must be there before a token can be sold, and the selling of some."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tokenworks.cli.client import Answer, RestClient, get_json, post_json
from tokenworks.cli.exits import NOT_FOUND, UNAVAILABLE, Failed, failed

MODEL = "tokenworks-tiny"
CARD = "standard"
PRICES = {MODEL: {"input": "4", "cache_read": "0.4", "output": "16"}, "*": {"input": "20", "output": "80"}}
FUNDS = "10.00"
WAIT_S = 60
T = TypeVar("T")


class Shop(NamedTuple):
    """An account that can buy: its id and a key."""

    account: str
    key: str


class Sold(NamedTuple):
    """One request as its buyer saw it."""

    request: str
    dialect: str
    answer: Answer


BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "What is the capital of France?"}],
                                      "max_tokens": 24}),
    "chat_stream": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Tell me a story."}],
                                             "max_tokens": 48, "stream": True}),
    "responses": ("/v1/responses", {"input": "What is the opposite of hot?", "max_output_tokens": 24}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "Count to five."}], "max_tokens": 24}),
    "completions": ("/v1/completions", {"prompt": "The capital of Japan is", "max_tokens": 16}),
    "embeddings": ("/v1/embeddings", {"input": "water"}),
}


def open_shop(client: RestClient, state_dir: str) -> Shop:
    """The rate card, the model, the embedded deployment, an account with credit and a key; made where missing."""
    if not _exists(client, f"/rate-cards/{CARD}"):
        client.call("POST", f"/rate-cards/{CARD}/versions", {"currency": "CNY", "models": PRICES}, "demo-card")
    if not _exists(client, f"/models/{MODEL}"):
        client.call("PUT", f"/models/{MODEL}", {"context_tokens": 4096, "output_tokens_max": 2048,
                                                "vendor": "tokenworks", "tokenizer": MODEL})
    if not _exists(client, "/deployments/embedded"):
        client.call("POST", "/deployments", {"deployment": "embedded", "model": MODEL, "url": "embedded:",
                                             "engine": "llamacpp", "own": True, "allow_private": True}, "demo-source")
    if not _exists(client, "/accounts/demo"):
        client.call("POST", "/accounts", {"id": "demo", "name": "Demo", "rate_card": CARD}, "demo-account")
        client.call("POST", "/accounts/demo/topups", {"amount": FUNDS, "kind": "granted", "reference": "welcome"},
                    "demo-topup")
    return Shop("demo", _keep_key(client, Path(state_dir) / "demo.key"))


def sell(url: str, shop: Shop, dialect: str) -> Sold:
    """One request of the demo shop; raises Failed when it is not served."""
    path, body = BODIES[dialect]
    answer = post_json(url, path, {"model": MODEL, **body},
                       {"authorization": f"Bearer {shop.key}", "anthropic-version": "2023-06-01"})
    if answer.status != 200:
        raise failed(f"{path} answered {answer.status}: {answer.body.decode(errors='replace')[:500]}", UNAVAILABLE)
    return Sold(answer.headers["x-request-id"], dialect, answer)


def wait_booked(client: RestClient, requests: list[str]) -> list[Any]:
    """The explanation of each request, once it stands in the books."""
    return [_wait(lambda request=request: client.call("GET", f"/requests/{request}"),  # type: ignore[misc]
                  lambda found: found["request"]["state"] not in ("held", "open")) for request in requests]


def wait_ready(client: RestClient, url: str, shop: Shop) -> Sold:
    """A first sale: waits until the engine is up and the gateways know the shop."""
    _wait(lambda: client.call("GET", "/deployments/embedded"), lambda found: found["state"] == "up")
    _wait(lambda: _listed(url, shop), lambda status: status == 200)
    return _wait(lambda: sell(url, shop, "chat"), lambda _: True)


def _listed(url: str, shop: Shop) -> int:
    """Whether the gateway that answers knows the key and the model: asking leaves no refused request behind."""
    return get_json(url, f"/v1/models/{MODEL}", {"authorization": f"Bearer {shop.key}"}).status


def text_of(sold: Sold) -> str:
    """What the model said in a whole chat answer."""
    return str(json.loads(sold.answer.body)["choices"][0]["message"]["content"]).strip()


def _wait(ask: Callable[[], T], good: Callable[[T], bool]) -> T:
    failure: Failed | None = None
    for wait_s in _pauses():
        try:
            found = ask()
            if good(found):
                return found
        except Failed as error:
            failure = error
        threading.Event().wait(wait_s)
    raise failure or failed("The books do not show the sale.", UNAVAILABLE, "See `tokenworks doctor`.")


def _pauses() -> Iterator[float]:
    """Waits that sum to WAIT_S."""
    yield from (0.05 for _ in range(40))
    yield from (0.25 for _ in range(4 * (WAIT_S - 2)))


def _exists(client: RestClient, path: str) -> bool:
    try:
        client.call("GET", path)
    except Failed as error:
        if error.exit_code == NOT_FOUND:
            return False
        raise
    return True


def _keep_key(client: RestClient, path: Path) -> str:
    """The demo account's key: from its 0600 file, or a new one, written there because it is shown only once."""
    if path.exists():
        return path.read_text().strip()
    text = str(client.call("POST", "/accounts/demo/keys", {"name": "demo"})["secret"])
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
    return text
