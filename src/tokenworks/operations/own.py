"""What a buyer may know of his own: what is left, and what each of his requests cost. The operator's side stays out."""

from __future__ import annotations

import msgspec

from tokenworks.errors import NotFound
from tokenworks.operations.account import OneAccount
from tokenworks.operations.desk import Desk
from tokenworks.operations.keytext import digest_text, text_checks
from tokenworks.operations.request import OneRequest, explain_request
from tokenworks.operations.view import Money, show_time
from tokenworks.operations.wallet import show_wallet
from tokenworks.store.shapes import KeyRow
from tokenworks.tariff.rate import Line
from tokenworks.usage.vector import Usage


class OwnView(msgspec.Struct):
    """The key that asks, and the account that it buys for. `balance` as the books have it, at `as_of`."""

    account: str
    key: str
    name: str
    masked: str
    models: list[str]
    expires_at: str | None
    balance: Money
    as_of: str | None
    books_complete_until: str | None


class OwnRequestView(msgspec.Struct, kw_only=True):
    """One request of this account: what it used by class, each line of its price, and what was charged."""

    id: str
    state: str
    outcome: str
    reason: str
    status: int
    dialect: str
    model: str
    stream: bool
    usage: Usage
    basis: str
    rating: list[Line]
    charged: Money | None
    opened_at: str | None
    closed_at: str | None
    ttft_ms: int
    duration_ms: int


def find_key(desk: Desk, text: str) -> KeyRow:
    """The key with this text, whatever has become of it; raises NotFound."""
    if not text_checks(text):
        raise NotFound("key", "")
    return desk.store.keys.find(digest_text(desk.store.meta.facts().pepper, text)).row


def show_own(desk: Desk, key: KeyRow) -> OwnView:
    """What the key's account has not spent."""
    wallet = show_wallet(desk, OneAccount(key.account))
    return OwnView(key.account, key.id, key.name, key.masked, list(key.models), show_time(key.expires_at_ns),
                   wallet.balance, wallet.as_of, wallet.books_complete_until)


def explain_own(desk: Desk, key: KeyRow, request: str) -> OwnRequestView:
    """A request of the key's account, by the id of its answer; another account's is NotFound like one that is not."""
    story = explain_request(desk, OneRequest(request))
    row = story.request
    if row.account != key.account:
        raise NotFound("request", request)
    return OwnRequestView(
        id=row.id, state=row.state, outcome=row.outcome, reason=row.reason, status=row.status, dialect=row.dialect,
        model=row.model, stream=row.stream, usage=row.usage, basis=row.basis, rating=story.rating,
        charged=row.charged, opened_at=row.opened_at, closed_at=row.closed_at, ttft_ms=row.ttft_ms,
        duration_ms=row.duration_ms)
