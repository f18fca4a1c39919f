"""A purse: one account's leased credit at one gateway worker, from which holds are cut without asking anyone.

All times are nanoseconds of the monotonic clock, except `at_ns` of a Released record (wall clock).
"""

from __future__ import annotations

from typing import NamedTuple

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import LeaseGrant, Renewed
from tokenworks.credit.records import Part, Released


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
    """

    __slots__ = ("account", "epoch", "free_minor", "held_minor", "kept_minor")

    def __init__(self, account: str, epoch: int) -> None:
        self.account = account
        self.epoch = epoch
        self.free_minor = 0
        self.held_minor = 0
        self.kept_minor = 0

    def grant(self, grant: LeaseGrant, sent_ns: int) -> None:
        """Credit arrived, asked for at `sent_ns` (an Offer: at its arrival). Adds to a lease that is held already."""

    def renew(self, renewed: Renewed, sent_ns: int) -> None:
        """The books prolonged leases in answer to a Renew sent at `sent_ns`; ids of other purses are passed over."""

    def adopt_epoch(self, epoch: int) -> None:
        """The books' epoch changed: leases of another epoch neither cut nor extend from now on."""

    def due(self, mono_ns: int) -> list[str]:
        """Leases in use whose validity is half over: to be renewed."""
        raise NotImplementedError

    def cut(self, need_minor: int, keep_minor: int, mono_ns: int) -> Hold | Short:
        """A hold of `need_minor` over valid leases in burn order; it will probably need `keep_minor` more later."""
        raise NotImplementedError

    def extend(self, hold: Hold, more_minor: int, mono_ns: int) -> int:
        """Hold up to `more_minor` more, leaving what older holds keep; what was added. Lapsed leases still extend."""
        raise NotImplementedError

    def shrink(self, hold: Hold, to_minor: int, mono_ns: int) -> int:
        """Hold no more than `to_minor` (the input turned out to be cached); what was released."""
        raise NotImplementedError

    def expect(self, hold: Hold, keep_minor: int) -> None:
        """A better guess of what a running hold will need beyond what it holds."""

    def parts(self, hold: Hold, charge_minor: int) -> tuple[Part, ...]:
        """Who pays a cumulative charge, as far as the hold goes: for a Progressed record. Changes nothing."""
        raise NotImplementedError

    def settle(self, hold: Hold, charge_minor: int, mono_ns: int, estimated: bool = False) -> Settled:
        """The end: charge at most what is held. The rest is free again, or stays held until `amend` when estimated."""
        raise NotImplementedError

    def amend(self, hold: Hold, charge_minor: int, mono_ns: int) -> Settled:
        """The counted charge of an estimated hold, at most what it held; what is not charged is free again."""
        raise NotImplementedError

    def void(self, hold: Hold, mono_ns: int) -> None:
        """Nothing is charged; all of it is free again."""

    def give_back(self, lot: str, amount_minor: int, hard: bool, at_ns: int) -> list[Released]:
        """Answer to a Recall: up to `amount_minor` of the lot's free credit, less what is kept unless `hard`.

        The caller writes the records into the journal at once: the credit is gone from the purse.
        """
        raise NotImplementedError

    def idle(self, mono_ns: int, at_ns: int) -> list[Released]:
        """Free credit that has not been used for LEASE_IDLE_S, or never can be (lapsed, foreign), less what is kept.

        Written into the journal by the caller, as for `give_back`.
        """
        raise NotImplementedError

    @property
    def empty(self) -> bool:
        """Nothing leased, nothing held: the purse may be dropped."""
        raise NotImplementedError
