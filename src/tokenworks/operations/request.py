"""Requests: what was asked, what it cost, and why."""

from __future__ import annotations

from typing import Any

import msgspec

from tokenworks.credit.rows import AttemptRow, RequestRow
from tokenworks.ledger.entries import Entry
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import Money, Page, check_limit, read_time, show_money, show_time
from tokenworks.store.shapes import EntryQuery, RequestQuery
from tokenworks.tariff.rate import Context, Line, rate
from tokenworks.usage.vector import Usage


class ListRequests(msgspec.Struct, forbid_unknown_fields=True):
    """Newest first. `since` and `until` are RFC 3339 and speak of when a request began."""

    account: str = ""
    key: str = ""
    model: str = ""
    outcome: str = ""
    since: str | None = None
    until: str | None = None
    cursor: str = ""
    limit: int = 50


class OneRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A request by the id that its answer carried in `x-request-id`."""

    request: str


class RequestView(msgspec.Struct, kw_only=True):
    """A request in one line. state: held, estimated, posted, voided, expired (of its hold), or refused."""

    id: str
    account: str
    key: str
    state: str
    outcome: str
    reason: str
    status: int
    dialect: str
    model: str
    deployment: str
    stream: bool
    usage: Usage
    basis: str
    charged: Money | None
    opened_at: str | None
    closed_at: str | None
    ttft_ms: int
    duration_ms: int


class ShareView(msgspec.Struct):
    """A share of one ledger entry: charged to a lot, or waived or overrun, at the operator's expense."""

    kind: str
    account: str
    lot: str
    lease: str
    amount: Money
    entry: str


class StepView(msgspec.Struct):
    """A step of the hold: what it did, by how much, and what was held after it."""

    at: str | None
    step: str
    amount: Money
    held: Money


class AttemptView(msgspec.Struct):
    """One try at a deployment, and what it cost the operator. `spoken`: the dialect in which it was asked."""

    number: int
    deployment: str
    spoken: str
    outcome: str
    status: int
    reason: str
    usage: Usage
    basis: str
    cost: Money | None
    cost_card: str
    started_at: str | None
    ttft_ms: int
    duration_ms: int


class PostingView(msgspec.Struct):
    """One side of a ledger entry."""

    account: str
    amount: Money


class EntryView(msgspec.Struct):
    """A ledger entry; its postings sum to zero."""

    id: str
    cause: str
    occurred_at: str | None
    booked_at: str | None
    period: str
    ref: str
    owner: str
    reverses: str
    postings: list[PostingView]


class Explanation(msgspec.Struct, kw_only=True):
    """Why a request cost what it cost. rated = charged + waived + overrun; the shares sum to each."""

    request: RequestView
    admission: dict[str, Any]
    attempts: list[AttemptView]
    usage: Usage
    basis: str
    raw_usage: msgspec.Raw
    rate_card: str
    rating: list[Line]
    rated: Money | None
    charged: Money | None
    waived: Money | None
    overrun: Money | None
    shares: list[ShareView]
    hold: list[StepView]
    entries: list[EntryView]
    notes: list[str]
    cut_loss: Usage
    amended_at: str | None
    writer: str


def list_requests(desk: Desk, ask: ListRequests) -> Page[RequestView]:
    """List requests. Newest first."""
    rows = desk.store.requests.page(RequestQuery(
        ask.account, ask.key, ask.model, ask.outcome, read_time(ask.since, "since"), read_time(ask.until, "until"),
        ask.cursor, check_limit(ask.limit)))
    return Page([view_request(row) for row in rows.data], rows.next_cursor, rows.next_cursor is not None)


def explain_request(desk: Desk, ask: OneRequest) -> Explanation:
    """Explain a request. Admission, attempts, usage with basis and raw object, rating line by line, hold, ledger."""
    found = desk.store.requests.get(ask.request)
    row = found.row
    return Explanation(
        request=view_request(row), admission=row.why, attempts=[_attempt(row, one) for one in found.attempts],
        usage=row.usage, basis=row.basis,
        raw_usage=msgspec.Raw(row.raw or b"null"), rate_card=row.card, rating=_rating(desk, row),
        rated=_money(row, row.rated_minor), charged=_money(row, row.charged_minor),
        waived=_money(row, row.waived_minor), overrun=_money(row, row.overrun_minor),
        shares=[ShareView(one.kind, one.account, one.lot, one.lease, show_money(one.amount_minor, one.unit), one.entry)
                for one in found.charges],
        hold=[StepView(show_time(step.at_ns), step.step, show_money(step.amount_minor, row.unit),
                       show_money(step.held_minor, row.unit)) for step in row.hold],
        entries=_entries(desk, row), notes=list(row.notes),
        cut_loss=row.cut_loss, amended_at=show_time(row.amended_at_ns), writer=row.writer)


def view_request(row: RequestRow) -> RequestView:
    """A stored request as it is shown."""
    return RequestView(
        id=row.id, account=row.account, key=row.key, state=row.state, outcome=row.outcome, reason=row.reason,
        status=row.status, dialect=row.dialect, model=row.model, deployment=row.deployment, stream=row.stream,
        usage=row.usage, basis=row.basis, charged=_money(row, row.charged_minor),
        opened_at=show_time(row.opened_at_ns), closed_at=show_time(row.closed_at_ns), ttft_ms=row.ttft_ms,
        duration_ms=row.duration_ms)


def view_entry(row: Entry) -> EntryView:
    """A ledger entry as it is shown."""
    postings = [PostingView(part.account, show_money(part.amount_minor, part.unit)) for part in row.postings]
    return EntryView(row.id, row.cause, show_time(row.occurred_at_ns), show_time(row.booked_at_ns), row.period,
                     row.ref, row.owner, row.reverses, postings)


def _money(row: RequestRow, amount_minor: int) -> Money | None:
    return show_money(amount_minor, row.unit) if row.unit else None


def _attempt(request: RequestRow, row: AttemptRow) -> AttemptView:
    one = row.attempt
    return AttemptView(one.number, one.deployment, one.spoken or request.dialect, one.outcome, one.status, one.reason,
                       one.usage, one.basis, show_money(one.cost_minor, one.cost_unit) if one.cost_unit else None,
                       one.cost_card, show_time(one.started_at_ns), one.ttft_ms, one.duration_ms)


def _entries(desk: Desk, row: RequestRow) -> list[EntryView]:
    found = desk.store.ledger.entries(EntryQuery(ids=row.entries, limit=len(row.entries))).data if row.entries else []
    return [view_entry(entry) for entry in found]


def _rating(desk: Desk, row: RequestRow) -> list[Line]:
    """Rated again, by the version that it was rated by: the same function, so the same figures."""
    if not row.card or row.state in ("held", "voided", "refused"):
        return []
    return list(rate(row.usage, desk.store.cards.get(row.card).row, Context(row.model, row.opened_at_ns)).lines)


REQUEST = (
    define("request.list", list_requests),
    define("request.explain", explain_request),
)
