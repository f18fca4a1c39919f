"""Do a record's figures fit together? Each check answers with what is wrong, in words, or "".

The books believe a gateway's figures only where they add up: a record that does not goes to suspense as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tokenworks.credit.records import Amended, Closed, Opened, Part, Progressed
from tokenworks.credit.rows import RequestRow
from tokenworks.limits import RECORD_AMOUNT_MAX
from tokenworks.units import SCALES
from tokenworks.usage.vector import CLASSES, Usage

PARTS_MAX = 900  # lots that one request can draw on


def check_opened(record: Opened) -> str:
    """Its unit is known and its hold is an amount."""
    if record.unit not in SCALES:
        return f"its unit {record.unit!r} is unknown"
    return _check_amounts((record.held_minor,))


def check_progressed(record: Progressed) -> str:
    """The parts are amounts that sum to no more than was rated."""
    wrong = (_check_amounts((record.rated_minor, *(part.amount_minor for part in record.parts)))
             or _check_usage(record.usage) or _twice(record.parts))
    if wrong or _total(record.parts) <= record.rated_minor:
        return wrong
    return f"its parts sum to {_total(record.parts)}, more than the {record.rated_minor} that was rated"


def check_closed(record: Closed) -> str:
    """rated = charged + waived + overrun, the parts sum to charged, and no attempt stands twice."""
    numbers = [attempt.number for attempt in record.attempts]
    costs = [attempt for attempt in record.attempts if attempt.cost_minor]
    amounts = (*_sides(record), record.list_minor, *(attempt.cost_minor for attempt in costs),
               *(part.amount_minor for part in record.parts))
    wrong = (_check_amounts(amounts) or _check_usage(record.usage) or _twice(record.parts)
             or _check_sum(record))
    if wrong:
        return wrong
    if _total(record.parts) != record.charged_minor:
        return f"its parts sum to {_total(record.parts)}, it charged {record.charged_minor}"
    if len(set(numbers)) < len(numbers):
        return "two of its attempts have one number"
    return next((f"a cost is in the unknown unit {attempt.cost_unit!r}" for attempt in costs
                 if attempt.cost_unit not in SCALES), "")


def check_amended(record: Amended, row: RequestRow | None) -> str:
    """The new figures add up, and the parts are just the difference to what the gateway charged before."""
    differences = [abs(part.amount_minor) for part in record.parts]
    wrong = (_check_amounts((*_sides(record), *differences)) or _check_usage(record.usage) or _twice(record.parts)
             or _check_sum(record))
    if wrong or row is None:
        return wrong
    before = row.charged_minor + row.shifted_minor
    if before + _total(record.parts) != record.charged_minor:
        return f"its parts sum to {_total(record.parts)}, the charge went from {before} to {record.charged_minor}"
    return ""


def _sides(record: Closed | Amended) -> tuple[int, int, int, int]:
    return record.rated_minor, record.charged_minor, record.waived_minor, record.overrun_minor


def _check_amounts(amounts: Iterable[int]) -> str:
    return next((f"the amount {amount} is out of range" for amount in amounts
                 if not 0 <= amount <= RECORD_AMOUNT_MAX), "")


def _check_usage(usage: Usage) -> str:
    counts = [getattr(usage, cls) for cls in CLASSES] + list(usage.extras.values())
    return "a count of its usage is out of range" if max(counts) > RECORD_AMOUNT_MAX else ""


def _check_sum(record: Closed | Amended) -> str:
    rated, charged, waived, overrun = _sides(record)
    if rated == charged + waived + overrun:
        return ""
    return f"{rated} was rated, but {charged} charged, {waived} waived and {overrun} overrun"


def _twice(parts: Collection[Part]) -> str:
    if len(parts) < 2:
        return ""
    if len(parts) > PARTS_MAX:
        return f"it has more than {PARTS_MAX} parts"
    return "two of its parts have one segment" if len({part.segment for part in parts}) < len(parts) else ""


def _total(parts: Iterable[Part]) -> int:
    return sum(part.amount_minor for part in parts)
