"""One small GET to an engine, for probes and scrapes: bounded in time and bytes, and never to a forbidden address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from tokenworks.errors import UpstreamError
from tokenworks.fleet.address import refuse_address
from tokenworks.limits import PROBE_BYTES_MAX, PROBE_S


class Target(NamedTuple):
    """Where to: `url` without the path, as a deployment has it."""

    url: str
    credential: str = ""
    ca_file: str = ""
    allow_private: bool = True


class Answer(NamedTuple):
    """A complete response."""

    status: int
    body: bytes


async def fetch(target: Target, path: str) -> Answer:
    """GET `path`; raises UpstreamError with what went wrong."""
    try:
        async with asyncio.timeout(PROBE_S):
            return await _exchange(target, path)
    except TimeoutError:
        raise UpstreamError(f"no answer within {PROBE_S} s") from None
    except (OSError, httptools.HttpParserError) as error:
        raise UpstreamError(str(error) or type(error).__name__) from None


async def _exchange(target: Target, path: str) -> Answer:
    parts = urlsplit(target.url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = await _resolve(host, port, target.allow_private)
    context = ssl.create_default_context(cafile=target.ca_file or None) if secure else None
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host if secure else None)
    try:
        writer.write(_request(parts.netloc, parts.path.rstrip("/") + path, target.credential))
        return await _read(reader)
    finally:
        writer.close()


async def _resolve(host: str, port: int, allow_private: bool) -> str:
    """The first address of the name; refused when any rule forbids it."""
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = str(rows[0][4][0])
    if why := refuse_address(address, allow_private):
        raise UpstreamError(f"{host} is at {address}: {why}")
    return address


def _request(host: str, path: str, credential: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"host: {host}", "accept-encoding: identity", "connection: close"]
    if credential:
        lines.append(f"authorization: Bearer {credential}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Collector:
    """What httptools calls: keeps the body, knows when the head and when all is there."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.begun = False
        self.whole = False

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


async def _read(reader: asyncio.StreamReader) -> Answer:
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    while not collector.whole:
        data = await reader.read(65536)
        if not data:
            break  # a body may be delimited by the end of the connection
        parser.feed_data(data)
        if len(collector.body) > PROBE_BYTES_MAX:
            raise UpstreamError(f"the answer is larger than {PROBE_BYTES_MAX} bytes")
    if not collector.begun:
        raise UpstreamError("the connection ended without an answer")
    return Answer(parser.get_status_code(), bytes(collector.body))
