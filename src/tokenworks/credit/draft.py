"""A plan in the making: what requests pay, gathered into one entry per lot, per account and for the operator's cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tokenworks.credit.records import Attempt, Part
from tokenworks.credit.rows import AttemptRow, ChargeRow, LeaseRow, Plan, RequestRow
from tokenworks.credit.stock import Stock
from tokenworks.ledger import accounts
from tokenworks.ledger.entries import Cause, Entry, Posting, check_entry, entry_id, period_of
from tokenworks.ledger.lots import Lot

AMENDED_FROM = 1000  # shares of a closing are fewer (verdict.PARTS_MAX)


class Origin(msgspec.Struct, frozen=True):
    """What a plan is made from: it names the plan's entries, so that the same cause makes the same ids."""

    ref: str  # segment@position, or a writer's end
    shard: str
    now_ns: int
    epoch: int


class _Sheet:
    """An entry in the making."""

    __slots__ = ("cause", "id", "occurred_at_ns", "owner", "sums")

    def __init__(self, number: str, cause: Cause, owner: str) -> None:
        self.id = number
        self.cause: Cause = cause
        self.owner = owner
        self.occurred_at_ns = 0
        self.sums: dict[tuple[str, str], int] = {}

    def add(self, account: str, unit: str, amount_minor: int) -> None:
        self.sums[account, unit] = self.sums.get((account, unit), 0) + amount_minor


class Draft:
    """Books requests' shares; `plan` is what came of it. Rows passed in are changed: they must be the caller's own."""

    def __init__(self, origin: Origin, lots: Mapping[str, Lot], leases: Mapping[str, LeaseRow]) -> None:
        self.stock = Stock(lots, leases, origin.epoch)
        self._origin = origin
        self._sheets: dict[tuple[Cause, str, str], _Sheet] = {}
        self._plan = Plan()
        self.alarms = self._plan.alarms
        self._revenue = accounts.revenue(origin.shard)
        self._numbers: dict[tuple[str, int], int] = {}

    def pay(self, row: RequestRow, part: Part) -> Part:
        """Charge a part to its lot; the part as it could be booked, perhaps of nothing."""
        booked = self.stock.charge(part)
        if booked < part.amount_minor:
            self.alarms.append(f"request {row.id}: lease {part.lease} of lot {part.lot} could not pay "
                               f"{part.amount_minor - booked}: charged to overrun:{row.account}")
        return self._share_lot(row, part, booked)

    def repay(self, row: RequestRow, part: Part, amount_minor: int) -> Part:
        """Give back a share of what a part paid; as a part of a negative amount."""
        self.stock.refund(part, amount_minor)
        return self._share_lot(row, part, -amount_minor)

    def forgo(self, row: RequestRow, kind: Literal["waived", "overrun"], amount_minor: int) -> None:
        """The operator bears a share, or bears less of it than before."""
        if not amount_minor:
            return
        sheet = self._sheet("unfunded", row.account, row)
        account = accounts.waived(row.account) if kind == "waived" else accounts.overrun(row.account)
        self._share(sheet, row, ChargeRow(row.id, self._number(row), kind, account, row.unit, amount_minor, sheet.id))

    def spend(self, row: RequestRow, attempt: Attempt) -> None:
        """Book what an attempt cost the operator, charged or not."""
        entry = ""
        if attempt.cost_minor:
            sheet = self._sheet("cost", "", row)
            sheet.add(accounts.cost(attempt.deployment), attempt.cost_unit, -attempt.cost_minor)
            sheet.add(accounts.payable(attempt.deployment), attempt.cost_unit, attempt.cost_minor)
            self._name(row, sheet)
            entry = sheet.id
        self._plan.attempts.append(AttemptRow(row.id, attempt, entry))

    def plan(self, requests: list[RequestRow]) -> Plan:
        """All of it, with the rows to put."""
        plan = self._plan
        plan.requests = requests
        plan.entries = [self._entry(sheet) for sheet in self._sheets.values()]
        plan.lots = self.stock.lot_deltas()
        plan.leases = self.stock.lease_deltas()
        return plan

    def _share_lot(self, row: RequestRow, part: Part, amount_minor: int) -> Part:
        lot = self.stock.lot(part.lot)
        if amount_minor and lot:
            sheet = self._sheet("usage", part.lot, row)
            sheet.owner = lot.account
            self._share(sheet, row, ChargeRow(row.id, self._number(row), "charged", accounts.wallet(part.lot),
                                              row.unit, amount_minor, sheet.id, part.segment, part.lot, part.lease))
        return Part(part.segment, part.lot, part.lease, amount_minor)

    def _share(self, sheet: _Sheet, row: RequestRow, share: ChargeRow) -> None:
        sheet.add(share.account, share.unit, -share.amount_minor)
        sheet.add(self._revenue, share.unit, share.amount_minor)
        self._plan.charges.append(share)
        self._name(row, sheet)

    def _number(self, row: RequestRow) -> int:
        """The share's number within its request: an amendment, booked later, counts from where no closing comes."""
        first = AMENDED_FROM if row.amended_at_ns else 0
        number = self._numbers.get((row.id, first), first)
        self._numbers[row.id, first] = number + 1
        return number

    def _sheet(self, cause: Cause, of: str, row: RequestRow) -> _Sheet:
        """The entry of a cause: usage per lot, unfunded per account, cost as one; never of two units."""
        place = (cause, of, row.unit if cause == "unfunded" else "")
        sheet = self._sheets.get(place)
        if sheet is None:
            number = entry_id(self._origin.now_ns, self._origin.ref, *place)
            sheet = self._sheets[place] = _Sheet(number, cause, row.account if of else "")
        sheet.occurred_at_ns = max(sheet.occurred_at_ns, row.closed_at_ns, row.amended_at_ns)
        return sheet

    def _name(self, row: RequestRow, sheet: _Sheet) -> None:
        if sheet.id not in row.entries:
            row.entries = (*row.entries, sheet.id)

    def _entry(self, sheet: _Sheet) -> Entry:
        now_ns = self._origin.now_ns
        postings = tuple(Posting(account, unit, amount) for (account, unit), amount in sheet.sums.items())
        return check_entry(Entry(sheet.id, sheet.cause, self._origin.ref, sheet.owner, sheet.occurred_at_ns, now_ns,
                                 period_of(now_ns), postings))
