"""Probes of deployments: what control shows without any traffic, and what workers hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tokenworks.clock import FakeClock
from tokenworks.control.facts import FactsBook
from tokenworks.control.wellness import Prober
from tokenworks.credit.messages import Facts, Probed
from tokenworks.credit.policy import Endpoint
from tokenworks.fleet.deployment import Deployment
from tokenworks.telemetry import series


@asynccontextmanager
async def engine(status: int, port: int = 0) -> AsyncIterator[int]:
    """Something that answers every request with this status; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]


def endpoint(name: str, port: int, **more: Any) -> Endpoint:
    values: dict[str, Any] = {"engine": "llamacpp", "dialects": ("chat",), "allow_private": True, **more}
    return Endpoint(Deployment(name, "m", f"http://127.0.0.1:{port}", "m", **values))


def test_states_and_what_workers_are_told() -> None:
    told: list[Probed] = []
    prober = Prober(FakeClock(), told.append)

    async def main() -> None:
        async with engine(200) as well, engine(503) as loading, engine(404) as other:
            await prober.look([
                endpoint("well", well), endpoint("loading", loading), endpoint("other", other), endpoint("dead", 1),
                endpoint("bought", well, engine="openai"), endpoint("off", 1, enabled=False)])

    asyncio.run(main())
    assert {name: health.state for name, health in prober.found.items()} == {
        "well": "well", "loading": "ill", "dead": "ill"}
    assert "503" in prober.found["loading"].why
    assert told == [Probed(("well",))]


def test_a_deployment_that_is_gone_is_forgotten_and_nobody_is_told_of_nothing() -> None:
    told: list[Probed] = []
    prober = Prober(FakeClock(), told.append)
    asyncio.run(prober.look([endpoint("dead", 1)]))
    assert set(prober.found) == {"dead"}
    asyncio.run(prober.look([]))
    assert (prober.found, told) == ({}, [])


def test_shown_without_traffic() -> None:
    book = FactsBook()
    up = series("tokenworks_upstream_up", deployment="d")
    book.probed = {"d": True}
    assert (book.health(), book.gauges()[up]) == ({"d": "up"}, 1)
    book.probed = {"d": False}
    assert (book.health(), book.gauges()[up]) == ({"d": "down"}, 0)
    book.join("h/0/1", 1, 1)
    book.take(Facts("h/0/1", 1, {}, {up: 1}, {}, {"d": "up"}))
    assert (book.health(), book.gauges()[up]) == ({"d": "down"}, 0), "the workers have not asked it anything"
    book.probed = {"d": True}
    book.take(Facts("h/0/1", 1, {}, {up: 0}, {}, {"d": "down"}))
    assert (book.health(), book.gauges()[up]) == ({"d": "down"}, 0), "it answers probes, and fails requests"
