"""The control process's end of the private link: a unix socket that only this host's own user may speak on.

Two locks on one door: the socket lies in a directory of mode 0700, and the kernel names each caller's uid.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

from tokenworks.credit.messages import Hello, ToControl, ToWorker
from tokenworks.errors import CallerError
from tokenworks.limits import FRAME_BYTES_MAX
from tokenworks.link.frames import BadFrame, FrameReader, pack_frame

_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class OpenDirectory(CallerError):
    """Others than its owner may enter {0}, where the sockets lie. Run `chmod 700 {0}`."""


def close_directory(path: Path) -> Path:
    """`path` as a directory of mode 0700, created when missing; raises OpenDirectory when others may enter it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise OpenDirectory(path)
    return path


def bind_socket(path: Path) -> socket.socket:
    """A listening unix socket at `path`, mode 0600, in a closed directory; one left by a dead process is replaced."""
    close_directory(path.parent)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(128)
    listener.setblocking(False)
    return listener


class Peer(asyncio.Protocol):
    """One connected worker. `writer` is "" until its Hello; `pid` is what the kernel says."""

    def __init__(self, server: LinkServer) -> None:
        self.writer = ""
        self.pid = 0
        self._server = server
        self._transport: asyncio.WriteTransport | None = None
        self._reader: FrameReader[ToControl] = FrameReader(ToControl)

    def send(self, message: ToWorker) -> bool:
        """Send now; False when the worker is gone. A worker that does not read is cut off: it will say Hello again."""
        return self.send_packed(pack_frame(message))

    def send_packed(self, data: bytes | bytearray) -> bool:
        """Frames that are packed already, so that one packing serves every worker."""
        transport = self._transport
        if transport is None:
            return False
        if transport.get_write_buffer_size() > FRAME_BYTES_MAX:
            transport.abort()
            return False
        transport.write(data)
        return True

    def close(self) -> None:
        """Hang up, once what was sent is written out."""
        if self._transport is not None:
            self._transport.close()

    def _may_speak(self, transport: asyncio.BaseTransport) -> bool:
        peer = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        self.pid, uid, _ = _UCRED.unpack(peer)
        return uid in self._server.uids

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        if not self._may_speak(transport):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            messages = self._reader.feed(data)
        except BadFrame:
            self._transport.abort()
            return
        for message in messages:
            self._take(message)

    def _take(self, message: ToControl) -> None:
        if isinstance(message, Hello):
            self.writer = message.writer
            self._server.peers[message.writer] = self
        if self.writer and self._transport is not None:
            self._server.on_message(self, message)
        elif self._transport is not None:
            self._transport.abort()  # whoever does not say Hello first is no worker

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._server.peers.get(self.writer) is self:
            del self._server.peers[self.writer]
            self._server.on_gone(self)


class LinkServer:
    """Accepts workers at `path`; every message goes to `on_message(peer, message)`, a Hello among them.

    `peers` has the connected workers by writer. `on_gone(peer)` follows the loss of one that had said Hello.
    """

    def __init__(
        self,
        path: Path,
        on_message: Callable[[Peer, ToControl], None],
        on_gone: Callable[[Peer], None] = lambda peer: None,
        uids: frozenset[int] | None = None,
    ) -> None:
        self.path = path
        self.on_message = on_message
        self.on_gone = on_gone
        self.uids = frozenset({os.getuid(), 0}) if uids is None else uids
        self.peers: dict[str, Peer] = {}
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Bind and accept; raises OpenDirectory."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Peer(self), sock=bind_socket(self.path))

    def broadcast(self, *messages: ToWorker) -> None:
        """The messages, in order, to every worker that has said Hello."""
        data = b"".join(pack_frame(message) for message in messages)
        for peer in list(self.peers.values()):
            peer.send_packed(data)

    def close(self) -> None:
        """Stop accepting and hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for peer in list(self.peers.values()):
            peer.close()
