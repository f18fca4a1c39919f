"""The audit is silent on sound books and finds each kind of damage: every check is shown to bite."""

from __future__ import annotations

import re

import msgspec
import pytest

from tokenworks.ledger.audit import Books, LeaseSums, RequestSums, audit_books
from tokenworks.ledger.entries import Entry, Posting
from tokenworks.ledger.folds import fold_entries
from tokenworks.ledger.lots import Lot

LOT = Lot("l1", "acc", "CNY", "paid", 1, credited_minor=100, posted_minor=30, leased_minor=50, available_minor=20)
TOPUP = Entry("e1", "topup", "", "acc", 1, 1, "", (
    Posting("funding:paid", "CNY", -100), Posting("wallet:l1", "CNY", 100)))
USAGE = Entry("e2", "usage", "", "acc", 1, 1, "", (Posting("wallet:l1", "CNY", -30), Posting("revenue:0", "CNY", 30)))
UNFUNDED = Entry("e3", "unfunded", "", "acc", 1, 1, "", (
    Posting("overrun:acc", "CNY", -2), Posting("waived:acc", "CNY", -3), Posting("revenue:0", "CNY", 5)))
COST = Entry("e4", "cost", "", "", 1, 1, "", (Posting("cost:d", "USD", -7), Posting("payable:d", "USD", 7)))
ENTRIES = (TOPUP, USAGE, UNFUNDED, COST)
SOUND = Books((LOT,), {"l1": LeaseSums("l1", 40, 10)}, (RequestSums("acc", "CNY", 35, 30, 3, 2),),
              fold_entries(ENTRIES), {"l1": 30}, ENTRIES, {"e2": 30, "e3": 5})


def test_sound_books() -> None:
    assert audit_books(SOUND) == []


def balances(**changed: int) -> dict[tuple[str, str], int]:
    found = dict(SOUND.balances)
    for name, amount in changed.items():
        found[name.replace("__", ":"), "CNY"] = amount
    return found


@pytest.mark.parametrize(("change", "finding"), [
    ({"lots": (msgspec.structs.replace(LOT, available_minor=21),)}, "lot l1: credited - refunded"),
    ({"lots": (msgspec.structs.replace(LOT, available_minor=-30, leased_minor=100),)}, "available_minor is -30"),
    ({"leases": {"l1": LeaseSums("l1", 40, 9)}}, "leased 50, its leases have 49 left"),
    ({"leases": {}}, "leased 50, its leases have 0 left"),
    ({"balances": balances(wallet__l1=71, funding__paid=-101)}, "the ledger has 71, leased \\+ available is 70"),
    ({"charges": {"l1": 29}}, "posted 30, requests' shares sum to 29"),
    ({"charges": {}}, "posted 30, requests' shares sum to 0"),
    ({"requests": (RequestSums("acc", "CNY", 36, 30, 3, 2),)}, "rated 36, charged \\+ waived \\+ overrun is 35"),
    ({"requests": (RequestSums("acc", "CNY", 35, 30, 2, 3),)}, "waived:acc has 3, its requests sum to 2"),
    ({"requests": (RequestSums("acc", "CNY", 34, 29, 3, 2),)}, "posted 30, all requests were charged 29"),
    ({"requests": ()}, "revenue in CNY is 35, all requests were rated 0"),
    ({"balances": balances(overrun__acc=-1)}, "the ledger is out of balance by 1 CNY"),
    ({"shares": {"e2": 30, "e3": 4}}, "entry e3 earned 5, its requests' shares sum to 4"),
    ({"shares": {"e2": 30, "e3": 5, "e4": 1}}, "entry e4 earned 0, its requests' shares sum to 1"),
    ({"entries": (msgspec.structs.replace(USAGE, postings=USAGE.postings[:1]),)}, "entry e2 is out of balance by -30"),
])
def test_damage_is_found(change: dict[str, object], finding: str) -> None:
    findings = audit_books(msgspec.structs.replace(SOUND, **change))
    assert re.search(finding, "\n".join(findings)), findings
