"""Bytes of an upstream's answer on their way to the client: metered, counted, written in one go per read."""

from __future__ import annotations

from tokenworks.gateway.answers import assemble, finish, start_stream
from tokenworks.gateway.attempts import give_up_unwritten, judge_answer, served
from tokenworks.gateway.call import Call, Caller
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.lane import PORTION_BYTES, open_lane
from tokenworks.gateway.settle import (
    NOTHING,
    OBJECT_CHARS_MAX,
    OBJECTS_MAX,
    TOKENS_PER_KIB,
    Ending,
    close,
    usage_now,
)
from tokenworks.gateway.slices import advance
from tokenworks.limits import UPSTREAM_WHOLE_BYTES_MAX
from tokenworks.usage.estimate import count_tokens
from tokenworks.usage.meter import Show, StreamMeter, WholeReport, hide_whole, mark_whole, read_whole
from tokenworks.usage.quick import read_quick
from tokenworks.usage.retold import RetoldMeter, RetoldWhole, retell_whole
from tokenworks.usage.vector import Basis, Usage
from tokenworks.wire.dialects import STREAM_TYPE
from tokenworks.wire.ends import End
from tokenworks.wire.prompt.asked import Asked
from tokenworks.wire.retell import Reteller
from tokenworks.wire.sse import Splitter
from tokenworks.wire.whole import Assembler


def begin_answer(flow: Flow, call: Call, caller: Caller) -> bool:
    """The head of an answer with status 200 is in; False when it is not what was asked for."""
    if flow.stage == "dialling":
        flow.move("answer")
    flow.answer_headers = call.headers
    flow.tick = flow.shared.tick
    if flow.mode == "whole":
        return True
    kind = call.get(b"content-type") or b""
    if not kind.startswith(STREAM_TYPE):
        judge_answer(flow, caller, "a stream was asked for, and something else came")
        return False
    flow.assembler = Assembler(flow.dialect) if flow.mode == "assembled" else None
    flow.meter = _make_meter(flow)
    if flow.capped:
        flow.meter.mark(End.CAP)
    flow.backlog, flow.backlog_ended, flow.denied = [], False, False
    flow.splitter = Splitter()
    return True


def _make_meter(flow: Flow) -> StreamMeter:
    """What meters the stream and passes it on, or tells it in the client's dialect when the upstream speaks another."""
    deployment, learned = flow.offer.deployment, flow.learned.output_per_kib
    show = Show(True) if flow.assembler is not None else flow.show
    keep = deployment.progress != "exact" and flow.shared.counter.can_count(flow.admitted.model)
    if flow.asked is None:
        return StreamMeter(flow.dialect, deployment.engine, deployment.progress, show, learned, keep)
    meter = RetoldMeter(_reteller(flow, flow.asked), deployment.engine, deployment.progress, show, learned, keep)
    meter.bill = lambda: usage_now(flow)[0]
    return meter


