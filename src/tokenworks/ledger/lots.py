"""Lots: what a wallet is made of. Each was paid or granted once and burns in order of expiry, then of creation.

For every lot, after every step: credited - refunded - expired - transferred = posted + leased + available.
Every side of this is stored and every movement is a `LotDelta` that keeps it, so a broken movement shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from tokenworks.errors import Broken

Kind = Literal["paid", "granted"]
SIDES = ("credited_minor", "refunded_minor", "expired_minor", "transferred_minor", "posted_minor", "leased_minor",
         "available_minor")


class Lot(msgspec.Struct, frozen=True, gc=False):
    """One lot: a row of the books. All amounts are integers at the scale of `unit`; none is ever negative.

    `transferred_minor` is what left for other lots; credit that came from another lot is `credited`.
    """

    id: str
    account: str
    unit: str
    kind: Kind
    created_at_ns: int
    expires_at_ns: int = 0  # 0 = never
    credited_minor: int = 0
    refunded_minor: int = 0
    expired_minor: int = 0
    transferred_minor: int = 0
    posted_minor: int = 0
    leased_minor: int = 0
    available_minor: int = 0
    cause: str = ""  # a payment's reference, a promotion


class LotDelta(msgspec.Struct, frozen=True, gc=False):
    """A movement of one lot: what is added to each side."""

    lot: str
    credited_minor: int = 0
    refunded_minor: int = 0
    expired_minor: int = 0
    transferred_minor: int = 0
    posted_minor: int = 0
    leased_minor: int = 0
    available_minor: int = 0


class LotBroken(Broken):
    """Lot {0} would not hold its identity: {1}. Nothing has been booked; report it."""


def lot_faults(lot: Lot) -> list[str]:
    """What is wrong with a lot: sides below zero, an identity that does not hold; empty when all is well."""
    faults = [f"{side} is {getattr(lot, side)}" for side in SIDES if getattr(lot, side) < 0]
    came = lot.credited_minor - lot.refunded_minor - lot.expired_minor - lot.transferred_minor
    there = lot.posted_minor + lot.leased_minor + lot.available_minor
    if came != there:
        faults.append(f"credited - refunded - expired - transferred = {came}, posted + leased + available = {there}")
    return faults


def move_lot(lot: Lot, delta: LotDelta) -> Lot:
    """The lot after the movement; raises LotBroken when that would break it."""
    moved = msgspec.structs.replace(lot, **{side: getattr(lot, side) + getattr(delta, side) for side in SIDES})
    faults = lot_faults(moved)
    if faults:
        raise LotBroken(lot.id, "; ".join(faults))
    return moved


def burn_order(lots: Iterable[Lot]) -> list[Lot]:
    """The order in which lots pay: soonest expiry first (never comes last), then the oldest, then by id."""
    return sorted(lots, key=lambda lot: (lot.expires_at_ns == 0, lot.expires_at_ns, lot.created_at_ns, lot.id))


def usable(lot: Lot, now_ns: int) -> bool:
    """May credit of this lot be lent now: it has some and has not expired."""
    return lot.available_minor > 0 and not expired(lot, now_ns)


def expired(lot: Lot, now_ns: int) -> bool:
    """Is the lot's time over?"""
    return 0 < lot.expires_at_ns <= now_ns
