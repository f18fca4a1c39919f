"""Requests and ledger for readers, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

import msgspec

from tokenworks.credit.rows import LeaseRow, RequestRow
from tokenworks.errors import NotFound
from tokenworks.ledger.accounts import lot_of
from tokenworks.ledger.audit import Books, LeaseSums, RequestSums
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.folds import fold_entries
from tokenworks.ledger.lots import Lot
from tokenworks.ledger.statement import draw_statement
from tokenworks.store.exact import pack_cursor, read_cursor
from tokenworks.store.ledger import read_place
from tokenworks.store.memory.policy import MemoryShelf
from tokenworks.store.memory.state import State
from tokenworks.store.memory.writers import least_watermark
from tokenworks.store.requests import check_groups, day_of, fold_usage
from tokenworks.store.shapes import (
    AccountRow,
    AuditRows,
    Balance,
    EntryQuery,
    RequestQuery,
    RequestRecord,
    Rows,
    StatementPage,
    StatementQuery,
    UsageQuery,
    UsageSum,
)


class MemoryRequests:
    """ports.Requests."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, ident: str) -> RequestRecord:
        """See ports.Requests."""
        state = self._state
        with state.lock:
            if ident not in state.requests:
                raise NotFound("request", ident)
            tried = sorted(state.attempts.get(ident, ()), key=lambda row: row.attempt.number)
            shares = sorted(state.charges.get(ident, ()), key=lambda row: row.number)
            return RequestRecord(copy(state.requests[ident]), tuple(tried), tuple(shares))

    def page(self, query: RequestQuery) -> Rows[RequestRow]:
        """See ports.Requests."""
        with self._state.lock:
            found = [row for row in self._state.requests.values() if _asked(row, query)]
        found.sort(key=lambda row: (row.opened_at_ns, row.id), reverse=True)
        data = [_light(row) for row in found[:query.limit]]
        return Rows(data, pack_cursor(data[-1].opened_at_ns, data[-1].id) if len(found) > query.limit else None)

    def usage(self, query: UsageQuery) -> list[UsageSum]:
        """See ports.Requests."""
        check_groups(query.by)
        with self._state.lock:
            rows = [row for row in self._state.requests.values() if _counted(row, query)]
        return fold_usage(query.by, [(_group(row, query.by), _sum_of(row)) for row in rows])

    def owners(self, objects: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """See ports.Requests."""
        with self._state.lock:
            self._state.faults("owners")
            found = [self._state.objects.get(name) for name in objects]
        return tuple((row.account, row.deployment) if row else ("", "") for row in found)


def _asked(row: RequestRow, query: RequestQuery) -> bool:
    named = all(not (value := getattr(query, name)) or getattr(row, name) == value
                for name in ("account", "key", "model", "outcome"))
    timely = query.since_ns <= row.opened_at_ns and (not query.until_ns or row.opened_at_ns < query.until_ns)
    return named and timely and (not query.cursor or (row.opened_at_ns, row.id) < read_cursor(query.cursor))


def _light(row: RequestRow) -> RequestRow:
    return msgspec.structs.replace(row, why={}, hold=(), notes=(), raw=b"", cut_loss=type(row.cut_loss)())


def _counted(row: RequestRow, query: UsageQuery) -> bool:
    named = all(not (value := getattr(query, name)) or getattr(row, name) == value
                for name in ("account", "key", "model"))
    timely = query.since_ns <= row.closed_at_ns and (not query.until_ns or row.closed_at_ns < query.until_ns)
    return named and timely and row.closed_at_ns > 0 and row.state != "refused"


def _group(row: RequestRow, by: Sequence[str]) -> tuple[Any, ...]:
    return tuple(day_of(row.closed_at_ns) if name == "day" else getattr(row, name) for name in by)


def _sum_of(row: RequestRow) -> UsageSum:
    return UsageSum(row.unit, 1, row.usage, row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor,
                    row.list_minor)


class MemoryLedger:
    """ports.Ledger."""

    def __init__(self, state: State, accounts: MemoryShelf[AccountRow]) -> None:
        self._state, self._accounts = state, accounts

    def balances(self, prefix: str = "", cursor: str = "", limit: int = 50) -> Rows[Balance]:
        """See ports.Ledger."""
        with self._state.lock:
            sums = fold_entries(self._state.entries.values())
            counts: dict[tuple[str, str], int] = {}
            for entry in self._state.entries.values():
                for one in entry.postings:
                    counts[one.account, one.unit] = counts.get((one.account, one.unit), 0) + 1
        after = read_place(cursor) if cursor else ("", "")
        found = [Balance(*place, sums[place], counts[place]) for place in sorted(sums)
                 if place[0].startswith(prefix) and place > after]
        return Rows(found[:limit], f"{found[limit - 1].account}|{found[limit - 1].unit}"
                    if len(found) > limit else None)

    def entries(self, query: EntryQuery) -> Rows[Entry]:
        """See ports.Ledger."""
        with self._state.lock:
            mine = set(self._state.wallets.get(query.wallet, ()))
            found = [entry for entry in self._state.entries.values() if _matches(entry, query, mine)]
        found.sort(key=lambda entry: (entry.booked_at_ns, entry.id), reverse=True)
        last = found[query.limit - 1] if len(found) > query.limit else None
        return Rows(found[:query.limit], pack_cursor(last.booked_at_ns, last.id) if last else None)

    def statement(self, query: StatementQuery, now_ns: int) -> StatementPage:
        """See ports.Ledger."""
        unit = self._accounts.get(query.account).row.unit
        with self._state.lock:
            lots = self._state.wallets.get(query.account, [])
            if query.lot and query.lot not in lots:
                raise NotFound("lot", query.lot)
            unit = self._state.lots[query.lot].unit if query.lot else unit
            drawn = draw_statement(query.account, unit, [query.lot] if query.lot else lots,
                                   self._state.entries.values(), (query.since_ns, query.until_ns or now_ns), now_ns)
            complete_ns = least_watermark(self._state, now_ns)
        start = read_cursor(query.cursor)[0] if query.cursor else 0
        lines, end = drawn.lines[start:start + query.limit], start + query.limit
        return StatementPage(msgspec.structs.replace(drawn, lines=lines, complete_until_ns=complete_ns),
                             pack_cursor(end, "") if len(drawn.lines) > end else None)

    def lots(self, account: str = "", cursor: str = "", limit: int = 50) -> Rows[Lot]:
        """See ports.Ledger."""
        with self._state.lock:
            found = [lot for ident, lot in sorted(self._state.lots.items())
                     if ident > cursor and (not account or lot.account == account)]
        return Rows(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def leases(self, account: str = "", writer: str = "", limit: int = 500) -> list[LeaseRow]:
        """See ports.Ledger."""
        with self._state.lock:
            names = {lease for held in self._state.live.values() for lease in held}
            rows = [self._state.leases[name] for name in sorted(names)]
        return [row for row in rows if account in ("", row.account) and writer in ("", row.writer)][:limit]

    def audit(self) -> AuditRows:
        """See ports.Ledger."""
        with self._state.lock:
            state = self._state
            rows = [row for row in state.requests.values() if row.closed_at_ns and row.state != "refused"]
            waiting = [row for row in state.requests.values() if row.state == "held"]
            charged: dict[str, int] = {}
            shares: dict[str, int] = {}
            for share in (one for many in state.charges.values() for one in many):
                shares[share.entry] = shares.get(share.entry, 0) + share.amount_minor
                if share.kind == "charged":
                    charged[share.lot] = charged.get(share.lot, 0) + share.amount_minor
            books = Books([state.lots[lot] for lot in sorted(state.lots)], _lease_sums(self.leases(limit=10**9)),
                          _request_sums(rows), fold_entries(state.entries.values()), charged,
                          list(state.entries.values()), shares)
            unresolved = sum(not row.resolved_at_ns for row in state.suspense.values())
            return AuditRows(books, len(waiting), _by_unit(waiting), unresolved)


def _matches(entry: Entry, query: EntryQuery, mine: set[str]) -> bool:
    lots = {lot_of(one.account) for one in entry.postings}
    return ((not query.ids or entry.id in query.ids)
            and (not query.account or any(one.account == query.account for one in entry.postings))
            and (not query.lot or query.lot in lots)
            and (not query.wallet or entry.owner == query.wallet or bool(lots & mine))
            and query.cause in ("", entry.cause)
            and query.since_ns <= entry.booked_at_ns and (not query.until_ns or entry.booked_at_ns < query.until_ns)
            and (not query.cursor or (entry.booked_at_ns, entry.id) < read_cursor(query.cursor)))


def _by_unit(rows: Iterable[RequestRow]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.unit] = sums.get(row.unit, 0) + row.held_minor
    return sums


def _lease_sums(leases: Iterable[LeaseRow]) -> dict[str, LeaseSums]:
    sums: dict[str, LeaseSums] = {}
    for lease in leases:
        known = sums.get(lease.lot, LeaseSums(lease.lot, 0, 0))
        live, doubt = (lease.left_minor, 0) if lease.state == "valid" else (0, lease.left_minor)
        sums[lease.lot] = LeaseSums(lease.lot, known.live_minor + live, known.in_doubt_minor + doubt)
    return sums


def _request_sums(rows: Iterable[RequestRow]) -> list[RequestSums]:
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        total = sums.setdefault((row.account, row.unit), [0, 0, 0, 0])
        for place, amount in enumerate((row.rated_minor, row.charged_minor, row.waived_minor, row.overrun_minor)):
            total[place] += amount
    return [RequestSums(account, unit, *sums[account, unit]) for account, unit in sorted(sums)]
