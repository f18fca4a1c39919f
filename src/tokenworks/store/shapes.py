"""What goes into and comes out of the store: plain values, the same for all three implementations.

Amounts are integers at their unit's scale (`_minor`), times are Unix nanoseconds (`_ns`, 0 = never).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.policy import Account, Key
from tokenworks.credit.records import Attempt, HoldStep, Part
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.tariff.card import RateCard
from tokenworks.usage.vector import Basis, Usage

T = TypeVar("T")

# --- pages ---


class Rows(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; `next_cursor` continues it, None at its end."""

    data: list[T]
    next_cursor: str | None = None


# --- policy ---


class AccountRow(msgspec.Struct, frozen=True):
    """Who pays, with what gateways need not know: its place in the tree, labels, age."""

    id: str
    name: str
    unit: str
    rate_card: str
    active: bool = True
    crash: Literal["bill", "waive"] = "bill"
    parent: str = ""
    created_at_ns: int = 0
    labels: dict[str, str] = {}

    @property
    def policy(self) -> Account:
        return Account(self.id, self.name, self.unit, self.rate_card, self.active, self.crash)


class KeyRow(msgspec.Struct, frozen=True):
    """An API key without its text: `masked` is what may be shown, `digest` what finds it."""

    id: str
    digest: bytes
    account: str
    name: str = ""
    masked: str = ""
    expires_at_ns: int = 0
    revoked: bool = False
    models: tuple[str, ...] = ()
    created_at_ns: int = 0

    @property
    def policy(self) -> Key:
        return Key(self.digest, self.id, self.account, self.expires_at_ns, self.revoked, self.models)


class Kept(msgspec.Struct, Generic[T], frozen=True):
    """A row of policy, and the policy version at which it last changed: give it back to replace exactly this one."""

    row: T
    version: int


