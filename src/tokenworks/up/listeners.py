"""The one port: a listening socket per worker, kept open by the supervisor; a restarted worker inherits its queue."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

from tokenworks.errors import CallerError, Conflict

BACKLOG = 4096
RETRY_MS = 100


class PortTaken(Conflict):
    """Port {1} on {0} is taken{2}. Stop that process, or take another port with --port (0 takes a free one)."""


class AddressUnusable(CallerError):
    """Cannot listen on {0} port {1}: {2}. Check --host and --port."""


def open_listeners(host: str, port: int, count: int, wait_ms: int = 0) -> list[socket.socket]:
    """`count` sockets listening on one port; 0 takes a free one.

    `wait_ms`: how long a taken port is waited for, when workers of a supervisor that died may still be leaving.
    """
    for left_ms in range(wait_ms, -1, -RETRY_MS):
        try:
            return _open_once(host, port, count)
        except PortTaken:
            if left_ms < RETRY_MS:
                raise
            threading.Event().wait(RETRY_MS / 1000)
    raise AssertionError("unreachable")


def _open_once(host: str, port: int, count: int) -> list[socket.socket]:
    family, kind, protocol, _, address = _resolve(host, port)
    # SO_REUSEPORT would let us in beside another server of this user: ask without it first.
    probe = _bind(socket.socket(family, kind, protocol), host, address, shared=False)
    address = probe.getsockname()
    probe.close()
    listeners = [_bind(socket.socket(family, kind, protocol), host, address, shared=True) for _ in range(count)]
    for listener in listeners:
        listener.listen(BACKLOG)
    return listeners


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise AddressUnusable(host, port, error.strerror) from None


def _bind(sock: socket.socket, host: str, address: tuple[object, ...], shared: bool) -> socket.socket:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind(address)
        if not shared:
            sock.listen(1)  # two servers may both bind with SO_REUSEADDR; only one may listen
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, address[1], name_holder(int(str(address[1])))) from None
        raise AddressUnusable(host, address[1], error.strerror) from None
    return sock


def name_holder(port: int) -> str:
    """` by process 12 (nginx)` as far as /proc tells this user; else empty."""
    inodes = {row.split()[9] for table in ("tcp", "tcp6") for row in _rows(Path("/proc/net", table))
              if row.split()[3] == "0A" and row.split()[1].endswith(f":{port:04X}")}
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & _socket_inodes(process):
            return f" by process {process.name} ({(process / 'comm').read_text().strip()})"
    return ""


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:] if path.exists() else []


def _socket_inodes(process: Path) -> set[str]:
    try:
        links = [_read_link(fd) for fd in (process / "fd").iterdir()]
    except OSError:  # another user's, or gone
        return set()
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}


def _read_link(fd: Path) -> str:
    try:
        return os.readlink(fd)
    except OSError:  # closed meanwhile
        return ""
