"""What goes into and comes out of the store: plain values, the same for all three implementations.

Amounts are integers at their unit's scale (`_minor`), times are Unix nanoseconds (`_ns`, 0 = never).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.policy import Account, Key
from tokenworks.credit.records import Record
from tokenworks.credit.rows import AttemptRow, ChargeRow, Damage, RecallFrom, RequestRow, SuspenseRow
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.ledger.audit import Books
from tokenworks.ledger.statement import Statement
from tokenworks.tariff.card import RateCard
from tokenworks.usage.vector import Usage

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


class SecretRow(msgspec.Struct, frozen=True):
    """A sealed secret: its text is in `sealed` alone, under the master key `key_id`. `host`: the one that it may go to,
    "" until a deployment names it."""

    id: str
    host: str
    key_id: str
    nonce: bytes
    sealed: bytes
    created_at_ns: int = 0
    changed_at_ns: int = 0


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

    `items` are (position after it, Record or what the reader found instead). `start` may lie in an earlier segment than
    `segment`, the file they were read from. `watermark_ns`: nothing that ended before it is still to come after `end`
    (0: not known).
    """

    writer: str
    segment: str
    start: int
    end: int
    items: Sequence[tuple[int, Record | Damage]]
    now_ns: int
    shard: str = "0"  # of the operator's accounts: one per poster, so that posters do not wait for each other
    watermark_ns: int = 0


class Posted(msgspec.Struct, frozen=True):
    """What a batch, or the end of a writer, did. `freed` is credit that came back to lots and can be lent again.

    `alarms` are sentences for the operator (credit/rows.py, Plan).
    """

    position: int
    requests: int = 0
    entries: tuple[str, ...] = ()
    suspended: int = 0
    freed: tuple[tuple[str, str, int], ...] = ()  # (account, lot, amount)
    alarms: tuple[str, ...] = ()


class Lent(msgspec.Struct, frozen=True):
    """The answer to an ask. `short_minor` is what the grants lack; `recall` says who may have some of it free."""

    grants: tuple[LeaseGrant, ...] = ()
    available_minor: int = 0
    short_minor: int = 0
    recall: tuple[RecallFrom, ...] = ()


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


class Suspended(msgspec.Struct, frozen=True):
    """A record that could not be posted, and what was done about it."""

    id: str
    record: SuspenseRow
    resolved_at_ns: int = 0
    resolution: str = ""


# --- reads ---


class RequestRecord(msgspec.Struct, frozen=True):
    """All that is known of one request: its row, its attempts by number, and its shares of ledger entries."""

    row: RequestRow
    attempts: tuple[AttemptRow, ...]
    charges: tuple[ChargeRow, ...]


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


class WorkSum(msgspec.Struct, frozen=True):
    """Tokens that were metered at a deployment in the hour that began at `hour_ns`; 0: in all the time."""

    deployment: str
    hour_ns: int
    prompt: int
    completion: int


class Balance(msgspec.Struct, frozen=True):
    """A ledger account's balance in one unit: the exact fold of its postings."""

    account: str
    unit: str
    balance_minor: int
    postings: int


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
    ids: tuple[str, ...] = ()


class StatementQuery(msgspec.Struct, frozen=True):
    """Of all lots of `account`, or of one; booked in [since_ns, until_ns), until 0: now."""

    account: str
    lot: str = ""
    since_ns: int = 0
    until_ns: int = 0
    cursor: str = ""
    limit: int = 50


class StatementPage(msgspec.Struct, frozen=True):
    """A statement with some of its lines. Opening, closing and sums are of the whole span, whatever the page."""

    statement: Statement
    next_cursor: str | None = None


class AuditRows(msgspec.Struct, frozen=True):
    """All that `ledger.audit` compares, read at one moment, and what is still on its way. `held` is by unit."""

    books: Books
    open_requests: int
    held: dict[str, int]
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

    `seed` and `at_ns` are of the first claim and never change: ids minted from them make a run that is repeated after
    a crash the same run. `same` is false when the key was used for another request.
    """

    fresh: bool
    same: bool
    seed: bytes
    reply: bytes | None
    at_ns: int = 0  # when it was first claimed
