"""The contract of the books, on all three stores: lending, posting, funding, and what a repetition does."""

from __future__ import annotations

import pytest
from tests.store.samples import (
    CENT,
    NOW,
    PRICE,
    SECOND,
    SEGMENT,
    USED,
    WRITER,
    amended,
    ask_for,
    closed,
    faults_of,
    found_world,
    opened,
    post,
    released,
    sold,
)

from tokenworks.credit.records import Closed, Opened, Part, Progressed, Refused
from tokenworks.credit.rows import Damage
from tokenworks.errors import Conflict, Invalid, NotFound, Stale
from tokenworks.ledger.lots import Lot
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Batch, Funding, Withdrawal
from tokenworks.usage.vector import Usage


def lot_of(store: Store, ident: str = "lot0") -> Lot:
    return next(lot for lot in store.ledger.lots().data if lot.id == ident)


# --- funding ---


def test_funding_once(store: Store) -> None:
    first = found_world(store)[0]
    again = store.books.fund(Funding("lot0", "acc", "paid", 100 * CENT, NOW + 5, reference="pay0"))
    assert again == first
    assert first.available_minor == first.credited_minor == 100 * CENT
    assert [row.balance_minor for row in store.ledger.balances("wallet:").data] == [100 * CENT]
    assert [row.balance_minor for row in store.ledger.balances("funding:").data] == [-100 * CENT]
    assert faults_of(store) == []


def test_funding_another(store: Store) -> None:
    found_world(store)
    with pytest.raises(Conflict):
        store.books.fund(Funding("lot0", "acc", "paid", 99 * CENT, NOW, reference="pay0"))
    with pytest.raises(NotFound):
        store.books.fund(Funding("lot9", "nobody", "paid", CENT, NOW))
    with pytest.raises(Invalid):
        store.books.fund(Funding("lot9", "acc", "paid", 0, NOW))
    assert len(store.ledger.lots().data) == 1


def test_withdrawal(store: Store) -> None:
    found_world(store)
    store.books.lend(WRITER, ask_for(50 * CENT), NOW)
    left = lot_of(store).available_minor
    refund = Withdrawal("ent_refund", "lot0", "refund", NOW, left - 1, "asked for")
    first = store.books.withdraw(refund)
    assert store.books.withdraw(refund) == first
    assert (first.available_minor, first.refunded_minor) == (1, left - 1)
    with pytest.raises(Conflict):
        store.books.withdraw(Withdrawal("ent_more", "lot0", "refund", NOW, 2))
    with pytest.raises(NotFound):
        store.books.withdraw(Withdrawal("ent_more", "lot9", "refund", NOW, 2))
    assert faults_of(store) == []


def test_expiry(store: Store) -> None:
    found_world(store)
    store.books.fund(Funding("lot1", "acc", "granted", 5 * CENT, NOW, expires_at_ns=NOW + SECOND))
    early = store.books.withdraw(Withdrawal("ent_early", "lot1", "expire", NOW))
    assert early.available_minor == 5 * CENT
    late = store.books.withdraw(Withdrawal("ent_late", "lot1", "expire", NOW + SECOND))
    assert (late.available_minor, late.expired_minor) == (0, 5 * CENT)
    assert faults_of(store) == []


# --- lending ---


def test_lending(store: Store) -> None:
    found_world(store)
    lent = store.books.lend(WRITER, ask_for(10 * CENT), NOW)
    amount = sum(grant.amount_minor for grant in lent.grants)
    assert amount >= 10 * CENT
    assert lent.short_minor == 0
    assert lent.available_minor == 100 * CENT - amount == lot_of(store).available_minor
    lease = store.ledger.leases(writer=WRITER)[0]
    assert (lease.left_minor, lease.account, lease.state) == (amount, "acc", "valid")
    assert store.books.renew(WRITER, [lease.id, "lse_unknown"], NOW) == (lease.id,)
    assert store.books.renew("host/1/1", [lease.id], NOW) == ()
    assert faults_of(store) == []


def test_lending_again(store: Store) -> None:
    """The answer was lost: the same ask must not lend twice. Another ask adds to the same lease."""
    found_world(store)
    first = store.books.lend(WRITER, ask_for(10 * CENT), NOW)
    assert store.books.lend(WRITER, ask_for(10 * CENT), NOW) == first
    more = store.books.lend(WRITER, ask_for(10 * CENT, 2), NOW)
    assert [grant.lease for grant in more.grants] == [grant.lease for grant in first.grants]
    assert store.books.lend(WRITER, ask_for(10 * CENT, 2), NOW) == more
    granted = first.grants[0].amount_minor + more.grants[0].amount_minor
    assert [lease.granted_minor for lease in store.ledger.leases()] == [granted]
    assert faults_of(store) == []


