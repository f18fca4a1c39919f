"""Rows of the books as the decisions see them, and the plans that decisions return: the store loads and writes these.

The store reads the rows that `booking.needs` names under lock in a fixed order, calls the decision, and writes the plan
in the same transaction. Lots are `ledger.lots.Lot`, moved by `LotDelta`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tokenworks.credit.messages import Ask, LeaseGrant
from tokenworks.credit.records import Attempt, HoldStep, Part, Record
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot, LotDelta
from tokenworks.tariff.card import RateCard
from tokenworks.usage.vector import Basis, Usage


class LeaseRow(msgspec.Struct, frozen=True, gc=False):
    """Credit of one lot lent to one writer in one books epoch. left = granted - posted - returned, never negative.

    `state` is one of valid, in_doubt, returned, forgotten (states.LEASE; validity in time is the gateway's affair).
    A lease lives as long as its writer, also with nothing left: an amendment may bring credit back to it.
    """

    id: str
    lot: str
    account: str
    writer: str
    epoch: int
    state: str = "valid"
    granted_minor: int = 0
    posted_minor: int = 0
    returned_minor: int = 0
    created_at_ns: int = 0

    @property
    def left_minor(self) -> int:
        """What the writer still has of it: held, free or in doubt."""
        return self.granted_minor - self.posted_minor - self.returned_minor


class LeaseDelta(msgspec.Struct, frozen=True, gc=False):
    """A movement of an existing lease; `state` is the state after it."""

    lease: str
    state: str
    granted_minor: int = 0
    posted_minor: int = 0
    returned_minor: int = 0


class RequestRow(msgspec.Struct):
    """One request. `state` is of states.HOLD (held, estimated, posted, voided, expired), or `refused`.

    Until it is closed, usage, basis, rated_minor and parts are those of its last progress record. From then on
    rated = charged + waived + overrun and `parts` are what each lot really paid: they sum to charged. `shifted_minor`
    is what of the overrun the gateway had charged and the books could not (forgotten or exhausted leases).
    """

    id: str
    account: str
    key: str
    writer: str
    state: str
    opened_at_ns: int
    dialect: str
    model: str
    deployment: str = ""
    unit: str = ""
    card: str = ""
    stream: bool = False
    held_minor: int = 0
    crash: Literal["bill", "waive"] = "bill"
    why: dict[str, str | int] = {}
    progressed_at_ns: int = 0
    usage: Usage = Usage()
    basis: Basis = "estimated"
    rated_minor: int = 0
    charged_minor: int = 0
    waived_minor: int = 0
    overrun_minor: int = 0
    shifted_minor: int = 0
    list_minor: int = 0
    parts: tuple[Part, ...] = ()
    closed_at_ns: int = 0
    amended_at_ns: int = 0
    booked_at_ns: int = 0
    outcome: str = ""  # records.Outcome, or "refused"
    reason: str = ""
    hold: tuple[HoldStep, ...] = ()
    raw: bytes = b""
    notes: tuple[str, ...] = ()
    cut_loss: Usage = Usage()
    ttft_ms: int = -1
    duration_ms: int = 0
    status: int = 0
    entries: tuple[str, ...] = ()  # every ledger entry that has a share of this request


class ChargeRow(msgspec.Struct, frozen=True, gc=False):
    """A request's share of one ledger entry: (request, number) is unique, the shares of an entry sum to its posting.

    kind charged: on wallet:<lot>. kind waived, overrun: on the operator's account of that name. An amendment adds rows,
    numbered from 1000 on.
    """

    request: str
    number: int
    kind: Literal["charged", "waived", "overrun"]
    account: str
    unit: str
    amount_minor: int
    entry: str
    segment: int = 0
    lot: str = ""
    lease: str = ""


class AttemptRow(msgspec.Struct, frozen=True):
    """One attempt of a request; (request, attempt.number) is unique. `entry` is "" when it cost nothing."""

    request: str
    attempt: Attempt
    entry: str = ""


class SuspenseRow(msgspec.Struct, frozen=True):
    """What could not be posted: (segment, position) is unique. `payload` is the record in msgpack, or the raw bytes."""

    writer: str
    segment: str
    position: int
    kind: Literal["record", "unreadable", "gap"]
    why: str
    payload: bytes
    at_ns: int


class ObjectRow(msgspec.Struct, frozen=True, gc=False):
    """An object that an upstream issued: it works for this account, at this deployment only."""

    object: str
    account: str
    deployment: str
    request: str


class Damage(msgspec.Struct, frozen=True):
    """What a journal reader found in place of a record: a frame it could not decode, or a gap of damaged bytes."""

    kind: Literal["unreadable", "gap"]
    payload: bytes
    why: str


class Needs(msgspec.Struct, frozen=True):
    """Ids of the rows that a batch can touch, sorted: the order in which to lock them."""

    requests: tuple[str, ...]
    leases: tuple[str, ...]
    lots: tuple[str, ...]


class BatchView(msgspec.Struct, frozen=True):
    """One batch of one segment and the rows it needs; what is not in the books is missing from the mappings.

    `records` are (position after the record, record). `cards` (by ref) let the books rate again; optional.
    `watermark_ns`: the books have said that nothing of this writer that ended before it is still to come.
    """

    writer: str
    segment: str
    start: int
    shard: str
    now_ns: int
    epoch: int
    records: list[tuple[int, Record | Damage]]
    requests: Mapping[str, RequestRow]
    leases: Mapping[str, LeaseRow]
    lots: Mapping[str, Lot]
    cards: Mapping[str, RateCard] = {}
    watermark_ns: int = 0


class EndView(msgspec.Struct, frozen=True):
    """A writer, its requests in state held or estimated, all its leases, and the lots of both. `watermark_ns` as in a
    BatchView."""

    writer: str
    shard: str
    now_ns: int
    epoch: int
    requests: Mapping[str, RequestRow]
    leases: Mapping[str, LeaseRow]
    lots: Mapping[str, Lot]
    watermark_ns: int = 0


class Plan(msgspec.Struct):
    """What to write, all in one transaction: whole rows to put, rows to add, movements to apply.

    `alarms` are sentences for the operator: suspense, a rating that differs, a lease that was overdrawn.
    """

    requests: list[RequestRow] = []  # to put, by id
    charges: list[ChargeRow] = []
    attempts: list[AttemptRow] = []
    entries: list[Entry] = []
    lots: list[LotDelta] = []  # at most one per lot
    leases: list[LeaseDelta] = []  # at most one per lease
    suspense: list[SuspenseRow] = []
    objects: list[ObjectRow] = []
    alarms: list[str] = []


class LendView(msgspec.Struct, frozen=True):
    """An ask and the rows it needs: the account's lots with something available, its leases that are not over."""

    writer: str
    ask: Ask
    now_ns: int
    epoch: int
    lots: list[Lot]
    leases: list[LeaseRow]


class RecallFrom(msgspec.Struct, frozen=True, gc=False):
    """Another writer that may have unheld credit of this lot: ask it for up to `amount_minor`."""

    writer: str
    lot: str
    amount_minor: int
    hard: bool


class Loan(msgspec.Struct):
    """What was lent. `opened` are leases to insert with their figures; `leases` and `lots` move existing rows.

    `shortfall_minor` > 0: the need is not covered; `recalls` says who may have some of it free.
    `available_minor` is what the lots have left to lend after this.
    """

    grants: tuple[LeaseGrant, ...] = ()
    opened: list[LeaseRow] = []
    leases: list[LeaseDelta] = []
    lots: list[LotDelta] = []
    available_minor: int = 0
    shortfall_minor: int = 0
    recalls: list[RecallFrom] = []