def _reteller(flow: Flow, asked: Asked) -> Reteller:
    return Reteller(flow.facts.dialect, flow.dialect, asked, flow.id, flow.at_ns // 1_000_000_000)


def relay_stream(flow: Flow, data: bytes, ended: bool, caller: Caller) -> None:
    """A read of a stream. Large reads are metered in portions, so that a stream stops close to the end of its hold."""
    while len(data) > PORTION_BYTES and flow.stage in ("relaying", "draining"):
        portion, data = data[:PORTION_BYTES], data[PORTION_BYTES:]
        _relay_portion(flow, portion, False, caller)
    if flow.stage in ("relaying", "draining"):
        _relay_portion(flow, data, ended, caller)
    elif flow.stage == "dry":
        flow.backlog.append(data)
        flow.backlog_ended = ended


def _relay_portion(flow: Flow, data: bytes, ended: bool, caller: Caller) -> None:
    meter = flow.meter
    if meter is None:
        return
    out = meter.feed(data) if data else b""
    if ended:
        out += meter.flush()
    if meter.first_output and not flow.first_ns:
        flow.first_ns = flow.shared.clock.mono_ns()
    _pass_on(flow, out, ended, caller)
    if flow.call is not None:  # anew, because the meter has gone on without the one that was
        runs = flow.first_ns and flow.turn.started and flow.stage == "relaying"
        flow.call.lane = open_lane(flow, meter, lambda out: _pass_on(flow, out, False, caller)) if runs else None
        flow.call.usual = None


def _pass_on(flow: Flow, out: bytes, ended: bool, caller: Caller) -> None:
    """What the meter let through goes out; then what the meter has seen decides."""
    meter = flow.meter
    if meter is None:
        return
    if meter.ended or (ended and meter.finished):
        _end_stream(flow, out)
        return
    if out and not _put(flow, out):
        give_up_unwritten(flow)
    elif meter.error is not None or meter.broken:
        judge_answer(flow, caller, meter.broken or "the upstream reported an error in mid-stream")
    elif ended:
        judge_answer(flow, caller, "the stream ended before its last event")
    elif meter.output_seen >= flow.mark:
        advance(flow)


def _put(flow: Flow, out: bytes) -> bool:
    """False: nothing may go out."""
    flow.tick = flow.shared.tick
    if flow.assembler is not None:
        assemble(flow, out)
        return True
    turn = flow.turn
    if not turn.started:
        if not start_stream(flow):
            return False
        flow.drop_body()
    turn.write(out)
    return True


def _end_stream(flow: Flow, out: bytes) -> None:
    """The dialect's last event is here (or all but it): settle, then let it go."""
    meter = flow.meter
    if meter is None:
        return
    usage, basis = usage_now(flow)
    report = meter.report
    notes = ("output_capped",) if flow.capped and meter.capped else ()
    if not meter.ended:
        notes = (*notes, "last_event_missing")
        out += meter.finish(End.UPSTREAM, usage)
    if report is not None:
        flow.learned.learn_output(meter.visible_bytes, usage)
    served(flow, usage, basis)
    issued = tuple(meter.object_ids) if flow.asked is None else ()  # its client has got no id of the upstream's
    position = _close_served(flow, usage, basis, report.raw if report else b"", issued, notes)
    if flow.assembler is not None:
        assemble(flow, out)
        finish(flow, position, flow.assembler.body(End.CAP if notes[:1] == ("output_capped",) else None), True)
    else:
        finish(flow, position, out, False)


def relay_whole(flow: Flow, data: bytes, ended: bool, caller: Caller) -> None:
    """A read of a whole body: collected, read, settled and answered in one go."""
    if not ended or flow.parts:
        flow.size += len(data)
        flow.parts = parts = [*flow.parts, data] if len(flow.parts) < 64 else [b"".join(flow.parts), data]
        if flow.size > UPSTREAM_WHOLE_BYTES_MAX:
            judge_answer(flow, caller, "the answer is larger than is taken")
            return
        if not ended:
            return
        data, flow.parts = b"".join(parts), ()
    found, told = _read_answer(flow, data)
    if not found.valid or found.error is not None:
        judge_answer(flow, caller, "the answer is not one of this dialect")
        return
    flow.first_ns = flow.shared.clock.mono_ns()
    report = found.report
    usage, basis = (report.usage, report.basis) if report is not None else _estimate_whole(flow, found)
    served(flow, usage, basis)
    capped = flow.capped and found.capped
    issued = found.object_ids if told is None else ()  # its client gets no id of the upstream's
    if told is not None:
        body = told.body(usage, End.CAP if capped else None)
    else:
        body = hide_whole(flow.dialect, flow.offer.deployment.engine, data, flow.show)
        body = mark_whole(flow.dialect, body, End.CAP) if capped else body
    raw = report.raw if report is not None else b""
    position = _close_served(flow, usage, basis, raw, issued, ("output_capped",) if capped else ())
    finish(flow, position, body, True)


def _read_answer(flow: Flow, data: bytes) -> tuple[WholeReport, RetoldWhole | None]:
    """What a whole answer says; and who tells it, when that is another dialect than the client's."""
    engine = flow.offer.deployment.engine
    if flow.asked is not None:
        told = retell_whole(_reteller(flow, flow.asked), engine, data)
        return told.report, told
    return read_quick(flow.dialect, engine, data) or read_whole(flow.dialect, engine, data), None


def _estimate_whole(flow: Flow, found: WholeReport) -> tuple[Usage, Basis]:
    return Usage(input=count_tokens(flow.facts.body_bytes, TOKENS_PER_KIB),
                 output=count_tokens(found.visible_bytes, TOKENS_PER_KIB)), "estimated"


def _close_served(
    flow: Flow, usage: Usage, basis: Basis, raw: bytes, objects: tuple[str, ...], notes: tuple[str, ...]
) -> int:
    """The closing record of an answer that came to its end; a client that left while it drained is named."""
    if flow.queued:
        flow.quit_waiting()
    gone = flow.stage == "draining"
    if objects:
        objects = tuple(name for name in objects[:OBJECTS_MAX] if len(name) <= OBJECT_CHARS_MAX)
    return close(flow, Ending("client_gone" if gone else "ok", "drained" if gone else "", usage, basis, raw,
                              notes=notes, cut_loss=NOTHING, objects=objects))
