"""How the deployments are, also while nobody asks anything of them: each is probed from time to time, off the request
path. Workers hear of it and give a deployment that they left alone another chance when its engine says that it is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from tokenworks.clock import Clock
from tokenworks.credit.messages import Probed
from tokenworks.credit.policy import Endpoint
from tokenworks.limits import PROBES_AT_ONCE
from tokenworks.supply.probe import Health, probe_deployment

_LOG = structlog.get_logger()


class Prober:
    """`tell(probed)` sends to the workers. `found` has the last answer of each deployment that could be asked."""

    def __init__(self, clock: Clock, tell: Callable[[Probed], None]) -> None:
        self._clock, self._tell = clock, tell
        self.found: dict[str, Health] = {}

    async def look(self, endpoints: Iterable[Endpoint]) -> None:
        """Probe all that are enabled, a few at once. Never raises."""
        asked = [endpoint for endpoint in endpoints if endpoint.deployment.enabled]
        room = asyncio.Semaphore(PROBES_AT_ONCE)

        async def probe(endpoint: Endpoint) -> Health:
            async with room:
                return await probe_deployment(endpoint.deployment, endpoint.credential, self._clock)

        healths = await asyncio.gather(*(probe(endpoint) for endpoint in asked))
        before, self.found = self.found, {
            endpoint.deployment.id: health for endpoint, health in zip(asked, healths, strict=True)
            if health.state != "unknown"}
        for name, health in self.found.items():
            if name not in before or before[name].state != health.state:
                _LOG.info("deployment_probed", deployment=name, state=health.state, why=health.why)
        well = tuple(name for name, health in self.found.items() if health.state == "well")
        if well:
            self._tell(Probed(well))
