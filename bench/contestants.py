"""Who takes part: nobody in between, nginx, the bare relay, Tokenworks. Each starts, tells its pids, and stops."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bench.machine import offspring
from bench.tools import START_S, BenchError, first_line, load, spawn, stop
from bench.utility import Tokenworks

KEY = "bench-key-0123456789abcdef"
LARGE = str(256 << 20)
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": LARGE, "MALLOC_TRIM_THRESHOLD_": LARGE}  # as the supervisor sets them
CONNECTIONS = 4096


class Contestant(Protocol):
    """One way from client to mock."""

    name: str
    port: int
    key: str

    def start(self) -> None:
        """Ready for requests when it returns."""

    def stop(self) -> None:
        """Nothing is left running."""

    def gateway(self) -> list[int]:
        """Processes on the way of a request."""

    def beside(self) -> list[int]:
        """Processes that work for it beside the way: none, or the control process."""

    def settled(self) -> None:
        """Returns when work beside the way has caught up."""

    def figures(self) -> dict[str, float]:
        """What it says of itself since its start."""


class Direct:
    """Nobody in between: what the tools themselves add."""

    name, key = "direct", "none"

    def __init__(self, mock_port: int) -> None:
        self.port = mock_port

    def start(self) -> None:
        """The mock already runs."""

    def stop(self) -> None:
        """The mock is stopped by who started it."""

    def gateway(self) -> list[int]:
        return []

    def beside(self) -> list[int]:
        return []

    def settled(self) -> None:
        """Nothing is ever behind."""

    def figures(self) -> dict[str, float]:
        return {}


class Floor(Direct):
    """`bench/floor.py`: the least a Python gateway can cost."""

    name, key = "floor", KEY

    def __init__(self, mock_port: int) -> None:
        super().__init__(0)
        self.mock_port = mock_port
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = [sys.executable, "-m", "bench.floor", str(self.mock_port), KEY]
        self.process = spawn(words, env=os.environ | ALLOCATOR, cwd=Path(__file__).parent.parent)
        self.port = int(first_line(self.process, "the floor"))

    def stop(self) -> None:
        stop(self.process)

    def gateway(self) -> list[int]:
        return offspring(self.process.pid) if self.process else []


NGINX = """
daemon off; worker_processes 1; error_log error.log; pid nginx.pid; {user}
events {{ worker_connections {connections}; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; client_max_body_size 64m; client_body_buffer_size 2m;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  upstream mock {{ server 127.0.0.1:{mock_port}; keepalive {connections}; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      if ($http_authorization != "Bearer {key}") {{ return 401; }}
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


class Nginx(Floor):
    """Debian's nginx as a plain reverse proxy that compares one constant key: no parsing, no metering, no books."""

    name = "nginx"

    def start(self) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
        if not program:
            raise BenchError("nginx is missing; install it with: apt-get install -y nginx-light")
        self.folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        self.port = free_port()
        config = Path(self.folder.name) / "nginx.conf"
        config.write_text(NGINX.format(mock_port=self.mock_port, port=self.port, key=KEY, connections=CONNECTIONS,
                                       user="user root;" if os.geteuid() == 0 else ""))
        self.process = spawn([program, "-p", self.folder.name, "-c", str(config)], stderr=subprocess.DEVNULL)
        answering(self)

    def stop(self) -> None:
        super().stop()
        self.folder.cleanup()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answering(contestant: Contestant) -> None:
    """Waits until a request comes back. Raises BenchError when none does."""
    end_s = time.monotonic() + START_S
    while True:
        try:
            load(contestant.port, contestant.key, requests=1)
            return
        except BenchError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)


def version_of(program: str) -> str:
    """The version a program prints, or that it is missing."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        return "missing"
    told = subprocess.run([path, "-v"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).strip()


CONTESTANTS: dict[str, Callable[[int], Contestant]] = {
    "direct": Direct, "nginx": Nginx, "floor": Floor, "tokenworks": Tokenworks,
}
