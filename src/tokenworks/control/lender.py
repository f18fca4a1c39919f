"""Lends the books' credit to this host's workers, so that nobody is refused for credit that lies unused elsewhere.

An ask that the books cannot cover at once gets what there is and is answered `pending`; a round of recalls (recall.py)
asks everybody else for the rest, once for all asks of the account. When the round is over, or credit comes back or is
topped up meanwhile, the books are asked again, and what they say then is final. Somebody who waits hears something
every ASK_HOLD_MS as long as the books answer: silence means that they do not. A running stream that was refused is
remembered while it waits for a top-up, and then served first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec
import structlog

from tokenworks.clock import Clock
from tokenworks.control.reach import Hands, Reach
from tokenworks.control.recall import Recaller
from tokenworks.control.spawner import Spawn
from tokenworks.control.told import Told
from tokenworks.control.turnstile import Turnstile
from tokenworks.credit.messages import Answer, Ask, More, Offer
from tokenworks.credit.rows import RecallFrom
from tokenworks.errors import TokenworksError, Unavailable
from tokenworks.limits import ASK_HOLD_MS, ASK_HOLDS_MAX, TOPUP_WAIT_MS
from tokenworks.link.server import Peer
from tokenworks.store.ports import Books
from tokenworks.store.shapes import Lent

ATTEMPTS_SHIFT = 12  # the books know an ask by its id; each new attempt is a new ask to them
ROUNDS_MAX = 3  # of recalls for one ask: another one when meanwhile its own worker had to give something back
HINT_S = 60  # a worker that was refused so recently is told when credit came

_LOG = structlog.get_logger()


class Waiting:
    """An ask on its way to its final answer.

    due: the books are to be asked (again). swept: a round of recalls is over in which nothing was recalled from its own
    worker, so the next attempt is the last one.
    pending: it has been told to wait. told: its final answer is out; an extend then still takes a top-up, as an Offer.
    mores, more_minor: how often its need was raised, and what of that the attempt under way does not know.
    """

    __slots__ = ("ask", "attempt", "due", "holds", "in_round", "keep_minor", "least_minor", "more_minor", "mores",
                 "need_minor", "peer", "pending", "round_mores", "rounds", "since_ns", "swept", "timer", "told",
                 "wants", "writer")

    def __init__(self, peer: Peer, ask: Ask, since_ns: int) -> None:
        self.peer, self.writer, self.ask, self.since_ns = peer, peer.writer, ask, since_ns
        self.need_minor, self.keep_minor, self.least_minor = ask.need_minor, ask.keep_minor, ask.least_minor
        self.attempt = self.holds = self.mores = self.more_minor = self.rounds = self.round_mores = 0
        self.due = True
        self.swept = self.in_round = self.pending = self.told = False
        self.wants: tuple[RecallFrom, ...] = ()
        self.timer: asyncio.TimerHandle | None = None

    def attempt_ask(self) -> Ask:
        """The ask as the books get it now: under an id of its own, for what is still missing."""
        ident = self.ask.id << ATTEMPTS_SHIFT | self.attempt
        self.need_minor += self.more_minor
        if self.least_minor:
            self.least_minor += self.more_minor
        self.more_minor = 0
        return msgspec.structs.replace(self.ask, id=ident, need_minor=self.need_minor, keep_minor=self.keep_minor,
                                       least_minor=self.least_minor)

    def wanting(self, lent: Lent) -> tuple[RecallFrom, ...]:
        """Who may have some of what is missing. What was recalled from its own worker must at least reach the books: a
        recall of nothing waits for that."""
        own = (RecallFrom(self.writer, "", 0, False),) if self.mores else ()
        return (*lent.recall, *own)

    def take_part(self, lent: Lent) -> None:
        """What is missing now. Any more of it may be of use: it adds to what came."""
        if lent.grants or self.ask.kind == "extend":
            self.need_minor, self.keep_minor = lent.short_minor, 0
            self.least_minor = min(self.least_minor, 1)


class Desk:
    """The asks of one account: served one by one, running streams first, the longest waiting first."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self.working = False
        self.sweeping = False
        self.heard_ns = 0  # when the books last answered for this account
        self.refused: dict[str, tuple[Peer, int]] = {}  # writers whose cuts were refused, and when

    def next_due(self, held: Collection[str]) -> Waiting | None:
        """Who is served next; not the workers that are held."""
        due = [one for one in self.waiting if one.due and one.writer not in held]
        return min(due, key=lambda one: (one.ask.kind != "extend", one.since_ns), default=None)


