"""A bounded load of mixed requests over plain sockets, which remembers what every client really saw.

Used by the exactness runs, the overdraft run and the kill run. Deliberately no HTTP library: a client that counts what
it was sent must not hide retries, reconnects or a body that ended early.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field

KINDS = ("chat", "chat_stream", "messages_stream", "responses", "completions", "embeddings")
_PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
}


@dataclass
class Seen:
    """What one client saw of one request. `whole`: the last byte of a well-formed answer arrived."""

    kind: str
    request: str = ""
    status: int = 0
    whole: bool = False
    hung_up: bool = False
    body: bytes = b""
    error: str = ""


@dataclass
class Load:
    """`count` requests by `clients` at once, drawn from `kinds`; `cut_share` per cent hang up in mid-stream."""

    host: str
    port: int
    key: str
    model: str
    count: int
    clients: int = 8
    kinds: tuple[str, ...] = KINDS
    cut_percent: int = 0
    output_tokens: int = 24
    seed: int = 1
    seen: list[Seen] = field(default_factory=list)

    async def run(self) -> list[Seen]:
        """Drive the load to its end; one `Seen` per request, also for those that never got an answer."""
        dice, left = random.Random(self.seed), iter(range(self.count))
        await asyncio.gather(*(self._client(dice, left) for _ in range(self.clients)))
        return self.seen

    async def _client(self, dice: random.Random, left: object) -> None:
        for number in left:  # type: ignore[attr-defined]
            seen = Seen(dice.choice(self.kinds))
            cut = seen.kind.endswith("_stream") and dice.randrange(100) < self.cut_percent
            self.seen.append(seen)
            try:
                async with asyncio.timeout(60):
                    await self._request(seen, number, dice.randrange(3, 9) if cut else 0)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as failure:
                seen.error = repr(failure)

    async def _request(self, seen: Seen, number: int, cut_after: int) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(self._bytes(seen.kind, number))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            seen.status = int(head[0].split(" ")[1])
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            seen.request = headers.get("x-request-id", "")
            if headers.get("transfer-encoding") == "chunked":
                await self._chunked(reader, seen, cut_after)
            else:
                seen.body = await reader.readexactly(int(headers["content-length"]))
                seen.whole = True
        finally:
            writer.close()

    async def _chunked(self, reader: asyncio.StreamReader, seen: Seen, cut_after: int) -> None:
        chunks = 0
        while size := int(await reader.readuntil(b"\r\n"), 16):
            seen.body += (await reader.readexactly(size + 2))[:-2]
            chunks += 1
            if cut_after and chunks >= cut_after:
                seen.hung_up = True
                return
        seen.whole = True

    def _bytes(self, kind: str, number: int) -> bytes:
        dialect, _, streamed = kind.partition("_")
        body = json.dumps(self._body(dialect, number, bool(streamed))).encode()
        head = (
            f"POST {_PATHS[dialect]} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _body(self, dialect: str, number: int, streamed: bool) -> dict[str, object]:
        say, tokens = f"Story number {number}: tell me something about water.", self.output_tokens + number % 17
        chat = [{"role": "user", "content": say}]
        shapes: dict[str, dict[str, object]] = {
            "chat": {"messages": chat, "max_tokens": tokens},
            "messages": {"messages": chat, "max_tokens": tokens},
            "responses": {"input": say, "max_output_tokens": tokens},
            "completions": {"prompt": say, "max_tokens": tokens},
            "embeddings": {"input": say},
        }
        body = {"model": self.model, **shapes[dialect]}
        return {**body, "stream": True} if streamed else body