class PolicyRows(msgspec.Struct, frozen=True):
    """Rows of policy that hold at `version`; after a version `after` (0: all there is)."""

    after: int
    version: int
    accounts: tuple[Account, ...] = ()
    keys: tuple[Key, ...] = ()
    models: tuple[Model, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    cards: tuple[RateCard, ...] = ()
    dropped_models: tuple[str, ...] = ()
    dropped_deployments: tuple[str, ...] = ()


# --- posting and lending ---


class Batch(NamedTuple):
    """Records of one writer, from `start` (the position that the store names, 0 for a new writer) to `end`.

    `items` are (position after it, Record or what the reader found instead). `start` and `end` may lie in different
    segments. `watermark_ns`: nothing that ended before it is still to come after `end` (0: not known).
    """

    writer: str
    start: int
    end: int
    items: Sequence[tuple[int, object]]
    now_ns: int
    shard: str = "0"  # of the operator's accounts: one per poster, so that posters do not wait for each other
    watermark_ns: int = 0


class Posted(msgspec.Struct, frozen=True):
    """What a batch, or the end of a writer, did. `freed` is credit that came back to lots and can be lent again."""

    position: int
    requests: int = 0
    entries: tuple[str, ...] = ()
    suspended: int = 0
    freed: tuple[tuple[str, str, int], ...] = ()  # (account, lot, amount)


class Lent(msgspec.Struct, frozen=True):
    """The answer to an ask. `short_minor` is what the grants lack; `recall` says who holds what of the lots."""

    grants: tuple[LeaseGrant, ...] = ()
    available_minor: int = 0
    short_minor: int = 0
    recall: tuple[tuple[str, str, int], ...] = ()  # (writer, lot, amount leased)


class Funding(msgspec.Struct, frozen=True):
    """A new lot. The caller mints `lot`: the same funding a second time changes nothing (Conflict when it differs)."""

    lot: str
    account: str
    kind: Literal["paid", "granted"]
    amount_minor: int
    at_ns: int
    expires_at_ns: int = 0
    reference: str = ""


class Withdrawal(msgspec.Struct, frozen=True):
    """Money out of a lot: refunded or expired (amount 0: all available). The caller mints `entry`: done once."""

    entry: str
    lot: str
    kind: Literal["refund", "expire"]
    at_ns: int
    amount_minor: int = 0
    reference: str = ""


# --- writers ---

WriterState = Literal["live", "lost", "ended", "forgotten"]


class WriterRow(msgspec.Struct, frozen=True):
    """A gateway worker's journal as the books know it. `writer` is host/worker/epoch.

    live: its process runs or its journal is still being read. lost: its host is not heard of, its leases are in doubt.
    ended: read to its end, everything returned. forgotten: given up by an operator.
    """

    writer: str
    host: str
    state: WriterState
    position: int
    started_at_ns: int
    seen_at_ns: int
    watermark_ns: int
    lag_bytes: int = 0


class SuspenseRow(msgspec.Struct, frozen=True):
    """A record that could not be posted: why, and what it was (msgpack of the record, or the bytes found)."""

    id: str
    writer: str
    position: int
    reason: str
    request: str
    payload: bytes
    at_ns: int
    resolved_at_ns: int = 0
    resolution: str = ""


# --- reads ---


class RequestRow(msgspec.Struct, frozen=True):
    """The whole record of one request. state: open, closed, or refused (at the door, nothing spent)."""

    id: str
    writer: str
    account: str
    key: str
    state: Literal["open", "closed", "refused"]
    opened_at_ns: int
    dialect: str
    model: str
    deployment: str = ""
    unit: str = ""
    card: str = ""
    stream: bool = False
    why: dict[str, str | int] = {}
    closed_at_ns: int = 0
    amended_at_ns: int = 0
    outcome: str = ""
    reason: str = ""
    status: int = 0
    usage: Usage = Usage()
    basis: Basis = "estimated"
    held_minor: int = 0
    rated_minor: int = 0
    charged_minor: int = 0
    waived_minor: int = 0
    overrun_minor: int = 0
    list_minor: int = 0
    parts: tuple[Part, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    hold: tuple[HoldStep, ...] = ()
    raw: bytes = b""
    notes: tuple[str, ...] = ()
    cut_loss: Usage = Usage()
    ttft_ms: int = -1
    duration_ms: int = 0
    entries: tuple[str, ...] = ()  # ledger entries that charge it: one per lot, and per amendment


class RequestQuery(msgspec.Struct, frozen=True):
    """Filters of a list of requests, newest first; "" and 0 mean any. `since_ns` <= opened_at < `until_ns`."""

    account: str = ""
    key: str = ""
    model: str = ""
    outcome: str = ""
    since_ns: int = 0
    until_ns: int = 0
    cursor: str = ""
    limit: int = 50


GROUPS = ("account", "model", "key", "day")


class UsageQuery(msgspec.Struct, frozen=True):
    """Sums over requests closed in [since_ns, until_ns), by any of account, model, key, day (UTC); unit always."""

    by: tuple[str, ...] = ("model",)
    account: str = ""
    key: str = ""
    model: str = ""
    since_ns: int = 0
    until_ns: int = 0


class UsageSum(msgspec.Struct, frozen=True):
    """One group. Fields not grouped by are ""; `day` is YYYY-MM-DD."""

    unit: str
    requests: int
    usage: Usage
    rated_minor: int
    charged_minor: int
    waived_minor: int
    overrun_minor: int
    list_minor: int
    account: str = ""
    model: str = ""
    key: str = ""
    day: str = ""


class Balance(msgspec.Struct, frozen=True):
    """A ledger account's balance in one unit: the exact fold of its postings."""

    account: str
    unit: str
    balance_minor: int
    postings: int


class LotRow(msgspec.Struct, frozen=True):
    """A lot of an account's wallet. available = credited − refunded − expired − transferred − posted − leased."""

    id: str
    account: str
    unit: str
    kind: Literal["paid", "granted"]
    created_at_ns: int
    expires_at_ns: int
    credited_minor: int
    refunded_minor: int
    expired_minor: int
    transferred_minor: int
    posted_minor: int
    leased_minor: int
    reference: str = ""

    @property
    def available_minor(self) -> int:
        gone = self.refunded_minor + self.expired_minor + self.transferred_minor
        return self.credited_minor - gone - self.posted_minor - self.leased_minor


class LeaseRow(msgspec.Struct, frozen=True):
    """Credit of a lot lent to a writer: what is left of it (held, free, or in doubt when its writer is lost)."""

    id: str
    lot: str
    account: str
    writer: str
    state: str
    left_minor: int
    granted_minor: int
    epoch: int
    granted_at_ns: int
    renewed_at_ns: int


class PostingRow(msgspec.Struct, frozen=True):
    """One posting of an entry; `lot` is "" on the operator's side."""

    account: str
    unit: str
    amount_minor: int
    lot: str = ""


class EntryRow(msgspec.Struct, frozen=True):
    """A ledger entry with its postings, which sum to zero per unit. `cause` says what made it."""

    id: str
    cause: str
    occurred_at_ns: int
    booked_at_ns: int
    period: str
    writer: str
    position: int
    reference: str
    reverses: str
    postings: tuple[PostingRow, ...]


class EntryQuery(msgspec.Struct, frozen=True):
    """Filters of a list of entries, newest booked first. `account` is a ledger account, `wallet` a paying one."""

    account: str = ""
    wallet: str = ""
    lot: str = ""
    cause: str = ""
    since_ns: int = 0
    until_ns: int = 0
    cursor: str = ""
    limit: int = 50


class StatementLine(msgspec.Struct, frozen=True):
    """One movement of a wallet or lot and the balance after it."""

    entry: str
    cause: str
    lot: str
    occurred_at_ns: int
    booked_at_ns: int
    amount_minor: int
    balance_minor: int
    requests: int
    reference: str = ""


class Statement(msgspec.Struct, frozen=True):
    """Movements of an account's wallet, or of one lot, booked in [since_ns, until_ns), and what they add up to.

    closing = opening + the sum of all movements, also of those beyond this page. Final for what ended before
    `complete_until_ns` (`books_complete_until`).
    """

    account: str
    lot: str
    unit: str
    opening_minor: int
    closing_minor: int
    as_of_ns: int
    complete_until_ns: int
    lines: list[StatementLine]
    next_cursor: str | None = None


class AuditRows(msgspec.Struct, frozen=True):
    """Everything that ledger/audit checks, read in one transaction."""

    balances: list[Balance]
    lots: list[LotRow]
    leases: list[LeaseRow]
    unbalanced: list[str]  # entries whose postings do not sum to zero
    charged: dict[str, int]  # unit -> sum over requests
    rated: dict[str, int]
    waived: dict[str, int]
    overrun: dict[str, int]
    lot_postings: dict[str, int]  # lot -> fold of its postings
    entry_requests: list[tuple[str, int, int]]  # (entry, what it takes from its lot, what its requests say), if unequal
    open_requests: int
    suspended: int


# --- meta ---


class BooksFacts(msgspec.Struct, frozen=True):
    """What holds for the whole of the books. `pepper` keys the digests of API keys; it never leaves the process."""

    epoch: int
    pepper: bytes
    policy_version: int
    created_at_ns: int
    revision: str


class Claim(msgspec.Struct, frozen=True):
    """An Idempotency-Key as it stands: fresh (yours to run), or with the reply that it got.

    `seed` is drawn when the key is first claimed and never changes: ids minted from it make a run that is repeated
    after a crash the same run. `same` is false when the key was used for another request.
    """

    fresh: bool
    same: bool
    seed: bytes
    reply: bytes | None


class AuditNote(msgspec.Struct, frozen=True):
    """Who did what to what, and when."""

    at_ns: int
    actor: str
    action: str
    noun: str
    id: str
    detail: str = ""
