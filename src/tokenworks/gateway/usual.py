"""The usual request on its way in and out, each in one straight line.

In: a body of a known form, for which the purse is ample. Out: a whole answer that came in one read, says its usage, and
pays within its hold. It is what serve, funding, attempts, relay and settle do, with every branch left out that such a
request does not take; which it takes is decided before anything is done, and tests hold both ways to the same records.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tokenworks.credit.brief import Brief
from tokenworks.credit.purse import Short
from tokenworks.gateway.answers import finish, send_whole
from tokenworks.gateway.attempts import NO_FIELDS, pick
from tokenworks.gateway.call import Call, Caller
from tokenworks.gateway.flow import NEVER, Flow
from tokenworks.gateway.forms import DIALECT, Form
from tokenworks.gateway.funding import AMPLE, first_mark
from tokenworks.gateway.opening import ONLY
from tokenworks.gateway.settle import RAW_BYTES_MAX
from tokenworks.gateway.stages import STAGE
from tokenworks.usage.meter import hide_whole
from tokenworks.usage.quick import read_said
from tokenworks.wire.headers import whole_block

OPENED, ANSWERED, FINISHED = STAGE["reading"]["open"], STAGE["dialling"]["answer"], STAGE["relaying"]["finish"]
COPY_BYTES_MAX = 16 * 1024  # of a body that is cheaper copied into one piece
_MS = 1_000_000
_VALUE = msgspec.json.Decoder(msgspec.Raw).decode


def ask_usual(flow: Flow, form: Form, caller: Caller) -> bool:
    """Read, admit, route, hold for and send a body of a known form; False, and nothing done, where that is not all."""
    body, shared, till, lane, admitted = flow.body, flow.shared, flow.till, form.lane, form.admitted
    price, start, end = lane.price, form.start, len(body) - form.tail
    if end <= start or flow.at_ns >= price.until_ns or body.find(b"[", start + 1, end) >= 0:
        return False
    small = end <= COPY_BYTES_MAX
    messages = body[start:end] if small else memoryview(body)[start:end]
    try:
        _VALUE(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    flow.offers = admitted.offers
    way = form.way(flow.offer) if pick(flow) else None
    if way is None:
        return False
    # The hold, as funding.plan_hold has it.
    pricer, learned, purse, size = price.pricer, lane.learned, till.purse, len(body)
    tokens = learned.rate.ceiling(size)
    if tokens > form.context:
        tokens = form.context
    flow.input_tokens, flow.input_minor = tokens, pricer.fee_minor + pricer.price_input(tokens)
    need, keep = flow.input_minor + form.output_minor, 0
    if form.stream:
        rest = min(learned.expected, admitted.output_max) - form.held_tokens
        keep = pricer.price_output(rest) if rest > 0 else 0
    elif 0 <= till.available_minor < need * AMPLE - purse.free_minor + purse.kept_minor:
        return False
    mono_ns = shared.clock.mono_ns()
    hold = purse.cut(need, keep, mono_ns)
    if isinstance(hold, Short):
        return False
    flow.hold, flow.stage, flow.need_minor, flow.keep_minor = hold, OPENED, need, keep
    flow.now_ns = flow.attempt_ns = mono_ns
    flow.id = shared.mint.mint_at(flow.at_ns)
    flow.lane, flow.admitted, flow.facts, flow.show = lane, admitted, replace(form.facts, body_bytes=size), form.show
    flow.output_max, flow.held_tokens, flow.capped = admitted.output_max, form.held_tokens, False
    flow.mode, flow.mark = ("stream", first_mark(flow)) if form.stream else ("whole", NEVER)
    outlet, name, outlets = flow.outlet, flow.offer.deployment.id, shared.book.outlets
    flow.tried, flow.status, flow.first_ns, flow.size = (name,), 0, 0, 0
    flow.meter, flow.parts = None, ()
    shared.running.add(flow)  # type: ignore[arg-type]  # Serving, which is both
    _, before, after = way
    if flow.why is ONLY:
        outlets.inflight[name] += 1  # where all is well nothing else begins
    else:
        outlets.begin(outlet)
    head = flow.offer.heads.head(DIALECT, len(before) + end - start + len(after), NO_FIELDS)
    if small:
        flow.call = shared.pool.call(outlet.target, b"".join((head, before, messages, after)), (), caller)
    else:
        flow.call = shared.pool.call(outlet.target, head, (before, messages, after), caller)
    return True


def answer_usual(flow: Flow, call: Call, data: bytes) -> bool:
    """Read, settle and pass on a whole answer of status 200; False, and nothing done, for any other."""
    hold, deployment, lane = flow.hold, flow.offer.deployment, flow.lane
    if (flow.stage != "dialling" or hold is None or not lane.brief or flow.opened is not None or flow.attempts
            or flow.capped or deployment.cost_card or flow.why is not ONLY
            or b"traceparent" in flow.turn.head.fields):  # which a Brief has no place for
        return False
    said = read_said(flow.dialect, deployment.engine, data)
    if said is None:
        return False
    usage, raw, _ = said
    rated = lane.price.pricer.amount(usage)
    if not rated or len(raw) > RAW_BYTES_MAX:
        return False
    shared, till = flow.shared, flow.till
    lease = till.purse.pay(hold, rated)
    if lease is None:
        return False
    wall_ns, begun_ns, name = shared.wall_ns, flow.attempt_ns, deployment.id
    flow.now_ns = mono_ns = shared.clock.mono_ns()
    lasted_ms = (mono_ns - flow.opened_ns) // _MS
    brief = Brief(
        flow.id, lane.common(name, lease, flow.held_tokens), flow.at_ns, begun_ns + wall_ns, mono_ns + wall_ns,
        lasted_ms, flow.need_minor, flow.input_tokens, rated, usage, raw)
    position = shared.write(brief)
    flow.stage, flow.status, flow.answer_headers = ANSWERED, 200, call.headers
    flow.call = flow.hold = None
    if flow.outlet.failures:
        shared.book.outlets.served(flow.outlet)
    else:
        shared.book.outlets.inflight[name] -= 1
    till.spent_minor += rated
    shared.running.discard(flow)
    shared.tally.note_usual(lane.keys, brief, name)
    learned = lane.learned
    if learned.passed_over:  # as `learn` has it, for nearly all
        learned.passed_over -= 1
    else:
        learned.learn(flow.facts, flow.admitted.model, usage)
    if till.waiting:
        till.serve()
    if b"timings" in data or b"\\u" in data:  # else no key of it says so
        data = hide_whole(flow.dialect, deployment.engine, data, flow.show)
    if not position or shared.disk_first:
        finish(flow, position, data, True)
    else:
        flow.stage = FINISHED
        if not flow.turn.answer(whole_block(call.headers, flow.id), data):
            send_whole(flow, data)
    return True
