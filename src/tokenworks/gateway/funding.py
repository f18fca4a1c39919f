"""The hold of a new request: how large, cut from what, and what happens when the purse is short of it.

A stream is held for slice by slice. A whole body is held for at its full length when the purse is ample; when it is
not, it is asked as a stream and put together here, so that slices serve it too. What can only be asked whole (blind)
gets its output cap lowered to what the account can fund, and is marked if the cap ended it.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.credit.bound import bound_input
from tokenworks.credit.purse import Short
from tokenworks.credit.records import Opened
from tokenworks.gateway.answers import refuse
from tokenworks.gateway.flow import NEVER, Ask, Flow
from tokenworks.gateway.shared import Counted
from tokenworks.limits import ASK_HOLD_MS, ASK_WAIT_MS, SLICE_TOKENS
from tokenworks.wire.refusals import Refusal

AMPLE = 8  # a whole answer is held for in full when that is at most this part of what is free


def plan_hold(flow: Flow) -> None:
    """Sizes: the input's bound and price, how the answer is asked for, and the first output to hold for."""
    facts, pricer, deployment = flow.facts, flow.price.pricer, flow.offer.deployment
    if not flow.counted:
        flow.input_tokens = bound_input(facts, flow.admitted.model, flow.learned.rate)
    flow.input_minor = pricer.fee_minor + pricer.price_input(flow.input_tokens)
    flow.output_max = 0 if flow.dialect == "embeddings" else flow.admitted.output_max * facts.choices
    flow.capped = False
    flow.mode = _choose_mode(flow, deployment.progress == "blind")
    flow.held_tokens = flow.output_max if flow.mode == "whole" else min(flow.output_max, SLICE_TOKENS * facts.choices)
    if deployment.progress == "blind":
        flow.held_tokens = flow.output_max
    flow.need_minor = flow.input_minor + pricer.price_output(flow.held_tokens)
    rest = min(flow.learned.expected, flow.output_max) - flow.held_tokens
    flow.keep_minor = pricer.price_output(rest) if rest > 0 else 0


def _choose_mode(flow: Flow, blind: bool) -> Ask:
    if flow.facts.stream:
        return "stream"
    if blind or flow.dialect == "embeddings" or flow.facts.choices > 1:
        return "whole"
    if flow.sliced:
        return "assembled"
    full = flow.input_minor + flow.price.pricer.price_output(flow.output_max)
    purse, left = flow.till.purse, flow.till.available_minor
    return "whole" if left < 0 or full * AMPLE <= purse.free_minor - purse.kept_minor + left else "assembled"


def fund(flow: Flow, then: Callable[[Flow], None]) -> None:
    """Cut the hold, write Opened, and go on with `then`; or wait in line for the books, which ends in either."""
    plan_hold(flow)
    if try_cut(flow):
        then(flow)
        return
    flow.kind = "cut"
    _stand_in_line(flow)


def try_cut(flow: Flow) -> bool:
    """One attempt at the purse. True: it need not be tried again; the hold is cut and Opened is in the journal, or
    the journal has no room and the request has been refused."""
    shared = flow.shared
    found = flow.till.purse.cut(flow.need_minor, flow.keep_minor, shared.clock.mono_ns())
    if isinstance(found, Short):
        flow.short_minor, flow.short_keep_minor = found.need_minor, found.keep_minor
        return False
    if flow.queued:
        flow.quit_waiting()
    flow.hold = found
    flow.mark = NEVER if flow.mode == "whole" else _first_mark(flow)
    account = flow.customer.account
    opened = flow.opened = Opened(
        flow.name(), account.id, flow.customer.key.id, flow.at_ns, flow.dialect, flow.admitted.model.id,
        flow.offer.deployment.id, account.unit, flow.price.card, flow.facts.stream, flow.need_minor, account.crash,
        _explain(flow))  # fmt: skip
    if not shared.write(opened):
        flow.till.purse.void(found, shared.clock.mono_ns())
        flow.hold = None
        refuse(flow, Refusal.DISK_FULL)
        return True
    shared.running.add(flow)  # type: ignore[arg-type]
    shared.tally.note_live((opened, None))
    flow.move("open")
    return True


def _explain(flow: Flow) -> dict[str, str | int]:
    """Why here and why so much, beside what Opened itself says."""
    why: dict[str, str | int] = {
        "route": "only", "input_bound": flow.input_tokens, "output_held": flow.held_tokens, "asked": flow.mode}
    if len(flow.admitted.why) > 2 or len(flow.why) > 2:  # more than one deployment was looked at
        why |= flow.admitted.why
        why |= flow.why
    return why


