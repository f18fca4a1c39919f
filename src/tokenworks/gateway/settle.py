"""The end of a request: what was used, who pays it, and the closing record. Nothing here awaits.

rated = charged + waived + overrun. The customer is charged what his hold covers; a waiver is a policy's doing; what
neither covers is the operator's overrun. The closing record stands in the journal when `close` returns: the last bytes
may leave.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.credit.hold import Hold
from tokenworks.credit.records import Amended, Attempt, Closed, Outcome, Progressed, Served
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.opening import make_opened
from tokenworks.gateway.shared import Counted
from tokenworks.usage.estimate import count_tokens
from tokenworks.usage.vector import Basis, Usage

NOTHING = Usage()
TOKENS_PER_KIB = 256  # of a usual text: four bytes a token; only where nobody counted
NO_COST = (0, "", "")
RAW_BYTES_MAX = 8192  # of an upstream's usage object on the record
REASON_CHARS_MAX = 300
OBJECTS_MAX = 64
OBJECT_CHARS_MAX = 256
AttemptOutcome = Literal["served", "failed", "refused"]


class Ending(msgspec.Struct, gc=False):
    """How a request ended. `free`: the customer pays nothing. `status`: what he was answered."""

    outcome: Outcome
    reason: str
    usage: Usage
    basis: Basis
    raw: bytes = b""
    free: bool = False
    status: int = 200
    notes: tuple[str, ...] = ()
    cut_loss: Usage = NOTHING
    objects: tuple[str, ...] = ()


def usage_now(flow: Flow) -> tuple[Usage, Basis]:
    """Cumulative usage of the running answer: the upstream's figure, its progress, or an estimate from sizes.

    The meter's own estimate of the output is an upper bound, for holds; a bill gets the usual rate.
    """
    meter = flow.meter
    if meter is None or not (meter.first_output or meter.report):
        return NOTHING, "estimated"
    usage, basis = meter.usage_now(count_tokens(flow.facts.body_bytes, TOKENS_PER_KIB))
    if basis == "estimated":
        output = min(usage.completion, count_tokens(meter.visible_bytes, TOKENS_PER_KIB))
        usage = msgspec.structs.replace(usage, output=output, reasoning=0)
    return usage, basis


def work_unseen(flow: Flow) -> Usage:
    """What an upstream that is told to stop has worked on and nobody is billed for, as far as we know: the request's
    input, by its size, when it was sent and nothing has come back; else the events that were read and not passed on."""
    call, meter = flow.call, flow.meter
    if meter is not None and (meter.first_output or meter.report):
        return Usage(output=sum(part.count(b"data:") for part in flow.backlog))
    if call is None or call.connection is None:
        return NOTHING
    return Usage(input=count_tokens(flow.facts.body_bytes, TOKENS_PER_KIB))


def write_progress(flow: Flow) -> None:
    """What a crash right after this record would bill."""
    usage, basis = usage_now(flow)
    hold = flow.hold
    if hold is None or usage == NOTHING:
        return
    rated = flow.price.pricer.amount(usage)
    # Of an answer that is put together here nothing has reached the client: a crash is not at his cost.
    parts = flow.till.purse.parts(hold, min(rated, hold.held_minor)) if flow.assembler is None else ()
    flow.shared.write(Progressed(flow.id, flow.shared.clock.now_ns(), usage, basis, rated, parts))


def end_attempt(flow: Flow, outcome: AttemptOutcome, reason: str, usage: Usage, basis: Basis) -> None:
    """The attempt that runs is over; its cost is the operator's, whoever pays the request."""
    shared, deployment, begun_ns, first_ns = flow.shared, flow.offer.deployment, flow.attempt_ns, flow.first_ns
    flow.now_ns = shared.clock.mono_ns()
    cost_minor, unit, card = _cost(flow, usage) if deployment.cost_card else NO_COST
    flow.attempts += (Attempt(
        len(flow.attempts) + 1, deployment.id, outcome, flow.status, reason and reason[:REASON_CHARS_MAX], usage, basis,
        cost_minor, unit, card, begun_ns + shared.wall_ns, (first_ns - begun_ns) // 1_000_000 if first_ns else -1,
        (flow.now_ns - begun_ns) // 1_000_000, "" if flow.asked is None else flow.facts.dialect),)  # fmt: skip


def _cost(flow: Flow, usage: Usage) -> tuple[int, str, str]:
    """The operator's cost by the deployment's cost card: amount, unit, card."""
    deployment = flow.offer.deployment
    price = flow.shared.book.cost_price(deployment.cost_card, deployment.model, flow.at_ns)
    return (price.pricer.amount(usage), price.unit, price.card) if price is not None else NO_COST


def close(flow: Flow, ending: Ending) -> int:
    """Charge, write Closed (or Served), free the rest of the hold. The journal's position after it, 0 without room."""
    shared, hold, till = flow.shared, flow.hold, flow.till
    if hold is None:
        return shared.journal.position
    mono_ns, first_ns, begun_ns, usage = flow.now_ns, flow.first_ns, flow.opened_ns, ending.usage
    model = flow.admitted.model
    rated = flow.price.pricer.amount(usage)
    charge = 0 if ending.free else rated
    count = charge > 0 and ending.basis == "estimated" and shared.counter.can_count(model)
    if charge:
        if charge > hold.held_minor:
            till.purse.extend(hold, charge - hold.held_minor, mono_ns)
        parts, charged, overrun = till.purse.settle(hold, charge, mono_ns, count)
    else:
        till.purse.void(hold, mono_ns)
        parts, charged, overrun = (), 0, 0
    last = flow.attempts[-1] if flow.attempts else None
    closed = Closed(
        flow.id, mono_ns + shared.wall_ns, ending.outcome, ending.reason and ending.reason[:REASON_CHARS_MAX], usage,
        ending.basis, rated, charged, rated - charge, overrun, rated, parts, flow.attempts,
        hold.history(shared.wall_ns), ending.raw[:RAW_BYTES_MAX], (*ending.notes, *flow.dropped), ending.cut_loss,
        (first_ns - begun_ns) // 1_000_000 if first_ns else -1, (mono_ns - begun_ns) // 1_000_000, ending.status,
        ending.objects, last.deployment if last is not None and last.outcome == "served" else "",
        not count)  # fmt: skip
    opened = flow.opened or make_opened(flow)
    position = shared.write(closed if flow.opened is not None else Served(opened, closed))
    flow.hold = None
    till.spent_minor += charged
    shared.running.discard(flow)
    shared.tally.note_end(flow.lane.keys, opened, closed)
    if flow.drain_until:
        shared.drains -= 1
    if ending.objects:
        shared.owners.note(ending.objects, flow.customer.account.id, flow.offer.deployment.id)
        shared.desk.tell_written()
    if ending.basis == "reported" and ending.outcome == "ok":
        flow.learned.learn(flow.facts, model, usage)
    if count:
        _count(flow, hold, closed, "" if flow.meter is None else flow.meter.text_seen)
    if till.waiting:
        till.serve()
    return position


def _count(flow: Flow, hold: Hold, closed: Closed, text: str) -> None:
    """Off the loop; the linked correction follows within the same hold, whether or not the count succeeds."""
    shared, price, till = flow.shared, flow.price, flow.till

    def counted(result: Counted) -> None:
        prompt, output = result
        usage = Usage(input=closed.usage.input if prompt is None else prompt,
                      output=closed.usage.output if output is None else output)
        basis: Basis = "estimated" if prompt is None and output is None else "counted"
        rated = price.pricer.amount(usage)
        settled = till.purse.amend(hold, rated, shared.clock.mono_ns())
        shared.write(Amended(closed.request, shared.clock.now_ns(), usage, basis, rated, settled.charged_minor, 0,
                             settled.overrun_minor, settled.parts))
        if till.waiting:
            till.serve()

    shared.counter.count(flow.admitted.model, flow.dialect, flow.body, text, counted)
