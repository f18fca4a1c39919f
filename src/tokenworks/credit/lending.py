"""The lender's decision: how much credit of which lots goes to a gateway that asks, and who else may have some free."""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks.credit.rows import LeaseRow, LendView, Loan


def lend(view: LendView) -> Loan:
    """Lend in burn order: the need and what is to be kept, plus a share (the smaller of 10 % of what is available and
    60 s of spend). A "cut" gets all of need + keep or nothing; an "extend" gets what there is, up to its need."""
    raise NotImplementedError


def renew(leases: Iterable[LeaseRow], writer: str, epoch: int) -> tuple[str, ...]:
    """Which of these leases the writer may go on cutting holds from: its own, valid, of this epoch."""
    raise NotImplementedError


def lease_id(writer: str, lot: str, epoch: int) -> str:
    """The one lease of a lot that a writer can have in an epoch."""
    raise NotImplementedError
