"""Planted bugs, by name: each a few lines put over the real code for the time of a run. All have to be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tokenworks.control import told
from tokenworks.credit import lending, purse
from tokenworks.credit.records import Closed, Served
from tokenworks.credit.states import HOLD
from tokenworks.gateway import creditdesk, hangup, relay, shared
from tokenworks.journal import fake
from tokenworks.store.memory import books

Put = Callable[[Any, str, Any], None]


def post_before_fsync(put: Put) -> None:
    """The poster reads and posts what is not on the disk yet."""
    put(fake.FakeReadFile, "sync", lambda self: None)


def charge_two_attempts(put: Put) -> None:
    """What was tried in vain is charged with what was served."""
    real = relay._close_served

    def close(flow: Any, usage: Any, *rest: Any) -> int:
        return real(flow, msgspec.structs.replace(usage, input=usage.input * len(flow.attempts)), *rest)

    put(relay, "_close_served", close)


def return_lease_at_expiry(put: Put) -> None:
    """The end of a lease's time brings its credit back to the lot, whoever still holds from it."""
    real = books.MemoryBooks._lend

    def lend(self: Any, writer: str, ask: Any, now_ns: int) -> Any:
        state = self._state
        for lease in list(state.held(ask.account).values()):
            if lease.left_minor and now_ns - lease.created_at_ns > lending.LEASE_VALIDITY_S * 10**9:
                lot, left = state.lots[lease.lot], lease.left_minor
                state.put_lease(msgspec.structs.replace(lease, returned_minor=lease.returned_minor + left))
                state.lots[lot.id] = msgspec.structs.replace(
                    lot, leased_minor=lot.leased_minor - left, available_minor=lot.available_minor + left)
        return real(self, writer, ask, now_ns)

    put(books.MemoryBooks, "_lend", lend)


def leak_hold(put: Put) -> None:
    """A client that hangs up leaves its hold behind."""
    put(hangup, "close", lambda flow, ending: 0)


def answer_before_closed(put: Put) -> None:
    """The closing record is written a moment after the last bytes have left."""
    real = shared.Shared.write

    def write(self: Any, record: Any) -> int:
        if not isinstance(record, Closed | Served):
            return real(self, record)
        self.loop.call_later(0.002, real, self, record)
        return int(self.journal.position)

    put(shared.Shared, "write", write)


def post_twice(put: Put) -> None:
    """The position is not compared: a batch whose answer was lost is posted again."""
    real = books.MemoryBooks.post

    def post(self: Any, batch: Any) -> Any:
        known = self._state.writers.get(batch.writer)
        return real(self, batch._replace(start=known.position if known else 0))

    put(books.MemoryBooks, "post", post)


def hold_from_foreign_lease(put: Put) -> None:
    """Leases of books that were restored go on as if nothing had happened."""
    put(purse.Purse, "adopt_epoch", lambda self, epoch: setattr(self, "epoch", epoch))


def offer_twice(put: Put) -> None:
    """After each Hello everything is offered again that was ever granted."""
    put(told.Told, "missing", lambda self, writer, leases: [(lease, lease.granted_minor) for lease in leases])


def release_without_record(put: Put) -> None:
    """Idle credit is dropped from the purse, and the journal does not tell."""
    put(creditdesk.CreditDesk, "_give_back", lambda self, released, tell=False: None)


def settle_keeps_rest(put: Put) -> None:
    """Of an estimated hold that is amended, what was not charged stays held at its lease."""
    real = purse.Purse._free

    def free(self: Any, lease: Any, amount_minor: int) -> None:
        holds = [hold for hold in self._estimated if hold.state == HOLD["estimated"]["amend"]]
        real(self, lease, 0 if holds else amount_minor)

    put(purse.Purse, "_free", free)


PLANTS: dict[str, Callable[[Put], None]] = {
    plant.__name__: plant for plant in (
        post_before_fsync, charge_two_attempts, return_lease_at_expiry, leak_hold, answer_before_closed, post_twice,
        hold_from_foreign_lease, offer_twice, release_without_record, settle_keeps_rest)}
