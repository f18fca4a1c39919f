"""A whole Tokenworks in a scratch state: real processes, the real engine, a funded account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tokenworks.cli.client import Place, RestClient, connect_url, read_token
from tokenworks.cli.exits import NOT_FOUND, Failed
from tokenworks.cli.sale import MODEL, open_shop, wait_ready

START_S = 60
__all__ = ["MODEL", "Utility"]


class Utility:
    """`url` serves buyers, `key` is the demo account's, `client` is the REST API. `words` go to `tokenworks up`."""

    def __init__(self, state: Path, *words: str, workers: int = 2, env: dict[str, str] | None = None) -> None:
        self.state, self.words, self.workers = state, words, workers
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.url = self.key = ""

    def start(self) -> Utility:
        """Running, with the demo shop open and a first sale made."""
        self.launch()
        shop = open_shop(self.client, str(self.state))
        self.key = shop.key
        wait_ready(self.client, self.url, shop)
        return self

    def launch(self) -> None:
        """Running, whatever is or is not in the books."""
        for name in ("up.json", "public.sock"):
            (self.state / "run" / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tokenworks", "up", "--state", str(self.state), "--port", "0",
                   "--workers", str(self.workers), *self.words]
        with (self.state / "up.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        wait_for(self._is_there, START_S, self.log)
        self.url = json.loads((self.state / "run" / "up.json").read_text())["url"]
        self.client = RestClient(Place(str(self.state / "run" / "public.sock"), "", read_token(str(self.state))))
        wait_for(self._answers, START_S, self.log)

    def stop(self) -> None:
        """Drained and ended, by the words that an operator uses."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(START_S)

    def log(self) -> str:
        """The last of what `up` said."""
        return (self.state / "up.log").read_text()[-2000:]

    def _is_there(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log()
        return all((self.state / "run" / name).exists() for name in ("up.json", "public.sock"))

    def _answers(self) -> bool:
        try:
            self.client.call("GET", "/gateways")
        except Failed:
            return False
        return True

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.rpartition("//")[2].partition(":")
        return host, int(port)

    def booked(self, request: str) -> dict[str, Any]:
        """What the books say of a request, once they have it."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            try:
                found[:] = [self.client.call("GET", f"/requests/{request}")]
            except Failed as error:
                assert error.exit_code == NOT_FOUND, error
                return False
            return found[0]["request"]["state"] != "held"

        wait_for(look, 20, lambda: f"{request} is not in the books")
        return found[0]

    def buyer(self, funds: str = "") -> tuple[str, str]:
        """A new account with a key, and with credit unless `funds` is empty: (account, key)."""
        account = self.client.call("POST", "/accounts", {"name": "Buyer"})["id"]
        if funds:
            self.client.call("POST", f"/accounts/{account}/topups", {"amount": funds})
        key = self.client.call("POST", f"/accounts/{account}/keys", {})["secret"]
        self.known(key)
        return account, key

    def poor_key(self) -> str:
        """The key of an account without credit."""
        return self.buyer()[1]

    def known(self, key: str) -> None:
        """Returns when every worker knows the key: many new connections in a row, spread over the workers, do."""
        row = 0
        while row < 12 * self.workers:
            row = row + 1 if self._lists_models(key) else 0

    def _lists_models(self, key: str) -> bool:
        connection = connect_url(self.url)
        connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            time.sleep(0.05)
        return status == 200

    def dead_model(self) -> str:
        """A model whose only deployment does not answer."""
        if "dead" not in {row["id"] for row in self.client.call("GET", "/models")["data"]}:
            self.client.call("PUT", "/models/dead", {"context_tokens": 4096})
            self.client.call("POST", "/deployments", {
                "deployment": "dead", "model": "dead", "url": "http://127.0.0.1:1", "engine": "llamacpp",
                "own": True, "allow_private": True})
            time.sleep(0.5)
        return "dead"

    def audit(self) -> dict[str, Any]:
        """The checks of the books, once all that ended before now is in them."""
        found: dict[str, Any] = self.client.call("GET", "/ledger/audit")
        asked_at = found["as_of"]

        def complete() -> bool:
            found.update(self.client.call("GET", "/ledger/audit"))
            return bool((found["books_complete_until"] or "") >= asked_at)

        wait_for(complete, 30, lambda: f"the books do not catch up: {found}")
        return found


def wait_for(condition: Any, limit_s: int, why: Any) -> None:
    """Returns when the condition holds; fails with what `why` says."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, why()
        time.sleep(0.05)