def test_lending_short(store: Store) -> None:
    found_world(store, 10 * CENT)
    store.books.lend(WRITER, ask_for(9 * CENT), NOW)
    left = lot_of(store).available_minor
    short = store.books.lend("host/1/1", ask_for(5 * CENT), NOW)
    assert short.grants == ()
    assert short.short_minor == 5 * CENT - left
    assert {(one.writer, one.lot) for one in short.recall} == {(WRITER, "lot0")}
    some = store.books.lend("host/1/1", ask_for(5 * CENT, 2, "extend"), NOW)
    assert sum(grant.amount_minor for grant in some.grants) == left
    assert lot_of(store).available_minor == 0
    assert faults_of(store) == []


def test_lending_nothing(store: Store) -> None:
    lent = store.books.lend(WRITER, ask_for(CENT), NOW)
    assert (lent.grants, lent.short_minor) == ((), CENT)
    assert store.books.renew("nobody/0/0", [], NOW) == ()


# --- posting ---


def test_posting(store: Store) -> None:
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    posted = post(store, [*sold("req_1", grant), *sold("req_2", grant), released(grant, CENT)])
    assert (posted.position, posted.requests, posted.suspended, posted.alarms) == (500, 2, 0, ())
    assert posted.freed == (("acc", "lot0", CENT),)
    lot = lot_of(store)
    assert lot.posted_minor == 2 * PRICE
    assert lot.leased_minor == grant.amount_minor - 2 * PRICE - CENT
    record = store.requests.get("req_1")
    assert record.row.charged_minor == record.row.rated_minor == PRICE
    assert record.row.state == "posted"
    assert [share.amount_minor for share in record.charges] == [PRICE]
    assert record.charges[0].entry in record.row.entries
    assert set(record.row.entries) <= set(posted.entries)
    assert faults_of(store) == []


def test_replay(store: Store) -> None:
    """The same batch again, and any other start, is refused and changes nothing."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    items = [(100 * number, record) for number, record in enumerate(sold("req_1", grant), 1)]
    batch = Batch(WRITER, SEGMENT, 0, 200, items, NOW)
    store.books.post(batch)
    before = store.ledger.balances().data, store.ledger.lots().data, store.requests.get("req_1")
    for start in (0, 100, 300):
        with pytest.raises(Stale) as caught:
            store.books.post(batch._replace(start=start, end=start + 200))
        assert caught.value.fields == (WRITER, 200, start)
    assert (store.ledger.balances().data, store.ledger.lots().data, store.requests.get("req_1")) == before
    with pytest.raises(Stale):
        store.books.post(batch._replace(writer="host/9/1", start=100))


def test_batches(store: Store) -> None:
    """Opening, progress and close in different batches, of different segments."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    part = (Part(0, grant.lot, grant.lease, CENT),)
    post(store, [opened("req_1")])
    assert store.requests.get("req_1").row.state == "held"
    post(store, [Progressed("req_1", NOW + 1, Usage(input=1000), "progress", CENT, part)])
    row = store.requests.get("req_1").row
    assert (row.usage, row.parts, row.rated_minor, row.charged_minor) == (Usage(input=1000), part, CENT, 0)
    assert faults_of(store) == []
    store.books.post(Batch(WRITER, "host.0.1-00000001.twj", 200, (1 << 32) + 4196,
                           [(4196, closed("req_1", [Part(0, grant.lot, grant.lease, PRICE)]))], NOW))
    assert store.writers.roster()[0].position == (1 << 32) + 4196
    assert lot_of(store).posted_minor == PRICE
    assert faults_of(store) == []


def test_amendment(store: Store) -> None:
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    close = closed("req_1", [Part(0, grant.lot, grant.lease, PRICE)], basis="estimated")
    post(store, [opened("req_1"), close])
    assert store.requests.get("req_1").row.state == "estimated"
    less = Usage(input=1000)
    post(store, [amended("req_1", [Part(0, grant.lot, grant.lease, -CENT)], PRICE - CENT, less)])
    record = store.requests.get("req_1")
    assert (record.row.usage, record.row.charged_minor, record.row.state) == (less, PRICE - CENT, "posted")
    assert [share.amount_minor for share in record.charges] == [PRICE, -CENT]
    assert len(record.row.entries) >= 2
    assert lot_of(store).posted_minor == PRICE - CENT
    assert faults_of(store) == []


