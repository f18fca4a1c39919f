"""The contract of the reads, on all three stores: filters, pages, exact sums, statements."""

from __future__ import annotations

import msgspec
import pytest
from tests.store.samples import (
    CENT,
    NOW,
    PRICE,
    SECOND,
    USED,
    WRITER,
    ask_for,
    closed,
    faults_of,
    found_world,
    opened,
    post,
    sold,
)

from tokenworks.credit.records import Closed, Opened, Part, Record, Refused
from tokenworks.errors import Invalid, NotFound
from tokenworks.ledger.statement import draw_statement
from tokenworks.store.ports import Store
from tokenworks.store.shapes import EntryQuery, Funding, RequestQuery, StatementQuery, UsageQuery
from tokenworks.usage.vector import Usage

DAY = 86_400 * SECOND
HUGE = 10**15


def busy_world(store: Store) -> None:
    """Seven requests of three models in four batches, over two days, one of them refused."""
    found_world(store, 1000 * CENT, lots=2)
    grant = store.books.lend(WRITER, ask_for(500 * CENT), NOW).grants[0]
    for day in range(2):
        for number in range(3):
            at_ns = NOW + day * DAY + number * SECOND
            post(store, [_of_model(record, f"model{number}") for record in
                         sold(f"req_{day}{number}", grant, PRICE + number, at_ns)], now_ns=at_ns)
    post(store, [Refused("req_no", "acc", "key", NOW, "chat", "model0", "credit_short", 429, {})], now_ns=NOW + 2 * DAY)


def _of_model(record: Record, model: str) -> Record:
    if not isinstance(record, Opened):
        return record
    return Opened(*(model if name == "model" else getattr(record, name) for name in Opened.__struct_fields__))


