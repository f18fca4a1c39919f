"""Everything that the store in memory holds, its one lock, and how a plan is applied to it: wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock

import msgspec

from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.rows import AttemptRow, ChargeRow, LeaseDelta, LeaseRow, ObjectRow, Plan, RequestRow
from tokenworks.credit.stock import LIVE
from tokenworks.errors import Broken, NotFound
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot, LotDelta, move_lot
from tokenworks.store.bell import LocalBell
from tokenworks.store.loading import OPEN
from tokenworks.store.rows import suspense_id
from tokenworks.store.shapes import Claim, Suspended, WorkSum, WriterRow
from tokenworks.store.trail import Sealed
from tokenworks.units import AMOUNT_MAX


class State:
    """`faults` is called with the name of a verb before it does anything, and with "<verb> done" after it did: a
    simulator raises BooksUnreachable there."""

    def __init__(self, pepper: bytes, now_ns: int, faults: Callable[[str], None]) -> None:
        self.lock = RLock()
        self.faults = faults
        self.bell = LocalBell()
        self.pepper, self.created_at_ns = pepper, now_ns
        self.epoch = self.policy_version = 1
        self.lots: dict[str, Lot] = {}
        self.wallets: dict[str, list[str]] = {}  # account -> lots
        self.leases: dict[str, LeaseRow] = {}
        self.live: dict[str, set[str]] = {}  # writer or account -> leases that are not over
        self.asks: dict[str, tuple[int, LeaseGrant]] = {}  # lease -> its newest ask and what that got
        self.writers: dict[str, WriterRow] = {}
        self.requests: dict[str, RequestRow] = {}
        self.running: dict[str, set[str]] = {}  # writer -> requests whose end, or count, is to come
        self.charges: dict[str, list[ChargeRow]] = {}  # request -> shares
        self.attempts: dict[str, list[AttemptRow]] = {}
        self.entries: dict[str, Entry] = {}
        self.objects: dict[str, ObjectRow] = {}
        self.suspense: dict[str, Suspended] = {}
        self.metered: dict[tuple[str, str, int], WorkSum] = {}  # (host, deployment, hour)
        self.claims: dict[str, tuple[Claim, bytes]] = {}
        self.notes: list[Sealed] = []

    def writer(self, writer: str) -> WriterRow:
        """Raises NotFound."""
        if writer not in self.writers:
            raise NotFound("gateway", writer)
        return self.writers[writer]

    def amend_writer(self, writer: str, **fields: object) -> WriterRow:
        """Changes fields of a writer's row."""
        self.writers[writer] = msgspec.structs.replace(self.writers[writer], **fields)
        return self.writers[writer]

    def held(self, name: str) -> dict[str, LeaseRow]:
        """Leases of a writer, or of an account, that are not over, by id."""
        return {lease: self.leases[lease] for lease in sorted(self.live.get(name, ()))}

    def apply(self, plan: Plan) -> None:
        """All of a plan, or nothing: whatever may be wrong with it is found before the first change."""
        check_plan(plan)
        if taken := [row for row in plan.charges if any(row.number == one.number
                                                        for one in self.charges.get(row.request, ()))]:
            raise Broken(f"request {taken[0].request} has a share {taken[0].number} already")
        if known := [entry.id for entry in plan.entries if entry.id in self.entries]:
            raise Broken(f"entry {known[0]} is booked already")
        self.move(plan.lots, plan.leases)
        self._put(plan)

    def move(self, lots: Iterable[LotDelta], leases: Iterable[LeaseDelta]) -> None:
        """Movements of lots and leases, all or none."""
        moved = {delta.lot: move_lot(self.lots[delta.lot], delta) for delta in lots}
        turned = [_move_lease(self.leases[delta.lease], delta) for delta in leases]
        self.lots.update(moved)
        for lease in turned:
            self.put_lease(lease)

    def put_lot(self, lot: Lot) -> None:
        """A new lot."""
        self.lots[lot.id] = lot
        self.wallets.setdefault(lot.account, []).append(lot.id)

    def put_lease(self, lease: LeaseRow) -> None:
        """A new lease, or one that moved."""
        self.leases[lease.id] = lease
        for name in (lease.writer, lease.account):
            live = self.live.setdefault(name, set())
            (live.add if lease.state in LIVE else live.discard)(lease.id)

    def _put(self, plan: Plan) -> None:
        for row in plan.requests:
            self.requests[row.id] = row
            running = self.running.setdefault(row.writer, set())
            (running.add if row.state in OPEN else running.discard)(row.id)
        for share in plan.charges:
            self.charges.setdefault(share.request, []).append(share)
        for attempt in plan.attempts:
            self.attempts.setdefault(attempt.request, []).append(attempt)
        self.entries.update((entry.id, entry) for entry in plan.entries)
        for record in plan.suspense:
            self.suspense.setdefault(suspense_id(record), Suspended(suspense_id(record), record))
        for issued in plan.objects:
            self.objects.setdefault(issued.object, issued)


def check_plan(plan: Plan) -> None:
    """Raises OverflowError for a number that a database could not hold."""
    for row in plan.requests:
        usage = row.usage
        counts = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output,
                  usage.reasoning, row.opened_at_ns, row.closed_at_ns, row.status, row.duration_ms, row.ttft_ms)
        if max(counts) > AMOUNT_MAX:
            raise OverflowError(f"request {row.id} has a number of more than 64 bits")


def _move_lease(lease: LeaseRow, delta: LeaseDelta) -> LeaseRow:
    moved = msgspec.structs.replace(
        lease, state=delta.state, granted_minor=lease.granted_minor + delta.granted_minor,
        posted_minor=lease.posted_minor + delta.posted_minor,
        returned_minor=lease.returned_minor + delta.returned_minor)
    if min(moved.granted_minor, moved.posted_minor, moved.returned_minor, moved.left_minor) < 0:
        raise Broken(f"lease {lease.id} would be below zero")
    return moved
