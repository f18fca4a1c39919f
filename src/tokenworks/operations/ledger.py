"""The ledger: balances, entries, statements, and the checks that say whether the books hold."""

from __future__ import annotations

import msgspec

from tokenworks.ledger.audit import Books, RequestSums, audit_books
from tokenworks.ledger.lots import Lot
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.request import EntryView, view_entry
from tokenworks.operations.view import Money, Page, check_limit, read_time, show_money, show_time
from tokenworks.store.shapes import EntryQuery, StatementQuery, Suspended


class ListBalances(msgspec.Struct, forbid_unknown_fields=True):
    """`prefix` narrows the ledger accounts: wallet:, revenue:, funding:, overrun:, waived:, cost:, payable:."""

    prefix: str = ""
    cursor: str = ""
    limit: int = 50


class BalanceView(msgspec.Struct):
    """A ledger account and the exact sum of its postings."""

    account: str
    balance: Money
    postings: int


class ListEntries(msgspec.Struct, forbid_unknown_fields=True):
    """`ledger_account` is an account of the ledger, `account` a paying one. Times are RFC 3339, of booking."""

    ledger_account: str = ""
    account: str = ""
    lot: str = ""
    cause: str = ""
    since: str | None = None
    until: str | None = None
    cursor: str = ""
    limit: int = 50


class AskStatement(msgspec.Struct, forbid_unknown_fields=True):
    """Of an account's whole wallet, or of one of its lots. Times are RFC 3339, of booking."""

    account: str
    lot: str = ""
    since: str | None = None
    until: str | None = None
    cursor: str = ""
    limit: int = 50


class StatementLineView(msgspec.Struct):
    """One movement, and the balance after it."""

    entry: str
    cause: str
    ref: str
    lot: str
    occurred_at: str | None
    booked_at: str | None
    amount: Money
    balance: Money


class StatementView(msgspec.Struct):
    """closing = opening + the movements = opening + the sums. Final for what ended before `books_complete_until`."""

    account: str
    lot: str
    opening: Money
    closing: Money
    sums: dict[str, Money]
    as_of: str | None
    books_complete_until: str | None
    lines: list[StatementLineView]
    next_cursor: str | None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class UnitSums(msgspec.Struct):
    """All requests in one currency. rated = charged + waived + overrun; `lent` stands at gateways, held or free."""

    rated: Money
    charged: Money
    waived: Money
    overrun: Money
    lent: Money


class AuditView(msgspec.Struct):
    """The outcome of all checks; balanced when nothing was found."""

    balanced: bool
    findings: list[str]
    sums: list[UnitSums]
    open_requests: int
    held: dict[str, Money]
    suspended: int
    as_of: str | None
    books_complete_until: str | None


class EpochView(msgspec.Struct):
    """The epoch of the books: leases of an older one cut no hold."""

    epoch: int


class ListSuspense(msgspec.Struct, forbid_unknown_fields=True):
    """`all` lists the resolved ones too."""

    all: bool = False
    cursor: str = ""
    limit: int = 50


class ResolveSuspense(msgspec.Struct, forbid_unknown_fields=True):
    """`resolution` says what was done about the record."""

    suspense: str
    resolution: str


class SuspenseView(msgspec.Struct):
    """A journal record that could not be posted."""

    id: str
    writer: str
    segment: str
    position: int
    kind: str
    why: str
    at: str | None
    resolved_at: str | None
    resolution: str


def list_balances(desk: Desk, ask: ListBalances) -> Page[BalanceView]:
    """List ledger balances. The exact fold of every posting, by ledger account and currency."""
    rows = desk.store.ledger.balances(ask.prefix, ask.cursor, check_limit(ask.limit))
    views = [BalanceView(row.account, show_money(row.balance_minor, row.unit), row.postings) for row in rows.data]
    return Page(views, rows.next_cursor, rows.next_cursor is not None)


