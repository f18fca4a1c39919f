"""Requests that go on from an upstream's object: only for the account it was issued to, only at that deployment."""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.gateway.answers import refuse
from tokenworks.gateway.flow import Flow
from tokenworks.limits import ASK_HOLD_MS
from tokenworks.wire.refusals import Refusal


def find_owner(flow: Flow, then: Callable[[], None]) -> None:
    """Go on with `then` when the objects are the account's own; the books are asked for what is not known here."""
    if flow.shared.owners.find(flow.facts.object_ids) is not None:
        _check(flow, then)
        return
    flow.move("ask")
    flow.start_timer(ASK_HOLD_MS, lambda: _unreachable(flow))
    if not flow.shared.owners.ask(flow.facts.object_ids, lambda: _told(flow, then)):
        _unreachable(flow)


def _told(flow: Flow, then: Callable[[], None]) -> None:
    if flow.stage == "asking":
        flow.stop_timer()
        _check(flow, then)


def _unreachable(flow: Flow) -> None:
    if flow.stage == "asking" and flow.hold is None:
        refuse(flow, Refusal.POLICY_STALE)


def _check(flow: Flow, then: Callable[[], None]) -> None:
    """All objects must be one account's and lie at one deployment; whose they are otherwise nobody is told."""
    owners = set(flow.shared.owners.find(flow.facts.object_ids) or ())
    account, deployment = owners.pop() if len(owners) == 1 else ("", "")
    offers = [offer for offer in flow.offers if offer.deployment.id == deployment]
    if account != flow.customer.account.id or not offers:
        refuse(flow, Refusal.OBJECT_UNKNOWN)
        return
    flow.offers = offers
    then()
