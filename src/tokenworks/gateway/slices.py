"""A running stream's credit: progress on record, the hold extended ahead of need, and a clean end when it cannot be.

Half a slice before what is held is used up, the next slice is held; so the books have the time of half a slice to
answer before the stream has to pause. A paused stream goes on with the first credit that comes (a release beside it,
an answer, a top-up), and is cut only on the books' answer or after their silence.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.credit.records import Outcome
from tokenworks.gateway.answers import assemble, finish
from tokenworks.gateway.attempts import leave
from tokenworks.gateway.flow import NEVER, Flow
from tokenworks.gateway.opening import write_opened
from tokenworks.gateway.settle import Ending, close, usage_now, write_progress
from tokenworks.limits import ASK_HOLD_MS, ESTIMATE_FACTOR_MAX, EXTEND_WAIT_MS, SLICE_TOKENS, TOPUP_WAIT_MS
from tokenworks.wire.ends import End

OUTCOMES: dict[End, Outcome] = {End.CREDIT: "cut", End.DRAINING: "drained", End.LIMIT: "cut"}


def advance(flow: Flow) -> None:
    """Output has reached the mark: note progress, hold for more, set the next mark; or pause."""
    meter = flow.meter
    if meter is None or flow.hold is None:
        return
    seen = meter.output_seen
    if write_opened(flow):
        write_progress(flow)
    if flow.held_tokens < flow.output_max and seen + _half(flow) >= flow.held_tokens:
        extend(flow, seen)
    flow.mark = _next_mark(flow, seen)
    if seen >= flow.held_tokens and flow.held_tokens < flow.output_max:
        _pause(flow)
    elif seen > flow.output_max:
        _bound(flow, seen)


def _bound(flow: Flow, seen: int) -> None:
    """More than the cap: held for as far as credit is free, and ended, for what ignores its cap must not spend without
    end: a slice later where the engine counts; where sizes are all there is, when no estimate can be to blame."""
    slice_tokens = SLICE_TOKENS * flow.facts.choices
    most = flow.output_max * (1 if flow.offer.deployment.progress == "exact" else ESTIMATE_FACTOR_MAX) + slice_tokens
    hold = flow.hold
    if seen > most:
        end_early(flow, End.LIMIT)
    elif hold is not None:
        need = flow.input_minor + flow.price.pricer.price_output(seen + slice_tokens) - hold.held_minor
        if need > 0:
            flow.till.purse.extend(hold, need, flow.shared.clock.mono_ns())


def extend(flow: Flow, seen: int) -> bool:
    """Hold for the next slice; True when all of it is held. What is short is asked for in line."""
    hold, pricer, purse = flow.hold, flow.price.pricer, flow.till.purse
    if hold is None:
        return True
    mono_ns = flow.shared.clock.mono_ns()
    target = min(flow.output_max, max(flow.held_tokens, seen) + SLICE_TOKENS * flow.facts.choices)
    rest = flow.learned.guess.remainder(seen, flow.output_max) + seen - target
    purse.expect(hold, pricer.price_output(rest) if rest > 0 else 0)
    need = flow.input_minor + pricer.price_output(target) - hold.held_minor
    added = purse.extend(hold, need, mono_ns) if need > 0 else 0
    if added >= need:
        flow.held_tokens = target
        flow.quit_waiting()
        return True
    funded = pricer.fund_output(max(0, hold.held_minor - flow.input_minor))
    flow.held_tokens = min(target, max(flow.held_tokens, funded))
    flow.kind, flow.need_minor, flow.keep_minor = "extend", need - added, 0
    flow.short_minor, flow.short_keep_minor = need - added, 0
    if not flow.queued:
        flow.queued, flow.denied = True, False
        flow.shared.desk.wait(flow.till, flow)  # type: ignore[arg-type]
    return False


def refund(flow: Flow, go_on: Callable[[], None]) -> bool:
    """Credit may have come while the stream stands in line; True when it need not wait any more."""
    meter = flow.meter
    if meter is None or flow.hold is None or flow.stage not in ("relaying", "dry", "draining"):
        return True
    seen, before = meter.output_seen, flow.held_tokens
    whole = extend(flow, seen)
    if flow.held_tokens > before:
        flow.mark = _next_mark(flow, seen)
    if flow.stage == "dry" and (flow.held_tokens > seen or flow.held_tokens >= flow.output_max):
        flow.stop_timer()
        flow.move("fund")
        go_on()
    return whole


def no_more(flow: Flow, cut_off: Callable[[], None]) -> None:
    """The books have said no. The stream goes on while its hold lasts, then waits for a top-up, then is cut."""
    flow.denied = True
    if flow.stage == "dry":
        flow.start_timer(TOPUP_WAIT_MS, cut_off)


def _pause(flow: Flow) -> None:
    if flow.stage == "draining":  # nobody reads it any more: what is held is all that it may cost
        flow.mark = NEVER
        end_early(flow, End.CREDIT)
        return
    flow.move("dry")
    if flow.call is not None:
        flow.call.usual = None
        flow.call.pause()
    wait_ms = TOPUP_WAIT_MS if flow.denied else ASK_HOLD_MS if flow.shared.connected else EXTEND_WAIT_MS
    flow.wait_ns = flow.shared.clock.mono_ns()
    flow.start_timer(wait_ms, lambda: _dry_over(flow))


def _dry_over(flow: Flow) -> None:
    """A paused stream has waited: it is cut after a no, or when the books say nothing at all."""
    shared = flow.shared
    if flow.denied or not shared.connected or flow.till.silent(shared.clock.mono_ns(), flow.wait_ns):
        end_early(flow, End.CREDIT)
    else:
        flow.start_timer(ASK_HOLD_MS, lambda: _dry_over(flow))


def end_early(flow: Flow, why: End) -> None:
    """End the answer here, cleanly: the upstream is told to stop, what was written is billed, the client is told."""
    meter = flow.meter
    if flow.hold is None or meter is None:
        return
    usage, basis = usage_now(flow)
    lost = leave(flow, why.value, usage, basis)
    flow.quit_waiting()
    outcome: Outcome = "client_gone" if flow.stage == "draining" else OUTCOMES[why]
    position = close(flow, Ending(outcome, why.value, usage, basis, meter.report.raw if meter.report else b"",
                                  cut_loss=lost))
    data = meter.finish(why, usage)
    if flow.assembler is None:
        finish(flow, position, data, False)
    else:
        assemble(flow, data)
        finish(flow, position, flow.assembler.body(why), True)


def _half(flow: Flow) -> int:
    return SLICE_TOKENS * flow.facts.choices // 2


def _next_mark(flow: Flow, seen: int) -> int:
    """Where the next step is due: half a slice on, but not beyond what is held; at least one token on."""
    step = seen + _half(flow)
    if flow.held_tokens >= flow.output_max:
        return step
    return max(seen + 1, min(step, flow.held_tokens))
