"""One port for several workers; a taken one names its holder."""

from __future__ import annotations

import os
import socket

import pytest

from tokenworks.up.listeners import AddressUnusable, PortTaken, open_listeners


def test_workers_share() -> None:
    listeners = open_listeners("127.0.0.1", 0, 3)
    addresses = {listener.getsockname() for listener in listeners}
    assert len(listeners) == 3
    assert len(addresses) == 1
    socket.create_connection(addresses.pop()).close()
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("shared", [True, False])
def test_taken_named(shared: bool) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken) as caught:
            open_listeners("127.0.0.1", other.getsockname()[1], 2, wait_ms=100)
    assert f"taken by process {os.getpid()} (" in str(caught.value)
    assert "--port" in str(caught.value)


def test_address_unusable() -> None:
    with pytest.raises(AddressUnusable, match="Check --host"):
        open_listeners("203.0.113.7", 0, 1)
    with pytest.raises(AddressUnusable):
        open_listeners("no such host", 0, 1)
