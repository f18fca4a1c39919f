"""A gateway that answers by script, and keeps what it was asked; the command line as a buyer at it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from tests.cli.conftest import Result, Shell

KEY = "tw_live_of_a_buyer"
MONEY = {"amount": "0.0002", "currency": "CNY"}
STORY = {"state": "posted", "usage": {"input": 16, "output": 10}, "charged": MONEY}
OWN = {"balance": {"amount": "9.50", "currency": "CNY"}}
MODELS = {"data": [{"id": "m1", "max_input_tokens": 4096, "max_tokens": 2048}, {"id": "m2"}]}


def events(*parts: Any) -> bytes:
    """Chat's events."""
    return b"".join(b"data: %b\n\n" % (part if isinstance(part, bytes) else json.dumps(part).encode())
                    for part in parts)


def chunk(text: str = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {"content": text} if text else {}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m1",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


ANSWER = events(chunk("Good "), chunk("day."), chunk(finish="stop"), b"[DONE]")


class Gateway:
    """`answers` by path: (status, body), or a function of the request's body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.left = Event()  # a client has gone in the middle of an answer
        self.answers: dict[str, Any] = {
            "/v1/chat/completions": (200, ANSWER),
            "/anthropic/v1/models?limit=1000": (200, json.dumps(MODELS).encode()),
            "/api/v1/own": (200, json.dumps(OWN).encode()),
            "/api/v1/own/requests/req_1": (200, json.dumps(STORY).encode())}
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                gateway.asked.append((self.command, self.path, headers, json.loads(body) if body else None))
                found = gateway.answers.get(self.path, (404, b'{"error": {"message": "There is no such path."}}'))
                status, answer = found(gateway.asked[-1][3]) if callable(found) else found
                self.send_response(status)
                self.send_header("x-request-id", "req_1")
                if isinstance(answer, bytes):
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    self._send(piece)

            def _send(self, piece: bytes) -> None:
                """A list is a slow stream, which the client may leave."""
                try:
                    self.wfile.write(piece)
                    gateway.left.wait(0.02)
                except OSError:
                    gateway.left.set()

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def bodies(self, path: str) -> list[Any]:
        return [body for _, where, _, body in self.asked if where == path]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    yield found
    found.server.shutdown()
    found.server.server_close()


Buy = Callable[..., Result]


@pytest.fixture
def buy(alone: Shell, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Buy:
    """The command line with the gateway and a key in its environment; `stdin` is what is piped in."""
    monkeypatch.setenv("TOKENWORKS_BASE_URL", gateway.url + "/v1/")
    monkeypatch.setenv("TOKENWORKS_API_KEY", KEY)
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "TOKENWORKS_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        return alone.bare(*words)

    return run


@pytest.fixture
def home(alone: Shell) -> Path:
    return alone.state
