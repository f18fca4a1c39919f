"""Who waits for credit: the order, the number of asks, and that nobody is refused what is there."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.credit.messages import Answer, Ask, LeaseGrant
from tokenworks.credit.purse import Short
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.till import Till


class Customer:
    """A waiting request ("cut") or stream ("extend") as the till sees it."""

    def __init__(self, till: Till, need: int, kind: Literal["cut", "extend"] = "cut", opened_ns: int = 0) -> None:
        self.till, self.kind, self.opened_ns = till, kind, opened_ns
        self.need_minor, self.keep_minor, self.rounds = need, 0, 0
        self.short_minor, self.short_keep_minor = need, 0
        self.state = "waiting"
        self.available = -1

    def take_credit(self) -> bool:
        found = self.till.purse.cut(self.need_minor, 0, 1)
        if isinstance(found, Short):
            self.short_minor, self.short_keep_minor = found.need_minor, found.keep_minor
            return False
        self.state = "served"
        return True

    def weigh(self) -> None:
        """Nothing to count."""

    def no_credit(self, available_minor: int) -> None:
        self.state, self.available = "denied", available_minor


class Lender:
    """Lends as the books do: what there is when it helps anybody, and a tenth of what is left on top."""

    def __init__(self, till: Till, available: int) -> None:
        self.till, self.available, self.asks = till, available, 0

    def settle(self) -> None:
        """Asks and answers until nobody asks any more."""
        while (ask := self.till.next_ask(self.asks + 1)) is not None:
            self.asks += 1
            assert self.asks < 50
            self._answer(ask)

    def _answer(self, ask: Ask) -> None:
        need = ask.need_minor + ask.keep_minor
        amount = min(self.available, need + min(need, self.available // 10))
        if self.available < need and ask.kind == "cut" and self.available < ask.least_minor:
            amount = 0
        self.available -= amount
        grant = LeaseGrant("lease", "lot", "acc", amount, 0, 60, 1)
        if amount:
            self.till.purse.grant(grant, 0)
        answer = Answer(ask.id, "acc", (grant,) if amount else (), self.available)
        self.till.granted(answer)
        self.till.answered(answer)


def make_till() -> Till:
    return Till("acc", 1, Budget(1 << 40))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(0, 20_000))
def test_nobody_refused_in_vain(needs: list[int], money: int) -> None:
    till = make_till()
    waiting = [Customer(till, need) for need in needs]
    for one in waiting:
        till.enter(one)
    lender = Lender(till, money)
    lender.settle()
    left = lender.available + till.purse.free_minor
    assert till.waiting == [] and {one.state for one in waiting} <= {"served", "denied"}
    assert left + till.purse.held_minor == money
    for one in waiting:
        assert one.state == "served" or one.need_minor > left
    if sum(needs) <= money:
        assert all(one.state == "served" for one in waiting) and lender.asks <= 2


@given(st.integers(2, 200), st.integers(1, 50))
def test_few_asks(count: int, funded: int) -> None:
    """Equal requests: a handful of round trips decides about all of them."""
    till = make_till()
    waiting = [Customer(till, 100) for _ in range(count)]
    for one in waiting:
        till.enter(one)
    lender = Lender(till, funded * 100 + 50)
    lender.settle()
    assert sum(one.state == "served" for one in waiting) == min(count, funded)
    assert lender.asks <= 2


def test_order() -> None:
    """Streams before requests, the oldest stream first; requests as they came."""
    till = make_till()
    young, old = Customer(till, 1, "extend", 50), Customer(till, 1, "extend", 10)
    first, second = Customer(till, 1, "cut", 5), Customer(till, 1, "cut", 1)
    for one in (first, young, second, old):
        till.enter(one)
    assert till.waiting == [old, young, first, second]
    ask = till.next_ask(1)
    assert ask is not None and ask.kind == "extend" and ask.need_minor == 2
    assert till.next_ask(2) is None, "one ask at a time"


def test_stream_stays_for_topup() -> None:
    """A stream that was refused stays in line and takes the first credit that comes; it is not asked for again."""
    till = make_till()
    stream = Customer(till, 100, "extend")
    till.enter(stream)
    lender = Lender(till, 0)
    lender.settle()
    assert stream.state == "denied" and till.waiting == [stream] and till.next_ask(9) is None
    till.purse.grant(LeaseGrant("lease", "lot", "acc", 100, 0, 60, 1), 0)
    till.serve()
    assert stream.state == "served" and till.waiting == []


def test_ahead_of_need() -> None:
    """What is spent per second decides when more is asked for before anybody waits."""
    till = make_till()
    assert till.low_ask(1) is None
    till.spent_minor = 1000
    till.beat(500)
    assert till.rate_minor_per_s == 500
    ask = till.low_ask(1)
    assert ask is not None and (ask.need_minor, ask.spend_minor_per_s) == (0, 500)
    till.answered(Answer(1, "acc"))
    till.purse.grant(LeaseGrant("lease", "lot", "acc", 2500, 0, 60, 1), 0)
    assert till.low_ask(2) is None
