"""The books in SQL: each verb one transaction around one decision of the money core."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, case, select, update
from sqlalchemy.exc import DataError, IntegrityError

from tokenworks.credit import lending
from tokenworks.credit.booking import book
from tokenworks.credit.ending import end_writer
from tokenworks.credit.messages import Ask
from tokenworks.credit.rows import BatchView, Damage, EndView, LendView, Loan, Plan
from tokenworks.credit.stock import LIVE
from tokenworks.errors import AmountOutOfRange, Broken, Conflict, NotFound, Stale
from tokenworks.ledger.funding import expire_lot, fund_lot, refund_lot
from tokenworks.ledger.lots import Lot, move_lot
from tokenworks.store import loading, rows, schema
from tokenworks.store.bell import AnyBell
from tokenworks.store.database import Database
from tokenworks.store.loading import Cards, Items, Part
from tokenworks.store.scribe import Scribe
from tokenworks.store.shapes import AccountRow, Batch, Funding, Lent, Posted, Withdrawal
from tokenworks.store.trail import tell_lot
from tokenworks.store.writers import find_writer, greet_writer, lock_writer

_UNFIT = (DataError, IntegrityError, OverflowError, AmountOutOfRange, Broken)  # what a record can do to a transaction
_payload = msgspec.msgpack.Encoder().encode


class SqlBooks:
    """ports.Books."""

    def __init__(self, database: Database, bell: AnyBell, scribe: Scribe) -> None:
        self._database, self._bell, self._cards, self._scribe = database, bell, Cards(), scribe

    def lend(self, writer: str, ask: Ask, now_ns: int) -> Lent:
        """See ports.Books."""
        return self._database.write(lambda conn: _lend(conn, writer, ask, now_ns))

    def renew(self, writer: str, leases: Sequence[str], now_ns: int) -> tuple[str, ...]:
        """See ports.Books."""
        return self._database.read(lambda conn: _renew(conn, writer, leases))

    def post(self, batch: Batch) -> Posted:
        """See ports.Books."""
        try:
            return self._post_ahead(batch)
        except _UNFIT:
            return self._database.write(lambda conn: _post(conn, batch, self._cards))

    def end(self, writer: str, position: int, now_ns: int, shard: str = "0") -> Posted:
        """See ports.Books."""
        return self._database.write(lambda conn: _end(conn, writer, position, (now_ns, shard)))

    def fund(self, funding: Funding) -> Lot:
        """See ports.Books."""
        lot = self._database.write(lambda conn: self._fund(conn, funding))
        self._bell.echo("credit", funding.account)
        return lot

    def withdraw(self, withdrawal: Withdrawal) -> Lot:
        """See ports.Books."""
        return self._database.write(lambda conn: _withdraw(conn, withdrawal, self._scribe))

    def _post_ahead(self, batch: Batch) -> Posted:
        """Decides and packs before anything is locked, so that lenders hardly wait for a poster.

        What the decision has seen stays true: only this writer's posting spends its leases and changes its requests,
        and the position and state that were read are compared when it is written. What lots have available may have
        shrunk; then the tables refuse, and it is decided again under lock.
        """
        seen, view = self._database.read(lambda conn: _look(conn, batch, self._cards))
        packed = loading.Packed(book(view), batch.now_ns)

        def write(conn: Connection) -> Posted:
            _advance(conn, batch, seen)
            packed.write(conn)
            return loading.sum_up(batch.end, [packed.plan], view.lots)

        return self._database.write(write)

    def _fund(self, conn: Connection, funding: Funding) -> Lot:
        account = conn.execute(select(schema.accounts.c.row).where(schema.accounts.c.id == funding.account)).scalar()
        if account is None:
            raise NotFound("account", funding.account)
        empty = new_lot(funding, msgspec.json.decode(account, type=AccountRow).unit)
        lot, entry = fund_lot(empty, funding.amount_minor, funding.at_ns)
        insert = rows.insert_for(conn, schema.lots).values(rows.pack_lot(lot)).on_conflict_do_nothing()
        if conn.execute(insert.returning(schema.lots.c.id)).first() is None:
            return check_same(loading.lock_lots(conn, [lot.id])[lot.id], lot)
        loading.write_entries(conn, [entry])
        self._bell.enlist(conn, "credit", funding.account)
        self._scribe.tell(conn, ("lot", lot.id), None, tell_lot(lot))
        return lot


def new_lot(funding: Funding, unit: str) -> Lot:
    """The lot of a funding before it is credited."""
    return Lot(funding.lot, funding.account, unit, funding.kind, funding.at_ns, funding.expires_at_ns,
               cause=funding.reference)


def check_same(known: Lot, wanted: Lot) -> Lot:
    """The lot as it stands, when it was made by the same funding; raises Conflict."""
    if _origin(known) != _origin(wanted):
        raise Conflict(f"The lot {known.id!r} was made by another funding.")
    return known


def _origin(lot: Lot) -> tuple[object, ...]:
    return lot.account, lot.unit, lot.kind, lot.expires_at_ns, lot.credited_minor, lot.cause


def check_left(lot: Lot, withdrawal: Withdrawal) -> int:
    """How much to refund; raises Conflict when the lot has less available, or nothing."""
    amount_minor = withdrawal.amount_minor or lot.available_minor
    if not 0 < amount_minor <= lot.available_minor:
        raise Conflict(f"The lot {lot.id!r} has less available than that: some may be lent to gateways just now.")
    return amount_minor


def _withdraw(conn: Connection, withdrawal: Withdrawal, scribe: Scribe) -> Lot:
    lot = loading.lock_lots(conn, [withdrawal.lot]).get(withdrawal.lot)
    if lot is None:
        raise NotFound("lot", withdrawal.lot)
    if conn.execute(select(schema.entries.c.id).where(schema.entries.c.id == withdrawal.entry)).first():
        return lot
    if withdrawal.kind == "expire":
        moved = expire_lot(lot, withdrawal.at_ns)
    else:
        moved = refund_lot(lot, check_left(lot, withdrawal), withdrawal.at_ns, withdrawal.reference)
    if moved is None:
        return lot
    loading.move_lots(conn, [moved[0]])
    loading.write_entries(conn, [msgspec.structs.replace(moved[1], id=withdrawal.entry)])
    after = move_lot(lot, moved[0])
    scribe.tell(conn, ("lot", lot.id), tell_lot(lot), tell_lot(after))
    return after


def _lend(conn: Connection, writer: str, ask: Ask, now_ns: int) -> Lent:
    if find_writer(conn, writer) is None:
        greet_writer(conn, writer, now_ns)
    if lock_writer(conn, writer, share=True).state != "live":
        return Lent(short_minor=ask.need_minor + ask.keep_minor)
    lots = loading.lock_wallet(conn, ask.account)
    table = schema.leases
    found = rows.as_rows(conn.execute(select(table).where(table.c.account == ask.account, table.c.state.in_(LIVE))
                                      .order_by(table.c.id)))
    again = tuple(rows.read_grant(row[11]) for row in found if row[3] == writer and row[10] == ask.id)
    if again:
        return Lent(again, sum(lot.available_minor for lot in lots.values()))
    leases = [rows.read_lease(row) for row in found]
    view = LendView(writer, ask, now_ns, loading.read_epoch(conn), list(lots.values()), leases)
    loan = lending.lend(view)
    _write_loan(conn, ask, loan)
    return lent_of(loan)


def _write_loan(conn: Connection, ask: Ask, loan: Loan) -> None:
    """What was granted is kept with the lease under the ask's number, for an ask that comes again."""
    grants = {grant.lease: grant for grant in loan.grants}
    rows.write_rows(conn, schema.leases, [rows.pack_lease(row, ask.id, grants[row.id]) for row in loan.opened])
    loading.move_leases(conn, loan.leases)
    loading.move_lots(conn, loan.lots)
    for delta in loan.leases:
        conn.execute(update(schema.leases).where(schema.leases.c.id == delta.lease)
                     .values(ask=ask.id, ask_grant=rows.pack_grant(grants[delta.lease])))


