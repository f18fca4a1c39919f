"""The least that a Python gateway can cost: uvloop, httptools and msgspec, the duties sketched, nothing kept safe.

A contestant, not a product: it checks a key, reads the body, takes from a bucket, asks for usage, relays one write per
read, finds the usage in the tail and notes it. What the gateway costs above this is the price of its promises.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import struct
import sys
import time

import httptools
import msgspec
import uvloop

TAIL_BYTES = 2048  # where the usage of a stream stands
INJECT = b'"stream_options":{"include_usage":true},'


class Body(msgspec.Struct):
    """The fields of a request that decide anything."""

    model: str
    stream: bool = False
    max_tokens: int = 512
    stream_options: dict[str, bool] | None = None


class Count(msgspec.Struct):
    """An OpenAI usage object."""

    prompt_tokens: int
    completion_tokens: int


READ_BODY = msgspec.json.Decoder(Body).decode
READ_COUNT = msgspec.json.Decoder(Count).decode


class Gate:
    """What all connections share: the key, a bucket, idle upstream connections, a record of what was used."""

    def __init__(self, upstream_port: int, key: str) -> None:
        self.port = upstream_port
        self.keys = {hashlib.sha256(key.encode()).digest(): "account"}
        self.idle: list[Upstream] = []
        self.tokens, self.filled_s, self.held = 10**12, time.monotonic(), 0
        self.record = bytearray()

    def admit(self, most: int) -> bool:
        """A token bucket and a hold."""
        now_s = time.monotonic()
        self.tokens = min(10**12, self.tokens + int((now_s - self.filled_s) * 10**9))
        self.filled_s = now_s
        if self.tokens < self.held + most:
            return False
        self.held += most
        return True

    def settle(self, most: int, usage: Count) -> None:
        """Releases the hold and appends a record."""
        self.held -= most
        self.tokens -= usage.prompt_tokens + usage.completion_tokens
        self.record += struct.pack("<qii", time.monotonic_ns(), usage.prompt_tokens, usage.completion_tokens)
        if len(self.record) > 1 << 20:
            self.record.clear()


class Upstream(asyncio.Protocol):
    """One connection to the upstream; serves one client at a time."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.client: Client | None = None
        self.out: list[bytes] = []
        self.parts: list[bytes] = []
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.type, self.length = b"application/json", None
        self.ended, self.tail = False, b""

    def on_header(self, name: bytes, value: bytes) -> None:
        low = name.lower()
        if low == b"content-type":
            self.type = value
        elif low == b"content-length":
            self.length = value

    def on_headers_complete(self) -> None:
        framing = b"content-length: " + self.length if self.length else b"transfer-encoding: chunked"
        self.out.append(b"HTTP/1.1 %d OK\r\ncontent-type: %b\r\n%b\r\n\r\n"
                        % (self.parser.get_status_code(), self.type, framing))

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        self.ended = True

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)
        out, self.out = self.out, []
        if self.parts:
            body = b"".join(self.parts) if len(self.parts) > 1 else self.parts[0]
            self.parts = []
            self.tail = body[-TAIL_BYTES:] if len(body) >= TAIL_BYTES else (self.tail + body)[-TAIL_BYTES:]
            out += (body,) if self.length else (b"%x\r\n" % len(body), body, b"\r\n")
        if self.ended and not self.length:
            out.append(b"0\r\n\r\n")
        client = self.client
        if client is None:
            return
        client.transport.write(b"".join(out))
        if self.ended:
            self.client = None
            self.gate.idle.append(self)
            client.answered(self.tail)

    def connection_lost(self, _: Exception | None) -> None:
        if self in self.gate.idle:
            self.gate.idle.remove(self)
        if self.client:
            self.client.transport.abort()


class Client(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.upstream: Upstream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.key, self.parts = b"", []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self.key = hashlib.sha256(value[7:]).digest()

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        raw, self.parts = b"".join(self.parts), []
        body = READ_BODY(raw)
        self.most = len(raw) // 4 + body.max_tokens
        if self.key not in self.gate.keys or not self.gate.admit(self.most):
            self.transport.write(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")
            return
        inject = INJECT if body.stream and body.stream_options is None else b""
        head = (b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n{%b" % (self.url, len(raw) + len(inject), inject))
        if self.gate.idle:
            self.send(self.gate.idle.pop(), head, raw)
        else:
            asyncio.ensure_future(self.dial(head, raw))  # noqa: RUF006 (the connection keeps itself alive)

    async def dial(self, head: bytes, raw: bytes) -> None:
        _, upstream = await asyncio.get_running_loop().create_connection(
            lambda: Upstream(self.gate), "127.0.0.1", self.gate.port)
        self.send(upstream, head, raw)

    def send(self, upstream: Upstream, head: bytes, raw: bytes) -> None:
        self.upstream, upstream.client = upstream, self
        upstream.transport.writelines((head, memoryview(raw)[1:]))

    def answered(self, tail: bytes) -> None:
        self.upstream = None
        at = tail.rfind(b'"usage":{') + 8
        self.gate.settle(self.most, READ_COUNT(tail[at:tail.index(b"}}", at) + 2]))

    def pause_writing(self) -> None:
        if self.upstream:
            self.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.upstream:
            self.upstream.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        if self.upstream:
            self.upstream.client = None
            self.upstream.transport.abort()


async def serve(upstream_port: int, key: str) -> None:
    """Prints its port and serves until it is killed."""
    gate = Gate(upstream_port, key)
    server = await asyncio.get_running_loop().create_server(lambda: Client(gate), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
