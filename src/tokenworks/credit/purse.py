"""A purse: one account's leased credit at one gateway worker, from which holds are cut without asking anyone.

All times are nanoseconds of the monotonic clock, except `at_ns` of a Released record (wall clock). What must hold after
every step: each lease's free + held is what the books have lent less what was charged or given back; `free_minor` is
the free credit of all leases of this epoch, `held_minor` the sum of what holds hold, `kept_minor` of what they keep.
"""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

from tokenworks.credit.hold import Hold, Lease, Leg
from tokenworks.credit.messages import LeaseGrant, Renewed
from tokenworks.credit.records import Part, Released
from tokenworks.credit.states import HOLD, LEASE, move
from tokenworks.limits import LEASE_IDLE_S

_SECOND_NS = 10**9
_POSTED = move(HOLD, "held", "settle")


class Short(NamedTuple):
    """The purse cannot cut this: `need_minor` is missing for the request, `keep_minor` for the running streams.

    Both go into an Ask as they are.
    """

    need_minor: int
    keep_minor: int

    @property
    def missing_minor(self) -> int:
        """All that is missing."""
        return self.need_minor + self.keep_minor


class Settled(NamedTuple):
    """What a settlement made of a charge: charged + overrun = the charge asked for; parts sum to charged.

    After `amend` the parts are signed differences against the ones before; charged is the new whole.
    """

    parts: tuple[Part, ...]
    charged_minor: int
    overrun_minor: int