def lent_of(loan: Loan) -> Lent:
    """A loan as the lender hears of it."""
    return Lent(loan.grants, loan.available_minor, loan.shortfall_minor, tuple(loan.recalls))


def _renew(conn: Connection, writer: str, leases: Sequence[str]) -> tuple[str, ...]:
    known = find_writer(conn, writer)
    if known is None or known.state != "live":
        return ()
    table = schema.leases
    found = conn.execute(select(table).where(table.c.id.in_(sorted(leases))).order_by(table.c.id))
    return lending.renew(map(rows.read_lease, rows.as_rows(found)), writer, loading.read_epoch(conn))


def _look(conn: Connection, batch: Batch, cards: Cards) -> tuple[str, BatchView]:
    """The writer's state and what the batch needs; raises Stale."""
    known = find_writer(conn, batch.writer)
    check_position(batch.writer, known.position if known else 0, batch.start)
    view = loading.view_batch(conn, (batch, batch.start, batch.items), cards, lock=False)
    return known.state if known else "live", msgspec.structs.replace(view, watermark_ns=_said(conn, batch))


def _said(conn: Connection, batch: Batch) -> int:
    """Up to when the books had called the writer's journal complete before this batch."""
    known = find_writer(conn, batch.writer)
    return known.watermark_ns if known else 0


