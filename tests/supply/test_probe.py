"""Probes: a well engine, a dead one, a slow one, one that answers nonsense, and addresses that are never dialled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.supply.conftest import Running

from tokenworks.clock import SystemClock
from tokenworks.errors import UpstreamError
from tokenworks.fleet.deployment import Deployment
from tokenworks.supply import fetch as fetching
from tokenworks.supply.fetch import Target, fetch
from tokenworks.supply.probe import Health, probe_deployment
from tokenworks.wire.dialects import Engine


def deployment(url: str, engine: Engine = "llamacpp", allow_private: bool = True, proxy: str = "") -> Deployment:
    return Deployment("d", "m", url, "m", engine, ("chat",), allow_private=allow_private, proxy=proxy)


def probe(found: Deployment) -> Health:
    return asyncio.run(probe_deployment(found, "", SystemClock()))


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[str]:
    """A server that answers every request with these bytes and closes; with none it stays silent."""
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if not answer:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answered(answer: bytes) -> Health:
    async def run() -> Health:
        async with serving(answer) as url:
            return await probe_deployment(deployment(url), "", SystemClock())

    return asyncio.run(run())


def test_real_engine(engine: Running) -> None:
    health = probe(deployment(engine.facts.url))
    assert (health.state, health.why) == ("well", "")
    assert 0 <= health.took_ms < 1000


@pytest.mark.parametrize(("answer", "state", "why"), [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "well", ""),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "well", ""),
    (b"HTTP/1.0 200 OK\r\n\r\nok", "well", ""),
    (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "ill", "answers 503"),
    (b"SSH-2.0-OpenSSH\r\n", "ill", ""),
    (b"HTTP/1.1 200 OK\r\ncontent-le", "ill", ""),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000, "ill", "larger than"),
])
def test_answers(answer: bytes, state: str, why: str) -> None:
    health = answered(answer)
    assert health.state == state
    assert why in health.why and bool(health.why) == (state == "ill")


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PROBE_S", 0.05)
    assert answered(b"") == Health("ill", "no answer within 0.05 s", pytest.approx(50, abs=200))


def test_nobody_there() -> None:
    assert probe(deployment("http://127.0.0.1:1")).state == "ill"
    assert probe(deployment("http://no-such-host.invalid")).state == "ill"


def test_forbidden_addresses() -> None:
    assert "never dialled" in probe(deployment("http://169.254.169.254")).why
    assert "allow_private" in probe(deployment("http://127.0.0.1:1", allow_private=False)).why


def test_not_asked() -> None:
    assert probe(deployment("https://api.example.com", "openai")).state == "unknown"
    assert probe(deployment("http://127.0.0.1:1", proxy="http://127.0.0.1:2")).state == "unknown"


def test_prefix_and_credential() -> None:
    """The URL's prefix comes before the path, the credential goes along."""
    seen = []

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            writer.close()

        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/engine/"
            assert await fetch(Target(url, "secret"), "/metrics") == (200, b"ok")

    asyncio.run(run())
    assert seen[0].startswith(b"GET /engine/metrics HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer secret\r\n" in seen[0]


def test_errors_are_upstreams() -> None:
    with pytest.raises(UpstreamError):
        asyncio.run(fetch(Target("http://127.0.0.1:1"), "/health"))
