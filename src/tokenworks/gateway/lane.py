"""The lane of a running stream: the way of the usual read from the upstream's connection to the client's.

Streams are in their middle nearly all the time, and a read there costs more than the rest of a request together. So
what such a read needs is looked up once, and it passes through as few steps as there are.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.gateway.flow import Flow
from tokenworks.gateway.slices import advance
from tokenworks.usage.meter import StreamMeter
from tokenworks.usage.usual import Way

PORTION_BYTES = 16 * 1024  # of a stream metered at once: what a stream may run beyond its hold is less than this


class StreamLane:
    """call.Lane of a stream that is relayed in chunks: `meter` says what goes, `send` is the client's transport.

    Good until the meter is fed by somebody else, and while the stream is relayed: whoever pauses it or drains it takes
    the call's `usual` away. `otherwise` gets what the meter lets through when that is the last of the stream, or all of
    it that can be used.
    """

    __slots__ = ("_flow", "_meter", "_otherwise", "_seen_bytes", "_send")

    def __init__(
        self, flow: Flow, meter: StreamMeter, send: Callable[[bytes], None], otherwise: Callable[[bytes], None]
    ) -> None:
        self._flow, self._meter, self._send, self._otherwise = flow, meter, send, otherwise
        self._seen_bytes = 0

    def take(self, data: bytes) -> bool:
        """Any read that is not too large to be metered at once."""
        flow, meter = self._flow, self._meter
        if flow.stage != "relaying" or len(data) > PORTION_BYTES:
            return False
        out = meter.feed(data)
        if meter.stopped:
            self._otherwise(out)
            return True
        if out:
            self._send(b"%x\r\n%b\r\n" % (len(out), out))
        flow.tick = flow.shared.tick
        if meter.output_seen >= flow.mark:
            advance(flow)
        return True

    def take_chunks(self, lead: int) -> Callable[[bytes], bool] | None:
        """The usual event in a chunk of its own."""
        flow = self._flow
        return self._meter.shortcut(lead, Way(self._send, flow, lambda: advance(flow)))

    def has_moved(self) -> bool:
        """Asked about once a second, which is often enough for the pings of a silent stream too."""
        before, self._seen_bytes = self._seen_bytes, self._meter.visible_bytes
        moved = self._seen_bytes != before
        if moved:
            self._flow.tick = self._flow.shared.tick
        return moved


def open_lane(flow: Flow, meter: StreamMeter, otherwise: Callable[[bytes], None]) -> StreamLane | None:
    """The lane of a stream that has begun; None when the client's answer has another framing than chunks."""
    send = flow.turn.pipe()
    return StreamLane(flow, meter, send, otherwise) if send is not None else None
