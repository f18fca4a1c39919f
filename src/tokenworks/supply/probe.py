"""Is a deployment well? Asked of its engine's own health endpoint, which costs no tokens."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tokenworks.clock import Clock
from tokenworks.errors import UpstreamError
from tokenworks.fleet.deployment import Deployment
from tokenworks.supply.fetch import Target, fetch
from tokenworks.wire.dialects import Engine

NO_SUCH_PATH = (404, 405, 501)  # an engine behind something that answers only for inference
HEALTH_PATH: dict[Engine, str] = {  # bought APIs have none, MindIE's is at another port: traffic tells
    **dict.fromkeys(("llamacpp", "vllm", "sglang", "trtllm", "lmdeploy"), "/health"),
    "ollama": "/api/version",
}


class Health(NamedTuple):
    """`unknown` is a deployment that cannot be asked, not one that is ill. `why` is for the operator."""

    state: Literal["well", "ill", "unknown"]
    why: str
    took_ms: int


async def probe_deployment(deployment: Deployment, credential: str, clock: Clock) -> Health:
    """Ask once. Never raises: what goes wrong is the answer."""
    path = HEALTH_PATH.get(deployment.engine)
    if path is None or deployment.proxy:
        return Health("unknown", "its traffic tells how it is", 0)
    begun_ns = clock.mono_ns()
    target = Target(deployment.url, credential, deployment.ca_file, deployment.allow_private)
    try:
        status = (await fetch(target, path)).status
        if status in NO_SUCH_PATH:
            return Health("unknown", f"its health endpoint answers {status}: its traffic tells how it is", 0)
        why = "" if status == 200 else f"its health endpoint answers {status}"
    except UpstreamError as error:
        why = str(error)
    return Health("ill" if why else "well", why, (clock.mono_ns() - begun_ns) // 1_000_000)
