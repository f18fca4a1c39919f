"""Rows that a decision needs, read under lock, and the plan that it returns, written: both in one transaction.

The order of locks is the same everywhere: the writer's row, then lots by id, then leases by id. A lease moves only in
a transaction that holds its lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from tokenworks.credit.booking import needs
from tokenworks.credit.records import Opened, Record, Served
from tokenworks.credit.rows import BatchView, Damage, LeaseDelta, LeaseRow, Plan, RequestRow
from tokenworks.credit.stock import LIVE
from tokenworks.ledger.entries import Entry
from tokenworks.ledger.lots import Lot, LotDelta
from tokenworks.store import rows, schema
from tokenworks.store.shapes import Batch, Posted
from tokenworks.tariff.card import RateCard

OPEN = ("held", "estimated")  # states of a request whose end, or whose count, is still to come
Items = Sequence[tuple[int, Record | Damage]]
Part = tuple[Batch, int, Items]  # records of a batch, and the place where they start
_card = msgspec.json.Decoder(RateCard).decode


class Cards:
    """Rate card versions by ref. They never change, so they are read once."""

    def __init__(self) -> None:
        self._cards: dict[str, RateCard] = {}

    def find(self, conn: Connection, refs: Iterable[str]) -> Mapping[str, RateCard]:
        """The cards of these refs, as far as there are such."""
        if missing := {ref for ref in refs if ref} - self._cards.keys():
            found = conn.execute(select(schema.cards.c.row).where(schema.cards.c.id.in_(sorted(missing))))
            self._cards.update((card.ref, card) for card in map(_card, found.scalars()))
        return self._cards


def read_epoch(conn: Connection) -> int:
    """The books' epoch."""
    return int(conn.execute(select(schema.books.c.epoch)).scalar_one())


def view_batch(conn: Connection, part: Part, cards: Cards, lock: bool) -> BatchView:
    """What `booking.book` must see of the books for these records; `lock`: and nobody may change until it is booked."""
    batch, start, items = part
    need = needs(items)
    owners = conn.execute(select(schema.leases.c.lot).where(schema.leases.c.id.in_(need.leases))).scalars().all()
    requests = lock_requests(conn, schema.requests.c.id.in_(need.requests)) if need.requests else {}
    lots = lock_lots(conn, {*need.lots, *owners}, lock)
    leases = lock_leases(conn, schema.leases.c.id.in_(need.leases), lock)
    refs = {row.card for row in requests.values()} | {card for _, item in items if (card := _card_of(item))}
    return BatchView(batch.writer, batch.segment, start, batch.shard, batch.now_ns, read_epoch(conn), list(items),
                     requests, leases, lots, cards.find(conn, refs))


def _card_of(item: Record | Damage) -> str:
    """The card that a record's request is rated by, where the record itself says so."""
    opened = item.opened if isinstance(item, Served) else item
    return opened.card if isinstance(opened, Opened) else ""


def lock_requests(conn: Connection, condition: Any) -> dict[str, RequestRow]:
    """Requests; their writer's row is held already, and nobody else changes them."""
    found = conn.execute(select(schema.requests).where(condition))
    return {row[0]: rows.read_request(row) for row in rows.as_rows(found)}


def lock_lots(conn: Connection, lots: Iterable[str], lock: bool = True) -> dict[str, Lot]:
    """Lots, locked in the order of their ids."""
    return _lock_lots(conn, schema.lots.c.id.in_(sorted(lots)), lock)


def lock_wallet(conn: Connection, account: str) -> dict[str, Lot]:
    """The lots of an account that have something to lend."""
    return _lock_lots(conn, (schema.lots.c.account == account) & (schema.lots.c.available > 0), True)


def _lock_lots(conn: Connection, condition: Any, lock: bool) -> dict[str, Lot]:
    query = select(schema.lots).where(condition).order_by(schema.lots.c.id)
    found = conn.execute(query.with_for_update() if lock else query)
    return {row[0]: rows.read_lot(row) for row in rows.as_rows(found)}