def test_suspense(store: Store) -> None:
    """What cannot be posted blocks nothing: not a second close, not damage, not a close of nothing known."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    again = closed("req_1", [Part(0, grant.lot, grant.lease, PRICE)])
    posted = post(store, [*sold("req_1", grant), again, Damage("gap", b"\x00\xff", "bad checksum"),
                          closed("req_9", []), *sold("req_2", grant)])
    assert (posted.suspended, len(posted.alarms)) == (3, 3)
    found = store.suspense.page()
    assert [(row.record.position, row.record.kind) for row in found.data] == [
        (300, "record"), (400, "gap"), (500, "record")]
    assert found.data[1].record.payload == b"\x00\xff"
    assert lot_of(store).posted_minor == 2 * PRICE
    assert faults_of(store) == []
    done = store.suspense.resolve(found.data[0].id, "a duplicate", NOW + 1)
    assert (done.resolution, done.resolved_at_ns) == ("a duplicate", NOW + 1)
    assert [row.id for row in store.suspense.page().data] == [row.id for row in found.data[1:]]
    assert len(store.suspense.page(unresolved=False).data) == 3
    first = store.suspense.page(limit=1)
    assert [row.id for row in store.suspense.page(True, first.next_cursor or "", 9).data] == [found.data[2].id]
    with pytest.raises(NotFound):
        store.suspense.resolve("nowhere", "", NOW)


def test_poison(store: Store) -> None:
    """A record with numbers or text that a database cannot hold is suspended alone; its neighbours are booked."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(50 * CENT), NOW).grants[0]
    records = [record for number in range(5) for record in sold(f"req_{number}", grant)]
    good = records[5]
    assert isinstance(good, Closed)
    records[5] = Closed(*(2**64 - 1 if name == "duration_ms" else getattr(good, name)
                          for name in Closed.__struct_fields__))
    nul = records[0]
    assert isinstance(nul, Opened)
    records[0] = Opened(*("ti\0ny" if name == "model" else getattr(nul, name) for name in Opened.__struct_fields__))
    posted = post(store, records)
    assert (posted.position, posted.suspended) == (1000, 1)
    assert [row.record.position for row in store.suspense.page().data] == [600]
    assert lot_of(store).posted_minor == 4 * PRICE
    assert store.requests.get("req_2").row.state == "held"
    assert store.requests.get("req_0").row.state == "posted"
    assert faults_of(store) == []


def test_unknown_lease(store: Store) -> None:
    """Books restored from before a lease was granted: its journal is replayed and pays from what the lot has."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(CENT), NOW).grants[0]
    lost = type(grant)("lse_lost", "lot0", "acc", 5 * CENT, 0, 60, 1)
    post(store, sold("req_1", lost))
    assert store.requests.get("req_1").row.charged_minor == PRICE
    nowhere = type(grant)("lse_lost", "lot_lost", "acc", 5 * CENT, 0, 60, 1)
    posted = post(store, sold("req_2", nowhere))
    row = store.requests.get("req_2").row
    assert (row.charged_minor, row.overrun_minor) == (0, PRICE)
    assert posted.alarms
    assert faults_of(store) == []


def test_refused(store: Store) -> None:
    found_world(store)
    post(store, [Refused("req_1", "acc", "key", NOW, "chat", "tiny", "credit_short", 429, {"need": 5})])
    row = store.requests.get("req_1").row
    assert (row.state, row.outcome, row.reason, row.status) == ("refused", "refused", "credit_short", 429)
    assert faults_of(store) == []


def test_operator_cost(store: Store) -> None:
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    post(store, sold("req_1", grant))
    costs = {row.account: row.balance_minor for row in store.ledger.balances("cost:").data}
    assert costs == {"cost:other": -CENT // 2}
    record = store.requests.get("req_1")
    assert [(row.attempt.number, bool(row.entry)) for row in record.attempts] == [(1, True), (2, False)]


# --- the end of a writer ---


def test_end(store: Store) -> None:
    """Open requests are billed by their last progress, and everything lent comes back."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    part = (Part(0, grant.lot, grant.lease, CENT),)
    post(store, [*sold("req_1", grant), opened("req_2"), opened("req_3"),
                 Progressed("req_2", NOW + 1, Usage(input=1000), "progress", CENT, part)])
    with pytest.raises(Stale):
        store.books.end(WRITER, 400, NOW + SECOND)
    ended = store.books.end(WRITER, 500, NOW + SECOND)
    assert ended.freed == (("acc", "lot0", grant.amount_minor - PRICE - CENT),)
    crashed = store.requests.get("req_2").row
    assert (crashed.outcome, crashed.charged_minor, crashed.state) == ("crashed", CENT, "expired")
    assert store.requests.get("req_3").row.charged_minor == 0
    lot = lot_of(store)
    assert (lot.leased_minor, lot.available_minor) == (0, 100 * CENT - PRICE - CENT)
    assert store.ledger.leases() == []
    assert store.writers.roster()[0].state == "ended"
    assert store.writers.roster(active=True) == []
    assert faults_of(store) == []
    assert store.books.end(WRITER, 500, NOW + SECOND).entries == ()
    assert lot_of(store) == lot
    with pytest.raises(NotFound):
        store.books.end("host/9/9", 0, NOW)