def _post(conn: Connection, batch: Batch, cards: Cards) -> Posted:
    said_ns = _said(conn, batch)
    _advance(conn, batch)
    plans: list[Plan] = []
    lots: dict[str, Lot] = {}
    _book_items(conn, (batch, batch.start, batch.items), (cards, said_ns), (plans, lots))
    return loading.sum_up(batch.end, plans, lots)


def _advance(conn: Connection, batch: Batch, seen: str = "") -> None:
    """Compare and set: whoever comes second finds the position moved, and has changed nothing.

    `seen`: the writer's state that was read must still hold, too; raises Broken when it does not.
    """
    table = schema.writers
    if batch.start == 0:
        greet_writer(conn, batch.writer, batch.now_ns)
    later = case((table.c.watermark_ns < batch.watermark_ns, batch.watermark_ns), else_=table.c.watermark_ns)
    moved = conn.execute(
        update(table).where(table.c.id == batch.writer, table.c.position == batch.start)
        .values(position=batch.end, seen_at_ns=batch.now_ns, watermark_ns=later).returning(table.c.state)).scalar()
    if moved is None:
        known = find_writer(conn, batch.writer)
        raise Stale(batch.writer, known.position if known else 0, batch.start)
    if seen not in ("", moved):
        raise Broken(f"{batch.writer} is {moved}, it was {seen}")


def _book_items(
    conn: Connection, part: Part, known: tuple[Cards, int], done: tuple[list[Plan], dict[str, Lot]]
) -> None:
    """Books records, all of them or, when one is more than the database takes, half by half: that one is suspended."""
    batch, start, items = part
    try:
        with conn.begin_nested():
            view = loading.view_batch(conn, part, known[0], lock=True)
            plan = book(msgspec.structs.replace(view, watermark_ns=known[1]))
            loading.write_plan(conn, plan, batch.now_ns)
    except _UNFIT as error:
        if len(items) == 1 and isinstance(items[0][1], Damage):
            raise
        for after, half in split_items(start, items, error):
            _book_items(conn, (batch, after, half), known, done)
        return
    done[0].append(plan)
    done[1].update(view.lots)


def split_items(start: int, items: Items, error: Exception) -> list[tuple[int, Items]]:
    """Both halves with the places where they start; a single record as damage, which is suspended."""
    position, record = items[0]
    if len(items) == 1:
        why = f"the books cannot hold it: {type(getattr(error, 'orig', error)).__name__}"
        return [(start, [(position, Damage("unreadable", _payload(record), why))])]
    middle = len(items) // 2
    return [(start, items[:middle]), (items[middle - 1][0], items[middle:])]


def _end(conn: Connection, writer: str, position: int, when: tuple[int, str]) -> Posted:
    now_ns, shard = when
    known = lock_writer(conn, writer)
    if known.state == "ended":
        return Posted(known.position)
    check_position(writer, known.position, position)
    requests = loading.lock_requests(
        conn, (schema.requests.c.writer == writer) & schema.requests.c.state.in_(loading.OPEN))
    leases, lots = loading.lock_held(conn, writer)
    plan = end_writer(EndView(writer, shard, now_ns, loading.read_epoch(conn), requests, leases, lots,
                              known.watermark_ns))
    loading.write_plan(conn, plan, now_ns)
    conn.execute(update(schema.writers).where(schema.writers.c.id == writer).values(state="ended", seen_at_ns=now_ns))
    return loading.sum_up(position, [plan], lots)


def check_position(writer: str, known: int, position: int) -> None:
    """Raises Stale unless the writer is posted up to `position`."""
    if known != position:
        raise Stale(writer, known, position)
