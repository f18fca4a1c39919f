"""How credit enters and leaves a wallet apart from usage: top-up, grant, refund, expiry, transfer.

Each returns the movement of the lot and the entry that goes with it; both are booked in one transaction.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import Invalid
from tokenworks.ledger import accounts
from tokenworks.ledger.entries import Cause, Entry, check_entry, entry_id, period_of, postings_of
from tokenworks.ledger.lots import Lot, LotDelta, expired
from tokenworks.units import check_amount, format_amount


def fund_lot(lot: Lot, amount_minor: int, now_ns: int) -> tuple[Lot, Entry]:
    """A new, empty lot credited with `amount_minor`: the row to insert and its entry. Raises Invalid for no amount."""
    if amount_minor <= 0:
        raise Invalid("amount", "credit more than nothing")
    if expired(lot, now_ns):
        raise Invalid("expires_at", "choose an instant that is still to come")
    check_amount(amount_minor)
    credited = msgspec.structs.replace(lot, credited_minor=amount_minor, available_minor=amount_minor)
    return credited, _entry("topup", lot, amount_minor, accounts.funding(lot.kind), now_ns)


def refund_lot(lot: Lot, amount_minor: int, now_ns: int, why: str) -> tuple[LotDelta, Entry]:
    """Pay back what is available of a lot; raises Invalid when it has less available. `why` makes it unique."""
    if not 0 < amount_minor <= lot.available_minor:
        raise Invalid("amount", f"this lot has {format_amount(lot.available_minor, lot.unit)} {lot.unit} to refund")
    delta = LotDelta(lot.id, refunded_minor=amount_minor, available_minor=-amount_minor)
    return delta, _entry("refund", lot, -amount_minor, accounts.funding(lot.kind), now_ns, why)


def expire_lot(lot: Lot, now_ns: int) -> tuple[LotDelta, Entry] | None:
    """What an expired lot still has available is lost to its owner. None when there is nothing to do.

    Leased credit stays good for what runs; what comes back of it expires with the next call.
    """
    amount_minor = lot.available_minor
    if not amount_minor or not expired(lot, now_ns):
        return None
    delta = LotDelta(lot.id, expired_minor=amount_minor, available_minor=-amount_minor)
    return delta, _entry("expiry", lot, -amount_minor, accounts.BREAKAGE, now_ns)


def transfer_lot(source: Lot, target: Lot, amount_minor: int, now_ns: int) -> tuple[LotDelta, Lot, Entry]:
    """Move what is available of `source` into `target`: a new, empty lot of the same unit, also of another account."""
    if not 0 < amount_minor <= source.available_minor:
        raise Invalid("amount", f"this lot has {format_amount(source.available_minor, source.unit)} {source.unit} left")
    if source.unit != target.unit:
        raise Invalid("unit", f"credit in {source.unit} cannot become {target.unit}")
    credited = msgspec.structs.replace(target, credited_minor=amount_minor, available_minor=amount_minor)
    delta = LotDelta(source.id, transferred_minor=amount_minor, available_minor=-amount_minor)
    return delta, credited, _entry("transfer", target, amount_minor, accounts.wallet(source.id), now_ns)


def _entry(cause: Cause, lot: Lot, amount_minor: int, other: str, now_ns: int, why: str = "") -> Entry:
    postings = postings_of([(accounts.wallet(lot.id), lot.unit, amount_minor), (other, lot.unit, -amount_minor)])
    number = entry_id(now_ns, cause, lot.id, amount_minor, now_ns, why)
    return check_entry(Entry(number, cause, why or lot.cause, lot.account, now_ns, now_ns, period_of(now_ns), postings))
