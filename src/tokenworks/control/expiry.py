"""Lots whose time is over: what they have left is booked as expired, once, and what is lent of them comes back first.

Nobody is lent anything of such a lot from that instant on; running requests are paid to their end from what they hold.
So this is bookkeeping: it may be a minute late, and any number of hosts may do it, because only what a lot has
available expires, under its lock.
"""

from __future__ import annotations

import structlog

from tokenworks.clock import Clock
from tokenworks.control.reach import Hands
from tokenworks.control.recall import Recaller
from tokenworks.control.spawner import Spawn
from tokenworks.credit.rows import RecallFrom
from tokenworks.errors import Unavailable
from tokenworks.ledger.entries import entry_id
from tokenworks.ledger.lots import Lot, expired
from tokenworks.limits import LEASES_PER_WRITER_MAX, PAGE_ROWS_MAX
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Withdrawal
from tokenworks.store.trail import Actor
from tokenworks.units import format_amount

_LOG = structlog.get_logger()


class Expirer:
    """Belongs to the event loop; `look` is called from time to time."""

    def __init__(self, store: Store, hands: Hands, clock: Clock, recaller: Recaller, spawn: Spawn) -> None:
        self._store, self._hands, self._clock, self._recaller, self._spawn = store, hands, clock, recaller, spawn

    async def look(self) -> None:
        """Expire every lot that is over; call back what gateways have of them. Raises Unavailable."""
        for lot in await self._hands.call(self._find):
            await self._end(lot)
            if lot.leased_minor:
                await self._call_back(lot)

    def _find(self, account: str = "") -> list[Lot]:
        now_ns, found, cursor = self._clock.now_ns(), [], ""
        while True:
            rows = self._store.ledger.lots(account, cursor, PAGE_ROWS_MAX)
            found += [lot for lot in rows.data if expired(lot, now_ns) and (lot.available_minor or lot.leased_minor)]
            if rows.next_cursor is None:
                return found
            cursor = rows.next_cursor

    async def _end(self, lot: Lot) -> None:
        if lot.available_minor:
            await self._hands.call(self._withdraw, lot)

    def _withdraw(self, lot: Lot) -> None:
        """Another host may have been first: then nothing is left, and nothing happens."""
        now_ns = self._clock.now_ns()
        entry = entry_id(now_ns, "expire", lot.id, lot.expired_minor)
        acting = self._store.acting(Actor("control", "lot.expire", now_ns))
        after = acting.books.withdraw(Withdrawal(entry, lot.id, "expire", now_ns))
        if after.expired_minor != lot.expired_minor:
            amount = f"{format_amount(after.expired_minor - lot.expired_minor, lot.unit)} {lot.unit}"
            _LOG.info("lot_expired", lot=lot.id, account=lot.account, amount=amount)

    async def _call_back(self, lot: Lot) -> None:
        leases = await self._hands.call(self._store.ledger.leases, lot.account, "", LEASES_PER_WRITER_MAX)
        back = [RecallFrom(lease.writer, lease.lot, lease.left_minor, False) for lease in leases
                if lease.lot == lot.id and lease.state == "valid" and lease.left_minor]
        if back:
            self._recaller.begin(back, lambda: self._spawn(self._end_again(lot)))

    async def _end_again(self, lot: Lot) -> None:
        """What came back; what did not is found at a later look."""
        try:
            found = await self._hands.call(self._find, lot.account)
            now = next((one for one in found if one.id == lot.id), None)
            if now is not None:
                await self._end(now)
        except Unavailable as error:
            _LOG.warning("lot_not_expired", lot=lot.id, why=str(error))
