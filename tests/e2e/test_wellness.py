"""Deployment health as an operator sees it: right without traffic, and a deployment that came back is used again."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.utility import Utility, wait_for

from tokenworks.limits import HEALTH_LOOK_S

LOOK_S = HEALTH_LOOK_S + 8


class Engine(BaseHTTPRequestHandler):
    """An engine that is well; its requests fail."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


def state(utility: Utility) -> dict[str, Any]:
    return dict(utility.client.call("GET", "/deployments/sick"))


def test_health_without_traffic(utility: Utility) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    utility.client.call("PUT", "/models/sick", {"context_tokens": 4096})
    utility.client.call("POST", "/deployments", {
        "deployment": "sick", "model": "sick", "url": f"http://127.0.0.1:{port}", "engine": "llamacpp", "own": True,
        "allow_private": True})
    wait_for(lambda: state(utility)["state"] == "down", LOOK_S, lambda: state(utility))
    assert state(utility)["why"]
    server = ThreadingHTTPServer(("127.0.0.1", port), Engine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        wait_for(lambda: state(utility)["state"] == "up", LOOK_S, lambda: state(utility))
    finally:
        server.shutdown()
        server.server_close()
        utility.client.call("DELETE", "/deployments/sick")
