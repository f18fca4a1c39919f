"""`up` and the parts that it starts; each part can be run alone, under systemd or Kubernetes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from tokenworks.cli.starters import Flags, PartWords, Starters

Fd = Annotated[int, Parameter(show=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which settings hold."""

    state: Annotated[str | None, Parameter(help="State directory: where everything is kept.")] = None
    config: Annotated[str, Parameter(show_default=False,
                                     help="Settings file; else tokenworks.toml in the state directory.")] = ""

    @property
    def flags(self) -> Flags:
        """As settings take them."""
        return {"state.dir": self.state, "config": self.config}


HERE = Where()


@Parameter(name="*")
@dataclass(frozen=True)
class Listen:
    """Where clients reach us."""

    host: Annotated[str | None, Parameter(help="Address to listen on; only this machine unless told.")] = None
    port: Annotated[int | None, Parameter(help="The one port (8400); 0 takes a free one.")] = None

    @property
    def flags(self) -> Flags:
        """As settings take them."""
        return {"listen.host": self.host, "listen.port": self.port}


HERE_TOO = Listen()
Workers = Annotated[int | None, Parameter(help="Gateway processes; 0 is one per core.")]
Engine = Annotated[bool | None, Parameter(help="Start the embedded engine, or not.")]
Demo = Annotated[bool, Parameter(negative="", show_default=False,
                                 help="Open the demo shop: an account with credit, a key, a first sale.")]
Index = Annotated[int, Parameter(help="The worker's number on this host; each has its own.")]


def add_parts(app: App, gateway: App, starters: Starters) -> None:
    """Registers `up`, `control`, `engine`, and `gateway` without a command."""

    @app.command
    def up(*, where: Where = HERE, listen: Listen = HERE_TOO, workers: Workers = None, engine: Engine = None,
           demo: Demo = False) -> None:
        """Run everything on one port until Ctrl-C."""
        flags = {**where.flags, **listen.flags, "gateway.workers": workers, "engine.enabled": engine}
        sys.exit(starters.up(flags, demo))

    @app.command
    def control(*, where: Where = HERE, lifeline_fd: Fd = -1) -> None:
        """Run the control process alone: the books, the REST API."""
        sys.exit(starters.control(where.flags, PartWords(lifeline_fd)))

    @app.command
    def engine(*, where: Where = HERE, lifeline_fd: Fd = -1) -> None:
        """Run the embedded engine alone."""
        sys.exit(starters.engine(where.flags, PartWords(lifeline_fd)))

    @gateway.default
    def run_gateway(*, where: Where = HERE, listen: Listen = HERE_TOO, index: Index = 0,
                    lifeline_fd: Fd = -1, listen_fd: Fd = -1) -> None:
        """Run one gateway worker alone."""
        sys.exit(starters.gateway({**where.flags, **listen.flags}, PartWords(lifeline_fd, listen_fd, index)))
