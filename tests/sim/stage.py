"""Where the real modules reach for the machine, the simulated one stands: a table, set up for the time of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import structlog
from tests.sim import machine
from tests.sim.host import host_at
from tests.sim.serving import SimPool, SimServer

from tokenworks.control import courier, poster, told, works
from tokenworks.credit import lending, purse
from tokenworks.gateway import worker
from tokenworks.link import server

current: list[Any] = [None]  # the day that is simulated now


class _NoTokens:
    """supply.tokens.TokenCounter: the day brings its own counter."""

    def close(self) -> None:
        pass


PROPS: tuple[tuple[Any, str, Any], ...] = (
    # the disk and what stands beside the journals
    (works, "RealDisk", lambda path: host_at(path, current[0]).disk),
    (worker, "RealDisk", lambda path: host_at(path, current[0]).disk),
    (works, "NoteFile", lambda path: host_at(path, current[0]).notes),
    (works, "QuarantineFolder", lambda path: host_at(path, current[0]).quarantine),
    (works, "LeakageBook", machine.NoLeakage),
    (works, "Prober", machine.NoProbes),
    # threads
    (works, "PosterThread", machine.SimPosterThread),
    (works, "Turnstile", machine.SimTurnstile),
    (worker, "Flusher", machine.SimFlusher),
    (worker, "JournalWriter", machine.SimJournal),
    (worker, "TokenCounter", _NoTokens),
    # sockets
    (worker, "Server", SimServer),
    (worker, "Pool", SimPool),
    (server, "bind_socket", lambda path: None),
    # leases live a tenth of their time, so that a short day has many ends of them
    (purse, "LEASE_IDLE_S", 3),
    (lending, "LEASE_VALIDITY_S", 6),
    (courier, "LEASE_VALIDITY_S", 6),
    (told, "LEASE_VALIDITY_S", 6),
    (poster, "TIDY_NS", 2_000_000_000),
    (works, "EXPIRY_LOOK_S", 3),
)


def _overhear(_: Any, level: str, event: dict[str, Any]) -> Any:
    """What the real code logs goes into the day's trace."""
    day = current[0]
    if day is not None:
        name = event.pop("event", "")
        day.time.note(f"[{name}] " + " ".join(f"{key}={value}" for key, value in event.items())[:200])
    raise structlog.DropEvent


@contextlib.contextmanager
def staged(day: Any, plant: Callable[[Callable[..., None]], None] | None = None) -> Iterator[None]:
    """The stage for one day; `plant(set)` may put a bug on it by set(owner, name, replacement)."""
    before = structlog.get_config()
    with contextlib.ExitStack() as stack:
        def put(owner: Any, name: str, value: Any) -> None:
            stack.enter_context(patch.object(owner, name, value))

        for owner, name, value in PROPS:
            put(owner, name, value)
        if plant is not None:
            plant(put)
        current[0] = day
        structlog.configure(processors=[_overhear], cache_logger_on_first_use=False)
        try:
            yield
        finally:
            current[0] = None
            structlog.configure(**before)
