"""The poster's decision: records of a journal in, a plan for the books out. Exactly once, and never below zero.

`book` takes a batch, `end_writer` (ending.py) what a dead writer left behind. Rows are in rows.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks.credit.records import Record
from tokenworks.credit.rows import BatchView, Damage, Needs, Plan


def needs(records: Iterable[tuple[int, Record | Damage]]) -> Needs:
    """The rows that `book` must be given for these records, each list sorted."""
    raise NotImplementedError


def book(batch: BatchView) -> Plan:
    """What a batch of records does to the books. Never raises for what a record says: that goes to suspense."""
    raise NotImplementedError