def list_entries(desk: Desk, ask: ListEntries) -> Page[EntryView]:
    """List ledger entries. Newest booked first, with their postings."""
    rows = desk.store.ledger.entries(EntryQuery(
        ask.ledger_account, ask.account, ask.lot, ask.cause, read_time(ask.since, "since"),
        read_time(ask.until, "until"), ask.cursor, check_limit(ask.limit)))
    return Page([view_entry(row) for row in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_statement(desk: Desk, ask: AskStatement) -> StatementView:
    """Show a statement. Every movement of an account's wallet with the balance after it, oldest first."""
    query = StatementQuery(ask.account, ask.lot, read_time(ask.since, "since"), read_time(ask.until, "until"),
                           ask.cursor, check_limit(ask.limit))
    page = desk.store.ledger.statement(query, desk.clock.now_ns())
    found = page.statement
    lines = [StatementLineView(line.entry, line.cause, line.ref, line.lot, show_time(line.occurred_at_ns),
                               show_time(line.booked_at_ns), show_money(line.amount_minor, found.unit),
                               show_money(line.balance_minor, found.unit)) for line in found.lines]
    sums = {str(cause): show_money(amount, found.unit) for cause, amount in found.sums.items()}
    return StatementView(found.account, ask.lot, show_money(found.opening_minor, found.unit),
                         show_money(found.closing_minor, found.unit), sums, show_time(found.as_of_ns),
                         show_time(found.complete_until_ns), lines, page.next_cursor)


def audit_ledger(desk: Desk, ask: Nothing) -> AuditView:
    """Check the books. Entries, lots, leases and requests against each other, exactly."""
    rows, now_ns = desk.store.ledger.audit(), desk.clock.now_ns()
    findings = audit_books(rows.books)
    return AuditView(not findings, findings, _sum_units(rows.books), rows.open_requests,
                     {unit: show_money(held, unit) for unit, held in rows.held.items()}, rows.suspended,
                     show_time(now_ns), show_time(desk.store.writers.complete(now_ns)))


def raise_epoch(desk: Desk, ask: Nothing) -> EpochView:
    """Start a new epoch. After a database was restored or failed over: leases of before cut no more holds."""
    return EpochView(desk.store.meta.raise_epoch())


def list_suspense(desk: Desk, ask: ListSuspense) -> Page[SuspenseView]:
    """List records in suspense. What could not be posted and waits for a person."""
    rows = desk.store.suspense.page(not ask.all, ask.cursor, check_limit(ask.limit))
    return Page([_view(row) for row in rows.data], rows.next_cursor, rows.next_cursor is not None)


def resolve_suspense(desk: Desk, ask: ResolveSuspense) -> SuspenseView:
    """Resolve a record in suspense. Notes what was done about it; the record stays."""
    return _view(desk.store.suspense.resolve(ask.suspense, ask.resolution, desk.clock.now_ns()))


def _sum_units(books: Books) -> list[UnitSums]:
    rows, lots = list(books.requests), list(books.lots)
    return [_sum_unit(unit, [row for row in rows if row.unit == unit], [lot for lot in lots if lot.unit == unit])
            for unit in sorted({lot.unit for lot in lots} | {row.unit for row in rows})]


def _sum_unit(unit: str, rows: list[RequestSums], lots: list[Lot]) -> UnitSums:
    return UnitSums(show_money(sum(row.rated_minor for row in rows), unit),
                    show_money(sum(row.charged_minor for row in rows), unit),
                    show_money(sum(row.waived_minor for row in rows), unit),
                    show_money(sum(row.overrun_minor for row in rows), unit),
                    show_money(sum(lot.leased_minor for lot in lots), unit))


def _view(row: Suspended) -> SuspenseView:
    one = row.record
    return SuspenseView(row.id, one.writer, one.segment, one.position, one.kind, one.why, show_time(one.at_ns),
                        show_time(row.resolved_at_ns), row.resolution)


LEDGER = (
    define("ledger.balances", list_balances),
    define("ledger.entries", list_entries),
    define("ledger.statement", show_statement),
    define("ledger.audit", audit_ledger),
    define("ledger.epoch", raise_epoch),
    define("suspense.list", list_suspense),
    define("suspense.resolve", resolve_suspense),
)
