"""Whatever comes over the private link goes to whom it concerns; what was lost on the way is offered again.

While a worker is being settled with (after its Hello, or after the books failed in the midst of an ask) nothing is lent
to it: a grant must not be given twice, once as an answer and once as something that was lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from tokenworks.clock import Clock
from tokenworks.control.facts import FactsBook
from tokenworks.control.lender import Lender
from tokenworks.control.posting import PosterThread
from tokenworks.control.push import Pusher
from tokenworks.control.reach import Hands, Reach
from tokenworks.control.recall import Recaller
from tokenworks.control.spawner import Spawn
from tokenworks.control.told import Told, grant_again
from tokenworks.credit.messages import (
    Ask,
    Bye,
    Facts,
    Hello,
    LeaseGrant,
    More,
    Offer,
    Owned,
    Renew,
    Renewed,
    ToControl,
    Whose,
    Written,
)
from tokenworks.errors import Unavailable
from tokenworks.ledger.lots import Lot
from tokenworks.limits import LEASE_VALIDITY_S, LEASES_PER_WRITER_MAX, PAGE_ROWS_MAX
from tokenworks.link.server import Peer
from tokenworks.store.ports import Store

_LOG = structlog.get_logger()


@dataclass(kw_only=True)
class CourierParts:
    """Whom messages concern."""

    store: Store
    hands: Hands
    reach: Reach
    clock: Clock
    facts: FactsBook
    pusher: Pusher
    lender: Lender
    recaller: Recaller
    poster: PosterThread
    told: Told
    spawn: Spawn


class Courier:
    """Belongs to the event loop. `take` and `lose` are what the link server calls."""

    def __init__(self, parts: CourierParts) -> None:
        self._parts = parts
        self._settling: set[str] = set()

    def take(self, peer: Peer, message: ToControl) -> None:
        """One message of a worker."""
        parts = self._parts
        match message:
            case Hello():
                self._greet(peer, message)
            case Ask():
                parts.lender.ask(peer, message)
            case More():
                parts.lender.raise_need(peer, message)
            case Renew():
                parts.spawn(self._renew(peer, message))
            case Written():
                parts.poster.hear(message.writer, message.position)
                parts.recaller.written(message.writer, message.position, message.recalls)
            case Whose():
                parts.spawn(self._name_owners(peer, message))
            case Facts():
                parts.facts.take(message)
            case Bye():
                parts.poster.hear(message.writer, message.position)

    def lose(self, peer: Peer) -> None:
        """A worker's link is lost; whether the worker is, its journal's lock tells."""
        parts = self._parts
        parts.facts.leave(peer.writer)
        parts.recaller.drop(peer.writer)
        parts.told.drop(peer.writer)
        parts.lender.drop(peer.writer)
        parts.poster.wake()

    def settle_doubts(self) -> None:
        """Settle with the workers that may have been granted more than they heard of, if the books answer."""
        for writer in list(self._parts.told.doubtful) if self._parts.reach.reached else ():
            self._settle_with(writer)

    # --- the worker's account with us ---

    def _greet(self, peer: Peer, hello: Hello) -> None:
        parts = self._parts
        parts.facts.join(hello.writer, hello.pid, parts.clock.now_ns())
        parts.lender.drop(hello.writer)
        parts.recaller.greet(hello.writer)
        parts.told.greet(hello.writer, hello.granted)
        parts.pusher.greet(peer, hello)
        parts.poster.wake()
        if hello.writer in parts.told.doubtful:
            self._settle_with(hello.writer)

    def _settle_with(self, writer: str) -> None:
        if writer not in self._settling:
            self._settling.add(writer)
            self._parts.spawn(self._settle(writer))

    async def _settle(self, writer: str) -> None:
        """Finds what the worker was granted and has not heard of, and offers it."""
        parts = self._parts
        await parts.lender.hold(writer)
        try:
            await self._offer_lost(writer)
        except Unavailable as error:
            _LOG.warning("lost_grants_not_looked_for", writer=writer, why=str(error))
        self._settling.discard(writer)
        parts.lender.release(writer)

    async def _offer_lost(self, writer: str) -> None:
        parts = self._parts
        parts.told.doubtful.discard(writer)  # a Hello that comes from now on adds it again
        try:
            leases = await parts.hands.call(parts.store.ledger.leases, "", writer, LEASES_PER_WRITER_MAX)
        except Unavailable:
            parts.told.doubt(writer)
            raise
        peer = parts.told.peers.get(writer)
        for lease, amount_minor in parts.told.missing(writer, leases):
            lots = await parts.hands.call(self._lots, lease.account)
            if lease.state == "valid" and lease.lot in lots and peer is not None:
                grants: tuple[LeaseGrant, ...] = (grant_again(lease, amount_minor, lots[lease.lot]),)
                parts.told.send(peer, Offer(lease.account, grants))
                _LOG.info("grant_offered_again", writer=writer, lease=lease.id, amount_minor=amount_minor)

    def _lots(self, account: str) -> dict[str, Lot]:
        lots: dict[str, Lot] = {}
        cursor: str | None = ""
        while cursor is not None:
            rows = self._parts.store.ledger.lots(account, cursor, PAGE_ROWS_MAX)
            lots.update((lot.id, lot) for lot in rows.data)
            cursor = rows.next_cursor
        return lots

    # --- what the books know ---

    async def _renew(self, peer: Peer, renew: Renew) -> None:
        """Without the books there is no answer: leases lapse, and running streams go on from them."""
        parts = self._parts
        try:
            leases = await parts.hands.call(parts.store.books.renew, peer.writer, renew.leases, parts.clock.now_ns())
        except Unavailable:
            return
        peer.send(Renewed(renew.id, tuple(leases), LEASE_VALIDITY_S, parts.pusher.book.epoch))

    async def _name_owners(self, peer: Peer, whose: Whose) -> None:
        """An object may have been issued a moment ago and stand in a journal only: then look once more."""
        parts = self._parts
        try:
            owners = await parts.hands.call(parts.store.requests.owners, whose.objects)
            if ("", "") in owners:
                await parts.poster.round()
                owners = await parts.hands.call(parts.store.requests.owners, whose.objects)
        except Unavailable:
            return
        peer.send(Owned(whose.id, tuple(owners)))
