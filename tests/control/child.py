"""A control process as the composition root would start it, with an application of its own that answers what the hub
says: `python -m tests.control.child STATE HOST DATABASE_URL`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenworks.control.hub import Hub
from tokenworks.control.process import ControlConfig, run_control
from tokenworks.telemetry import start_logs


def build_app(hub: Hub) -> Starlette:
    def facts(request: Request) -> Response:
        return Response(msgspec.json.encode({
            "host": hub.host, "version": hub.version, "reached": hub.books_reached(),
            "writers": [row.journal.writer for row in hub.gateways()],
            "heard": [row.journal.writer for row in hub.gateways() if row.heard and row.heard.connected],
            "known": hub.check_token(request.headers.get("authorization", "").removeprefix("Bearer ")),
            "complete": hub.complete_until(), "metrics": hub.metrics_text(), "leakage": len(hub.leakage()),
        }))

    return Starlette(routes=[Route("/facts", facts)])


def read_level() -> str:
    """The log level as a test has set it; a missing file is a setting that is refused."""
    return Path(sys.argv[1], "level").read_text()


if __name__ == "__main__":
    start_logs("control")
    sys.exit(run_control(ControlConfig(state_dir=sys.argv[1], host=sys.argv[2], database_url=sys.argv[3], version="9"),
                         build_app, lambda url, credential: None, read_level))
