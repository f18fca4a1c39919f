"""The usual whole answer: it came in one read, says its usage, and pays within its hold. Settled in one straight line.

It is what relay.relay_whole and settle.close do, with every branch left out that such an answer does not take; what it
takes is decided before anything is done, and tests hold both ways to the same records.
"""

from __future__ import annotations

from tokenworks.credit.records import Attempt, Closed, Served
from tokenworks.gateway.answers import finish
from tokenworks.gateway.call import Call
from tokenworks.gateway.flow import Flow
from tokenworks.gateway.opening import make_opened
from tokenworks.gateway.settle import NOTHING, RAW_BYTES_MAX
from tokenworks.gateway.stages import STAGE
from tokenworks.usage.meter import hide_whole
from tokenworks.usage.quick import read_said

ANSWERED = STAGE["dialling"]["answer"]
_MS = 1_000_000


def answer_usual(flow: Flow, call: Call, data: bytes) -> bool:
    """Read, settle and pass on a whole answer of status 200; False, and nothing done, for any other."""
    hold, deployment = flow.hold, flow.offer.deployment
    if (flow.stage != "dialling" or hold is None or flow.opened is not None or flow.attempts or flow.capped
            or deployment.cost_card):
        return False
    said = read_said(flow.dialect, deployment.engine, data)
    if said is None:
        return False
    usage, raw, _ = said
    lane = flow.lane
    rated = lane.price.pricer.amount(usage)
    if not 0 < rated <= hold.held_minor:
        return False
    shared, till = flow.shared, flow.till
    wall_ns, begun_ns, name = shared.wall_ns, flow.attempt_ns, deployment.id
    flow.now_ns = mono_ns = shared.clock.mono_ns()
    tried_ms, lasted_ms = (mono_ns - begun_ns) // _MS, (mono_ns - flow.opened_ns) // _MS
    parts, _, _ = till.purse.settle(hold, rated, mono_ns)
    attempt = Attempt(1, name, "served", 200, "", usage, "reported", 0, "", "", begun_ns + wall_ns, tried_ms, tried_ms)
    opened = make_opened(flow)
    closed = Closed(
        flow.id, mono_ns + wall_ns, "ok", "", usage, "reported", rated, rated, 0, 0, rated, parts, (attempt,),
        hold.history(wall_ns), raw[:RAW_BYTES_MAX], (), NOTHING, lasted_ms, lasted_ms, 200, (), name, True)
    position = shared.write(Served(opened, closed))
    flow.stage, flow.status, flow.answer_headers = ANSWERED, 200, call.headers
    flow.call = flow.hold = None
    shared.book.outlets.served(flow.outlet)
    till.spent_minor += rated
    shared.running.discard(flow)
    shared.tally.note_end(lane.keys, opened, closed)
    lane.learned.learn(flow.facts, flow.admitted.model, usage)
    if till.waiting:
        till.serve()
    finish(flow, position, hide_whole(flow.dialect, deployment.engine, data, flow.show), True)
    return True
