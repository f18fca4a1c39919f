"""What the books must say in the end: a second, simpler reading of what the workers really wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.sim.books import FEE, INPUT, OUTPUT

from tokenworks.credit.records import Amended, Closed, Opened, Progressed, Record, Released, Served
from tokenworks.errors import Broken
from tokenworks.journal.reader import Gap, SegmentReader, Unreadable
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.journal.shelf import list_segments
from tokenworks.usage.vector import Usage


class Due(NamedTuple):
    """One request: how it stands, what was rated, what of it was charged."""

    state: str
    rated_minor: int
    charged_minor: int
    crash: str
    outcome: str = ""


def price(usage: Usage) -> int:
    """By hand: all input at one price, all output at another, and the fee."""
    if usage == Usage():
        return 0
    return FEE + INPUT * usage.prompt + OUTPUT * usage.completion


def fold(records: Iterable[Record], over: bool) -> dict[str, Due]:
    """What is due by these records of one writer; `over`: no more will follow."""
    due: dict[str, Due] = {}
    for record in (one for written in records for one in plain(written)):
        if isinstance(record, Opened):
            due[record.request] = Due("held", 0, 0, record.crash)
        known = due.get(getattr(record, "request", ""))
        if known is None:
            continue  # what begins it was lost with the power: nobody pays
        if isinstance(record, Progressed) and known.state == "held":
            paid = sum(part.amount_minor for part in record.parts) if known.crash == "bill" else 0
            due[record.request] = known._replace(rated_minor=record.rated_minor, charged_minor=paid)
        elif isinstance(record, Closed) and known.state == "held":
            waits = record.basis == "estimated" and not record.final
            state = "voided" if not record.rated_minor else "estimated" if waits else "posted"
            due[record.request] = known._replace(state=state, rated_minor=record.rated_minor,
                                                 charged_minor=record.charged_minor, outcome=record.outcome)
        elif isinstance(record, Amended) and known.state == "estimated":
            due[record.request] = known._replace(state="posted", rated_minor=record.rated_minor,
                                                 charged_minor=record.charged_minor)
    if over:
        for name, one in due.items():
            if one.state in ("held", "estimated"):
                due[name] = one._replace(state="expired", outcome=one.outcome or "crashed")
    return due


def plain(record: Record) -> tuple[Record, ...]:
    """A record that is two in one as those two."""
    return (record.opened, record.closed) if isinstance(record, Served) else (record,)


def taken(record: Record) -> list[tuple[str, int]]:
    """What a record takes out of which leases, once it is posted."""
    found: list[tuple[str, int]] = []
    for one in plain(record):
        if isinstance(one, Closed | Amended):
            found += [(part.lease, part.amount_minor) for part in one.parts]
        elif isinstance(one, Released):
            found.append((one.lease, one.amount_minor))
    return found


def read_disk(disk: Any) -> dict[str, dict[int, Record]]:
    """All records that stand on a disk, by writer and position."""
    found: dict[str, dict[int, Record]] = {}
    for shelved in list_segments(disk):
        mine = found.setdefault(shelved.writer, {})
        try:
            reader = SegmentReader(disk, shelved.name)
        except Broken:
            continue
        position, base = reader.start, shelved.sequence << SEQUENCE_SHIFT
        while (part := reader.read(position)).items:
            for place, item in part.items:
                if not isinstance(item, Gap | Unreadable):
                    mine[base | place] = item
            position = part.end
    return found
