"""Credit in and out of a wallet: lot and ledger move together."""

from __future__ import annotations

import msgspec
import pytest

from tokenworks.errors import AmountOutOfRange, Invalid
from tokenworks.ledger.folds import fold_entries
from tokenworks.ledger.funding import expire_lot, fund_lot, refund_lot, transfer_lot
from tokenworks.ledger.lots import Lot, lot_faults, move_lot

EMPTY = Lot("l1", "acc", "CNY", "paid", 5, expires_at_ns=1_000, cause="pay-1")


def test_topup() -> None:
    lot, entry = fund_lot(EMPTY, 100, 5)
    assert lot_faults(lot) == [] and lot.available_minor == 100
    assert fold_entries([entry]) == {("wallet:l1", "CNY"): 100, ("funding:paid", "CNY"): -100}
    assert (entry.cause, entry.ref, entry.owner) == ("topup", "pay-1", "acc")


def test_bad_topups() -> None:
    for amount in (0, -1):
        with pytest.raises(Invalid):
            fund_lot(EMPTY, amount, 5)
    with pytest.raises(Invalid, match="expires_at"):
        fund_lot(EMPTY, 1, 1_000)
    with pytest.raises(AmountOutOfRange):
        fund_lot(EMPTY, 2**63, 5)


def test_refund() -> None:
    lot, topup = fund_lot(EMPTY, 100, 5)
    delta, entry = refund_lot(lot, 40, 9, "asked for")
    assert move_lot(lot, delta).available_minor == 60
    assert fold_entries([topup, entry]) == {("wallet:l1", "CNY"): 60, ("funding:paid", "CNY"): -60}


def test_refund_bounds() -> None:
    lot, _ = fund_lot(EMPTY, 100, 5)
    lent = msgspec.structs.replace(lot, leased_minor=90, available_minor=10)
    for amount in (0, 11):
        with pytest.raises(Invalid, match=r"this lot has 0\.00000001 CNY to refund"):
            refund_lot(lent, amount, 9, "")


def test_expiry() -> None:
    """Only what is available expires; what is lent comes back later and expires then."""
    lot, topup = fund_lot(EMPTY, 100, 5)
    lent = msgspec.structs.replace(lot, leased_minor=30, available_minor=70)
    assert expire_lot(lent, 999) is None
    found = expire_lot(lent, 1_000)
    assert found is not None
    gone = move_lot(lent, found[0])
    assert (gone.expired_minor, gone.available_minor, gone.leased_minor) == (70, 0, 30)
    assert fold_entries([topup, found[1]])["breakage", "CNY"] == 70
    assert expire_lot(gone, 1_001) is None


def test_transfer() -> None:
    lot, topup = fund_lot(EMPTY, 100, 5)
    delta, target, entry = transfer_lot(lot, Lot("l2", "sub", "CNY", "paid", 9), 30, 9)
    assert lot_faults(move_lot(lot, delta)) == [] and lot_faults(target) == []
    assert fold_entries([topup, entry]) == {
        ("wallet:l1", "CNY"): 70, ("funding:paid", "CNY"): -100, ("wallet:l2", "CNY"): 30}
    with pytest.raises(Invalid, match="cannot become USD"):
        transfer_lot(lot, Lot("l3", "sub", "USD", "paid", 9), 30, 9)
    with pytest.raises(Invalid, match="left"):
        transfer_lot(lot, Lot("l3", "sub", "CNY", "paid", 9), 101, 9)