class Purse:
    """The credit of `account` at this worker, lent in books epoch `epoch`.

    free_minor: unheld credit that running holds may be extended from. kept_minor: the sum of the running holds'
    expected remainders. A new hold must leave what is kept; with nothing else running its own is not asked for.
    `granted` tells all that was ever granted per lease, for a Hello: keep the purse, also when it is empty.
    """

    __slots__ = ("_estimated", "_leases", "_order", "_running", "account", "epoch", "free_minor", "granted",
                 "held_minor", "kept_minor")

    def __init__(self, account: str, epoch: int) -> None:
        self.account = account
        self.epoch = epoch
        self.free_minor = 0
        self.held_minor = 0
        self.kept_minor = 0
        self.granted: dict[str, int] = {}
        self._leases: dict[str, Lease] = {}
        self._order: list[Lease] = []  # as they burn
        self._running: dict[Hold, None] = {}  # the oldest first
        self._estimated: dict[Hold, None] = {}

    # --- what the books say ---

    def grant(self, grant: LeaseGrant, sent_ns: int) -> None:
        """Credit arrived, asked for at `sent_ns` (an Offer: at its arrival). Adds to a lease that is held already."""
        if grant.books_epoch > self.epoch:
            self.adopt_epoch(grant.books_epoch)
        lease = self._leases.get(grant.lease)
        if lease is None:
            lease = self._leases[grant.lease] = Lease(grant.lease, grant.lot, grant.rank, grant.books_epoch)
            self._order = sorted(self._leases.values(), key=lambda one: (one.rank, one.lot, one.id))
            if lease.epoch != self.epoch:
                lease.state = move(LEASE, lease.state, "epoch")
        if lease.state != "foreign":
            lease.state = move(LEASE, lease.state, "grant")
            self._prolong(lease, sent_ns, grant.valid_s)
            self.free_minor += grant.amount_minor
        lease.free_minor += grant.amount_minor
        lease.used_ns = max(lease.used_ns, sent_ns)
        self.granted[grant.lease] = self.granted.get(grant.lease, 0) + grant.amount_minor

    def renew(self, renewed: Renewed, sent_ns: int) -> None:
        """The books prolonged leases in answer to a Renew sent at `sent_ns`; ids of other purses are passed over."""
        if renewed.books_epoch > self.epoch:
            self.adopt_epoch(renewed.books_epoch)
        for number in renewed.leases:
            lease = self._leases.get(number)
            if lease is not None and lease.state != "foreign":
                lease.state = move(LEASE, lease.state, "renew")
                self._prolong(lease, sent_ns, renewed.valid_s)

    def adopt_epoch(self, epoch: int) -> None:
        """The books' epoch changed: leases of another epoch neither cut nor extend from now on."""
        self.epoch = epoch
        for lease in self._order:
            if lease.epoch != epoch and lease.state != "foreign":
                lease.state = move(LEASE, lease.state, "epoch")
                lease.valid_until_ns = -1
                self.free_minor -= lease.free_minor

    def due(self, mono_ns: int) -> list[str]:
        """Leases in use whose validity is half over: to be renewed."""
        return [lease.id for lease in self._order if lease.state != "foreign"
                and (lease.held_minor or (lease.free_minor and mono_ns - lease.used_ns < LEASE_IDLE_S * _SECOND_NS))
                and lease.valid_until_ns - mono_ns <= lease.valid_ns // 2]

    def _prolong(self, lease: Lease, sent_ns: int, valid_s: int) -> None:
        lease.valid_ns = valid_s * _SECOND_NS
        lease.valid_until_ns = max(lease.valid_until_ns, sent_ns + lease.valid_ns)

    # --- a request's hold ---

    def cut(self, need_minor: int, keep_minor: int, mono_ns: int) -> Hold | Short:
        """A hold of `need_minor` over valid leases in burn order; it will probably need `keep_minor` more later."""
        order = self._order
        leave = self.kept_minor + keep_minor if self._running else 0
        if order and self.free_minor - need_minor >= leave and order[0].free_minor >= need_minor > 0:
            lease = order[0]  # the usual case: the first lease is enough
            if lease.valid_until_ns > mono_ns:
                lease.free_minor -= need_minor
                lease.held_minor += need_minor
                lease.used_ns = mono_ns
                self.free_minor -= need_minor
                self.held_minor += need_minor
                self.kept_minor += keep_minor
                hold = Hold([Leg(lease, need_minor)], need_minor, keep_minor, mono_ns)
                self._running[hold] = None
                return hold
        legs: list[Leg] = []
        rest = need_minor
        for lease in order:
            if not rest:
                break
            free = lease.free_minor
            if free > 0 and lease.valid_until_ns > mono_ns:
                taken = free if free < rest else rest
                legs.append(Leg(lease, taken))
                rest -= taken
        if need_minor and (rest or self.free_minor - need_minor < leave):
            return Short(rest, max(0, need_minor - rest + leave - self.free_minor))
        for leg in legs:
            lease = leg.lease
            lease.free_minor -= leg.held_minor
            lease.held_minor += leg.held_minor
            lease.used_ns = mono_ns
        self.free_minor -= need_minor
        self.held_minor += need_minor
        self.kept_minor += keep_minor
        hold = Hold(legs, need_minor, keep_minor, mono_ns)
        self._running[hold] = None
        return hold

    def extend(self, hold: Hold, more_minor: int, mono_ns: int) -> int:
        """Hold up to `more_minor` more, leaving what older holds keep; what was added. Lapsed leases still extend."""
        hold.move("extend")
        allowed = self.free_minor - self.kept_minor + hold.keep_minor
        if allowed < more_minor:
            allowed = self.free_minor - self._kept_before(hold)
        rest = added = max(0, min(more_minor, allowed, self.free_minor))
        last = hold.legs[-1].lease if hold.legs else None
        if last is not None and last.state != "foreign" and last.free_minor >= rest:
            self._lengthen(hold, last, rest, mono_ns)  # one source as long as it lasts
        else:
            for lease in self._order:
                taken = min(rest, lease.free_minor) if lease.state != "foreign" else 0
                self._lengthen(hold, lease, taken, mono_ns)
                rest -= taken
        if added:
            self.free_minor -= added
            self.held_minor += added
            hold.held_minor += added
            self.expect(hold, max(0, hold.keep_minor - added))
            hold.note(mono_ns, "extended", added)
        return added

    def shrink(self, hold: Hold, to_minor: int, mono_ns: int) -> int:
        """Hold no more than `to_minor` (the input turned out to be cached); what was released."""
        hold.move("shrink")
        rest = released = max(0, hold.held_minor - max(0, to_minor))
        while rest:
            leg = hold.legs[-1]
            part = min(rest, leg.held_minor)
            leg.held_minor -= part
            leg.lease.held_minor -= part
            self._free(leg.lease, part)
            rest -= part
            if not leg.held_minor:
                hold.legs.pop()
        if released:
            self.held_minor -= released
            hold.held_minor -= released
            hold.note(mono_ns, "released", released)
        return released

    def expect(self, hold: Hold, keep_minor: int) -> None:
        """A better guess of what a running hold will need beyond what it holds."""
        if hold in self._running:
            self.kept_minor += keep_minor - hold.keep_minor
            hold.keep_minor = keep_minor

    def parts(self, hold: Hold, charge_minor: int) -> tuple[Part, ...]:
        """Who pays a cumulative charge, as far as the hold goes: for a Progressed record. Changes nothing."""
        parts, rest = [], charge_minor
        for segment, leg in enumerate(hold.legs):
            part = min(rest, leg.held_minor)
            if part > 0:
                parts.append(Part(segment, leg.lease.lot, leg.lease.id, part))
                rest -= part
        return tuple(parts)

    def settle(self, hold: Hold, charge_minor: int, mono_ns: int, estimated: bool = False) -> Settled:
        """The end: charge at most what is held. The rest is free again, or stays held until `amend` when estimated."""
        charged = charge_minor if charge_minor < hold.held_minor else hold.held_minor
        payer = None if estimated else self.pay(hold, charged)
        if payer is not None:
            hold.note(mono_ns, "posted", charged)
            paid = (Part(0, payer.lot, payer.id, charged),) if charged else ()
            return Settled(paid, charged, charge_minor - charged)
        hold.move("settle_estimated" if estimated else "settle")
        parts: list[Part] = []
        rest = charged
        for segment, leg in enumerate(hold.legs):
            lease, held = leg.lease, leg.held_minor
            part = rest if rest < held else held
            if part:
                parts.append(Part(segment, lease.lot, lease.id, part))
                rest -= part
                leg.charged_minor = part
            if estimated:
                lease.held_minor -= part
            else:
                lease.held_minor -= held
                self._free(lease, held - part)
        self._leave(hold)
        if estimated:
            self._estimated[hold] = None
            self.held_minor -= charged
        else:
            self.held_minor -= hold.held_minor
        hold.held_minor = hold.held_minor - charged if estimated else 0
        hold.note(mono_ns, "posted", charged)
        return Settled(tuple(parts), charged, charge_minor - charged)

    def pay(self, hold: Hold, charge_minor: int) -> Lease | None:
        """The usual end: at most what is held, from one lease, which is the answer; None, and nothing done, for others.

        The hold notes no step of it.
        """
        legs, held = hold.legs, hold.held_minor
        if len(legs) != 1 or charge_minor > held or hold.state != "held":
            return None
        lease = legs[0].lease
        hold.state = _POSTED
        lease.held_minor -= held
        free = held - charge_minor
        lease.free_minor += free
        if lease.state != "foreign":
            self.free_minor += free
        del self._running[hold]
        self.kept_minor -= hold.keep_minor
        self.held_minor -= held
        hold.held_minor = hold.keep_minor = 0
        return lease

    def amend(self, hold: Hold, charge_minor: int, mono_ns: int) -> Settled:
        """The counted charge of an estimated hold, at most what it held; what is not charged is free again.

        Also called when counting failed, with the charge as it was: the remainder must come free.
        """
        hold.move("amend")
        parts: list[Part] = []
        rest, charged = charge_minor, 0
        for segment, leg in enumerate(hold.legs):
            lease, held, before = leg.lease, leg.held_minor, leg.charged_minor
            part = min(rest, held)
            rest -= part
            charged += part
            leg.charged_minor = part
            lease.held_minor -= held - before
            self._free(lease, held - part)
            if part != before:
                parts.append(Part(segment, lease.lot, lease.id, part - before))
        del self._estimated[hold]
        self.held_minor -= hold.held_minor
        hold.held_minor = 0
        hold.note(mono_ns, "posted", charged)
        return Settled(tuple(parts), charged, charge_minor - charged)

    def void(self, hold: Hold, mono_ns: int) -> None:
        """Nothing is charged; all of it is free again."""
        hold.move("void")
        for leg in hold.legs:
            leg.lease.held_minor -= leg.held_minor
            self._free(leg.lease, leg.held_minor)
        self._leave(hold)
        released, hold.held_minor = hold.held_minor, 0
        self.held_minor -= released
        hold.note(mono_ns, "voided", released)

    def _lengthen(self, hold: Hold, lease: Lease, amount_minor: int, mono_ns: int) -> None:
        """Move free credit of a lease into the hold: to its leg there, or a new one at the end."""
        if not amount_minor:
            return
        leg = next((one for one in hold.legs if one.lease is lease), None)
        if leg is None:
            leg = Leg(lease, 0)
            hold.legs.append(leg)
        leg.held_minor += amount_minor
        lease.free_minor -= amount_minor
        lease.held_minor += amount_minor
        lease.used_ns = mono_ns

    def _free(self, lease: Lease, amount_minor: int) -> None:
        lease.free_minor += amount_minor
        if lease.state != "foreign":
            self.free_minor += amount_minor

    def _leave(self, hold: Hold) -> None:
        """The hold runs no longer."""
        del self._running[hold]
        self.kept_minor -= hold.keep_minor
        hold.keep_minor = 0

    def _kept_before(self, hold: Hold) -> int:
        """What the holds older than this one keep."""
        return sum(older.keep_minor for older in takewhile(lambda one: one is not hold, self._running))

    # --- what goes back ---

    def give_back(self, lot: str, amount_minor: int, hard: bool, at_ns: int) -> list[Released]:
        """Answer to a Recall: up to `amount_minor` of the lot's free credit, less what is kept unless `hard`.

        The caller writes the records into the journal at once: the credit is gone from the purse.
        """
        released: list[Released] = []
        for lease in [one for one in self._order if one.lot == lot]:
            part = min(amount_minor, self._spare(lease, hard))
            amount_minor -= part
            released += self._release(lease, part, at_ns)
        return released

    def idle(self, mono_ns: int, at_ns: int) -> list[Released]:
        """Free credit that has not been used for LEASE_IDLE_S, or never can be (lapsed, foreign), less what is kept.

        Written into the journal by the caller, as for `give_back`.
        """
        released: list[Released] = []
        for lease in reversed(self._order):  # what burns last goes back first
            if lease.state == "valid" and lease.valid_until_ns <= mono_ns:
                lease.state = move(LEASE, lease.state, "lapse")
            if lease.state != "valid" or mono_ns - lease.used_ns >= LEASE_IDLE_S * _SECOND_NS:
                released += self._release(lease, self._spare(lease, False), at_ns)
        self._drop_spent()
        return released

    def leases(self) -> tuple[Lease, ...]:
        """The leases as they burn; for reading only."""
        return tuple(self._order)

    @property
    def empty(self) -> bool:
        """Nothing leased, nothing running, nothing waiting for its count."""
        return not (self._leases or self._running or self._estimated)

    def _spare(self, lease: Lease, hard: bool) -> int:
        """What of a lease's free credit may go: all of it when it can extend nothing."""
        if hard or lease.state == "foreign":
            return lease.free_minor
        return max(0, min(lease.free_minor, self.free_minor - self.kept_minor))

    def _release(self, lease: Lease, amount_minor: int, at_ns: int) -> list[Released]:
        if not amount_minor:
            return []
        lease.free_minor -= amount_minor
        if lease.state != "foreign":
            self.free_minor -= amount_minor
        return [Released(lease.id, lease.lot, amount_minor, at_ns)]

    def _drop_spent(self) -> None:
        """Leases with nothing left are over, unless a count may still bring something back to them."""
        awaited = {leg.lease for hold in self._estimated for leg in hold.legs}
        spent = [lease for lease in self._order
                 if not lease.free_minor and not lease.held_minor and lease not in awaited]
        for lease in spent:
            lease.state = move(LEASE, lease.state, "give_back")
            del self._leases[lease.id]
        if spent:
            self._order = [lease for lease in self._order if lease.id in self._leases]
