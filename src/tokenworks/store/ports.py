"""The doors of the store: one Protocol per concern, at most six verbs each.

All verbs are synchronous and thread-safe; each is one transaction. Every one may raise BooksUnreachable (the database
cannot be reached, is full or stays busy): nothing was changed, or it was and the call may be repeated as it is, because
every verb that writes is idempotent by position, by id, or by nature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from tokenworks.credit.messages import Ask
from tokenworks.credit.rows import LeaseRow, RequestRow
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot
from tokenworks.store.shapes import (
    AccountRow,
    AuditRows,
    Balance,
    Batch,
    BooksFacts,
    Claim,
    EntryQuery,
    Funding,
    Kept,
    KeyRow,
    Lent,
    PolicyRows,
    Posted,
    RequestQuery,
    RequestRecord,
    Rows,
    SecretRow,
    StatementPage,
    StatementQuery,
    Suspended,
    UsageQuery,
    UsageSum,
    Withdrawal,
    WorkSum,
    WriterRow,
)
from tokenworks.store.trail import Actor, AuditNote, Sealed, TrailQuery
from tokenworks.tariff.card import RateCard

T = TypeVar("T")


class Books(Protocol):
    """Money: what is lent, posted, funded. Lots are locked in the order of their ids, then leases in theirs."""

    def lend(self, writer: str, ask: Ask, now_ns: int) -> Lent:
        """Lends credit of the ask's account to a writer (credit/lending.py); the same ask again gets the same."""
        ...

    def renew(self, writer: str, leases: Sequence[str], now_ns: int) -> tuple[str, ...]:
        """Which of these leases the writer may go on cutting holds from."""
        ...

    def post(self, batch: Batch) -> Posted:
        """Books a batch (credit/booking.py), exactly once: raises Stale, changing nothing, unless the writer's position
        is `batch.start`. A record that cannot be posted goes to suspense."""
        ...

    def end(self, writer: str, position: int, now_ns: int, shard: str = "0") -> Posted:
        """A dead writer's journal has been posted to its end: bills or waives its open requests, returns its leases.
        Raises Stale unless the writer's position is `position`; a second time it does nothing."""
        ...

    def fund(self, funding: Funding) -> Lot:
        """Creates a lot. Raises NotFound for an unknown account, Conflict for a lot id used for another funding."""
        ...

    def withdraw(self, withdrawal: Withdrawal) -> Lot:
        """Refunds or expires what a lot has available. Raises NotFound, and Conflict when it has less."""
        ...


class Writers(Protocol):
    """The journals that feed the books."""

    def greet(self, writer: str, now_ns: int) -> WriterRow:
        """Makes the writer known (state live), or returns it as it stands."""
        ...

    def roster(self, host: str = "", active: bool = False) -> list[WriterRow]:
        """Writers in the order of their names; of one host; only those not ended or forgotten."""
        ...

    def beat(self, writer: str, now_ns: int, watermark_ns: int, lag_bytes: int) -> None:
        """The writer's journal is being followed: seen now, complete up to the watermark."""
        ...

    def mark(self, writer: str, event: str, now_ns: int) -> WriterRow:
        """lose: its leases are in doubt. find: they are valid again. forget: given up, its credit returns to the lots
        and late records go to overrun. Raises NotFound, and Conflict for a move that makes no sense."""
        ...

    def complete(self, now_ns: int) -> int:
        """`books_complete_until`: the least watermark of all writers not ended; now when there is none."""
        ...


class Suspense(Protocol):
    """Records that could not be posted."""

    def page(self, unresolved: bool = True, cursor: str = "", limit: int = 50) -> Rows[Suspended]:
        """Oldest first."""
        ...

    def resolve(self, ident: str, resolution: str, now_ns: int) -> Suspended:
        """Notes what was done about it; raises NotFound."""
        ...


class Shelf(Protocol[T]):
    """Rows of one noun of policy: accounts, keys, models, deployments, cards (a card's id is name@version).

    Every change raises the policy version by one, rings the bell (topic "policy") and returns the new version.
    """

    def add(self, row: T) -> int:
        """Raises Conflict when the id is taken (also: a key's digest; a card version that is not the next one)."""
        ...

    def put(self, row: T, if_version: int = 0) -> int:
        """Replaces. Raises NotFound, and Conflict when `if_version` is given and the row has changed since. Cards never
        change: Conflict."""
        ...

    def drop(self, ident: str, if_version: int = 0) -> int:
        """Removes a model or deployment; Conflict for nouns that only end (accounts, keys, cards), and as for `put`.
        Raises NotFound."""
        ...

    def get(self, ident: str) -> Kept[T]:
        """Raises NotFound."""
        ...

    def page(self, cursor: str = "", limit: int = 50, under: str = "") -> Rows[Kept[T]]:
        """In the order of ids. `under`: of one parent account, account, model, or card name."""
        ...


class Keys(Shelf[KeyRow], Protocol):
    """The shelf of API keys, which a buyer's own text finds too."""

    def find(self, digest: bytes) -> Kept[KeyRow]:
        """The key with this digest, whatever has become of it; raises NotFound."""
        ...


