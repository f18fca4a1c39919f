"""Plans in the making: one entry per lot, per account and for cost; shares that sum to them; ids from causes."""

from __future__ import annotations

from tests.credit.samples import part

from tokenworks.credit.draft import AMENDED_FROM, Draft, Origin
from tokenworks.credit.records import Attempt
from tokenworks.credit.rows import LeaseRow, Plan, RequestRow
from tokenworks.credit.verdict import PARTS_MAX
from tokenworks.ledger.folds import fold_entries
from tokenworks.ledger.lots import Lot

ORIGIN = Origin("seg@0", "7", 10**18, 1)
LOTS = {name: Lot(name, "owner", "CNY", "paid", 1, credited_minor=100, leased_minor=60, available_minor=40)
        for name in ("l1", "l2")}
LEASES = {name: LeaseRow(name, name.lower(), "owner", "w", 1, "valid", 60) for name in ("L1", "L2")}


def row(name: str = "r1", account: str = "acc") -> RequestRow:
    return RequestRow(name, account, "key", "w", "posted", 1, "chat", "m", unit="CNY", closed_at_ns=5)


def draft(ref: str = "seg@0") -> Draft:
    return Draft(Origin(ref, "7", 10**18, 1), LOTS, LEASES)


def shares(plan: Plan) -> dict[str, int]:
    sums: dict[str, int] = {}
    for charge in plan.charges:
        sums[charge.entry] = sums.get(charge.entry, 0) + charge.amount_minor
    return sums


def test_one_entry_per_lot() -> None:
    found, one, two = draft(), row("r1"), row("r2")
    two.closed_at_ns = 9
    assert found.pay(one, part(10)) == part(10)
    assert found.pay(two, part(5)) == part(5)
    assert found.pay(two, part(4, "L2", 1)) == part(4, "L2", 1)
    plan = found.plan([one, two])
    assert [(entry.cause, entry.ref, entry.owner, entry.occurred_at_ns) for entry in plan.entries] == [
        ("usage", "seg@0", "owner", 9)] * 2
    assert fold_entries(plan.entries) == {
        ("wallet:l1", "CNY"): -15, ("wallet:l2", "CNY"): -4, ("revenue:7", "CNY"): 19}
    assert shares(plan) == {plan.entries[0].id: 15, plan.entries[1].id: 4}
    assert one.entries == (plan.entries[0].id,)
    assert two.entries == (plan.entries[0].id, plan.entries[1].id)
    assert [(charge.request, charge.number, charge.segment) for charge in plan.charges] == [
        ("r1", 0, 0), ("r2", 0, 0), ("r2", 1, 1)]


def test_what_cannot_be_paid() -> None:
    found, one = draft(), row()
    assert found.pay(one, part(70)) == part(60)
    assert found.pay(one, part(5, "L1", 1)) == part(0, "L1", 1)
    plan = found.plan([one])
    assert shares(plan) == {plan.entries[0].id: 60}
    assert plan.alarms[0] == "request r1: lease L1 of lot l1 could not pay 10: charged to overrun:acc"
    assert len(plan.alarms) == 2


def test_operator_bears() -> None:
    found, one = draft(), row()
    found.forgo(one, "overrun", 7)
    found.forgo(one, "waived", 2)
    found.forgo(one, "waived", 0)
    plan = found.plan([one])
    assert len(plan.entries) == 1 and plan.entries[0].cause == "unfunded"
    assert fold_entries(plan.entries) == {
        ("overrun:acc", "CNY"): -7, ("waived:acc", "CNY"): -2, ("revenue:7", "CNY"): 9}
    assert [(charge.kind, charge.number) for charge in plan.charges] == [("overrun", 0), ("waived", 1)]


def test_costs() -> None:
    found, one = draft(), row()
    found.spend(one, Attempt(1, "d1", "failed", cost_minor=3, cost_unit="USD"))
    found.spend(one, Attempt(2, "d2", "served", cost_minor=4, cost_unit="CNY"))
    found.spend(one, Attempt(3, "d2", "refused"))
    plan = found.plan([one])
    assert len(plan.entries) == 1 and plan.entries[0].owner == ""
    assert fold_entries(plan.entries) == {("cost:d1", "USD"): -3, ("payable:d1", "USD"): 3,
                                          ("cost:d2", "CNY"): -4, ("payable:d2", "CNY"): 4}
    assert [(one.attempt.number, one.entry) for one in plan.attempts] == [
        (1, plan.entries[0].id), (2, plan.entries[0].id), (3, "")]


def test_repay() -> None:
    found, one = draft(), row()
    found.pay(one, part(10))
    assert found.repay(one, part(10), 4) == part(-4)
    plan = found.plan([one])
    assert shares(plan) == {plan.entries[0].id: 6}
    assert (plan.lots[0].posted_minor, plan.lots[0].leased_minor) == (6, -6)


def test_zero_entry_stays() -> None:
    """An entry that shares refer to is written, also when they come to nothing together."""
    found, one = draft(), row()
    found.pay(one, part(10))
    found.repay(one, part(10), 10)
    plan = found.plan([one])
    assert {charge.entry for charge in plan.charges} == {entry.id for entry in plan.entries}
    assert plan.lots == []


def test_ids_from_cause() -> None:
    """The same batch makes the same entries; another batch others. An amendment's shares never meet a closing's."""
    plans = []
    for ref in ("seg@0", "seg@0", "seg@900"):
        found, one = draft(ref), row()
        found.pay(one, part(10))
        plans.append(found.plan([one]))
    assert plans[0].entries[0].id == plans[1].entries[0].id != plans[2].entries[0].id
    found, one = draft(), row()
    one.amended_at_ns = 8
    found.pay(one, part(10))
    assert found.plan([one]).charges[0].number == AMENDED_FROM > PARTS_MAX + 2
