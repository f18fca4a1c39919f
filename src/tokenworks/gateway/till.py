"""One account's credit at one worker: its purse, and those who wait for more of it than the purse has.

Whoever waits is served in a fixed order: running streams first, the oldest of them first, then new requests as they
came. One ask is on its way at a time and speaks for all who wait; so a thousand requests that arrive together cost a
few round trips, not a thousand. What the books answer decides for all of them at once: they lend what there is, also
when it is for some only, and whoever is still short is told. Nobody is refused who was not asked for.
"""

from __future__ import annotations

from typing import Literal, Protocol

from tokenworks.credit.messages import Answer, Ask, More
from tokenworks.credit.purse import Purse
from tokenworks.gateway.budget import Budget
from tokenworks.limits import ACCOUNT_BYTES_MAX, ASK_HOLD_MS

DENIED = 2**30  # rounds of who has had his answer
SILENCE_NS = ASK_HOLD_MS * 2_500_000  # the books promise an answer within ASK_HOLD_MS; a busy machine may be late
PATIENCE_NS = 8 * SILENCE_NS  # also with books that are busy with a thousand others
ROUNDS_MAX = 6  # asks that one waiter takes part in; the credit of others may be snatched away, but not for ever


class Waiting(Protocol):
    """Who waits: a request that could not cut its hold ("cut"), or a stream that could not extend it ("extend").

    `need_minor`: a request's whole hold, what a stream still lacks. `keep_minor`: a request's expected remainder.
    `short_minor`, `short_keep_minor`: what the purse lacked of each when it was last tried.
    """

    kind: Literal["cut", "extend"]
    need_minor: int
    keep_minor: int
    short_minor: int
    short_keep_minor: int
    rounds: int
    opened_ns: int

    def take_credit(self) -> bool:
        """Try again now; True when there is nothing more to wait for."""

    def weigh(self) -> None:
        """Money is short: count exactly what was only bounded, if you can. A request leaves the line for it."""

    def no_credit(self, available_minor: int) -> None:
        """The books have answered no: so much is left to lend. A stream stays in line for a top-up."""


