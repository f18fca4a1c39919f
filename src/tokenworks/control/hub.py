"""What the faces of a control process work with: the books, the secrets, and what is known of this host right now.

Everything here may be called from any thread, except `facts.feed`, which belongs to the event loop.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from tokenworks.clock import Clock, Dice
from tokenworks.control.facts import FactsBook, Gateway
from tokenworks.control.losses import LeakageRow
from tokenworks.operations.desk import Health, Heard
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Store
from tokenworks.store.shapes import WriterRow


class GatewayRow(msgspec.Struct, frozen=True):
    """A gateway worker as the books know its journal, and as this host hears it: `heard` is None for other hosts' and
    for those that never spoke since control started."""

    journal: WriterRow
    heard: Gateway | None


@dataclass(kw_only=True)
class Hub:
    """Handed to `build_app`. `forget(host)` tells the control process that a host's leases were given up in the books;
    `books_reached()` whether the last call to the books went through; `started_at_ns` when this process began;
    `unusable()` the deployments that no request may go to, each with why; `ailing()` those whose probe failed, too."""

    host: str
    version: str
    store: Store
    secrets: SecretBook
    facts: FactsBook
    clock: Clock
    dice: Dice
    admin_digest: bytes
    started_at_ns: int = 0
    books_reached: Callable[[], bool] = lambda: True
    leakage: Callable[[], list[LeakageRow]] = field(default=list)
    forget: Callable[[str], None] = lambda host: None
    unusable: Callable[[], dict[str, str]] = dict
    ailing: Callable[[], dict[str, str]] = dict

    def check_token(self, text: str) -> bool:
        """True for the admin token of this host; takes the same time for every wrong one."""
        return hmac.compare_digest(sha256(text.encode("utf-8", "surrogatepass")).digest(), self.admin_digest)

    def gateways(self, host: str = "", active: bool = True) -> list[GatewayRow]:
        """Gateway workers of one host or all, by name. Reads the books: not for the event loop."""
        heard = {gateway.writer: gateway for gateway in self.facts.gateways()}
        return [GatewayRow(row, heard.get(row.writer)) for row in self.store.writers.roster(host, active)]

    def health(self) -> dict[str, Health]:
        """Each deployment as this host knows it now; those that nobody has heard of are missing."""
        ailing = self.ailing()
        found = {name: Health(state, ailing.get(name, "")) for name, state in self.facts.health().items()}
        return found | {name: Health("unusable", why) for name, why in self.unusable().items()}

    def heard(self) -> dict[str, Heard]:
        """What the connected workers of this host last said."""
        return {gateway.writer: Heard(gateway.running, gateway.connections)
                for gateway in self.facts.gateways() if gateway.connected}

    def metrics_text(self) -> str:
        """Prometheus text of all workers of this host and of control itself."""
        return self.facts.metrics_text()

    def complete_until(self) -> int:
        """`books_complete_until`: nothing that ended before is still to come. Reads the books."""
        return self.store.writers.complete(self.clock.now_ns())
