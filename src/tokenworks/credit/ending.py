"""What becomes of a writer's leases and open requests: lost, found again, read to its end, or forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from tokenworks.credit.draft import Draft, Origin
from tokenworks.credit.rows import EndView, LeaseDelta, LeaseRow, Plan, RequestRow
from tokenworks.credit.states import HOLD, LEASE, move
from tokenworks.credit.stock import LIVE

BILLED = "its gateway died: billed by its last progress record"
WAIVED = "its gateway died: waived, as its account's policy says"


def end_writer(view: EndView) -> Plan:
    """What a dead writer left, once its journal has been read to its end. Idempotent.

    Open requests are billed by their last progress (or waived, by their account's `crash`), holds expire, and what its
    leases have left returns to their lots.
    """
    draft = Draft(Origin(f"{view.writer} ended", view.shard, view.now_ns, view.epoch), view.lots, view.leases)
    rows = [copy(row) for row in view.requests.values() if "expire" in HOLD.get(row.state, {})]
    for row in rows:
        if row.state == "held":
            _bill_crashed(draft, row, view)
        row.state = move(HOLD, row.state, "expire")
    for lease in view.leases.values():
        if lease.state in LIVE:
            lost = ("lose",) if lease.state == "valid" else ()
            draft.stock.end_lease(lease.id, *lost, "read_to_end")
    return draft.plan(rows)


def forget_writer(view: EndView) -> Plan:
    """Give up on a writer in doubt: its leases return to their lots unread.

    Its requests stay open: records that still come are charged to the overrun of their account. Needs no requests.
    """
    draft = Draft(Origin(f"{view.writer} forgotten", view.shard, view.now_ns, view.epoch), view.lots, view.leases)
    for lease in view.leases.values():
        if lease.state == "in_doubt":
            draft.stock.end_lease(lease.id, "forget")
    return draft.plan([])


def lose_writer(leases: Iterable[LeaseRow]) -> list[LeaseDelta]:
    """A writer has not been heard of: its valid leases are in doubt."""
    return _move_leases(leases, "valid", "lose")


def find_writer(leases: Iterable[LeaseRow]) -> list[LeaseDelta]:
    """A writer is back: its leases in doubt are valid again."""
    return _move_leases(leases, "in_doubt", "find")


def _move_leases(leases: Iterable[LeaseRow], state: str, event: str) -> list[LeaseDelta]:
    return [LeaseDelta(lease.id, move(LEASE, lease.state, event)) for lease in leases if lease.state == state]


def _bill_crashed(draft: Draft, row: RequestRow, view: EndView) -> None:
    """Until now usage, rated and parts are the last progress record's: exactly what is due. It ended then, but not
    before what the books have called complete."""
    row.outcome, row.status = "crashed", 0
    row.closed_at_ns = max(row.progressed_at_ns or row.opened_at_ns, view.watermark_ns)
    row.booked_at_ns = view.now_ns
    row.list_minor = row.rated_minor
    reported, row.parts = row.parts, ()
    if row.crash == "waive":
        row.waived_minor, row.reason = row.rated_minor, WAIVED
        draft.forgo(row, "waived", row.waived_minor)
        return
    row.reason = BILLED
    paid = [draft.pay(row, part) for part in reported if part.amount_minor]
    row.parts = tuple(part for part in paid if part.amount_minor)
    row.charged_minor = sum(part.amount_minor for part in row.parts)
    row.shifted_minor = sum(part.amount_minor for part in reported) - row.charged_minor
    row.overrun_minor = row.rated_minor - row.charged_minor
    draft.forgo(row, "overrun", row.overrun_minor)
