"""Nobody is refused for credit that another gateway has free: ask, recall, post what comes back, ask once more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.credit.membooks import MemBooks
from tests.credit.worker import Worker, deliver

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import Ask
from tokenworks.credit.purse import Purse, Short


def ask(books: MemBooks, workers: list[Worker], asking: Worker, short: Short, at: int) -> int:
    """One round: what is lent arrives, what is recalled is written and posted. What was missing."""
    loan = books.lend(asking.writer, Ask(1, "acc", short.need_minor, "cut", 0, short.keep_minor), at)
    deliver(asking.purse, loan.grants, at)
    for recall in loan.recalls:
        other = next(one for one in workers if one.writer == recall.writer)
        other.write(*other.purse.give_back(recall.lot, recall.amount_minor, recall.hard, at))
        start = books.positions.get(other.writer, 0)
        books.post(other.writer, [item for item in other.journal if item[0] > start], start, at)
    return loan.shortfall_minor


def cut(books: MemBooks, workers: list[Worker], which: int, need: int, keep: int) -> Hold | Short:
    """As a gateway does: from the purse; else ask, once more after a recall."""
    worker, at = workers[which], 10 * len(books.leases) + 1
    for _ in range(2):
        hold = worker.purse.cut(need, keep, 1)
        if isinstance(hold, Hold):
            return hold
        if not ask(books, workers, worker, hold, at):
            return worker.purse.cut(need, keep, 1)
        at += 1
    return worker.purse.cut(need, keep, 1)


def spare(books: MemBooks, workers: list[Worker]) -> int:
    """What is lent to nobody, or free at somebody beyond what he keeps."""
    free = sum(max(0, one.purse.free_minor - one.purse.kept_minor) for one in workers)
    return free + books.available()


@given(st.lists(st.integers(1, 300), min_size=1, max_size=3),
       st.lists(st.tuples(st.integers(0, 2), st.integers(1, 80), st.integers(0, 30), st.booleans()), max_size=15))
def test_no_false_refusal(lots: list[int], requests: list[tuple[int, int, int, bool]]) -> None:
    books = MemBooks()
    for number, amount in enumerate(lots):
        books.fund(f"lot{number}", amount, number + 1)
    workers = [Worker(f"h{number}/0/1", Purse("acc", 1)) for number in range(3)]
    for which, need, keep, ends in requests:
        there, own = spare(books, workers), workers[which].purse
        short = max(0, own.kept_minor - own.free_minor)  # what its streams lack comes first
        wanted = need + (keep if own.kept_minor or workers[which].running else 0) + short
        hold = cut(books, workers, which, need, keep)
        assert isinstance(hold, Hold) is (wanted <= there)
        assert books.audit() == []
        if isinstance(hold, Hold):
            request = workers[which].open(hold, "bill", 1)
            if ends:
                workers[which].close(request, need, 0, False, 1)
