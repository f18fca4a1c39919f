"""A scriptable upstream: it answers as the test says, when the test says, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Script = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request at the upstream. The script drives the answer; `gone` is set when the gateway hangs up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.target = ""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.chunked = False
        self.gone = asyncio.Event()

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    async def read(self) -> bool:
        """The request, or False when the connection has ended."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.target = head[0].split(" ")[1]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self.body = await self.reader.readexactly(int(self.headers.get("content-length", 0)))
        return True

    async def start(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """The head of a chunked answer."""
        self.chunked = True
        rows = [f"HTTP/1.1 {status} X", f"content-type: {kind}", "transfer-encoding: chunked"]
        rows += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw(("\r\n".join(rows) + "\r\n\r\n").encode())

    async def send(self, data: bytes) -> None:
        """One chunk."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def event(self, payload: object, name: str = "") -> None:
        """One SSE event as one chunk."""
        await self.send(sse(payload, name))

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def whole(self, payload: object, status: int = 200, **headers: str) -> None:
        """A whole JSON answer."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
        rows = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
        rows += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw(("\r\n".join(rows) + "\r\n\r\n").encode() + body)

    async def raw(self, data: bytes) -> None:
        if not self.gone.is_set():
            try:
                self.writer.write(data)
                await self.writer.drain()
            except (ConnectionError, RuntimeError):  # the latter is uvloop's, of a connection that is closed already
                self.gone.set()

    def abort(self) -> None:
        self.writer.transport.abort()

    async def hangup(self, wait_s: float = 5) -> None:
        """Waits until the gateway hangs up."""
        await asyncio.wait_for(self.gone.wait(), wait_s)


def sse(payload: object, name: str = "") -> bytes:
    """An SSE event; a str goes out as it is ([DONE])."""
    data = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


class Upstream:
    """Listens on loopback; every request is answered by `script`, or by the next of `scripts` when there are any."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.scripts: list[Script] = []
        self.seen: list[Exchange] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> Upstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                exchange = Exchange(reader, writer)
                if not await exchange.read():
                    return
                self.seen.append(exchange)
                script = self.scripts.pop(0) if self.scripts else self.script
                assert script is not None, "the upstream was asked more often than the test says"
                if not await self._run(script, exchange):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _run(self, script: Script, exchange: Exchange) -> bool:
        """Plays the script while watching for the hang-up; True when the connection may take another request."""
        play = asyncio.ensure_future(script(exchange))
        watch = asyncio.ensure_future(self._watch(exchange))
        await play
        if exchange.writer.transport.is_closing():
            watch.cancel()
            return False
        watch.cancel()
        return not exchange.gone.is_set()

    async def _watch(self, exchange: Exchange) -> None:
        """The gateway sends nothing while it waits for an answer, so the only thing that can come is the end."""
        while not exchange.reader.at_eof() and exchange.reader.exception() is None:
            await asyncio.sleep(0.002)
        exchange.gone.set()


# --- the shapes that engines answer with ---


def chat_chunk(text: str | None = None, finish: str | None = None, **extra: object) -> dict[str, object]:
    """A chunk of a chat stream."""
    delta = {} if text is None else {"content": text}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up-model",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **extra}


def chat_usage(prompt: int, completion: int, cached: int = 0) -> dict[str, object]:
    """The last chunk, with usage only."""
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up-model", "choices": [],
            "usage": usage_object(prompt, completion, cached)}


def usage_object(prompt: int, completion: int, cached: int = 0) -> dict[str, object]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached}}


def chat_whole(text: str, prompt: int, completion: int, cached: int = 0, finish: str = "stop") -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "up-model",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
            "usage": usage_object(prompt, completion, cached)}


def chat_stream(words: int, prompt: int = 10, gap_s: float = 0, finish: str = "stop", usage: bool = True) -> Script:
    """`words` chunks of one token each, then the finish, the usage and [DONE]."""

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.event(chat_chunk(""))
        for number in range(words):
            await exchange.event(chat_chunk(f"w{number} "))
            if gap_s:
                await asyncio.sleep(gap_s)
        await exchange.event(chat_chunk(finish=finish))
        if usage:
            await exchange.event(chat_usage(prompt, words))
        await exchange.event("[DONE]")
        await exchange.end()

    return play


def answer_whole(payload: object, status: int = 200, delay_s: float = 0) -> Script:
    """A whole answer."""

    async def play(exchange: Exchange) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)
        await exchange.whole(payload, status)

    return play
