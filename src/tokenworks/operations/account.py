"""Accounts: who pays."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from tokenworks.errors import Invalid, NotFound
from tokenworks.ledger.lots import Lot
from tokenworks.operations.desk import Desk, add_once, pick_version
from tokenworks.operations.operation import define
from tokenworks.operations.view import Money, Page, check_limit, check_name, check_text, show_money, show_time
from tokenworks.store.shapes import AccountRow, Kept
from tokenworks.units import SCALES, unit_scale

LABELS_MAX = 32
Labels = Annotated[dict[str, str], msgspec.Meta(max_length=LABELS_MAX)]


class CreateAccount(msgspec.Struct, forbid_unknown_fields=True):
    """`rate_card` prices what the account buys; `parent` is the account above it; `id` may be chosen."""

    name: str
    currency: str = "CNY"
    rate_card: str = "standard"
    parent: str = ""
    crash: Literal["bill", "waive"] = "bill"
    labels: Labels = {}
    id: str = ""


class ChangeAccount(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is. `if_version`: only while the account is at this version."""

    account: str
    name: str | None = None
    rate_card: str | None = None
    active: bool | None = None
    crash: Literal["bill", "waive"] | None = None
    labels: Labels | None = None
    if_version: int | None = None


class OneAccount(msgspec.Struct, forbid_unknown_fields=True):
    """An account by its id."""

    account: str


class ListAccounts(msgspec.Struct, forbid_unknown_fields=True):
    """`parent` lists the accounts right under one."""

    parent: str = ""
    cursor: str = ""
    limit: int = 50


class AccountView(msgspec.Struct):
    """An account. `balance` is what it has not spent; part of it may be lent to gateways for running requests."""

    id: str
    name: str
    currency: str
    rate_card: str
    active: bool
    crash: str
    parent: str
    labels: dict[str, str]
    created_at: str | None
    version: int
    balance: Money


def create_account(desk: Desk, ask: CreateAccount) -> AccountView:
    """Open an account. It can buy once it has a key, a rate card that prices the model, and credit in its wallet."""
    unit_scale(ask.currency)
    _check_card(desk, ask.rate_card, ask.currency)
    if ask.parent:
        desk.store.accounts.get(ask.parent)
    row = AccountRow(check_name(ask.id, "id") if ask.id else desk.mint("acc"), check_text(ask.name, "name"),
                     ask.currency, ask.rate_card, True, ask.crash, ask.parent, desk.clock.now_ns(),
                     _check_labels(ask.labels))
    return _view(Kept(row, add_once(desk.store.accounts, row, row.id)), [])


def list_accounts(desk: Desk, ask: ListAccounts) -> Page[AccountView]:
    """List accounts. In the order of their ids, with their balances."""
    rows = desk.store.accounts.page(ask.cursor, check_limit(ask.limit), ask.parent)
    views = [_view(kept, all_lots(desk, kept.row.id)) for kept in rows.data]
    return Page(views, rows.next_cursor, rows.next_cursor is not None)


def show_account(desk: Desk, ask: OneAccount) -> AccountView:
    """Show an account. With what it has not spent."""
    return _view(desk.store.accounts.get(ask.account), all_lots(desk, ask.account))


def change_account(desk: Desk, ask: ChangeAccount) -> AccountView:
    """Change an account. Closing it (`active` false) refuses new requests at once; running ones end as they are."""
    kept = desk.store.accounts.get(ask.account)
    row = kept.row
    if ask.rate_card is not None:
        _check_card(desk, ask.rate_card, row.unit)
    given = {"name": None if ask.name is None else check_text(ask.name, "name"), "rate_card": ask.rate_card,
             "active": ask.active, "crash": ask.crash,
             "labels": None if ask.labels is None else _check_labels(ask.labels)}
    row = msgspec.structs.replace(row, **{name: value for name, value in given.items() if value is not None})
    return _view(Kept(row, desk.store.accounts.put(row, pick_version(kept, ask.if_version))), all_lots(desk, row.id))


def all_lots(desk: Desk, account: str) -> list[Lot]:
    """Every lot of an account's wallet."""
    found: list[Lot] = []
    cursor: str | None = ""
    while cursor is not None:
        rows = desk.store.ledger.lots(account, cursor, 500)
        found += rows.data
        cursor = rows.next_cursor
    return found


def unspent_minor(lot: Lot) -> int:
    """What a lot still owes its account, lent to gateways or not."""
    return lot.available_minor + lot.leased_minor


def _view(kept: Kept[AccountRow], lots: list[Lot]) -> AccountView:
    row = kept.row
    return AccountView(row.id, row.name, row.unit, row.rate_card, row.active, row.crash, row.parent, row.labels,
                       show_time(row.created_at_ns), kept.version,
                       show_money(sum(map(unspent_minor, lots)), row.unit))


def _check_card(desk: Desk, name: str, unit: str) -> None:
    """The card may be made later; one that exists must be in the account's currency."""
    check_name(name, "rate_card")
    if unit not in SCALES:
        raise Invalid("currency", f"{unit} is not a unit; use one of {', '.join(sorted(SCALES))}")
    cards = desk.store.cards.page(limit=1, under=name).data
    if not cards:
        raise NotFound("rate-card", name)
    if cards[0].row.unit != unit:
        raise Invalid("rate_card", f"{name} is in {cards[0].row.unit}, the account in {unit}")


def _check_labels(labels: dict[str, str]) -> dict[str, str]:
    return {check_name(name, "labels"): check_text(text, "labels") for name, text in labels.items()}


ACCOUNT = (
    define("account.create", create_account),
    define("account.list", list_accounts),
    define("account.show", show_account),
    define("account.change", change_account),
)