def _first_mark(flow: Flow) -> int:
    half = SLICE_TOKENS * flow.facts.choices // 2
    return max(1, min(half, flow.held_tokens))


def _silence(flow: Flow) -> None:
    """The books have not answered: that is no reason to call the account empty."""
    if flow.stage != "asking" or flow.hold is not None:
        return
    if flow.shared.connected and not flow.till.silent(flow.shared.clock.mono_ns(), flow.wait_ns):
        flow.start_timer(ASK_HOLD_MS, lambda: _silence(flow))
    else:
        refuse(flow, Refusal.POLICY_STALE)


def denied(flow: Flow, available_minor: int, then: Callable[[Flow], None]) -> None:
    """The books have said no. Before the request is refused: slices instead of a whole hold, a lower cap where only
    a whole hold will do, an exact count of the input."""
    flow.queued = False
    free = max(0, flow.till.purse.free_minor - flow.till.purse.kept_minor) + available_minor
    if _take_slices(flow) or _lower_cap(flow, free):
        _again(flow, then)
    elif _can_count(flow) and free > flow.need_minor - flow.price.pricer.price_input(flow.input_tokens):
        _count_input(flow, then)
    else:
        refuse(flow, Refusal.CREDIT_EXHAUSTED)


def weigh(flow: Flow, then: Callable[[Flow], None]) -> None:
    """Others want the same money and it is not enough for all: out of the line, and back in it with an exact need."""
    if flow.queued and flow.stage == "asking" and _can_count(flow):
        flow.quit_waiting()
        _count_input(flow, then)


def _can_count(flow: Flow) -> bool:
    return not flow.counted and flow.shared.counter.can_count(flow.admitted.model)


def _take_slices(flow: Flow) -> bool:
    """A whole answer that cannot be held for at once is asked as a stream, where it can be; once."""
    if flow.mode != "whole" or flow.sliced:
        return False
    flow.sliced = True
    plan_hold(flow)
    return flow.held_tokens < flow.output_max


def _lower_cap(flow: Flow, free_minor: int) -> bool:
    """The most output that `free_minor` surely pays for beside the input; False when there is none."""
    blind = flow.mode == "whole" or flow.offer.deployment.progress == "blind"
    if not blind or flow.capped or flow.dialect == "embeddings" or free_minor <= flow.input_minor:
        return False
    each = flow.price.pricer.fund_output(free_minor - flow.input_minor) // flow.facts.choices
    if each < 1:
        return False
    flow.capped = True
    flow.output_max = flow.held_tokens = min(flow.output_max, each * flow.facts.choices)
    flow.need_minor = flow.input_minor + flow.price.pricer.price_output(flow.held_tokens)
    flow.keep_minor = 0
    return True


def _again(flow: Flow, then: Callable[[Flow], None]) -> None:
    if try_cut(flow):
        then(flow)
        return
    _stand_in_line(flow)


def _stand_in_line(flow: Flow) -> None:
    flow.move("ask")
    flow.queued = True
    flow.wait_ns = flow.shared.clock.mono_ns()
    flow.start_timer(ASK_HOLD_MS if flow.shared.connected else ASK_WAIT_MS, lambda: _silence(flow))
    flow.shared.desk.wait(flow.till, flow)  # type: ignore[arg-type]


def fit_blind(flow: Flow) -> None:
    """The next deployment is blind and the one before was not: hold for all of the answer, or lower its cap."""
    hold, pricer = flow.hold, flow.price.pricer
    if hold is None or flow.offer.deployment.progress != "blind" or flow.held_tokens >= flow.output_max:
        return
    need = flow.input_minor + pricer.price_output(flow.output_max) - hold.held_minor
    if need > 0 and flow.till.purse.extend(hold, need, flow.shared.clock.mono_ns()) < need:
        flow.capped = True
        flow.output_max = max(1, pricer.fund_output(hold.held_minor - flow.input_minor))
    flow.held_tokens = flow.output_max


def _count_input(flow: Flow, then: Callable[[Flow], None]) -> None:
    """The bound is too dear: count the input exactly, off the loop."""
    flow.counted = True

    def counted(result: Counted) -> None:
        prompt = result[0]
        if flow.stage != "asking":
            return
        if prompt is not None and prompt < flow.input_tokens:
            flow.input_tokens = prompt
            plan_hold(flow)
        _again(flow, then)

    flow.stop_timer()
    flow.shared.counter.count(flow.admitted.model, flow.dialect, flow.body, "", counted)
