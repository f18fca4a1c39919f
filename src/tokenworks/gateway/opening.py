"""The record that a request has begun. It is put off, because most requests end before anybody needs it.

A whole answer stands in the journal as one record, Served, before its client gets it. What is on record by itself, as
Opened, is whatever something else follows: a stream before its first byte, a try after a try, an answer that drains
without its client, and whatever runs long enough to meet a beat of the worker.
"""

from __future__ import annotations

import re

from tokenworks.credit.records import Opened
from tokenworks.gateway.flow import Flow

TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, level 1
ONLY: dict[str, str | int] = {"route": "only"}  # why it went where it went, when there is one deployment


def make_opened(flow: Flow) -> Opened:
    """The record. To be asked for before the hold, the deployment or the mode changes."""
    admitted, caller = flow.admitted, flow.seat.caller
    why: dict[str, str | int] = {
        "route": "only", "input_bound": flow.input_tokens, "output_held": flow.held_tokens, "asked": flow.mode}
    if len(admitted.why) > 2 or flow.why is not ONLY:  # more than one deployment was looked at
        why |= admitted.why | flow.why
    if flow.asked is not None:
        why["spoken"] = flow.facts.dialect
    parent = flow.turn.head.fields.get(b"traceparent")  # what is traced goes on in the client's own trace
    if parent is not None and TRACEPARENT.fullmatch(parent):
        why["traceparent"] = parent.decode()
    account = caller.account
    return Opened(
        flow.id, account.id, caller.key.id, flow.at_ns, flow.dialect, admitted.model.id, flow.offer.deployment.id,
        account.unit, flow.price.card, flow.facts.stream, flow.need_minor, account.crash, why)  # fmt: skip


def write_opened(flow: Flow) -> bool:
    """Puts the beginning on record, if it is not yet; False when the journal has no room for it."""
    if flow.opened is None:
        opened = make_opened(flow)
        if not flow.shared.write(opened):
            return False
        flow.opened = opened
        flow.shared.tally.note_live((opened, None))
    return True
