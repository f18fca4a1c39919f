"""Wallets: the lots of credit that an account has been given or has paid for."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.errors import Invalid, NotFound
from tokenworks.ledger.lots import Lot
from tokenworks.operations.account import OneAccount, all_lots, unspent_minor
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import Money, check_text, read_time, show_money, show_time
from tokenworks.store.shapes import Funding, Withdrawal
from tokenworks.units import parse_amount


class TopUp(msgspec.Struct, forbid_unknown_fields=True):
    """`amount` is a decimal string in the account's currency. `kind` granted: given, not paid for."""

    account: str
    amount: str
    kind: Literal["paid", "granted"] = "paid"
    expires_at: str | None = None
    reference: str = ""


class Refund(msgspec.Struct, forbid_unknown_fields=True):
    """`amount` left out means all that the lot has and no gateway holds."""

    account: str
    lot: str
    amount: str | None = None
    reference: str = ""


class LotView(msgspec.Struct):
    """One lot. credited = refunded + expired + transferred + spent + lent + available."""

    id: str
    account: str
    kind: str
    credited: Money
    spent: Money
    lent: Money
    refunded: Money
    expired: Money
    available: Money
    expires_at: str | None
    created_at: str | None
    reference: str


class WalletView(msgspec.Struct):
    """What an account has. `balance` = available + lent; `lent` stands at gateways, for running and coming requests."""

    account: str
    balance: Money
    available: Money
    lent: Money
    lots: list[LotView]
    as_of: str | None
    books_complete_until: str | None


def show_wallet(desk: Desk, ask: OneAccount) -> WalletView:
    """Show what an account has. Lot by lot, in the order of their making."""
    unit = desk.store.accounts.get(ask.account).row.unit
    lots, now_ns = all_lots(desk, ask.account), desk.clock.now_ns()
    return WalletView(ask.account, show_money(sum(map(unspent_minor, lots)), unit),
                      show_money(sum(lot.available_minor for lot in lots), unit),
                      show_money(sum(lot.leased_minor for lot in lots), unit), [_view(lot) for lot in lots],
                      show_time(now_ns), show_time(desk.store.writers.complete(now_ns)))


def top_up(desk: Desk, ask: TopUp) -> LotView:
    """Put credit into an account's wallet. Requests and streams that wait for credit get it at once."""
    unit = desk.store.accounts.get(ask.account).row.unit
    amount_minor, now_ns = _positive(ask.amount, unit), desk.clock.now_ns()
    expires_ns = read_time(ask.expires_at, "expires_at")
    if expires_ns and expires_ns <= now_ns:
        raise Invalid("expires_at", "lies in the past")
    return _view(desk.store.books.fund(Funding(desk.mint("lot"), ask.account, ask.kind, amount_minor, now_ns,
                                               expires_ns, check_text(ask.reference, "reference"))))


def refund_lot(desk: Desk, ask: Refund) -> LotView:
    """Give back what a lot has left. Credit lent to gateways stays until they return it."""
    unit = desk.store.accounts.get(ask.account).row.unit
    if ask.lot not in {lot.id for lot in all_lots(desk, ask.account)}:
        raise NotFound("lot", ask.lot)
    amount_minor = 0 if ask.amount is None else _positive(ask.amount, unit)
    reference = check_text(ask.reference, "reference")
    return _view(desk.store.books.withdraw(
        Withdrawal(desk.mint("ent"), ask.lot, "refund", desk.clock.now_ns(), amount_minor, reference)))


def _positive(text: str, unit: str) -> int:
    amount_minor = parse_amount(text, unit)
    if amount_minor <= 0:
        raise Invalid("amount", "must be above zero")
    return amount_minor


def _view(lot: Lot) -> LotView:
    return LotView(lot.id, lot.account, lot.kind, show_money(lot.credited_minor, lot.unit),
                   show_money(lot.posted_minor, lot.unit), show_money(lot.leased_minor, lot.unit),
                   show_money(lot.refunded_minor, lot.unit), show_money(lot.expired_minor, lot.unit),
                   show_money(lot.available_minor, lot.unit), show_time(lot.expires_at_ns),
                   show_time(lot.created_at_ns), lot.cause)


WALLET = (
    define("wallet.show", show_wallet),
    define("wallet.topup", top_up),
    define("wallet.refund", refund_lot),
)
