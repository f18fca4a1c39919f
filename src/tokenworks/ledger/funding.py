"""How credit enters and leaves a wallet apart from usage: top-up, grant, refund, expiry, transfer.

Each returns the movement of the lot and the entry that goes with it; both are booked in one transaction.
"""

from __future__ import annotations

from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot, LotDelta


def fund_lot(lot: Lot, amount_minor: int, now_ns: int) -> tuple[Lot, Entry]:
    """A new, empty lot credited with `amount_minor`: the row to insert and its entry. Raises Invalid for no amount."""
    raise NotImplementedError


def refund_lot(lot: Lot, amount_minor: int, now_ns: int, why: str) -> tuple[LotDelta, Entry]:
    """Pay back what is available of a lot; raises Invalid when it has less available."""
    raise NotImplementedError


def expire_lot(lot: Lot, now_ns: int) -> tuple[LotDelta, Entry] | None:
    """What an expired lot still has available is lost to its owner. None when there is nothing to do.

    Leased credit stays good for what runs; what comes back of it expires with the next call.
    """
    raise NotImplementedError
