"""The messages of the private link between a gateway worker and the control process of its host.

worker -> control: Hello, Ask, More, Renew, Written, Whose, Facts, Bye.
control -> worker: Snapshot, Change, Answer, Renewed, Owned, Offer, Recall, Probed, Order.
Every message is a tagged msgspec struct; frames are a 4-byte big-endian length and msgpack.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.credit.policy import Change, Snapshot


class LeaseGrant(msgspec.Struct, frozen=True, array_like=True):
    """Credit of one lot lent to one writer. Lots are listed in burn order by `rank` (lower burns first)."""

    lease: str
    lot: str
    account: str
    amount_minor: int  # added to what the lease holds already
    rank: int
    valid_s: int  # from the sending of the request, on the worker's monotonic clock
    books_epoch: int


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First message. `writer` is host/worker/epoch, also the name of its journal; `version` and `books_epoch` are of
    the policy held, 0 for none.

    `granted`: per lease all that was ever granted on it, as far as this worker has heard: an answer that was lost with
    the link, or with the control process, is then offered again. None: not told.
    """

    writer: str
    pid: int
    version: int = 0
    granted: dict[str, int] | None = None
    books_epoch: int = 0


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Lend me credit of `account`: at least `need_minor` more than I have free, and `keep_minor` for running streams.

    kind "cut": new requests wait. kind "extend": running streams wait, and may take what others keep. One ask speaks
    for all who wait: `least_minor` is what the most modest of them lacks, so that a part of the need from there on is
    of use; 0 when only all of it is.
    """

    id: int
    account: str
    need_minor: int
    kind: Literal["cut", "extend"]
    spend_minor_per_s: int = 0
    keep_minor: int = 0
    least_minor: int = 0


class More(msgspec.Struct, frozen=True, tag="more"):
    """The ask `id`, which waits, lacks so much more: what it counted on has been recalled."""

    id: int
    account: str
    more_minor: int


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The books' answer: a refusal when its grants do not cover the need; `available_minor` is left to lend.

    `pending`: other gateways have been asked to give back what they do not hold; the final answer follows. `mores`:
    how many Mores of the ask it takes into account; a worker that has said another one meanwhile asks again.
    """

    id: int
    account: str
    grants: tuple[LeaseGrant, ...] = ()
    available_minor: int = 0
    books_reached: bool = True  # false: the books did not answer; the worker goes on within its leases
    pending: bool = False
    mores: int = 0


class Offer(msgspec.Struct, frozen=True, tag="offer"):
    """Credit not asked for just now: a top-up reached an account whose ask was refused; waiting streams go first."""

    account: str
    grants: tuple[LeaseGrant, ...] = ()


class Renew(msgspec.Struct, frozen=True, tag="renew"):
    """These leases are still in use: prolong them."""

    id: int
    leases: tuple[str, ...]


class Renewed(msgspec.Struct, frozen=True, tag="renewed"):
    """These leases are valid for `valid_s` more from the sending of the Renew; ones not listed cut no new hold."""

    id: int
    leases: tuple[str, ...]
    valid_s: int
    books_epoch: int


class Recall(msgspec.Struct, frozen=True, tag="recall"):
    """The books want back up to `amount_minor` of what is not held. The worker answers in its journal (Released), and
    in any case with Written, also when it has nothing to give: somebody waits for it."""

    lot: str
    amount_minor: int
    hard: bool = False  # also what is kept for the expected remainder of running streams


class Written(msgspec.Struct, frozen=True, tag="written"):
    """Something stands in the journal up to `position` that others wait for (credit given back, objects issued).

    `recalls`: how many Recalls came over this link so far, all of them answered up to that position.
    """

    writer: str
    position: int
    recalls: int = 0


class Whose(msgspec.Struct, frozen=True, tag="whose"):
    """To whom were these upstream objects issued, and where?"""

    id: int
    objects: tuple[str, ...]


class Owned(msgspec.Struct, frozen=True, tag="owned"):
    """Account and deployment of each object asked for, in order; two empty strings for one that nobody knows."""

    id: int
    owners: tuple[tuple[str, str], ...]


class Facts(msgspec.Struct, frozen=True, tag="facts"):
    """What a worker measured since it started: cumulative counters, gauges and histogram buckets by metric and labels.

    `live` has one row per request that opened or ended since the last Facts, for `request tail`.
    """

    writer: str
    at_ns: int
    counters: dict[str, int]
    gauges: dict[str, int]
    inflight: dict[str, int] = {}  # per deployment
    health: dict[str, str] = {}  # per deployment: up, failing, down
    live: tuple[dict[str, str | int], ...] = ()


class Probed(msgspec.Struct, frozen=True, tag="probed"):
    """These deployments said a moment ago that they are well: one that was left alone may be asked again."""

    well: tuple[str, ...]


class Order(msgspec.Struct, frozen=True, tag="order"):
    """drain: stop accepting, finish, exit. reload: read certificates and settings again."""

    what: Literal["drain", "reload"]


class Bye(msgspec.Struct, frozen=True, tag="bye"):
    """The worker has ended cleanly: everything is in its journal up to `position`."""

    writer: str
    position: int


ToControl = Hello | Ask | More | Renew | Written | Whose | Facts | Bye
ToWorker = Snapshot | Change | Answer | Renewed | Owned | Offer | Recall | Probed | Order