class Secrets(Shelf[SecretRow], Protocol):
    """The shelf of sealed secrets. Gateways are told nothing of it."""

    def reseal(self, rows: Sequence[Kept[SecretRow]]) -> int:
        """Puts all rows anew, each at the version it was read at, all or none; the version that holds then. Raises
        Conflict unless these are all the secrets that there are, as they are."""
        ...


class Policy(Protocol):
    """The policy as a whole, for gateways."""

    def version(self) -> int:
        """The version that holds."""
        ...

    def since(self, version: int) -> PolicyRows:
        """What changed after `version`, read at one moment; all there is for 0."""
        ...


class Requests(Protocol):
    """What was asked and what it cost."""

    def get(self, ident: str) -> RequestRecord:
        """Raises NotFound."""
        ...

    def page(self, query: RequestQuery) -> Rows[RequestRow]:
        """Newest first; without hold steps, raw usage, reasons and notes."""
        ...

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        """Exact sums, in the order of the groups."""
        ...

    def owners(self, objects: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """(account, deployment) that each upstream object was issued to and by; two empty strings when unknown."""
        ...


class Ledger(Protocol):
    """The double-entry books, for readers."""

    def balances(self, prefix: str = "", cursor: str = "", limit: int = 50) -> Rows[Balance]:
        """Ledger accounts whose name starts with `prefix`, with their exact balance, by name and unit."""
        ...

    def entries(self, query: EntryQuery) -> Rows[Entry]:
        """Newest booked first, with postings."""
        ...

    def statement(self, query: StatementQuery, now_ns: int) -> StatementPage:
        """Oldest first. Raises NotFound for an account, or a lot of it, that does not exist."""
        ...

    def lots(self, account: str = "", cursor: str = "", limit: int = 50) -> Rows[Lot]:
        """By id; of one account, or all."""
        ...

    def leases(self, account: str = "", writer: str = "", limit: int = 500) -> list[LeaseRow]:
        """Leases that are not over (not returned or forgotten), by id."""
        ...

    def audit(self) -> AuditRows:
        """What the checks of ledger/audit.py need, read at one moment. `entries` has those that the database itself
        finds unbalanced or not covered by their requests' shares."""
        ...


class Metering(Protocol):
    """What each host has metered, for engines that several hosts share. Not money: nothing is billed by it."""

    def own(self, host: str) -> list[WorkSum]:
        """What this host has put, by deployment and hour."""
        ...

    def others(self, host: str) -> list[WorkSum]:
        """The exact sums of what all other hosts have put, whatever became of them, by deployment and hour."""
        ...

    def put(self, host: str, sums: Sequence[WorkSum], least_ns: int) -> None:
        """Replaces these sums of the host. Of all hosts, hours that began before `least_ns` go."""
        ...


class Meta(Protocol):
    """The books about themselves, and idempotency keys."""

    def facts(self) -> BooksFacts:
        """Epoch, pepper, policy version."""
        ...

    def raise_epoch(self, above: int = 0) -> int:
        """After a restore or failover: leases of other epochs cut no holds any more. The new epoch is the time in whole
        seconds (Unix), or one more than the one before or than `above` where that is more: books that come back twice
        from one backup do not come twice to one epoch."""
        ...

    def claim(self, key: str, digest: bytes, now_ns: int) -> Claim:
        """Takes an Idempotency-Key for the request with this digest, or tells what became of it. Old ones go."""
        ...

    def answer(self, key: str, reply: bytes) -> None:
        """Keeps the reply of a claimed key."""
        ...


class Trail(Protocol):
    """The audit trail. What an actor changes is noted by the change itself (Store.acting); here is the rest."""

    def add(self, note: AuditNote) -> Sealed:
        """Notes what changed nothing, like a refusal."""
        ...

    def get(self, number: int) -> Sealed:
        """Raises NotFound."""
        ...

    def page(self, query: TrailQuery) -> Rows[Sealed]:
        """Newest first."""
        ...

    def head(self) -> tuple[int, bytes]:
        """(number, digest) of the newest note."""
        ...


class Bell(Protocol):
    """Tells the other control processes at once: LISTEN/NOTIFY on PostgreSQL, in the process otherwise.

    The store itself rings "policy" (payload: version) after a change of policy and "credit" (payload: account) after
    a funding. Rings may be lost with a connection: a listener is called with topic "lost" when that may have happened.
    """

    def ring(self, topic: str, payload: str = "") -> None:
        """Calls every listener, here and elsewhere."""
        ...

    def listen(self, callback: Callable[[str, str], None]) -> Callable[[], None]:
        """Calls back (topic, payload) on the thread that rings, or on the bell's own; it must not block or raise.
        What is returned ends it."""
        ...


class Store(NamedTuple):
    """Everything behind its doors. `close` ends connections and threads.

    `acting(actor)` is the same store in the hands of an operator: whatever it changes stands in the audit trail, in the
    same transaction. The store itself notes nothing.
    """

    books: Books
    writers: Writers
    suspense: Suspense
    accounts: Shelf[AccountRow]
    keys: Keys
    models: Shelf[Model]
    deployments: Shelf[Deployment]
    cards: Shelf[RateCard]
    secrets: Secrets
    policy: Policy
    requests: Requests
    ledger: Ledger
    metering: Metering
    meta: Meta
    trail: Trail
    bell: Bell
    close: Callable[[], None]
    acting: Callable[[Actor], Store]