class Till:
    """The waiting at one purse. Pure decisions: what to ask is returned, sending it is the desk's."""

    __slots__ = ("asked", "asked_id", "asked_minor", "available_minor", "budget", "heard_ns", "mores", "purse",
                 "rate_minor_per_s", "spent_minor", "waiting")

    def __init__(self, account: str, epoch: int, parent: Budget) -> None:
        self.purse = Purse(account, epoch)
        self.budget = Budget(ACCOUNT_BYTES_MAX, parent)
        self.waiting: list[Waiting] = []
        self.asked: tuple[Waiting, ...] | None = None  # for whom an ask is on its way; () is for nobody in particular
        self.asked_id = self.asked_minor = 0  # that ask: its number, and how much of it has not been granted
        self.mores = 0  # times that it has been raised since
        self.available_minor = -1  # what the books last said is left to lend; -1 while they have not been asked
        self.heard_ns = 0  # when the books last said anything of this account, be it that others are being asked
        self.spent_minor = 0  # since the last beat
        self.rate_minor_per_s = 0

    @property
    def idle(self) -> bool:
        """Nothing leased, nobody waiting, nothing spent lately."""
        return self.purse.empty and not self.waiting and self.asked is None and not self.rate_minor_per_s

    def silent(self, mono_ns: int, since_ns: int) -> bool:
        """Whether who has waited since then waits in vain: the books say nothing, or nothing that helps."""
        return mono_ns - max(self.heard_ns, since_ns) > SILENCE_NS or mono_ns - since_ns > PATIENCE_NS

    def enter(self, waiting: Waiting) -> None:
        """Stand in line: streams before requests, among them by age."""
        place = len(self.waiting)
        if waiting.kind == "extend":
            place = sum(other.kind == "extend" and other.opened_ns <= waiting.opened_ns for other in self.waiting)
        waiting.rounds = 0
        self.waiting.insert(place, waiting)

    def leave(self, waiting: Waiting) -> None:
        """Wait no more."""
        if waiting in self.waiting:
            self.waiting.remove(waiting)

    def serve(self) -> None:
        """Credit came, or became free: everybody who can go on goes on, in order.

        Under load this is called at each request's end, for all who wait; so who surely cannot is not asked to try.
        """
        purse = self.purse
        for waiting in tuple(self.waiting):
            free = purse.free_minor
            if waiting.kind == "cut" and free < waiting.need_minor:
                waiting.short_minor = waiting.need_minor - free
                waiting.short_keep_minor = purse.kept_minor + waiting.keep_minor
            elif waiting in self.waiting and waiting.take_credit():
                self.leave(waiting)

    def offered(self) -> None:
        """Credit came without an ask: the books' earlier no is out of date, and who is short is asked for anew."""
        self.serve()
        for waiting in self.waiting:
            if waiting.rounds == DENIED:
                waiting.rounds = 0

    def next_ask(self, identity: int) -> Ask | None:
        """What to ask now, for all who wait, streams before requests; None when nobody waits for an ask."""
        open_ = [waiting for waiting in self.waiting if waiting.rounds < ROUNDS_MAX]
        if self.asked is not None or not open_:
            return None
        kind = open_[0].kind
        asked = [waiting for waiting in open_ if waiting.kind == kind]
        need, keep = asked[0].short_minor, asked[0].short_keep_minor
        for waiting in asked[1:]:
            need += waiting.short_minor if kind == "extend" else waiting.need_minor
            keep += waiting.short_keep_minor if kind == "extend" else waiting.keep_minor
        for waiting in asked:
            waiting.rounds += 1
        self._begin(identity, tuple(asked), need + keep)
        least = min(waiting.short_minor + waiting.short_keep_minor for waiting in asked)
        return Ask(identity, self.purse.account, need, kind, max(self.rate_minor_per_s, need), keep, least)

    def weigh(self) -> None:
        """Those who wait would get less than they want: whoever can be counted exactly is, before he is asked for."""
        requests = [waiting for waiting in self.waiting if waiting.kind == "cut"]
        wanted = sum(waiting.need_minor + waiting.keep_minor for waiting in requests)
        if wanted > self.available_minor + self.purse.free_minor:
            for waiting in requests:
                waiting.weigh()

    def raise_ask(self, recalled_minor: int) -> More | None:
        """So much of what is free was given back: who is asked for lacks as much more."""
        if not self.asked or not recalled_minor:
            return None
        self.serve()
        self.mores += 1
        self.asked_minor += recalled_minor
        return More(self.asked_id, self.purse.account, recalled_minor)

    def low_ask(self, identity: int) -> Ask | None:
        """An ask ahead of need when what is free will not last: for nobody in particular."""
        if self.asked is not None or self.rate_minor_per_s == 0:
            return None
        if self.purse.free_minor - self.purse.kept_minor >= 5 * self.rate_minor_per_s:
            return None
        self._begin(identity, (), 0)
        return Ask(identity, self.purse.account, 0, "cut", self.rate_minor_per_s, 0)

    def granted(self, answer: Answer) -> None:
        """Grants of the ask on its way, pending or final, are in the purse."""
        self.asked_minor -= sum(grant.amount_minor for grant in answer.grants)

    def answered(self, answer: Answer) -> None:
        """The books' final answer to the ask on its way; its grants are in the purse already.

        When these do not cover the ask, the books have no more, nor has anybody else: all whom it spoke for and who are
        still short have their answer. When they do, somebody took it meanwhile, or they were recalled: asked again.
        """
        asked, self.asked = self.asked or (), None
        self.available_minor = answer.available_minor
        self.serve()
        decided = self.asked_minor > 0 and answer.mores == self.mores
        for waiting in asked:
            if waiting in self.waiting and waiting.rounds != DENIED and (decided or waiting.rounds >= ROUNDS_MAX):
                self.deny(waiting, answer.available_minor)

    def deny(self, waiting: Waiting, available_minor: int) -> None:
        """No. A new request leaves; a stream stays in line for a top-up, and until then is asked for no more."""
        waiting.rounds = DENIED
        if waiting.kind == "cut":
            self.leave(waiting)
        waiting.no_credit(available_minor)

    def beat(self, span_ms: int) -> None:
        """About twice a second: what is spent per second, as a running mean."""
        now = self.spent_minor * 1000 // span_ms
        self.rate_minor_per_s = (self.rate_minor_per_s * 3 + now) // 4
        self.spent_minor = 0

    def _begin(self, identity: int, asked: tuple[Waiting, ...], asked_minor: int) -> None:
        self.asked, self.asked_id, self.asked_minor, self.mores = asked, identity, asked_minor, 0
