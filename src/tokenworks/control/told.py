"""What each worker has been told of its credit, so that a grant that got lost on the way is found and offered again.

A worker says in its Hello what was granted to it as far as it has heard; from then on every grant that is sent counts
as heard, because a link either delivers or breaks. What the books say beyond that was lost: with an old link, with a
control process that was killed between lending and answering, or with a commit whose answer never came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenworks.credit.lending import lot_rank
from tokenworks.credit.messages import Answer, LeaseGrant, Offer
from tokenworks.credit.rows import LeaseRow
from tokenworks.ledger.lots import Lot
from tokenworks.limits import LEASE_VALIDITY_S
from tokenworks.link.server import Peer


class Told:
    """Belongs to the event loop. `peers` has the connected workers."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        self.peers = peers
        self.doubtful: set[str] = set()  # writers for which the books may have lent more than they answered
        self._heard: dict[str, dict[str, int]] = {}

    def greet(self, writer: str, granted: Mapping[str, int] | None) -> None:
        """A Hello: what it says of its leases, None when it says nothing."""
        self._heard.pop(writer, None)
        if granted is not None:
            self._heard[writer] = dict(granted)
            self.doubtful.add(writer)

    def drop(self, writer: str) -> None:
        """Its link is lost."""
        self._heard.pop(writer, None)
        self.doubtful.discard(writer)

    def doubt(self, writer: str) -> None:
        """The books did not answer an ask of this writer: it may have been granted all the same."""
        if writer in self._heard:
            self.doubtful.add(writer)

    def send(self, peer: Peer, message: Answer | Offer) -> None:
        """Over the link, unless the worker has a new one by now: its Hello then tells what it lacks."""
        if self.peers.get(peer.writer) is peer and peer.send(message):
            heard = self._heard.get(peer.writer)
            if heard is not None:
                for grant in message.grants:
                    heard[grant.lease] = heard.get(grant.lease, 0) + grant.amount_minor

    def missing(self, writer: str, leases: Iterable[LeaseRow]) -> list[tuple[LeaseRow, int]]:
        """Leases of which the worker has not heard everything, and how much it lacks. Nothing when it does not tell."""
        heard = self._heard.get(writer)
        if heard is None:
            return []
        lacks = [(lease, lease.granted_minor - heard.get(lease.id, 0)) for lease in leases]
        return [(lease, amount_minor) for lease, amount_minor in lacks if amount_minor > 0]


def grant_again(lease: LeaseRow, amount_minor: int, lot: Lot) -> LeaseGrant:
    """What the worker lacks of a lease, as a grant."""
    return LeaseGrant(lease.id, lease.lot, lease.account, amount_minor, lot_rank(lot), LEASE_VALIDITY_S, lease.epoch)