def test_forget(store: Store) -> None:
    """Lost: in doubt, lends nothing. Found: as before. Forgotten: late records are the operator's loss."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    post(store, [opened("req_1")])
    assert store.writers.mark(WRITER, "lose", NOW).state == "lost"
    assert [lease.state for lease in store.ledger.leases()] == ["in_doubt"]
    assert store.books.lend(WRITER, ask_for(CENT, 2), NOW).grants == ()
    assert store.books.renew(WRITER, [grant.lease], NOW) == ()
    assert faults_of(store) == []
    assert store.writers.mark(WRITER, "find", NOW).state == "live"
    assert store.books.renew(WRITER, [grant.lease], NOW) == (grant.lease,)
    assert store.writers.mark(WRITER, "forget", NOW).state == "forgotten"
    assert lot_of(store).available_minor == 100 * CENT
    assert faults_of(store) == []
    late = post(store, [closed("req_1", [Part(0, grant.lot, grant.lease, PRICE)])])
    assert store.requests.get("req_1").row.overrun_minor == PRICE
    assert late.alarms
    assert lot_of(store).available_minor == 100 * CENT
    assert faults_of(store) == []
    with pytest.raises(Conflict):
        store.writers.mark(WRITER, "find", NOW)
    with pytest.raises(NotFound):
        store.writers.mark("host/9/9", "lose", NOW)


def test_epoch(store: Store) -> None:
    """After a restore nobody goes on cutting holds from leases of before; what they hold is still theirs to return."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(10 * CENT), NOW).grants[0]
    assert grant.books_epoch == store.meta.facts().epoch == 1
    epoch = store.meta.raise_epoch()
    assert store.books.renew(WRITER, [grant.lease], NOW) == ()
    fresh = store.books.lend(WRITER, ask_for(10 * CENT, 2), NOW).grants[0]
    assert fresh.lease != grant.lease
    assert fresh.books_epoch == epoch > 2**30
    assert {lease.epoch for lease in store.ledger.leases()} == {1, epoch}
    post(store, [*sold("req_1", grant), *sold("req_2", fresh)])
    assert store.requests.get("req_1").row.usage == USED
    store.books.end(WRITER, 400, NOW)
    assert lot_of(store).leased_minor == 0
    assert faults_of(store) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_complete_time_stays(store: Store, damaged: bool) -> None:
    """Records of a clock that jumped back, and requests of a dead writer, end no earlier than what is complete; a batch
    is not held to what it says itself. `damaged`: a record that the tables refuse leads the slow way."""
    found_world(store)
    grant = store.books.lend(WRITER, ask_for(50 * CENT), NOW).grants[0]
    post(store, [opened("req_dead"), *sold("req_0", grant, at_ns=NOW - 9 * SECOND)])
    first = store.requests.get("req_0").row.closed_at_ns
    late = sold("req_1", grant, at_ns=NOW - 5 * SECOND)
    bad = [Refused("req_bad", "acc", "key", NOW, "chat", "tiny", "x", 2**64 - 1)] if damaged else []
    post(store, [*late, *bad, *sold("req_2", grant, at_ns=NOW + SECOND)], now_ns=NOW + 100 * SECOND)
    ended = [store.requests.get(name).row.closed_at_ns for name in ("req_1", "req_2")]
    assert (first, ended) == (NOW, [NOW, NOW + 2 * SECOND])
    row = store.writers.roster()[0]
    store.books.end(WRITER, row.position, NOW + 101 * SECOND)
    assert store.requests.get("req_dead").row.closed_at_ns == row.watermark_ns == NOW + 100 * SECOND
    assert faults_of(store) == []


def test_writers(store: Store) -> None:
    first = store.writers.greet(WRITER, NOW)
    assert (first.host, first.state, first.position, first.watermark_ns) == ("host", "live", 0, NOW)
    assert store.writers.greet(WRITER, NOW + 9) == first
    store.writers.greet("other/0/1", NOW + 5)
    assert [row.writer for row in store.writers.roster()] == [WRITER, "other/0/1"]
    assert [row.writer for row in store.writers.roster("other")] == ["other/0/1"]
    assert store.writers.complete(NOW + 10) == NOW
    store.writers.beat(WRITER, NOW + 20, NOW + 15, 77)
    row = store.writers.roster("host")[0]
    assert (row.seen_at_ns, row.watermark_ns, row.lag_bytes) == (NOW + 20, NOW + 15, 77)
    store.writers.beat(WRITER, NOW + 21, NOW + 1, 0)
    assert store.writers.roster("host")[0].watermark_ns == NOW + 15
    assert store.writers.complete(NOW + 10) == NOW + 5
    store.books.end("other/0/1", 0, NOW)
    assert store.writers.complete(NOW + 100) == NOW + 15
    store.books.end(WRITER, 0, NOW)
    assert store.writers.complete(NOW + 100) == NOW + 100
