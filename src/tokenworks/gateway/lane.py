"""The lane of a running stream: the way of the usual read from the upstream's connection to the client's.

Streams are in their middle nearly all the time, and a read there costs more than the rest of a request together. So
what such a read needs is looked up once, and it passes through as few steps as there are.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.gateway.flow import Flow
from tokenworks.gateway.slices import advance
from tokenworks.usage.meter import StreamMeter

PORTION_BYTES = 16 * 1024  # of a stream metered at once: what a stream may run beyond its hold is less than this


Lane = Callable[[bytes], bool]


def open_lane(flow: Flow, meter: StreamMeter, otherwise: Callable[[bytes], None]) -> Lane | None:
    """What a call may give its reads to while the stream is relayed; False: not taken, go the usual way.

    `otherwise` gets what the meter lets through when that is the last of the stream, or all of it that can be used.
    None when the client's answer has another framing than chunks. Good until the meter is fed by somebody else.
    """
    feed, send, shared = meter.feed, flow.turn.pipe(), flow.shared
    if send is None:
        return None
    usual = meter.shortcut() or _nothing

    def pass_read(data: bytes) -> bool:
        if flow.stage != "relaying":
            return False
        out = usual(data)
        if out is None:
            return pass_other(data)
        send(b"%x\r\n%b\r\n" % (len(out), out))
        flow.tick = shared.tick
        if meter.output_seen >= flow.mark:
            advance(flow)
        return True

    def pass_other(data: bytes) -> bool:
        nonlocal usual
        if len(data) > PORTION_BYTES:
            return False
        out = feed(data)
        usual = meter.shortcut() or _nothing
        if meter.stopped:
            otherwise(out)
            return True
        if out:
            send(b"%x\r\n%b\r\n" % (len(out), out))
        flow.tick = shared.tick
        if meter.output_seen >= flow.mark:
            advance(flow)
        return True

    return pass_read


def _nothing(_: bytes) -> None:
    """Nothing is usual."""
