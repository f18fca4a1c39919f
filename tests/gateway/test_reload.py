"""SIGHUP: settings and certificates are read again under running streams; what is wrong changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.gateway.certificates import Authority
from tests.gateway.shop import Client, Shop, run, shop, until
from tests.gateway.upstream import answer_whole, chat_stream, chat_whole

from tokenworks.credit.messages import Order
from tokenworks.errors import ConfigError
from tokenworks.gateway.worker import WorkerConfig

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def reload(place: Shop, config: WorkerConfig | Exception) -> None:
    """As an order of the control process, which SIGHUP does too; returns when it has been carried out."""

    asked: list[None] = []

    def reread() -> WorkerConfig:
        asked.append(None)
        if isinstance(config, Exception):
            raise config
        return config

    place.worker.reread = reread
    place.books.tell(Order("reload"))
    await until(lambda: asked and not place.worker._tasks)


def test_all_under_a_stream(tmp_path: Path) -> None:
    """TLS is turned on, the journal made to wait for the disk, the drain and the log level changed; nobody is cut."""
    (tmp_path / "ca").mkdir()
    authority = Authority(tmp_path / "ca")

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            place.upstream.script = chat_stream(60, gap_s=0.005)
            asking = asyncio.create_task(place.ask(STREAM))
            await until(lambda: place.upstream.seen)
            cert, key = authority.issue()
            await reload(place, replace(place.worker.config, tls_cert=cert, tls_key=key, durability="disk", drain_s=7,
                                        log_level="error", listen_port=1))
            assert not asking.done()
            reply = await asking
            assert reply.whole and reply.events[-1] == "[DONE]"
            config = place.worker.config
            assert (config.drain_s, config.durability, config.listen_port) == (7, "disk", 0)
            assert place.shared.disk_first
            assert not structlog.get_logger().bind().is_enabled_for(logging.WARNING)
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            opened = await asyncio.open_connection("localhost", place.port, ssl=authority.client())
            client = Client(*opened)
            await client.send(HELLO)
            assert (await client.reply()).status == 200
            client.writer.close()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await place.ask(HELLO)
            await reload(place, replace(place.worker.config, tls_cert="", tls_key="", durability="process"))
            assert (await place.ask(HELLO)).status == 200 and not place.shared.disk_first

    run(main)


@pytest.mark.parametrize("wrong", ["setting", "file"])
def test_wrong_changes_nothing(tmp_path: Path, wrong: str) -> None:
    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            before = place.worker.config
            fresh = replace(before, tls_cert="/absent.crt", tls_key="/absent.key", durability="disk", drain_s=9)
            await reload(place, ConfigError("line 3: no such setting") if wrong == "setting" else fresh)
            assert place.worker.config == before and not place.shared.disk_first
            place.upstream.script = answer_whole(chat_whole("hi", 1, 1))
            assert (await place.ask(HELLO)).status == 200

    run(main)


def test_two_at_once(tmp_path: Path) -> None:
    """SIGHUP reaches a worker from the supervisor and, as an order, from the control process."""

    async def main() -> None:
        async with shop(tmp_path / "s") as place:
            for _ in range(3):
                place.worker._reload()
            with contextlib.suppress(TimeoutError):
                await until(lambda: not place.worker._tasks, 2)
            assert not place.worker._tasks and len(place.worker.server._listening) == 1

    run(main)
