"""Lots and leases while one decision is made: every movement changes both sides at once and nothing goes below zero.

What a lease cannot pay is not forced: the caller hears how much could be booked, the rest is the operator's overrun.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokenworks.credit.records import Part
from tokenworks.credit.rows import LeaseDelta, LeaseRow
from tokenworks.credit.states import LEASE, move
from tokenworks.ledger.lots import Lot, LotDelta

LIVE = ("valid", "in_doubt")  # states in which a lease pays


class _Shelf:
    """One lot's movement so far."""

    __slots__ = ("available", "leased", "lot", "posted")

    def __init__(self, lot: Lot) -> None:
        self.lot = lot
        self.posted = self.leased = self.available = 0

    def free(self) -> int:
        return self.lot.available_minor + self.available


class _Loan:
    """One lease's movement so far."""

    __slots__ = ("granted", "lease", "posted", "returned", "state")

    def __init__(self, lease: LeaseRow) -> None:
        self.lease = lease
        self.state = lease.state
        self.granted = self.posted = self.returned = 0

    def left(self) -> int:
        return self.lease.left_minor + self.granted - self.posted - self.returned


class Stock:
    """Working copies of the rows given; `epoch` is the books' own. Ask for the movements when all is done."""

    def __init__(self, lots: Mapping[str, Lot], leases: Mapping[str, LeaseRow], epoch: int) -> None:
        self._lots = {lot.id: _Shelf(lot) for lot in lots.values()}
        self._leases = {lease.id: _Loan(lease) for lease in leases.values()}
        self._epoch = epoch

    def lot(self, lot: str) -> Lot | None:
        """The row as it was given."""
        shelf = self._lots.get(lot)
        return shelf.lot if shelf else None

    def left(self, lease: str) -> int:
        """What a lease has left now; 0 for an unknown one."""
        loan = self._leases.get(lease)
        return loan.left() if loan else 0

    def charge(self, part: Part) -> int:
        """Book a part: from its lease; where the books were restored from before it was granted, from what its lot has
        available. How much could be booked."""
        shelf, loan = self._lots.get(part.lot), self._leases.get(part.lease)
        if shelf is None or (loan is not None and loan.lease.lot != part.lot):
            return 0
        booked = 0
        if loan is not None:
            if loan.state not in LIVE:
                return 0
            booked = min(part.amount_minor, loan.left())
            loan.posted += booked
            shelf.leased -= booked
        if loan is None or loan.lease.epoch < self._epoch:
            extra = min(part.amount_minor - booked, shelf.free())
            shelf.available -= extra
            booked += extra
        shelf.posted += booked
        return booked

    def refund(self, part: Part, amount_minor: int) -> None:
        """Undo `amount_minor` of what was booked for a part: it is the lease's again, or free if that is over."""
        shelf, loan = self._lots[part.lot], self._leases.get(part.lease)
        back = 0
        if loan is not None and loan.state in LIVE:
            back = min(amount_minor, loan.lease.posted_minor + loan.posted)
            loan.posted -= back
            shelf.leased += back
        shelf.available += amount_minor - back
        shelf.posted -= amount_minor

    def give_back(self, lease: str, amount_minor: int) -> int:
        """Unheld credit returns to its lot; how much, since the books never take back more than is lent."""
        loan = self._leases.get(lease)
        if loan is None or loan.state not in LIVE or loan.lease.lot not in self._lots:
            return 0
        back = min(amount_minor, loan.left())
        self._return(loan, back)
        return back

    def same_epoch(self, lease: str) -> bool:
        """Was the lease granted by these very books? Then they know all of it, and more is somebody's error."""
        loan = self._leases.get(lease)
        return loan is not None and loan.lease.epoch >= self._epoch

    def end_lease(self, lease: str, *events: str) -> None:
        """Move a lease along states.LEASE to its end; what it has left returns to its lot."""
        loan = self._leases[lease]
        for event in events:
            loan.state = move(LEASE, loan.state, event)
        self._return(loan, loan.left())

    def lot_deltas(self) -> list[LotDelta]:
        """One movement per lot that moved."""
        return [LotDelta(shelf.lot.id, posted_minor=shelf.posted, leased_minor=shelf.leased,
                         available_minor=shelf.available)
                for shelf in self._lots.values() if shelf.posted or shelf.leased or shelf.available]

    def lease_deltas(self) -> list[LeaseDelta]:
        """One movement per lease that moved or changed its state."""
        return [LeaseDelta(loan.lease.id, loan.state, loan.granted, loan.posted, loan.returned)
                for loan in self._leases.values()
                if loan.granted or loan.posted or loan.returned or loan.state != loan.lease.state]

    def _return(self, loan: _Loan, amount_minor: int) -> None:
        loan.returned += amount_minor
        shelf = self._lots[loan.lease.lot]
        shelf.leased -= amount_minor
        shelf.available += amount_minor