def lock_leases(conn: Connection, condition: Any, lock: bool = True) -> dict[str, LeaseRow]:
    """Leases, locked in the order of their ids."""
    query = select(schema.leases).where(condition).order_by(schema.leases.c.id)
    found = conn.execute(query.with_for_update() if lock else query)
    return {row[0]: rows.read_lease(row) for row in rows.as_rows(found)}


def lock_held(conn: Connection, writer: str) -> tuple[dict[str, LeaseRow], dict[str, Lot]]:
    """A writer's leases that are not over, and their lots."""
    mine = (schema.leases.c.writer == writer) & schema.leases.c.state.in_(LIVE)
    lots = lock_lots(conn, conn.execute(select(schema.leases.c.lot).where(mine)).scalars())
    return lock_leases(conn, mine), lots


class Packed:
    """A plan as rows, made before anything is locked."""

    def __init__(self, plan: Plan, now_ns: int) -> None:
        self.plan = plan
        self._requests = [rows.pack_request(row) for row in plan.requests]
        self._charges = [rows.pack_charge(row) for row in plan.charges]
        self._attempts = [rows.pack_attempt(row) for row in plan.attempts]
        self._suspense = [rows.pack_suspense(row) for row in plan.suspense]
        self._objects = [rows.pack_object(row, now_ns) for row in plan.objects]

    def write(self, conn: Connection) -> None:
        """All of it. A key that is taken or a side below zero raises: then nothing of it stays.

        Lots come last: others wait for them.
        """
        rows.write_rows(conn, schema.requests, self._requests, replace=True)
        rows.write_rows(conn, schema.charges, self._charges)
        rows.write_rows(conn, schema.attempts, self._attempts)
        rows.add_new(conn, schema.suspense, self._suspense)
        rows.add_new(conn, schema.objects, self._objects)
        write_entries(conn, self.plan.entries)
        move_lots(conn, self.plan.lots)
        move_leases(conn, self.plan.leases)


def write_plan(conn: Connection, plan: Plan, now_ns: int) -> None:
    """A plan that was made under lock."""
    Packed(plan, now_ns).write(conn)


def write_entries(conn: Connection, entries: Sequence[Entry]) -> None:
    """Entries with their postings; they are never changed."""
    rows.write_rows(conn, schema.entries, [rows.pack_entry(entry) for entry in entries])
    rows.write_rows(conn, schema.postings, [line for entry in entries for line in rows.pack_postings(entry)])


def move_lots(conn: Connection, deltas: Sequence[LotDelta]) -> None:
    """Adds to the sides of lots; the table's own checks refuse a lot below zero."""
    table = schema.lots
    sums = {side: table.c[side] + bindparam(f"add_{side}") for side in schema.SIDES}
    moves = [{"which": delta.lot, **{f"add_{side}": getattr(delta, f"{side}_minor") for side in schema.SIDES}}
             for delta in sorted(deltas, key=lambda delta: delta.lot)]
    if moves:
        conn.execute(update(table).where(table.c.id == bindparam("which")).values(sums), moves)


def move_leases(conn: Connection, deltas: Sequence[LeaseDelta]) -> None:
    """Adds to the sides of leases and sets their states."""
    table = schema.leases
    sums = {side: table.c[side] + bindparam(f"add_{side}") for side in ("granted", "posted", "returned")}
    moves = [{"which": delta.lease, "now": delta.state, "add_granted": delta.granted_minor,
              "add_posted": delta.posted_minor, "add_returned": delta.returned_minor}
             for delta in sorted(deltas, key=lambda delta: delta.lease)]
    if moves:
        query = update(table).where(table.c.id == bindparam("which")).values({**sums, "state": bindparam("now")})
        conn.execute(query, moves)


def sum_up(position: int, plans: Sequence[Plan], lots: Mapping[str, Lot]) -> Posted:
    """What plans did, for whoever asked for it. `lots` are those that the plans move."""
    freed = [(lots[delta.lot].account, delta.lot, delta.available_minor)
             for plan in plans for delta in plan.lots if delta.available_minor > 0]
    return Posted(
        position, requests=sum(len(plan.requests) for plan in plans),
        entries=tuple(entry.id for plan in plans for entry in plan.entries),
        suspended=sum(len(plan.suspense) for plan in plans), freed=tuple(freed),
        alarms=tuple(alarm for plan in plans for alarm in plan.alarms))
