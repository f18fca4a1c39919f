"""The credit of all accounts at one worker: asks out, answers in, and what must not be lost between.

Everything here happens on messages and on the beat; the request path meets it only when a purse is short.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.clock import Clock
from tokenworks.credit.messages import (
    Answer,
    Ask,
    LeaseGrant,
    Offer,
    Recall,
    Renew,
    Renewed,
    ToControl,
    Written,
)
from tokenworks.credit.records import Record, Released
from tokenworks.gateway.budget import Budget
from tokenworks.gateway.till import SILENCE_NS, Till, Waiting

FORGET_NS = 60 * 1_000_000_000  # an answer that late is taken for an offer


class CreditDesk:
    """All tills. `send` puts a message on the link (False: it is away), `write` a record into the journal."""

    def __init__(
        self,
        writer: str,
        clock: Clock,
        budget: Budget,
        send: Callable[[ToControl], bool],
        write: Callable[[Record], int],
        position: Callable[[], int],
    ) -> None:
        self.tills: dict[str, Till] = {}
        self.active: dict[str, Till] = {}  # with leases, or somebody who waits: the others cost nothing at a beat
        self.books_epoch = 0
        self._writer, self._clock, self._budget = writer, clock, budget
        self._send, self._write, self._position = send, write, position
        self._lots: dict[str, str] = {}  # lot: account
        self._identity = 0
        self._asks: dict[int, tuple[Till, int]] = {}
        self._renews: dict[int, tuple[Till, int]] = {}
        self._recalls = 0  # that came over this link

    def till(self, account: str) -> Till:
        """The till of an account, made on first use."""
        till = self.tills.get(account)
        if till is None:
            till = self.tills[account] = Till(account, self.books_epoch, self._budget)
        return till

    def wait(self, till: Till, waiting: Waiting) -> None:
        """Stand in line at a till; the books are asked unless an ask is on its way."""
        self.active[till.purse.account] = till
        till.enter(waiting)
        if till.asked is not None:
            self._give_up(self._clock.mono_ns())
        self._ask(till)

    # --- what the books say ---

    def take_answer(self, answer: Answer) -> None:
        """An answer. One that is pending only says that others are being asked: the final one follows."""
        known = self._asks.get(answer.id) if answer.pending else self._asks.pop(answer.id, None)
        till, sent_ns = known or (self.till(answer.account), self._clock.mono_ns())
        self._take_grants(answer.grants, sent_ns)
        if answer.books_reached:
            till.heard_ns = self._clock.mono_ns()
        current = till.asked_id == answer.id and till.asked is not None
        if current:
            till.granted(answer)
        if answer.pending or not current:  # an ask that was given up may still bring credit
            till.serve()
        elif answer.books_reached:
            till.answered(answer)
            till.weigh()
            self._ask(till)
        else:
            till.asked = None
            till.serve()

    def take_offer(self, offer: Offer) -> None:
        """Credit that nobody asked for just now: waiting streams first, then waiting requests."""
        self._take_grants(offer.grants, self._clock.mono_ns())
        till = self.till(offer.account)
        till.offered()
        self._ask(till)

    def take_renewed(self, renewed: Renewed) -> None:
        """Leases that go on."""
        known = self._renews.pop(renewed.id, None)
        if known is not None:
            till, sent_ns = known
            till.purse.renew(renewed, sent_ns)
            till.serve()

    def take_recall(self, recall: Recall) -> None:
        """The books want credit back: what is not held goes, and they are told when it stands in the journal."""
        self._recalls += 1
        till = self.tills.get(self._lots.get(recall.lot, ""))
        released: list[Released] = []
        if till is not None:
            released = till.purse.give_back(recall.lot, recall.amount_minor, recall.hard, self._clock.now_ns())
            more = till.raise_ask(sum(record.amount_minor for record in released))
            if more is not None:
                self._send(more)
        self._give_back(released, tell=True)

    def adopt_epoch(self, epoch: int) -> None:
        """The books were restored or failed over: credit of before cuts and extends nothing."""
        if epoch != self.books_epoch:
            self.books_epoch = epoch
            for till in self.tills.values():
                till.purse.adopt_epoch(epoch)

    def link_changed(self, connected: bool) -> None:
        """Asks on their way were lost with the link; those who still wait are asked for anew."""
        self._asks.clear()
        self._renews.clear()
        self._recalls = 0
        for till in tuple(self.active.values()):
            till.asked = None
            if connected and till.waiting:
                self._ask(till)

    def granted(self) -> dict[str, int]:
        """Per lease all that was ever granted, for a Hello."""
        return {lease: amount for till in self.tills.values() for lease, amount in till.purse.granted.items()}

    # --- the beat ---

    def beat(self, span_ms: int, connected: bool) -> None:
        """About twice a second: spend rates, renewals, asks ahead of need, idle credit back."""
        mono_ns, at_ns = self._clock.mono_ns(), self._clock.now_ns()
        released: list[Released] = []
        self._give_up(mono_ns)
        for till in tuple(self.active.values()):
            if till.spent_minor or till.rate_minor_per_s:
                till.beat(span_ms)
            released += till.purse.idle(mono_ns, at_ns)
            if connected:
                self._renew(till, mono_ns)
                ask = till.low_ask(self._identity + 1)
                self._send_ask(till, ask)
            if till.idle:
                del self.active[till.purse.account]
        self._give_back(released)

    def return_all(self) -> None:
        """At the end of a drain: nothing is held any more, so all credit goes back."""
        at_ns = self._clock.now_ns()
        released = [record for till in self.active.values() for lot in {lease.lot for lease in till.purse.leases()}
                    for record in till.purse.give_back(lot, 2**63 - 1, True, at_ns)]
        self._give_back(released)

    def _take_grants(self, grants: tuple[LeaseGrant, ...], sent_ns: int) -> None:
        for grant in grants:
            self._lots[grant.lot] = grant.account
            self.adopt_epoch(max(grant.books_epoch, self.books_epoch))
            till = self.active[grant.account] = self.till(grant.account)
            till.purse.grant(grant, sent_ns)

    def _ask(self, till: Till) -> None:
        self._send_ask(till, till.next_ask(self._identity + 1))

    def _send_ask(self, till: Till, ask: Ask | None) -> None:
        if ask is None:
            return
        self._identity = ask.id
        if self._send(ask):
            self._asks[ask.id] = (till, self._clock.mono_ns())
        elif till.asked_id == ask.id:
            till.asked = None

    def _give_up(self, mono_ns: int) -> None:
        """Asks that the books have not answered within their time: whoever waits then asks anew."""
        for number, (till, sent_ns) in list(self._asks.items()):
            if mono_ns - max(sent_ns, till.heard_ns) > SILENCE_NS:
                if till.asked_id == number:
                    till.asked, till.asked_id = None, 0
                if mono_ns - sent_ns > FORGET_NS:
                    del self._asks[number]
                self._ask(till)

    def _renew(self, till: Till, mono_ns: int) -> None:
        due = till.purse.due(mono_ns)
        if due:
            self._identity += 1
            if self._send(Renew(self._identity, tuple(due))):
                self._renews[self._identity] = (till, mono_ns)

    def _give_back(self, released: list[Released], tell: bool = False) -> None:
        for record in released:
            self._write(record)
        if released or tell:
            self.tell_written()

    def tell_written(self) -> None:
        """Somebody may wait for what stands in the journal by now."""
        self._send(Written(self._writer, self._position(), self._recalls))
