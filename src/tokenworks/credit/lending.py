"""The lender's decision: how much credit of which lots goes to a gateway that asks, and who else may have some free."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tokenworks.clock import encode_base32
from tokenworks.credit.messages import Ask, LeaseGrant
from tokenworks.credit.rows import LeaseDelta, LeaseRow, LendView, Loan, RecallFrom
from tokenworks.credit.states import LEASE, move
from tokenworks.ledger.lots import Lot, LotDelta, burn_order, usable
from tokenworks.limits import LEASE_SHARE_PERCENT, LEASE_SPEND_S, LEASE_VALIDITY_S

_MINUTE_NS = 60 * 10**9
_NEVER_MINUTE = 2**27 - 1  # in the year 2225
_RANK_ZERO_MS = 1_577_836_800_000  # 2020-01-01; 36 bits of milliseconds from there end in 2197


def lend(view: LendView) -> Loan:
    """Lend in burn order: the need and what is to be kept, and a share beyond it.

    What does not cover need + keep is lent when it is of use: to an "extend" always, to a "cut" that speaks for several
    requests when it covers one of them.
    """
    lots = burn_order(lot for lot in view.lots if usable(lot, view.now_ns))
    available = sum(lot.available_minor for lot in lots)
    need = max(0, view.ask.need_minor) + max(0, view.ask.keep_minor)
    if available >= need:
        amount = min(available, need + _share(view, available, need))
    else:
        amount = available if _helps(view.ask, available) else 0
    loan = Loan(available_minor=available - amount)
    for lot in lots:
        part = min(amount, lot.available_minor)
        if part:
            _grant(loan, view, lot, part)
            amount -= part
    if available < need:
        loan.shortfall_minor = need - available
        loan.recalls = _recalls(view, need - available)
    return loan


def renew(leases: Iterable[LeaseRow], writer: str, epoch: int) -> tuple[str, ...]:
    """Which of these leases the writer may go on cutting holds from: its own, valid, of this epoch."""
    return tuple(lease.id for lease in leases
                 if lease.writer == writer and lease.state == "valid" and lease.epoch == epoch)


def lease_id(writer: str, lot: str, epoch: int, now_ns: int) -> str:
    """A new lease's id: the same for the same cause. A writer has one lease of a lot at a time."""
    digest = hashlib.blake2b(f"{writer}\0{lot}\0{epoch}\0{now_ns}".encode(), digest_size=10).digest()
    return "lse_" + encode_base32(int.from_bytes(digest, "big"), 16)


def lot_rank(lot: Lot) -> int:
    """The place of a lot in its account's burn order as one number, so that a purse can keep the order by itself:
    27 bits of expiry in minutes, 36 bits of creation in milliseconds."""
    minute = min(lot.expires_at_ns // _MINUTE_NS, _NEVER_MINUTE) if lot.expires_at_ns else _NEVER_MINUTE
    created_ms = min(max(lot.created_at_ns // 1_000_000 - _RANK_ZERO_MS, 0), 2**36 - 1)
    return minute << 36 | created_ms


def _share(view: LendView, available: int, need: int) -> int:
    """Beyond the need: the smaller of 10 % of what is available and 60 s of spend, so that asking is rare and little
    lies stranded. A gateway that has not spent yet is taken to need as much again."""
    spend = max(max(0, view.ask.spend_minor_per_s) * LEASE_SPEND_S, need)
    return min(available * LEASE_SHARE_PERCENT // 100, spend)


def _helps(ask: Ask, available: int) -> bool:
    return ask.kind == "extend" or 0 < ask.least_minor <= available


def _grant(loan: Loan, view: LendView, lot: Lot, amount_minor: int) -> None:
    lease = next((one for one in view.leases if (one.writer, one.lot, one.epoch, one.state)
                  == (view.writer, lot.id, view.epoch, "valid")), None)
    if lease is None:
        number = lease_id(view.writer, lot.id, view.epoch, view.now_ns)
        loan.opened.append(LeaseRow(number, lot.id, lot.account, view.writer, view.epoch, "valid", amount_minor,
                                    created_at_ns=view.now_ns))
    else:
        number = lease.id
        loan.leases.append(LeaseDelta(number, move(LEASE, lease.state, "grant"), granted_minor=amount_minor))
    loan.lots.append(LotDelta(lot.id, leased_minor=amount_minor, available_minor=-amount_minor))
    grant = LeaseGrant(number, lot.id, view.ask.account, amount_minor, lot_rank(lot), LEASE_VALIDITY_S, view.epoch)
    loan.grants = (*loan.grants, grant)


def _recalls(view: LendView, missing_minor: int) -> list[RecallFrom]:
    """Everybody else with something left is asked: who has how much of it free only they know.

    For new requests all of it is called back, so that one round serves everybody who is short, and the books lend it to
    whoever asks; for a running stream, which has only a moment, what is missing, also of what they keep for theirs.
    """
    hard = view.ask.kind == "extend"
    most = missing_minor if hard else 2**62
    return [RecallFrom(lease.writer, lease.lot, min(lease.left_minor, most), hard)
            for lease in view.leases
            if lease.writer != view.writer and lease.state == "valid" and lease.left_minor > 0]
