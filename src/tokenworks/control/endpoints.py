"""Deployments with what this host alone knows: their credentials, and where the engine beside us listens.

A deployment whose secret cannot be read, or whose embedded engine is not up, is pushed as not enabled: a request must
never go out without its credential. It comes back by itself as soon as it can be resolved.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import structlog

from tokenworks.credit.policy import Endpoint
from tokenworks.errors import CallerError
from tokenworks.fleet.deployment import Deployment
from tokenworks.operations.secret import SecretBook
from tokenworks.operations.upstream import EMBEDDED, url_host

_LOG = structlog.get_logger()


class EngineFile(msgspec.Struct):
    """run/engine.json, as the engine's process writes it when it is ready."""

    url: str
    key: str
    pid: int = 0


def read_engine(path: Path) -> EngineFile | None:
    """Where the engine of this host listens; None when it is not up, or has died without removing its file."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=EngineFile)
        if found.pid:
            os.kill(found.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return found


class Resolver:
    """Makes endpoints of deployments. Reads files: not for the event loop."""

    def __init__(self, secrets: SecretBook, engine_file: Path) -> None:
        self._secrets = secrets
        self._engine_file = engine_file
        self._told: dict[str, str] = {}  # deployment: what was last logged of it

    def resolve(self, deployments: list[Deployment]) -> dict[str, Endpoint]:
        """The endpoints by deployment, as things stand now."""
        engine = read_engine(self._engine_file)
        return {deployment.id: self._endpoint(deployment, engine) for deployment in deployments}

    def unusable(self) -> dict[str, str]:
        """Deployments that no request may go to now, each with why."""
        return dict(self._told)

    def _endpoint(self, deployment: Deployment, engine: EngineFile | None) -> Endpoint:
        if deployment.url == EMBEDDED:
            if engine is None:
                return self._unusable(deployment, "the embedded engine is not up")
            self._told.pop(deployment.id, None)
            return Endpoint(msgspec.structs.replace(deployment, url=engine.url), engine.key)
        try:
            credential = self._secrets.resolve(deployment.secret, url_host(deployment.url))
        except CallerError as error:
            return self._unusable(deployment, str(error))
        self._told.pop(deployment.id, None)
        return Endpoint(deployment, credential)

    def _unusable(self, deployment: Deployment, why: str) -> Endpoint:
        if deployment.enabled and self._told.get(deployment.id) != why:
            _LOG.warning("deployment_unusable", deployment=deployment.id, why=why)
            self._told[deployment.id] = why
        return Endpoint(msgspec.structs.replace(deployment, enabled=False))