@dataclass(kw_only=True)
class LenderParts:
    """What a lender works with. `told` sends the answers and knows what was sent."""

    books: Books
    hands: Hands
    reach: Reach
    clock: Clock
    recaller: Recaller
    turnstile: Turnstile
    told: Told
    spawn: Spawn


class Lender:
    """Belongs to the event loop."""

    def __init__(self, parts: LenderParts) -> None:
        self._parts = parts
        self._desks: dict[str, Desk] = {}
        self._held: set[str] = set()
        self._lending: dict[str, int] = {}  # writer: verbs of the books under way for it
        self._idle: dict[str, asyncio.Event] = {}

    def ask(self, peer: Peer, ask: Ask) -> None:
        """Takes an ask; its answer goes over the link."""
        if not self._parts.reach.reached:
            self._parts.told.send(peer, Answer(ask.id, ask.account, books_reached=False))
            return
        one = Waiting(peer, ask, self._parts.clock.mono_ns())
        one.timer = asyncio.get_running_loop().call_later(ASK_HOLD_MS / 1000, self._expire, one)
        desk = self._desks.setdefault(ask.account, Desk())
        for old in [old for old in desk.waiting if old.told and old.writer == one.writer]:
            self._remove(ask.account, desk, old)  # the new ask speaks for those streams too
        desk.waiting.append(one)
        self._serve(ask.account, desk)

    def raise_need(self, peer: Peer, more: More) -> None:
        """An ask that waits lacks more: the worker has given back what it counted on."""
        desk = self._desks.get(more.account)
        for one in desk.waiting if desk is not None else ():
            if one.writer == peer.writer and one.ask.id == more.id and not one.told:
                one.mores, one.more_minor = one.mores + 1, one.more_minor + more.more_minor

    def credit(self, account: str) -> None:
        """Credit came back to the account's lots, or was topped up: who waits is served, streams first."""
        desk = self._desks.get(account)
        if desk is None:
            return
        for one in desk.waiting:
            one.due = True
        least_ns = self._parts.clock.mono_ns() - HINT_S * 1_000_000_000
        for peer, at_ns in desk.refused.values():
            if at_ns >= least_ns:
                self._parts.told.send(peer, Offer(account))
        desk.refused.clear()
        self._serve(account, desk)

    def credit_all(self) -> None:
        """Credit may have come to any account: rings of the bell were lost."""
        for account in list(self._desks):
            self.credit(account)

    def drop(self, writer: str) -> None:
        """The worker's link is new or lost: its asks are void."""
        for account, desk in list(self._desks.items()):
            for one in [one for one in desk.waiting if one.writer == writer]:
                self._remove(account, desk, one)
            desk.refused.pop(writer, None)

    async def hold(self, writer: str) -> None:
        """Lends nothing more to this worker until `release`; returns when nothing is under way either."""
        self._held.add(writer)
        if self._lending.get(writer):
            await self._idle.setdefault(writer, asyncio.Event()).wait()

    def release(self, writer: str) -> None:
        """Lends to it again."""
        self._held.discard(writer)
        for account, desk in list(self._desks.items()):
            if any(one.writer == writer for one in desk.waiting):
                self._serve(account, desk)

    # --- one account ---

    def _serve(self, account: str, desk: Desk) -> None:
        if not desk.working:
            desk.working = True
            self._parts.spawn(self._work(account, desk))

    async def _work(self, account: str, desk: Desk) -> None:
        while (one := desk.next_due(self._held)) is not None:
            one.due, swept = False, one.swept
            await self._attempt(account, desk, one, swept)
        desk.working = False
        self._sweep(account, desk)
        if not desk.waiting and not desk.refused and self._desks.get(account) is desk:
            del self._desks[account]

    async def _attempt(self, account: str, desk: Desk, one: Waiting, swept: bool) -> None:
        parts = self._parts
        parts.turnstile.enter()
        self._lending[one.writer] = self._lending.get(one.writer, 0) + 1
        try:
            lent = await parts.hands.call(parts.books.lend, one.writer, one.attempt_ask(), parts.clock.now_ns())
        except Unavailable:
            parts.told.doubt(one.writer)
            self._finish(account, desk, one, Answer(one.ask.id, account, books_reached=False))
        except TokenworksError as error:
            _LOG.warning("ask_refused", account=account, writer=one.writer, why=str(error))
            self._finish(account, desk, one, Answer(one.ask.id, account))
        else:
            self._take(account, desk, one, lent, swept)
        finally:
            parts.turnstile.leave()
            self._landed(one.writer)

    def _landed(self, writer: str) -> None:
        self._lending[writer] -= 1
        if not self._lending[writer]:
            del self._lending[writer]
            if writer in self._idle:
                self._idle.pop(writer).set()

    def _take(self, account: str, desk: Desk, one: Waiting, lent: Lent, swept: bool) -> None:
        one.attempt += 1
        desk.heard_ns = self._parts.clock.mono_ns()
        if one not in desk.waiting:
            self._late(account, one, lent)
            return
        one.take_part(lent)
        covered = lent.short_minor <= 0
        answer = Answer(one.ask.id, account, lent.grants, lent.available_minor, mores=one.mores)
        if one.more_minor and not one.told:
            one.due, one.swept = True, swept
            self._tell_pending(one, answer)
        elif one.told:
            if lent.grants:
                self._parts.told.send(one.peer, Offer(account, lent.grants))
            if covered:
                self._remove(account, desk, one)
        elif covered or swept or not (one.wanting(lent) or one.in_round):
            self._finish(account, desk, one, answer)
        else:
            one.wants = one.wanting(lent)
            self._tell_pending(one, answer)

    def _tell_pending(self, one: Waiting, answer: Answer) -> None:
        if answer.grants or not one.pending:
            one.pending = True
            self._parts.told.send(one.peer, msgspec.structs.replace(answer, pending=True))

    def _late(self, account: str, one: Waiting, lent: Lent) -> None:
        """The final answer was out, or the link was lost, while the books were lending."""
        if lent.grants:
            self._parts.told.send(one.peer, Offer(account, lent.grants))

    # --- rounds of recalls ---

    def _sweep(self, account: str, desk: Desk) -> None:
        """One round for all who are short. Two that recall from each other both give; who asked first gets it all."""
        members = [one for one in desk.waiting if one.wants and not one.in_round]
        if desk.sweeping or not members:
            return
        desk.sweeping = True
        for one in members:
            one.in_round, one.round_mores, one.rounds = True, one.mores, one.rounds + 1
        self._parts.recaller.begin(_add_wants(members), lambda: self._swept(account, desk, members))

    def _swept(self, account: str, desk: Desk, members: list[Waiting]) -> None:
        desk.sweeping = False
        for one in members:
            one.in_round, one.wants = False, ()
            one.swept = one.mores == one.round_mores or one.rounds >= ROUNDS_MAX
            one.due = True
        self._serve(account, desk)

    # --- ends ---

    def _expire(self, one: Waiting) -> None:
        account = one.ask.account
        desk = self._desks.get(account)
        if desk is None or one not in desk.waiting:
            return
        answer_ns = self._parts.clock.mono_ns() - desk.heard_ns
        reached = self._parts.reach.reached and desk.heard_ns > 0 and answer_ns < ASK_HOLD_MS * 1_000_000
        if one.told:
            self._remove(account, desk, one)
        elif reached and one.holds < ASK_HOLDS_MAX:
            one.holds += 1
            one.timer = asyncio.get_running_loop().call_later(ASK_HOLD_MS / 1000, self._expire, one)
            self._parts.told.send(one.peer, Answer(one.ask.id, account, pending=True))
        else:
            self._finish(account, desk, one, Answer(one.ask.id, account, books_reached=reached))

    def _finish(self, account: str, desk: Desk, one: Waiting, answer: Answer) -> None:
        """The final answer. A stream that got less than it needs stays, for a top-up."""
        self._parts.told.send(one.peer, answer)
        self._remove(account, desk, one)
        if not answer.books_reached or (one.ask.kind == "extend" and one.need_minor <= 0):
            return
        if one.ask.kind == "extend":
            one.told, one.due, one.wants = True, False, ()
            one.timer = asyncio.get_running_loop().call_later(TOPUP_WAIT_MS / 1000, self._expire, one)
            desk.waiting.append(one)
        elif one.need_minor > 0:
            desk.refused[one.writer] = (one.peer, self._parts.clock.mono_ns())

    def _remove(self, account: str, desk: Desk, one: Waiting) -> None:
        if one.timer is not None:
            one.timer.cancel()
        if one in desk.waiting:
            desk.waiting.remove(one)


def _add_wants(members: Iterable[Waiting]) -> list[RecallFrom]:
    """What several asks want back, by writer and lot."""
    total: dict[tuple[str, str], RecallFrom] = {}
    for back in (back for one in members for back in one.wants):
        seen = total.get((back.writer, back.lot))
        amount_minor = back.amount_minor + (seen.amount_minor if seen else 0)
        hard = back.hard or (seen is not None and seen.hard)
        total[back.writer, back.lot] = msgspec.structs.replace(back, amount_minor=amount_minor, hard=hard)
    return list(total.values())
