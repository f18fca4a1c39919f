"""Clients that hang up, silent streams, and the end of a worker's drain: ends that neither side of a relay made."""

from __future__ import annotations

from tokenworks.gateway.answers import start_stream
from tokenworks.gateway.attempts import give_up_unwritten, leave
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.opening import write_opened
from tokenworks.gateway.settle import Ending, close, usage_now
from tokenworks.gateway.slices import end_early
from tokenworks.limits import DRAIN_STREAM_S, DRAINS_MAX, PING_GAP_S
from tokenworks.wire.ends import End, ping


def client_gone(flow: Flow, reason: str) -> None:
    """The client can read nothing any more, at whatever stage.

    cancel: the upstream is stopped, and what it is known to have made is billed; an upstream that has said nothing yet
    has worked on the input at least, which is the operator's loss. waive: the same, billed to nobody.
    drain: the upstream is read to its end and billed as if the client had stayed, within bounds.
    """
    if flow.stage == "ended":
        return
    if flow.hold is None:  # nothing is held: not yet, or settled already
        flow.move("gone")
        flow.quit_waiting()
        return
    shared, policy = flow.shared, flow.offer.deployment.hangup
    if policy == "drain" and not reason and shared.drains < DRAINS_MAX and not shared.draining:
        _drain(flow)
        return
    usage, basis = usage_now(flow)
    meter = flow.meter
    flow.move("gone")
    flow.quit_waiting()
    lost = leave(flow, reason or "client_gone", usage, basis)
    close(flow, Ending("client_gone", reason, usage, basis, meter.report.raw if meter and meter.report else b"",
                       free=policy == "waive", status=200 if flow.turn.started else 499, cut_loss=lost))


def _drain(flow: Flow) -> None:
    """Goes on without a client: a paused upstream is read again, a dry one ends with its hold."""
    dry = flow.stage == "dry"
    write_opened(flow)
    flow.shared.drains += 1
    flow.drain_until = flow.shared.tick + DRAIN_STREAM_S
    flow.move("drain")
    if dry:
        end_early(flow, End.CREDIT)
    elif flow.call is not None:
        flow.call.usual = None
        flow.call.resume()


def beat(flow: Flow, tick: int) -> None:
    """About once a second: what still runs goes on record."""
    if flow.hold is not None:
        write_opened(flow)
    if flow.stage == "draining":
        if tick >= flow.drain_until:
            _give_up_drain(flow)
    elif flow.stage in ("relaying", "dry") and flow.mode == "stream" and tick - flow.tick >= PING_GAP_S:
        flow.tick = tick
        if start_stream(flow):
            flow.turn.write(ping(flow.dialect))
        else:
            give_up_unwritten(flow)


def drain_over(flow: Flow) -> None:
    """SIGTERM was a while ago. A stream ends cleanly with what it has; everything else is broken off unbilled."""
    if flow.hold is None:
        return
    if flow.meter is not None and flow.stage in ("relaying", "dry"):
        end_early(flow, End.DRAINING)
    elif flow.stage == "draining":
        _give_up_drain(flow)
    else:
        flow.move("gone")
        flow.quit_waiting()
        lost = leave(flow, "drained")
        usage, basis = usage_now(flow)
        close(flow, Ending("drained", "gateway_draining", usage, basis, free=True, status=503, cut_loss=lost))
        flow.turn.abort()


def _give_up_drain(flow: Flow) -> None:
    usage, basis = usage_now(flow)
    flow.move("finish")
    flow.quit_waiting()
    lost = leave(flow, "drain_limit", usage, basis)
    close(flow, Ending("client_gone", "drain_limit", usage, basis, cut_loss=lost))
