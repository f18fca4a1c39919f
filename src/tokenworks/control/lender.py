"""Lends the books' credit to this host's workers, so that nobody is refused for credit that lies unused elsewhere.

An ask that the books cannot cover at once makes a round of recalls (recall.py) and is answered `pending`; when the
round is over, or credit comes back or is topped up meanwhile, the books are asked again. Every ask gets its final
answer within ASK_HOLD_MS. A running stream that was refused is remembered while it waits for a top-up, and then served
first.
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
from tokenworks.credit.messages import Answer, Ask, Offer
from tokenworks.credit.rows import RecallFrom
from tokenworks.errors import TokenworksError, Unavailable
from tokenworks.limits import ASK_HOLD_MS, TOPUP_WAIT_MS
from tokenworks.link.server import Peer
from tokenworks.store.ports import Books
from tokenworks.store.shapes import Lent

ATTEMPTS_SHIFT = 12  # the books know an ask by its id; each new attempt is a new ask to them
HINT_S = 60  # a worker that was refused so recently is told when credit came

_LOG = structlog.get_logger()


class Waiting:
    """An ask on its way to its final answer.

    due: the books are to be asked (again). swept: a round of recalls that began after the last attempt is over.
    pending: it has been told to wait. told: its final answer is out; an extend then still takes a top-up, as an Offer.
    """

    __slots__ = ("ask", "attempt", "due", "in_round", "keep_minor", "need_minor", "peer", "pending", "since_ns",
                 "swept", "timer", "told", "wants", "writer")

    def __init__(self, peer: Peer, ask: Ask, since_ns: int) -> None:
        self.peer, self.writer, self.ask, self.since_ns = peer, peer.writer, ask, since_ns
        self.need_minor, self.keep_minor = ask.need_minor, ask.keep_minor
        self.attempt = 0
        self.due = True
        self.swept = self.in_round = self.pending = self.told = False
        self.wants: tuple[RecallFrom, ...] = ()
        self.timer: asyncio.TimerHandle | None = None

    def attempt_ask(self) -> Ask:
        """The ask as the books get it now: under an id of its own, for what is still missing."""
        ident = self.ask.id << ATTEMPTS_SHIFT | self.attempt
        return msgspec.structs.replace(self.ask, id=ident, need_minor=self.need_minor, keep_minor=self.keep_minor)


class Desk:
    """The asks of one account: served one by one, running streams first, the longest waiting first."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self.working = False
        self.sweeping = False
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
        desk.waiting.append(one)
        self._serve(ask.account, desk)

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
        if one not in desk.waiting:
            self._late(account, one, lent)
            return
        if one.ask.kind == "extend":
            one.need_minor, one.keep_minor = lent.short_minor, 0
        covered = lent.short_minor <= 0
        answer = Answer(one.ask.id, account, lent.grants, lent.available_minor)
        if one.told:
            if lent.grants:
                self._parts.told.send(one.peer, Offer(account, lent.grants))
            if covered:
                self._remove(account, desk, one)
        elif covered or swept or all(back.writer == one.writer for back in lent.recall):
            self._finish(account, desk, one, answer)
        else:
            one.wants = tuple(back for back in lent.recall if back.writer != one.writer)
            if lent.grants or not one.pending:
                one.pending = True
                self._parts.told.send(one.peer, msgspec.structs.replace(answer, pending=True))

    def _late(self, account: str, one: Waiting, lent: Lent) -> None:
        """The final answer was out, or the link was lost, while the books were lending."""
        if lent.grants:
            self._parts.told.send(one.peer, Offer(account, lent.grants))

    # --- rounds of recalls ---

    def _sweep(self, account: str, desk: Desk) -> None:
        """One round for the worker whose ask waits longest: two that recall from each other would only trade places."""
        short = [one for one in desk.waiting if one.wants and not one.in_round]
        if desk.sweeping or not short:
            return
        first = min(short, key=lambda one: (one.ask.kind != "extend", one.since_ns))
        members = [one for one in short if one.writer == first.writer]
        desk.sweeping = True
        for one in members:
            one.in_round = True
        self._parts.recaller.begin(_add_wants(members), lambda: self._swept(account, desk, members))

    def _swept(self, account: str, desk: Desk, members: list[Waiting]) -> None:
        desk.sweeping = False
        for one in members:
            one.in_round, one.wants = False, ()
            one.swept = one.due = True
        self._serve(account, desk)

    # --- ends ---

    def _expire(self, one: Waiting) -> None:
        account = one.ask.account
        desk = self._desks.get(account)
        if desk is None or one not in desk.waiting:
            return
        if one.told:
            self._remove(account, desk, one)
        else:
            reached = self._parts.reach.reached and one.attempt > 0
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
        elif not answer.grants:
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
