"""Which records the books believe: each way not to add up, as a table."""

from __future__ import annotations

import msgspec
import pytest
from tests.credit.samples import amended, closed, opened, part, progressed

from tokenworks.credit.records import Amended, Attempt, Closed, Progressed
from tokenworks.credit.rows import RequestRow
from tokenworks.credit.verdict import PARTS_MAX, check_amended, check_closed, check_opened, check_progressed
from tokenworks.limits import RECORD_AMOUNT_MAX
from tokenworks.usage.vector import Usage

ROW = RequestRow("r1", "acc", "key", "w", "estimated", 1, "chat", "m", charged_minor=20, shifted_minor=10)
change = msgspec.structs.replace


def test_good_records() -> None:
    assert check_opened(opened()) == ""
    assert check_progressed(progressed(10, part(4), part(3, "L2", 1))) == ""
    assert check_closed(closed(10, part(4), part(6, "L2", 1), waived=3, overrun=2)) == ""
    assert check_closed(closed(0)) == ""
    assert check_amended(amended(25, part(-9), part(4, "L2", 1)), ROW) == ""
    assert check_amended(amended(30), ROW) == ""


def test_bad_openings() -> None:
    assert check_opened(opened(unit="EUR")) == "its unit 'EUR' is unknown"
    assert check_opened(opened(held=-1)) == "the amount -1 is out of range"


@pytest.mark.parametrize(("record", "wrong"), [
    (progressed(10, part(11)), "its parts sum to 11, more than the 10 that was rated"),
    (progressed(10, part(-1)), "the amount -1 is out of range"),
    (progressed(10, part(1), part(1, "L2")), "two of its parts have one segment"),
    (change(progressed(10), usage=Usage(output=RECORD_AMOUNT_MAX + 1)), "a count of its usage is out of range"),
])
def test_bad_progress(record: Progressed, wrong: str) -> None:
    assert check_progressed(record) == wrong


@pytest.mark.parametrize(("record", "wrong"), [
    (change(closed(10), rated_minor=11), "11 was rated, but 10 charged, 0 waived and 0 overrun"),
    (closed(10, part(9)), "its parts sum to 9, it charged 10"),
    (closed(10, part(12), part(-2, "L2", 1)), "the amount -2 is out of range"),
    (closed(10, part(5), part(5, "L2")), "two of its parts have one segment"),
    (closed(10, *(part(0, segment=number) for number in range(PARTS_MAX + 1))), "it has more than 900 parts"),
    (closed(RECORD_AMOUNT_MAX + 1), f"the amount {RECORD_AMOUNT_MAX + 1} is out of range"),
    (change(closed(10), list_minor=-1), "the amount -1 is out of range"),
    (change(closed(10), usage=Usage(extras={"calls": RECORD_AMOUNT_MAX + 1})), "a count of its usage is out of range"),
    (change(closed(10), attempts=(Attempt(1, "d", "failed"), Attempt(1, "d", "served"))),
     "two of its attempts have one number"),
    (change(closed(10), attempts=(Attempt(1, "d", "served", cost_minor=5, cost_unit="EUR"),)),
     "a cost is in the unknown unit 'EUR'"),
    (change(closed(10), attempts=(Attempt(1, "d", "served", cost_minor=-5, cost_unit="CNY"),)),
     "the amount -5 is out of range"),
])
def test_bad_closings(record: Closed, wrong: str) -> None:
    assert check_closed(record) == wrong


@pytest.mark.parametrize(("record", "wrong"), [
    (amended(25), "its parts sum to 0, the charge went from 30 to 25"),
    (change(amended(30), waived_minor=1), "30 was rated, but 30 charged, 1 waived and 0 overrun"),
    (amended(25, part(-3), part(-2)), "two of its parts have one segment"),
    (change(amended(5), charged_minor=-5, rated_minor=-5), "the amount -5 is out of range"),
    (change(amended(30), usage=Usage(input=RECORD_AMOUNT_MAX + 1)), "a count of its usage is out of range"),
])
def test_bad_amendments(record: Amended, wrong: str) -> None:
    assert check_amended(record, ROW) == wrong
