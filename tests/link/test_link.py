"""Worker and control over a real unix socket: order, reconnects, who may speak."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tokenworks.credit.messages import Ask, Hello, Order, ToControl, ToWorker
from tokenworks.credit.policy import Change, Key
from tokenworks.link.client import LinkClient
from tokenworks.link.server import LinkServer, OpenDirectory, Peer, bind_socket


class Ends:
    """Both ends of one link and what each has heard."""

    def __init__(self, run: Path) -> None:
        self.at_control: list[ToControl] = []
        self.at_worker: list[ToWorker] = []
        self.states: list[bool] = []
        self.gone: list[str] = []
        self.server = self.listener(run / "private.sock")
        self.client = LinkClient(str(run / "private.sock"), lambda: Hello("h/0/1", os.getpid()),
                                 self.at_worker.append, self.states.append)

    def listener(self, path: Path, uids: frozenset[int] | None = None) -> LinkServer:
        return LinkServer(path, lambda peer, message: self.at_control.append(message),
                          lambda peer: self.gone.append(peer.writer), uids)


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not check():
            await asyncio.sleep(0.005)


def drive(run: Path, scenario: Callable[[Ends], Awaitable[None]]) -> Ends:
    async def main() -> Ends:
        ends = Ends(run)
        try:
            await scenario(ends)
        finally:
            ends.client.close()
            ends.server.close()
            await asyncio.sleep(0.01)
        return ends

    return asyncio.run(main())


def test_hello_first(tmp_path: Path) -> None:
    async def scenario(ends: Ends) -> None:
        await ends.server.start()
        ends.client.start()
        await until(lambda: ends.at_control)
        assert ends.client.send(Ask(1, "acc_a", 5, "cut"))
        await until(lambda: len(ends.at_control) == 2)
        ends.server.broadcast(Order("drain"), Order("reload"))
        await until(lambda: len(ends.at_worker) == 2)
        peer: Peer = ends.server.peers["h/0/1"]
        assert peer.pid == os.getpid()

    ends = drive(tmp_path / "run", scenario)
    assert isinstance(ends.at_control[0], Hello)
    assert ends.at_worker == [Order("drain"), Order("reload")]


def test_large_messages(tmp_path: Path) -> None:
    keys = tuple(Key(i.to_bytes(32, "big"), f"key_{i}", "acc_a") for i in range(50_000))

    async def scenario(ends: Ends) -> None:
        await ends.server.start()
        ends.client.start()
        await until(lambda: ends.server.peers)
        ends.server.broadcast(Change(1, 1, keys=keys))
        await until(lambda: ends.at_worker)

    ends = drive(tmp_path / "run", scenario)
    assert ends.at_worker == [Change(1, 1, keys=keys)]


def test_control_restarts(tmp_path: Path) -> None:
    """A worker goes on without control, and says Hello to the next one on the same path."""

    async def scenario(ends: Ends) -> None:
        ends.client.start()
        assert not ends.client.send(Ask(1, "acc_a", 5, "cut"))
        await ends.server.start()
        await until(lambda: ends.at_control)
        ends.server.close()
        await until(lambda: ends.states[-1:] == [False])
        assert not ends.client.connected
        ends.server = ends.listener(tmp_path / "run" / "private.sock")
        await ends.server.start()
        await until(lambda: len(ends.at_control) == 2)

    ends = drive(tmp_path / "run", scenario)
    assert ends.states[:3] == [True, False, True]
    assert ends.gone[0] == "h/0/1"


def test_foreign_uid(tmp_path: Path) -> None:
    async def scenario(ends: Ends) -> None:
        ends.server = ends.listener(tmp_path / "run" / "private.sock", frozenset({os.getuid() + 1}))
        await ends.server.start()
        ends.client.start()
        await until(lambda: False in ends.states)

    assert drive(tmp_path / "run", scenario).at_control == []


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x01x"])
def test_strangers_hung_up(tmp_path: Path, data: bytes) -> None:
    async def scenario(ends: Ends) -> None:
        await ends.server.start()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "run" / "private.sock"))
        writer.write(data)
        async with asyncio.timeout(5):
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
        writer.close()

    assert drive(tmp_path / "run", scenario).at_control == []


def test_open_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    with pytest.raises(OpenDirectory, match="chmod 700"):
        bind_socket(tmp_path / "run" / "private.sock")


def test_socket_modes(tmp_path: Path) -> None:
    path = tmp_path / "run" / "private.sock"
    bind_socket(path).close()
    bind_socket(path).close()  # over the one that the first left behind
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
