"""Statements run from balance to balance; spans that touch join without a gap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.ledger.entries import Cause, Entry, Posting
from tokenworks.ledger.statement import draw_statement


def entry(at_ns: int, cause: Cause, *amounts: tuple[str, int]) -> Entry:
    postings = tuple(Posting(f"wallet:{lot}", "CNY", amount) for lot, amount in amounts)
    rest = Posting("revenue:0", "CNY", -sum(amount for _, amount in amounts))
    return Entry(f"ent_{at_ns:03}", cause, "ref", "acc", at_ns, at_ns, "", (*postings, rest))


ENTRIES = [entry(10, "topup", ("l1", 100)), entry(20, "usage", ("l1", -30)), entry(30, "topup", ("l2", 50)),
           entry(40, "usage", ("l1", -20), ("l2", -5)), entry(50, "usage", ("other", -7))]


def test_span() -> None:
    found = draw_statement("acc", "CNY", {"l1", "l2"}, reversed(ENTRIES), (20, 40), 99)
    assert (found.opening_minor, found.closing_minor, found.as_of_ns) == (100, 120, 99)
    assert [(line.lot, line.amount_minor, line.balance_minor) for line in found.lines] == [
        ("l1", -30, 70), ("l2", 50, 120)]
    assert found.sums == {"usage": -30, "topup": 50}


def test_all_lots() -> None:
    found = draw_statement("acc", "CNY", {"l1", "l2"}, ENTRIES, (0, 100), 99)
    assert (found.opening_minor, found.closing_minor) == (0, 95)
    assert len(found.lines) == 5


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["l1", "l2", "l3"]), st.integers(-99, 99)), max_size=20),
       st.integers(0, 60))
def test_spans_join(rows: list[tuple[int, str, int]], middle: int) -> None:
    entries = [entry(at, "usage", (lot, amount)) for at, lot, amount in rows]
    first = draw_statement("acc", "CNY", {"l1", "l2"}, entries, (0, middle), 99)
    second = draw_statement("acc", "CNY", {"l1", "l2"}, entries, (middle, 99), 99)
    whole = draw_statement("acc", "CNY", {"l1", "l2"}, entries, (0, 99), 99)
    assert first.closing_minor == second.opening_minor
    assert second.closing_minor == whole.closing_minor == sum(amount for _, lot, amount in rows if lot != "l3")
    assert len(first.lines) + len(second.lines) == len(whole.lines)
    for one in (first, second, whole):
        assert one.closing_minor == one.opening_minor + sum(one.sums.values())
