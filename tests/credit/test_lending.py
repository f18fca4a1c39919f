"""Lending: burn order, the share beyond the need, all or nothing for new requests, and who is asked to give back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.credit.lending import lease_id, lend, lot_rank, renew
from tokenworks.credit.messages import Ask
from tokenworks.credit.rows import LeaseDelta, LeaseRow, LendView, Loan, RecallFrom
from tokenworks.ledger.lots import Lot, burn_order, move_lot
from tokenworks.limits import LEASE_VALIDITY_S

NOW = 1_790_000_000_000_000_000
MINUTE = 60 * 10**9


def lot(name: str, available: int, expires: int = 0, created: int = NOW) -> Lot:
    return Lot(name, "acc", "CNY", "paid", created, expires, credited_minor=available, available_minor=available)


def ask(need: int, kind: str = "cut", keep: int = 0, spend: int = 0) -> Ask:
    return Ask(1, "acc", need, "cut" if kind == "cut" else "extend", spend, keep)


def loan(what: Ask, *lots: Lot, leases: tuple[LeaseRow, ...] = (), writer: str = "w") -> Loan:
    found = lend(LendView(writer, what, NOW, 3, list(lots), list(leases)))
    by_id = {one.id: one for one in lots}
    for delta in found.lots:
        by_id[delta.lot] = move_lot(by_id[delta.lot], delta)
    assert sum(one.available_minor for one in by_id.values() if one.expires_at_ns not in range(1, NOW + 1)
               ) == found.available_minor
    assert {grant.lot: grant.amount_minor for grant in found.grants} == {
        delta.lot: delta.leased_minor for delta in found.lots}
    return found


def lent(found: Loan) -> dict[str, int]:
    return {grant.lot: grant.amount_minor for grant in found.grants}


@pytest.mark.parametrize(("what", "expected"), [
    (ask(100), {"a": 200}),  # the need, and as much again: below 10 % of 10,000
    (ask(2_000), {"a": 3_000}),  # and 10 %
    (ask(100, spend=5), {"a": 400}),  # and 60 s of spend
    (ask(100, spend=10_000), {"a": 1_100}),
    (ask(100, keep=400), {"a": 1_000}),
    (ask(9_950), {"a": 10_000}),
    (ask(-5), {}),
])
def test_share(what: Ask, expected: dict[str, int]) -> None:
    assert lent(loan(what, lot("a", 10_000))) == expected


def test_burn_order() -> None:
    lots = lot("new", 50), lot("old", 30, created=1), lot("soon", 20, NOW + 1), lot("gone", 500, NOW), lot("dry", 0)
    found = loan(ask(80), *lots)
    assert lent(found) == {"soon": 20, "old": 30, "new": 40}
    assert [grant.lot for grant in sorted(found.grants, key=lambda one: one.rank)] == ["soon", "old", "new"]
    assert {(grant.valid_s, grant.books_epoch, grant.account) for grant in found.grants} == {
        (LEASE_VALIDITY_S, 3, "acc")}


def test_cut_all_or_nothing() -> None:
    """What cannot be covered is not begun, and what is there stays for running streams."""
    found = loan(ask(80, keep=21), lot("a", 100))
    assert (lent(found), found.shortfall_minor, found.available_minor) == ({}, 1, 100)
    assert lent(loan(ask(80, keep=20), lot("a", 100))) == {"a": 100}


def test_extend_takes_rest() -> None:
    found = loan(ask(120, "extend"), lot("a", 100))
    assert (lent(found), found.shortfall_minor, found.available_minor) == ({"a": 100}, 20, 0)
    assert loan(ask(120, "extend")).shortfall_minor == 120


def lease(name: str, writer: str, of: str = "a", state: str = "valid", epoch: int = 3, left: int = 40) -> LeaseRow:
    return LeaseRow(name, of, "acc", writer, epoch, state, left + 10, 10)


@pytest.mark.parametrize(("kind", "hard", "amount"), [("cut", False, 40), ("extend", True, 20)])
def test_recalls(kind: str, hard: bool, amount: int) -> None:
    """Every other living writer with something left is asked: for all of it, or for a stream for what is missing."""
    leases = (lease("1", "w"), lease("2", "x"), lease("3", "y", left=0), lease("4", "z", state="in_doubt"),
              lease("5", "v", "b", left=7))
    found = loan(ask(120, kind), lot("a", 100), leases=leases)
    assert found.recalls == [RecallFrom("x", "a", amount, hard), RecallFrom("v", "b", 7, hard)]
    assert loan(ask(50, kind), lot("a", 100), leases=leases).recalls == []


@pytest.mark.parametrize(("least", "expected"), [(0, {}), (101, {}), (100, {"a": 100}), (1, {"a": 100})])
def test_part_for_some(least: int, expected: dict[str, int]) -> None:
    """An ask that speaks for many gets what there is, when it is enough for one of them."""
    found = loan(Ask(1, "acc", 150, "cut", least_minor=least), lot("a", 100))
    assert (lent(found), found.shortfall_minor) == (expected, 50)


def test_lease_grows() -> None:
    """One living lease per writer, lot and epoch: it grows; any other is opened anew."""
    found = loan(ask(10), lot("a", 1_000), leases=(lease("1", "w"),))
    assert (found.leases, found.opened) == ([LeaseDelta("1", "valid", granted_minor=20)], [])
    assert found.grants[0].lease == "1"
    for other in (lease("1", "x"), lease("1", "w", "b"), lease("1", "w", epoch=2), lease("1", "w", state="in_doubt")):
        opened = loan(ask(10), lot("a", 1_000), leases=(other,)).opened
        assert [(row.lot, row.writer, row.epoch, row.granted_minor) for row in opened] == [("a", "w", 3, 20)]


def test_lease_ids() -> None:
    ids = {lease_id(*args) for args in (("w", "l", 1, 5), ("w", "l", 2, 5), ("w", "m", 1, 5), ("x", "l", 1, 5),
                                        ("w", "l", 1, 6))}
    assert len(ids) == 5 and lease_id("w", "l", 1, 5) in ids
    assert all(len(one) == 20 and one.startswith("lse_") for one in ids)


def test_renewal() -> None:
    leases = [lease("1", "w"), lease("2", "x"), lease("3", "w", state="in_doubt"), lease("4", "w", epoch=2)]
    assert renew(leases, "w", 3) == ("1",)


@given(st.lists(st.tuples(st.integers(0, 2**62), st.booleans(), st.integers(0, 2**62)), min_size=2, max_size=6))
def test_rank_keeps_order(rows: list[tuple[int, bool, int]]) -> None:
    """The rank orders as the books do, down to a minute of expiry and a millisecond of creation, in 63 bits."""
    lots = [Lot(str(number), "acc", "CNY", "paid", created, expires * ends)
            for number, (expires, ends, created) in enumerate(rows)]
    ranks = [lot_rank(one) for one in burn_order(lots)]
    assert all(0 <= rank < 2**63 for rank in ranks)
    for before, after in pairwise(burn_order(lots)):
        if lot_rank(before) > lot_rank(after):
            assert before.expires_at_ns // MINUTE == after.expires_at_ns // MINUTE


@given(st.lists(st.integers(0, 500), max_size=4), st.integers(0, 800), st.integers(0, 200), st.integers(0, 9),
       st.sampled_from(["cut", "extend"]))
def test_never_too_much(lots: list[int], need: int, keep: int, spend: int, kind: str) -> None:
    found = loan(ask(need, kind, keep, spend), *(lot(str(place), amount) for place, amount in enumerate(lots)))
    total, granted = sum(lots), sum(lent(found).values())
    assert granted + found.available_minor == total
    assert found.shortfall_minor == max(0, need + keep - total)
    if found.shortfall_minor:
        assert granted == (0 if kind == "cut" else total)
    else:
        assert need + keep <= granted <= need + keep + max(total // 10, 0)
