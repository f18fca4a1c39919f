"""Books in memory around the real decisions: applies plans as a store must, and refuses whatever would break them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from tokenworks.credit.booking import book, needs
from tokenworks.credit.ending import end_writer, find_writer, forget_writer, lose_writer
from tokenworks.credit.lending import lend, renew
from tokenworks.credit.messages import Ask
from tokenworks.credit.records import Record
from tokenworks.credit.rows import (
    AttemptRow,
    BatchView,
    ChargeRow,
    Damage,
    EndView,
    LeaseDelta,
    LeaseRow,
    LendView,
    Loan,
    ObjectRow,
    Plan,
    RequestRow,
    SuspenseRow,
)
from tokenworks.credit.states import LEASE
from tokenworks.ledger.audit import Books, LeaseSums, RequestSums, audit_books
from tokenworks.ledger.entries import Entry, check_entry
from tokenworks.ledger.folds import fold_entries
from tokenworks.ledger.funding import expire_lot, fund_lot
from tokenworks.ledger.lots import Lot, move_lot
from tokenworks.tariff.card import RateCard

Item = tuple[int, Record | Damage]
OPEN = ("held", "estimated")


class MemBooks:
    """What the tables hold. `positions` is how far each writer's journal has been posted."""

    def __init__(self, cards: Iterable[RateCard] = ()) -> None:
        self.epoch = 1
        self.cards = {card.ref: card for card in cards}
        self.lots: dict[str, Lot] = {}
        self.leases: dict[str, LeaseRow] = {}
        self.requests: dict[str, RequestRow] = {}
        self.entries: dict[str, Entry] = {}
        self.charges: dict[tuple[str, int], ChargeRow] = {}
        self.attempts: dict[tuple[str, int], AttemptRow] = {}
        self.objects: dict[str, ObjectRow] = {}
        self.suspense: dict[tuple[str, int], SuspenseRow] = {}
        self.positions: dict[str, int] = {}
        self.alarms: list[str] = []

    # --- verbs ---

    def fund(self, lot: str, amount: int, at_ns: int = 1, expires_at_ns: int = 0, account: str = "acc") -> None:
        row, entry = fund_lot(Lot(lot, account, "CNY", "paid", at_ns, expires_at_ns), amount, at_ns)
        self.lots[lot] = row
        self.entries[entry.id] = check_entry(entry)

    def expire(self, now_ns: int) -> None:
        for lot in list(self.lots.values()):
            found = expire_lot(lot, now_ns)
            if found:
                self.lots[lot.id] = move_lot(lot, found[0])
                self.entries[found[1].id] = found[1]

    def lend(self, writer: str, ask: Ask, now_ns: int = 1) -> Loan:
        lots = [lot for lot in self.lots.values() if lot.account == ask.account]
        leases = [row for row in self.leases.values() if row.account == ask.account and LEASE[row.state]]
        loan = lend(LendView(writer, ask, now_ns, self.epoch, lots, leases))
        for row in loan.opened:
            assert row.id not in self.leases
            self.leases[row.id] = row
        self._move_leases(loan.leases)
        for delta in loan.lots:
            self.lots[delta.lot] = move_lot(self.lots[delta.lot], delta)
        return loan

    def renew(self, writer: str, leases: Iterable[str]) -> tuple[str, ...]:
        return renew([self.leases[name] for name in leases if name in self.leases], writer, self.epoch)

    def post(self, writer: str, items: list[Item], start: int = 0, now_ns: int = 10**9, segment: str = "") -> Plan:
        wanted = needs(items)
        view = BatchView(
            writer, segment or f"{writer}.seg", start, "0", now_ns, self.epoch, items,
            {name: self.requests[name] for name in wanted.requests if name in self.requests},
            {name: self.leases[name] for name in wanted.leases if name in self.leases},
            {name: self.lots[name] for name in wanted.lots if name in self.lots}, self.cards)
        before = deepcopy(view.requests)
        plan = book(view)
        assert view.requests == before, "a decision changed the rows it was shown"
        self.apply(plan)
        if not segment:
            self.positions[writer] = items[-1][0] if items else start
        return plan

    def end(self, writer: str, now_ns: int = 2 * 10**9) -> Plan:
        return self.apply(end_writer(self._end_view(writer, now_ns)))

    def forget(self, writer: str, now_ns: int = 2 * 10**9) -> Plan:
        return self.apply(forget_writer(self._end_view(writer, now_ns)))

    def lose(self, writer: str) -> None:
        self._move_leases(lose_writer(self._leases_of(writer).values()))

    def find(self, writer: str) -> None:
        self._move_leases(find_writer(self._leases_of(writer).values()))

    def backup(self) -> MemBooks:
        return deepcopy(self)

    # --- applying ---

    def apply(self, plan: Plan) -> Plan:
        """As a store would: keys are unique, movements keep the lot identity, one movement per row."""
        assert len({delta.lot for delta in plan.lots}) == len(plan.lots)
        assert len({delta.lease for delta in plan.leases}) == len(plan.leases)
        for entry in plan.entries:
            assert entry.id not in self.entries
            self.entries[entry.id] = check_entry(entry)
        for charge in plan.charges:
            assert (charge.request, charge.number) not in self.charges
            assert charge.amount_minor and charge.entry in self.entries
            self.charges[charge.request, charge.number] = charge
        for attempt in plan.attempts:
            assert (attempt.request, attempt.attempt.number) not in self.attempts
            self.attempts[attempt.request, attempt.attempt.number] = attempt
        for row in plan.requests:
            self.requests[row.id] = row
        for waiting in plan.suspense:
            self.suspense[waiting.segment, waiting.position] = waiting
        self.objects.update({one.object: one for one in plan.objects})
        for delta in plan.lots:
            self.lots[delta.lot] = move_lot(self.lots[delta.lot], delta)
        self._move_leases(plan.leases)
        self.alarms += plan.alarms
        return plan

    def _move_leases(self, deltas: Iterable[LeaseDelta]) -> None:
        for delta in deltas:
            row = self.leases[delta.lease]
            self.leases[delta.lease] = LeaseRow(
                row.id, row.lot, row.account, row.writer, row.epoch, delta.state,
                row.granted_minor + delta.granted_minor, row.posted_minor + delta.posted_minor,
                row.returned_minor + delta.returned_minor, row.created_at_ns)
            assert self.leases[delta.lease].left_minor >= 0
            assert self.leases[delta.lease].posted_minor >= 0

    def _leases_of(self, writer: str) -> dict[str, LeaseRow]:
        return {row.id: row for row in self.leases.values() if row.writer == writer}

    def _end_view(self, writer: str, now_ns: int) -> EndView:
        rows = {row.id: row for row in self.requests.values() if row.writer == writer and row.state in OPEN}
        return EndView(writer, "0", now_ns, self.epoch, rows, self._leases_of(writer), self.lots)

    # --- looking ---

    def audit(self) -> list[str]:
        """All findings of the audit over everything."""
        leases: dict[str, LeaseSums] = {}
        for row in self.leases.values():
            sums = leases.get(row.lot, LeaseSums(row.lot, 0, 0))
            doubtful = row.state == "in_doubt"
            leases[row.lot] = LeaseSums(row.lot, sums.live_minor + row.left_minor * (not doubtful),
                                        sums.in_doubt_minor + row.left_minor * doubtful)
        charges: dict[str, int] = {}
        shares: dict[str, int] = {}
        for charge in self.charges.values():
            shares[charge.entry] = shares.get(charge.entry, 0) + charge.amount_minor
            if charge.kind == "charged":
                charges[charge.lot] = charges.get(charge.lot, 0) + charge.amount_minor
        return audit_books(Books(tuple(self.lots.values()), leases, self._request_sums(),
                                 fold_entries(self.entries.values()), charges, self.entries.values(), shares))

    def _request_sums(self) -> list[RequestSums]:
        sums: dict[tuple[str, str], list[int]] = {}
        for row in self.requests.values():
            if row.closed_at_ns and row.state != "refused":
                total = sums.setdefault((row.account, row.unit), [0, 0, 0, 0])
                figures = (row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor)
                for place, amount in enumerate(figures):
                    total[place] += amount
                assert sum(part.amount_minor for part in row.parts) == row.charged_minor
        return [RequestSums(account, unit, *total) for (account, unit), total in sums.items()]

    def available(self) -> int:
        return sum(lot.available_minor for lot in self.lots.values())

    def posted(self) -> int:
        return sum(lot.posted_minor for lot in self.lots.values())
