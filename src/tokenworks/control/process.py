"""The control process: everything of this host that needs the books, in one event loop and a few threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.types import ASGIApp

from tokenworks.control.hub import Hub

BuildApp = Callable[[Hub], ASGIApp]


class EngineCount(NamedTuple):
    """Cumulative counters of an engine since its start: prompt tokens processed, completion tokens predicted."""

    prompt: int
    completion: int


ReadEngine = Callable[[str, str], EngineCount | None]  # (url, credential) -> counters, None when it does not answer


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """Plain values. `host` is this host's id, the first part of its writers' names; an empty `database_url` means
    SQLite in the state directory. `secrets` are the TOKENWORKS_SECRET_* variables."""

    state_dir: str
    host: str
    database_url: str = ""
    version: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_dirs: tuple[str, ...] = ()


def run_control(config: ControlConfig, build_app: BuildApp, read_engine: ReadEngine = lambda url, credential: None) -> int:
    """Serve run/private.sock and run/public.sock of the state directory until SIGTERM; the exit code."""
    raise NotImplementedError
