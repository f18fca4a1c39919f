"""Scripted upstreams beside a running utility: each in a loop of its own, sold as a model of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.utility import Utility, wait_for
from tests.gateway.upstream import Exchange, Script, Upstream


class Loop:
    """An event loop in a thread, for peers of the utility that are scripted with coroutines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine that runs there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def stop(self) -> None:
        self.run(self._settle())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    async def _settle(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class Listener(Upstream):
    """An upstream that may speak TLS."""

    def __init__(self, script: Script | None, trust: ssl.SSLContext | None) -> None:
        super().__init__(script)
        self._trust = trust

    async def start(self) -> Listener:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._trust, limit=1 << 26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self


class Source:
    """A scripted upstream. `model` is the name under which it is sold, `deployment` the same."""

    def __init__(self, model: str, script: Script | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.model, self.loop = model, Loop()
        self.upstream: Listener = self.loop.run(Listener(script, tls).start())

    @property
    def port(self) -> int:
        return self.upstream.port

    @property
    def seen(self) -> list[Exchange]:
        return self.upstream.seen

    def play(self, *scripts: Script) -> None:
        """What the next requests are answered with; the last script answers all others."""
        self.upstream.scripts[:] = scripts[:-1]
        self.upstream.script = scripts[-1]

    def stop(self) -> None:
        self.loop.run(self.upstream.stop())
        self.loop.stop()


def serving_model(utility: Utility, model: str, url: str, known: dict[str, Any] | None = None, **fields: Any) -> None:
    """The model is in the books, with a deployment of its name at `url`, and the gateways know it."""
    utility.client.call("PUT", f"/models/{model}", {"context_tokens": 100_000, **(known or {})})
    add_deployment(utility, model, model, url, **fields)
    time_policy(utility)


def add_deployment(utility: Utility, name: str, model: str, url: str, **fields: Any) -> None:
    """One more deployment of a model."""
    utility.client.call("POST", "/deployments", {
        "deployment": name, "model": model, "url": url, "engine": "openai", "upstream_model": "up-model",
        "dialects": ["chat", "completions", "responses", "messages", "embeddings"], "allow_private": True, **fields})


def time_policy(utility: Utility) -> None:
    """Returns when every worker holds the newest policy."""
    newest = max(row["version"] for path in ("/models", "/deployments", "/accounts")
                 for row in utility.client.call("GET", path)["data"])

    def held() -> bool:
        rows = [line for line in utility.client.text("/metrics").splitlines()
                if line.startswith("tokenworks_policy_version")]
        return bool(rows) and all(float(row.rpartition(" ")[2]) >= newest for row in rows)

    wait_for(held, 10, lambda: f"no gateway has policy {newest}")


@contextmanager
def selling(utility: Utility, model: str, script: Script | None = None, known: dict[str, Any] | None = None,
            **fields: Any) -> Iterator[Source]:
    """A source that is sold while the block runs; `known` is of the model, `fields` are of the deployment."""
    source = Source(model, script)
    try:
        serving_model(utility, model, f"http://127.0.0.1:{source.port}", known, **fields)
        yield source
    finally:
        source.stop()