def test_record(store: Store) -> None:
    """Everything that the journal said stands on the request's record."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    start, end = sold("req_1", grant)
    assert isinstance(start, Opened)
    assert isinstance(end, Closed)
    post(store, [start, end])
    record = store.requests.get("req_1")
    row = record.row
    for name in ("account", "key", "dialect", "model", "unit", "card", "stream", "held_minor", "why", "crash"):
        assert getattr(row, name) == getattr(start, name), name
    for name in ("outcome", "reason", "usage", "basis", "rated_minor", "charged_minor", "waived_minor", "overrun_minor",
                 "list_minor", "parts", "hold", "raw", "notes", "cut_loss", "ttft_ms", "duration_ms", "status"):
        assert getattr(row, name) == getattr(end, name), name
    assert (row.opened_at_ns, row.closed_at_ns, row.writer) == (start.at_ns, end.at_ns, WRITER)
    assert tuple(one.attempt for one in record.attempts) == end.attempts
    with pytest.raises(NotFound):
        store.requests.get("req_none")


def test_owners(store: Store) -> None:
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    post(store, sold("req_1", grant))
    assert store.requests.owners(["none", "resp_req_1"]) == (("", ""), ("acc", "own"))
    assert store.requests.owners([]) == ()


def test_request_pages(store: Store) -> None:
    busy_world(store)
    everything = [row.id for row in store.requests.page(RequestQuery(limit=100)).data]
    assert everything == ["req_12", "req_11", "req_10", "req_02", "req_01", "req_no", "req_00"]
    seen: list[str] = []
    cursor = ""
    while True:
        page = store.requests.page(RequestQuery(cursor=cursor, limit=2))
        seen += [row.id for row in page.data]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == everything

    def ids(**filters: object) -> list[str]:
        return [row.id for row in store.requests.page(RequestQuery(**filters)).data]

    assert ids(model="model1") == ["req_11", "req_01"]
    assert ids(outcome="refused") == ["req_no"]
    assert ids(account="nobody") == []
    assert ids(since_ns=NOW + DAY) == ["req_12", "req_11", "req_10"]
    assert ids(until_ns=NOW + SECOND) == ["req_no", "req_00"]
    light = store.requests.page(RequestQuery(model="model2", limit=1)).data[0]
    assert (light.charged_minor, light.usage, light.why, light.raw) == (PRICE + 2, USED, {}, b"")
    for bad in ("x", "12", "12345678901234567890.x", "-1.x"):
        with pytest.raises(Invalid):
            store.requests.page(RequestQuery(cursor=bad))


def test_usage(store: Store) -> None:
    busy_world(store)
    total = store.requests.usage(UsageQuery(()))
    assert [(row.unit, row.requests, row.usage, row.charged_minor) for row in total] == [
        ("CNY", 6, Usage(input=6000, output=3000), 6 * PRICE + 6)]
    by_model = store.requests.usage(UsageQuery(("model",)))
    assert [(row.model, row.requests, row.charged_minor) for row in by_model] == [
        (f"model{number}", 2, 2 * (PRICE + number)) for number in range(3)]
    by_day = store.requests.usage(UsageQuery(("day", "account"), model="model0"))
    assert [(row.day, row.account, row.requests) for row in by_day] == [
        ("2026-09-21", "acc", 1), ("2026-09-22", "acc", 1)]
    assert store.requests.usage(UsageQuery(("key",), since_ns=NOW + DAY))[0].requests == 3
    assert store.requests.usage(UsageQuery(account="nobody")) == []
    with pytest.raises(Invalid):
        store.requests.usage(UsageQuery(("colour",)))


def test_usage_extras(store: Store) -> None:
    """Extra counts are added up too, and so are amounts far above what a float holds."""
    found_world(store)
    records: list[Record] = []
    for number in range(5):
        usage = Usage(input=7, extras={"calls": 1, "images": number % 2})
        rated = HUGE - number
        end = Closed(f"req_{number}", NOW + 1, "ok", "", usage, "reported", rated, 0, 0, rated, HUGE, ())
        records += [opened(f"req_{number}"), end]
    assert post(store, records).suspended == 0
    row = store.requests.usage(UsageQuery(("account",)))[0]
    assert row.usage == Usage(input=35, extras={"calls": 5, "images": 2})
    assert (row.overrun_minor, row.list_minor) == (5 * HUGE - 10, 5 * HUGE)


def test_balances(store: Store) -> None:
    busy_world(store)
    found = store.ledger.balances(limit=100).data
    assert sum(row.balance_minor for row in found) == 0
    assert [row.account for row in found] == sorted(row.account for row in found)
    page = store.ledger.balances(limit=2)
    rest = store.ledger.balances("", page.next_cursor or "", 100)
    assert page.data + rest.data == found
    wallets = store.ledger.balances("wallet:").data
    assert [(row.account, row.balance_minor, row.postings) for row in wallets] == [
        ("wallet:lot0", 1000 * CENT - 6 * PRICE - 6, 7), ("wallet:lot1", 1000 * CENT, 1)]
    with pytest.raises(Invalid):
        store.ledger.balances(cursor="x")


def test_entries(store: Store) -> None:
    busy_world(store)
    found = store.ledger.entries(EntryQuery(limit=100)).data
    assert [entry.booked_at_ns for entry in found] == sorted((entry.booked_at_ns for entry in found), reverse=True)
    for entry in found:
        assert sum(one.amount_minor for one in entry.postings) == 0
    seen, cursor = [], ""
    while True:
        page = store.ledger.entries(EntryQuery(cursor=cursor, limit=3))
        seen += page.data
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == found
    assert {entry.cause for entry in store.ledger.entries(EntryQuery(account="wallet:lot0")).data} == {"topup", "usage"}
    assert len(store.ledger.entries(EntryQuery(lot="lot1")).data) == 1
    assert len(store.ledger.entries(EntryQuery(wallet="acc")).data) == 8
    assert store.ledger.entries(EntryQuery(wallet="nobody")).data == []
    assert len(store.ledger.entries(EntryQuery(cause="usage", since_ns=NOW + DAY)).data) == 3
    assert len(store.ledger.entries(EntryQuery(cause="topup", until_ns=NOW + 1)).data) == 1
    row = store.requests.get("req_00").row
    assert {entry.id for entry in store.ledger.entries(EntryQuery(ids=row.entries)).data} == set(row.entries)


def test_statement(store: Store) -> None:
    """Whatever page of whatever span: what the money core draws from all entries."""
    busy_world(store)
    now = NOW + 3 * DAY
    entries = store.ledger.entries(EntryQuery(limit=100)).data
    for lots, query in ((["lot0", "lot1"], StatementQuery("acc", limit=3)),
                        (["lot0"], StatementQuery("acc", "lot0", NOW + DAY, limit=2)),
                        (["lot1"], StatementQuery("acc", "lot1", NOW + DAY, NOW + 2 * DAY))):
        drawn = draw_statement("acc", "CNY", lots, entries, (query.since_ns, query.until_ns or now), now)
        lines, cursor = [], ""
        while True:
            page = store.ledger.statement(msgspec.structs.replace(query, cursor=cursor), now)
            lines += page.statement.lines
            assert (page.statement.opening_minor, page.statement.closing_minor, page.statement.sums) == (
                drawn.opening_minor, drawn.closing_minor, drawn.sums)
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert tuple(lines) == drawn.lines
        assert page.statement.complete_until_ns == store.writers.complete(now)
    with pytest.raises(NotFound):
        store.ledger.statement(StatementQuery("nobody"), now)
    with pytest.raises(NotFound):
        store.ledger.statement(StatementQuery("acc", "lot9"), now)


def test_lots_and_leases(store: Store) -> None:
    found_world(store, lots=3)
    store.books.lend(WRITER, ask_for(150 * CENT), NOW)
    store.books.lend("host/1/1", ask_for(10 * CENT), NOW)
    page = store.ledger.lots(limit=2)
    assert [lot.id for lot in page.data] == ["lot0", "lot1"]
    assert [lot.id for lot in store.ledger.lots("acc", page.next_cursor or "").data] == ["lot2"]
    assert store.ledger.lots("nobody").data == []
    assert {lease.lot for lease in store.ledger.leases(writer=WRITER)} == {"lot0", "lot1"}
    assert len(store.ledger.leases("acc")) == len(store.ledger.leases()) >= 3
    assert store.ledger.leases("nobody") == []


def test_audit(store: Store) -> None:
    busy_world(store)
    post(store, [opened("req_open")])
    rows = store.ledger.audit()
    assert (rows.open_requests, rows.held, rows.suspended) == (1, {"CNY": 3 * CENT}, 0)
    sums = list(rows.books.requests)
    assert [(row.account, row.charged_minor) for row in sums] == [("acc", 6 * PRICE + 6)]
    assert faults_of(store) == []


def test_audit_of_damage(store: Store) -> None:
    """An audit of books that somebody has changed behind our back finds it."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    post(store, [opened("req_1"), closed("req_1", [Part(0, grant.lot, grant.lease, PRICE)])])
    store.books.fund(Funding("lot9", "acc", "paid", CENT, NOW))
    assert faults_of(store) == []
    tamper(store)
    assert any("out of balance" in fault for fault in faults_of(store))
    assert any("lot9" in fault for fault in faults_of(store))


def tamper(store: Store) -> None:
    """Adds one unit to one posting of lot9's funding."""
    database = getattr(store.ledger, "_database", None)
    if database is not None:
        with database.engine.begin() as conn:
            conn.exec_driver_sql("UPDATE postings SET amount = amount + 1 WHERE lot = 'lot9'")
        return
    entries = vars(store.ledger)["_state"].entries
    for ident, entry in entries.items():
        if any(one.account == "wallet:lot9" for one in entry.postings):
            postings = tuple(type(one)(one.account, one.unit, one.amount_minor + (one.account == "wallet:lot9"))
                             for one in entry.postings)
            entries[ident] = type(entry)(*(postings if name == "postings" else getattr(entry, name)
                                           for name in type(entry).__struct_fields__))
