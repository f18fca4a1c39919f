"""The poster's decision: records of a journal in, a plan for the books out. Exactly once, and never below zero.

Three guards make it once: the segment's position moves together with the plan (the store's compare-and-set), a request
moves only along states.HOLD, and entries and shares have ids that their cause determines. What does not fit goes to
suspense with an alarm: it neither blocks what follows nor is skipped. `ending.end_writer` does what a dead writer
left undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy

import msgspec

from tokenworks.credit.draft import Draft, Origin
from tokenworks.credit.records import Amended, Closed, Opened, Part, Progressed, Record, Refused, Released, Served
from tokenworks.credit.rows import (
    BatchView,
    Damage,
    LeaseRow,
    Needs,
    ObjectRow,
    Plan,
    RequestRow,
    SuspenseRow,
)
from tokenworks.credit.states import HOLD, move
from tokenworks.credit.verdict import check_amended, check_closed, check_opened, check_progressed
from tokenworks.errors import AmountOutOfRange
from tokenworks.tariff.rate import Pricer, Unpriced
from tokenworks.usage.vector import Usage

__all__ = ["BatchView", "Damage", "LeaseRow", "Needs", "Plan", "RequestRow", "book", "needs"]

_ENCODE = msgspec.msgpack.Encoder().encode


def needs(records: Iterable[tuple[int, Record | Damage]]) -> Needs:
    """The rows that `book` must be given for these records, each list sorted."""
    requests, leases, lots = set(), set(), set()
    for _, record in records:
        if isinstance(record, Damage):
            continue
        if isinstance(record, Released):
            leases.add(record.lease)
            lots.add(record.lot)
            continue
        requests.add(record.request)
        if isinstance(record, Served):
            record = record.closed
        if isinstance(record, Closed | Amended):
            leases.update(part.lease for part in record.parts)
            lots.update(part.lot for part in record.parts)
    return Needs(tuple(sorted(requests)), tuple(sorted(leases)), tuple(sorted(lots)))


def book(batch: BatchView) -> Plan:
    """What a batch of records does to the books. Never raises for what a record says: that goes to suspense."""
    clerk = _Clerk(batch)
    for position, record in batch.records:
        clerk.take(position, record)
    plan = clerk.draft.plan([*clerk.rows.values()])
    plan.suspense = clerk.suspense
    plan.objects = clerk.objects
    return plan


class _Clerk:
    """Takes one record after the other. Each handler answers with what is wrong with the record, "" when it is booked;
    nothing may have been moved before it finds something wrong."""

    def __init__(self, batch: BatchView) -> None:
        origin = Origin(f"{batch.segment}@{batch.start}", batch.shard, batch.now_ns, batch.epoch)
        self._batch = batch
        self.draft = Draft(origin, batch.lots, batch.leases)
        self.rows: dict[str, RequestRow] = {}
        self.suspense: list[SuspenseRow] = []
        self.objects: list[ObjectRow] = []
        self._pricers: dict[tuple[str, str], Pricer | None] = {}
        self._handlers: dict[type, Callable[..., str]] = {
            Opened: self._open, Progressed: self._progress, Closed: self._close, Served: self._serve,
            Amended: self._amend, Released: self._release, Refused: self._refuse,
        }

    def take(self, position: int, record: Record | Damage) -> None:
        if isinstance(record, Damage):
            self._suspend(position, record, record.why)
            return
        wrong = self._handlers[type(record)](record)
        if wrong:
            self._suspend(position, record, wrong)

    def _open(self, record: Opened) -> str:
        wrong = "its request is known already" if self._row(record.request) else check_opened(record)
        if wrong:
            return wrong
        self.rows[record.request] = RequestRow(
            record.request, record.account, record.key, self._batch.writer, "held", record.at_ns, record.dialect,
            record.model, record.deployment, record.unit, record.card, record.stream, record.held_minor, record.crash,
            record.why)
        return ""

    def _serve(self, record: Served) -> str:
        return self._open(record.opened) or self._close(record.closed)

    def _refuse(self, record: Refused) -> str:
        if self._row(record.request):
            return "its request is known already"
        row = RequestRow(record.request, record.account, record.key, self._batch.writer, "refused", record.at_ns,
                         record.dialect, record.model, why=record.why)
        row.closed_at_ns, row.booked_at_ns = self._ended(record.at_ns), self._batch.now_ns
        row.outcome, row.reason, row.status = "refused", record.refusal, record.status
        self.rows[record.request] = row
        return ""

    def _progress(self, record: Progressed) -> str:
        row = self._row(record.request)
        wrong = self._unfit(row, "held") or check_progressed(record)
        if wrong or row is None:
            return wrong
        row.progressed_at_ns = record.at_ns
        row.usage, row.basis, row.rated_minor, row.parts = record.usage, record.basis, record.rated_minor, record.parts
        return ""

    def _close(self, record: Closed) -> str:
        row = self._row(record.request)
        wrong = self._unfit(row, "held") or check_closed(record) or self._foreign(row, record.parts)
        if wrong or row is None:
            return wrong
        self._fill(row, record)
        paid = [self.draft.pay(row, part) for part in record.parts if part.amount_minor]
        row.parts = tuple(part for part in paid if part.amount_minor)
        row.charged_minor = sum(part.amount_minor for part in row.parts)
        row.shifted_minor = record.charged_minor - row.charged_minor
        row.overrun_minor = record.overrun_minor + row.shifted_minor
        self.draft.forgo(row, "overrun", row.overrun_minor)
        self.draft.forgo(row, "waived", row.waived_minor)
        for attempt in record.attempts:
            self.draft.spend(row, attempt)
        self.objects += [ObjectRow(name, row.account, row.deployment, row.id) for name in record.objects]
        self._rate_again(row)
        return ""

    def _fill(self, row: RequestRow, record: Closed) -> None:
        used = record.usage != Usage() or record.rated_minor
        awaited = record.basis == "estimated" and not record.final
        event = ("settle_estimated" if awaited else "settle") if used else "void"
        row.state = move(HOLD, row.state, event)
        row.closed_at_ns, row.booked_at_ns = self._ended(record.at_ns), self._batch.now_ns
        row.outcome, row.reason, row.status = record.outcome, record.reason, record.status
        row.usage, row.basis, row.raw, row.cut_loss = record.usage, record.basis, record.raw, record.cut_loss
        row.rated_minor, row.waived_minor, row.list_minor = record.rated_minor, record.waived_minor, record.list_minor
        row.hold, row.notes = record.hold, record.notes
        row.ttft_ms, row.duration_ms = record.ttft_ms, record.duration_ms
        row.deployment = record.deployment or row.deployment

    def _amend(self, record: Amended) -> str:
        row = self._row(record.request)
        wrong = self._unfit(row, "estimated") or check_amended(record, row) or self._foreign(row, record.parts)
        if wrong or row is None:
            return wrong
        row.state = move(HOLD, row.state, "amend")
        row.amended_at_ns = self._ended(record.at_ns)
        row.usage, row.basis, row.rated_minor = record.usage, record.basis, record.rated_minor
        for part in record.parts:
            self._correct(row, part)
        overrun_minor = record.overrun_minor + row.shifted_minor
        self.draft.forgo(row, "overrun", overrun_minor - row.overrun_minor)
        self.draft.forgo(row, "waived", record.waived_minor - row.waived_minor)
        row.overrun_minor, row.waived_minor = overrun_minor, record.waived_minor
        self._rate_again(row)
        return ""

    def _correct(self, row: RequestRow, part: Part) -> None:
        """One signed difference: charged like any part; what comes back is taken from what the part really paid."""
        place = (part.segment, part.lot, part.lease)
        before = next((one for one in row.parts if (one.segment, one.lot, one.lease) == place), None)
        paid = before.amount_minor if before else 0
        if part.amount_minor > 0:
            moved = self.draft.pay(row, part).amount_minor
        else:
            moved = self.draft.repay(row, part, min(-part.amount_minor, paid)).amount_minor if paid else 0
        row.shifted_minor += part.amount_minor - moved
        row.charged_minor += moved
        others = tuple(one for one in row.parts if one is not before)
        row.parts = (*others, Part(*place, paid + moved)) if paid + moved else others

    def _release(self, record: Released) -> str:
        if record.amount_minor <= 0:
            return "it gives back nothing"
        stock = self.draft.stock
        back = stock.give_back(record.lease, record.amount_minor)
        if back < record.amount_minor and stock.same_epoch(record.lease):
            self.draft.alarms.append(f"lease {record.lease} of lot {record.lot} gave back {record.amount_minor}, "
                                     f"it had {back} left: the rest is ignored")
        return ""

    def _rate_again(self, row: RequestRow) -> None:
        """The gateway rates with pinned card versions; a difference is an alarm, never a change of the charge."""
        if not row.rated_minor and row.usage == Usage():
            return
        pricer = self._pricer(row.card, row.model)
        try:
            again = pricer.amount(row.usage) if pricer else row.rated_minor
        except AmountOutOfRange:
            again = -1
        if again != row.rated_minor:
            self.draft.alarms.append(f"request {row.id} was rated {row.rated_minor} by its gateway, "
                                     f"{row.card} makes it {again if again >= 0 else 'too much to book'}")

    def _pricer(self, ref: str, model: str) -> Pricer | None:
        if (ref, model) not in self._pricers:
            card = self._batch.cards.get(ref)
            try:
                self._pricers[ref, model] = Pricer(card, model) if card else None
            except Unpriced:
                self._pricers[ref, model] = None
                self.draft.alarms.append(f"rate card {ref} has no price for {model}, which was sold by it")
        return self._pricers[ref, model]

    def _ended(self, at_ns: int) -> int:
        """When something ended. A clock that jumped back takes nothing into a time that the books call complete."""
        return max(at_ns, self._batch.watermark_ns)

    def _row(self, request: str) -> RequestRow | None:
        """The row to change: our own copy, never the view's."""
        row = self.rows.get(request)
        if row is None and (known := self._batch.requests.get(request)) is not None:
            row = self.rows[request] = copy(known)
        return row

    def _unfit(self, row: RequestRow | None, state: str) -> str:
        if row is None:
            return "its request is not known"
        if row.writer != self._batch.writer:
            return f"its request belongs to {row.writer}"
        return "" if row.state == state else f"its request is {row.state}, not {state}"

    def _foreign(self, row: RequestRow | None, parts: Iterable[Part]) -> str:
        """A part in another unit than the request's cannot be booked; one of an unknown lot can (as overrun)."""
        for part in parts:
            lot = self.draft.stock.lot(part.lot)
            if row and lot and lot.unit != row.unit:
                return f"lot {part.lot} is in {lot.unit}, its request in {row.unit}"
        return ""

    def _suspend(self, position: int, record: Record | Damage, why: str) -> None:
        batch = self._batch
        damaged = isinstance(record, Damage)
        kind = record.kind if isinstance(record, Damage) else "record"
        payload = record.payload if isinstance(record, Damage) else _ENCODE(record)
        self.suspense.append(SuspenseRow(batch.writer, batch.segment, position, kind, why, payload, batch.now_ns))
        what = f"a {kind} frame" if damaged else f"a {type(record).__name__} record"
        self.draft.alarms.append(f"{what} of {batch.segment} before {position} is in suspense: {why}")
