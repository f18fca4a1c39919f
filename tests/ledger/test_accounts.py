"""Names of ledger accounts, and the lot back out of one."""

from __future__ import annotations

from tokenworks.ledger import accounts


def test_names() -> None:
    assert [accounts.wallet("l1"), accounts.funding("paid"), accounts.revenue("0"), accounts.overrun("a"),
            accounts.waived("a"), accounts.cost("d"), accounts.payable("d")] == [
        "wallet:l1", "funding:paid", "revenue:0", "overrun:a", "waived:a", "cost:d", "payable:d"]


def test_lot_of() -> None:
    assert [accounts.lot_of(name) for name in ("wallet:l1", "wallet:a:b", "revenue:0", "suspense")] == [
        "l1", "a:b", "", ""]
