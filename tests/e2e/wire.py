"""A client that writes bytes and reads bytes: what an HTTP library would mend or hide is seen here."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from typing import Any, NamedTuple

from tests.e2e.utility import Utility

WAIT_S = 20
SAY = [{"role": "user", "content": "hello"}]


class Reply(NamedTuple):
    """One whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def request(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def events(self) -> list[Any]:
        """Data of SSE events, decoded; [DONE] as text."""
        rows = [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ")]
        return ["[DONE]" if row == b"[DONE]" else json.loads(row) for row in rows]


class Line:
    """One connection to a utility."""

    def __init__(self, utility: Utility, key: str = "", trust: ssl.SSLContext | None = None) -> None:
        self.key = key or utility.key
        self.sock = socket.create_connection(utility.address, WAIT_S)
        if trust is not None:
            self.sock = trust.wrap_socket(self.sock, server_hostname="localhost")
        self.rest = b""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def head_of(self, path: str, length: int | None, method: str = "POST", *rows: str) -> bytes:
        """The head of a request; `rows` are further header lines."""
        lines = [f"{method} {path} HTTP/1.1", "host: gw", f"authorization: Bearer {self.key}",
                 "content-type: application/json", "anthropic-version: 2023-06-01", *rows]
        lines += [] if length is None else [f"content-length: {length}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, data: bytes) -> Line:
        self.sock.sendall(data)
        return self

    def post(self, path: str, body: object, *rows: str) -> Line:
        """A request with a JSON body."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(self.head_of(path, len(data), "POST", *rows) + data)

    def ask(self, path: str, body: object, *rows: str) -> Reply:
        return self.post(path, body, *rows).reply()

    def get(self, path: str, method: str = "GET") -> Reply:
        return self.send(self.head_of(path, None, method)).reply(method != "HEAD")

    def head(self) -> tuple[int, dict[str, str]]:
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        rows = [line.partition(":") for line in lines[1:] if line]
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in rows}

    def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        size = int(self._until(b"\r\n"), 16)
        return self._exactly(size + 2)[:-2]

    def reply(self, with_body: bool = True) -> Reply:
        """The next answer; interim ones before it are skipped, as every client does."""
        status, headers = self.head()
        while status == 100:
            status, headers = self.head()
        body = b""
        if with_body and headers.get("transfer-encoding") == "chunked":
            while part := self.chunk():
                body += part
        elif with_body and status not in (204, 304):
            body = self._exactly(int(headers.get("content-length", 0)))
        return Reply(status, headers, body)

    def closed(self) -> bool:
        """Whether the other side has nothing more to say and closes; waits for it."""
        try:
            return not self.rest and self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def hang_up(self) -> None:
        """Gone at once, as a process that dies is."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self.rest:
            self._more()
        found, _, self.rest = self.rest.partition(end)
        return found

    def _exactly(self, count: int) -> bytes:
        parts, have = [self.rest], len(self.rest)
        while have < count:
            part = self.sock.recv(1 << 20)
            if not part:
                raise ConnectionResetError(f"closed after {have} of {count} bytes")
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
        self.rest = data[count:]
        return data[:count]

    def _more(self) -> None:
        part = self.sock.recv(1 << 16)
        if not part:
            raise ConnectionResetError("closed")
        self.rest += part


def ask(utility: Utility, path: str, body: object, key: str = "", *rows: str) -> Reply:
    """One request on a connection of its own."""
    with Line(utility, key) as line:
        return line.ask(path, body, *rows)
