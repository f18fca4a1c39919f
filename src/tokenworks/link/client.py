"""A gateway worker's end of the private link: callbacks in, `send` out, reconnects by itself.

Without control a worker goes on alone (DESIGN 3), so nothing here raises because the other end is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from tokenworks.credit.messages import Hello, ToControl, ToWorker
from tokenworks.limits import FRAME_BYTES_MAX, LINK_RETRY_MS_MAX, LINK_RETRY_MS_MIN
from tokenworks.link.frames import BadFrame, FrameReader, pack_frame


class LinkClient(asyncio.Protocol):
    """Connects to `path`, says `hello()` first, hands every message to `on_message`.

    `on_state(True)` follows each connection, `on_state(False)` each loss. Call `start` inside the running loop.
    Frames that arrive together are handed over in order, one call each.
    """

    def __init__(
        self,
        path: str,
        hello: Callable[[], Hello],
        on_message: Callable[[ToWorker], None],
        on_state: Callable[[bool], None] = lambda connected: None,
    ) -> None:
        self._path = path
        self._hello = hello
        self._on_message = on_message
        self._on_state = on_state
        self._transport: asyncio.WriteTransport | None = None
        self._reader: FrameReader[ToWorker] = FrameReader(ToWorker)
        self._retry_ms = LINK_RETRY_MS_MIN
        self._timer: asyncio.TimerHandle | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """True while messages can be sent."""
        return self._transport is not None

    def start(self) -> None:
        """Dial now, and again with back-off whenever the link is lost."""
        self._timer = None
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    def send(self, message: ToControl) -> bool:
        """Send now; False when the link is away or its other end does not read (the message is dropped)."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > FRAME_BYTES_MAX:
            return False
        transport.write(pack_frame(message))
        return True

    def close(self) -> None:
        """End the link for good; what was sent is still written out."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: self, self._path)
        except OSError:
            self._dial_later()

    def _dial_later(self) -> None:
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._retry_ms / 1000, self.start)
            self._retry_ms = min(self._retry_ms * 2, LINK_RETRY_MS_MAX)

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._reader = FrameReader(ToWorker)
        self._retry_ms = LINK_RETRY_MS_MIN
        self.send(self._hello())
        self._on_state(True)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._reader.feed(data)
        except BadFrame:  # the other end is of another version: drop the link, the retry meets what runs then
            self._retry_ms = LINK_RETRY_MS_MAX
            if self._transport is not None:
                self._transport.close()
            return
        for message in messages:
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._on_state(False)
        self._dial_later()
