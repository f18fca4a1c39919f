"""A running utility with three deployments that speak one dialect each, scripted and tiny, and keys that fail."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.clients.catalogue import KNOWN_NAMES, TINY
from tests.clients.scripted import Mind, Scripted, think
from tests.e2e.sources import add_deployment, serving_model, time_policy
from tests.e2e.utility import Utility

DIALECTS = ("chat", "messages", "responses")
ENGINES = {"chat": "openai", "messages": "anthropic", "responses": "openai"}
KNOWN = {"context_tokens": 400_000, "output_tokens_max": 32_000}


class World:
    """`scripted[dialect]` plays the model sold as `scripted-<dialect>`; `tiny-<dialect>` is the embedded engine."""

    def __init__(self, state: Path, mind: Mind = think, workers: int = 2) -> None:
        self.utility = Utility(state, workers=workers).start()
        self.utility.client.call("POST", "/accounts/demo/topups", {"amount": "10000"})
        self.scripted = {dialect: Scripted(f"scripted-{dialect}", dialect, mind) for dialect in DIALECTS}
        for dialect, source in self.scripted.items():
            serving_model(self.utility, source.model, f"http://127.0.0.1:{source.port}", KNOWN,
                          dialects=[dialect], engine=ENGINES[dialect])
            self.utility.client.call("PUT", f"/models/{KNOWN_NAMES[dialect]}", KNOWN)
            add_deployment(self.utility, f"known-{dialect}", KNOWN_NAMES[dialect], f"http://127.0.0.1:{source.port}",
                           dialects=[dialect], engine=ENGINES[dialect])
        self.numbers = itertools.count(1)
        self.poor_key = self.utility.poor_key()

    def sell_tiny(self) -> None:
        """The embedded engine, offered in one dialect under each of three names."""
        for dialect in TINY:
            self.utility.client.call("PUT", f"/models/tiny-{dialect}", {
                "context_tokens": 4096, "output_tokens_max": 512, "tokenizer": "tokenworks-tiny"})
            add_deployment(self.utility, f"tiny-{dialect}", f"tiny-{dialect}", "embedded:", dialects=[dialect],
                           engine="llamacpp", own=True, upstream_model="tokenworks-tiny")
        time_policy(self.utility)

    def sell_again(self, dialect: str) -> str:
        """A new model, served by a deployment of its own at the upstream of a dialect: nothing has failed there yet."""
        model = f"{dialect}-{next(self.numbers)}"
        serving_model(self.utility, model, f"http://127.0.0.1:{self.scripted[dialect].port}", KNOWN,
                      dialects=[dialect], engine=ENGINES[dialect], upstream_model=model)
        return model

    def stop(self) -> None:
        self.utility.stop()
        for source in self.scripted.values():
            source.stop()
