"""The hold of a new request: how large, cut from what, and what happens when the purse is short of it.

A stream is held for slice by slice. A whole body is held for at its full length when the purse is ample; when it is
not, it is asked as a stream and put together here, so that slices serve it too. What can only be asked whole (blind)
gets its output cap lowered to what the account can fund, and is marked if the cap ended it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tokenworks.credit.bound import bound_input
from tokenworks.credit.purse import Short
from tokenworks.gateway.answers import refuse
from tokenworks.gateway.flow import NEVER, Flow
from tokenworks.gateway.shared import Counted
from tokenworks.limits import ASK_HOLD_MS, ASK_WAIT_MS, SLICE_TOKENS
from tokenworks.wire.fields import count_uses
from tokenworks.wire.refusals import Refusal

APART = frozenset({"llamacpp"})  # whose whole answers say the usage of one choice only, and whose streams of each
AMPLE = 8  # a whole answer is held for in full when that is at most this part of what is free


def plan_hold(flow: Flow) -> None:
    """Sizes: the input's bound and price, how the answer is asked for, and the first output to hold for."""
    facts, pricer, each = flow.facts, flow.price.pricer, flow.admitted.output_max
    if not flow.counted:
        flow.input_tokens = bound_input(facts, flow.admitted.model, flow.learned.rate)
    flow.input_minor = pricer.fee_minor + pricer.price_input(flow.input_tokens)
    if facts.content is not None and facts.content.tools:
        uses = count_uses(facts, flow.offer.deployment.engine)
        flow.input_minor += sum(pricer.price_extra(name, count) for name, count in uses.items())
    flow.output_max = most = each * facts.choices
    flow.capped = False
    blind = flow.offer.deployment.progress == "blind"
    flow.mode = mode = "stream" if facts.stream else _choose_mode(flow, blind)
    held = most
    if mode != "whole" and not blind:
        held = min(most, SLICE_TOKENS * facts.choices)
    flow.held_tokens = held
    flow.need_minor = flow.input_minor + pricer.price_output(held)
    rest = min(flow.learned.expected, most) - held
    flow.keep_minor = pricer.price_output(rest) if rest > 0 else 0


def _choose_mode(flow: Flow, blind: bool) -> Literal["whole", "assembled"]:
    """How to ask for what the client wants whole."""
    if blind or not flow.output_max:
        return "whole"
    if flow.facts.choices > 1:
        return "assembled" if flow.offer.deployment.engine in APART else "whole"
    if flow.sliced:
        return "assembled"
    till = flow.till
    if till.available_minor < 0:  # the books have not been asked yet: their answer will tell
        return "whole"
    full = flow.input_minor + flow.price.pricer.price_output(flow.output_max)
    ample = full * AMPLE <= till.purse.free_minor - till.purse.kept_minor + till.available_minor
    return "whole" if ample else "assembled"


def fund(flow: Flow, then: Callable[[Flow], None]) -> None:
    """Cut the hold and go on with `then`; or wait in line for the books, which ends in either."""
    plan_hold(flow)
    if try_cut(flow):
        then(flow)
        return
    flow.kind = "cut"
    _stand_in_line(flow)


def try_cut(flow: Flow) -> bool:
    """One attempt at the purse. True: the hold is cut. It is put on record when something follows (opening.py)."""
    shared = flow.shared
    flow.now_ns = mono_ns = shared.clock.mono_ns()
    found = flow.till.purse.cut(flow.need_minor, flow.keep_minor, mono_ns)
    if isinstance(found, Short):
        flow.short_minor, flow.short_keep_minor = found.need_minor, found.keep_minor
        return False
    if flow.queued:
        flow.quit_waiting()
    flow.hold = found
    flow.mark = NEVER if flow.mode == "whole" else first_mark(flow)
    flow.name()
    shared.running.add(flow)  # type: ignore[arg-type]
    flow.move("open")
    return True


def first_mark(flow: Flow) -> int:
    """Where a stream's first step is due: half a slice on, at the latest at the end of what is held."""
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


def fit_hold(flow: Flow) -> None:
    """The next deployment is blind, or takes no cap as low, and the one before was not so: hold for all of an answer
    that has no slices, or lower its cap."""
    hold, pricer = flow.hold, flow.price.pricer
    if not flow.capped:
        flow.output_max = max(flow.output_max, flow.admitted.output_max * flow.facts.choices)
    sliced = flow.mode != "whole" and flow.offer.deployment.progress != "blind"
    if hold is None or sliced or flow.held_tokens >= flow.output_max:
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
