"""Lending, posting and funding in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tokenworks.credit import lending
from tokenworks.credit.booking import book, needs
from tokenworks.credit.ending import end_writer
from tokenworks.credit.messages import Ask
from tokenworks.credit.rows import BatchView, Damage, EndView, LendView, Plan
from tokenworks.errors import AmountOutOfRange, Broken, NotFound, Stale
from tokenworks.ledger.funding import expire_lot, fund_lot, refund_lot
from tokenworks.ledger.lots import Lot
from tokenworks.store.books import check_left, check_position, check_same, lent_of, new_lot, split_items
from tokenworks.store.loading import Items, sum_up
from tokenworks.store.memory.policy import MemoryShelf
from tokenworks.store.memory.state import State
from tokenworks.store.memory.trail import MemoryScribe
from tokenworks.store.memory.writers import greet_writer
from tokenworks.store.shapes import AccountRow, Batch, Funding, Lent, Posted, Withdrawal
from tokenworks.store.trail import tell_lot
from tokenworks.tariff.card import RateCard


class MemoryBooks:
    """ports.Books."""

    def __init__(self, state: State, accounts: MemoryShelf[AccountRow], cards: MemoryShelf[RateCard],
                 scribe: MemoryScribe) -> None:
        self._state, self._accounts, self._cards, self._scribe = state, accounts, cards, scribe

    def lend(self, writer: str, ask: Ask, now_ns: int) -> Lent:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("lend")
            if greet_writer(state, writer, now_ns).state != "live":
                return Lent(short_minor=ask.need_minor + ask.keep_minor)
            lent = self._lend(writer, ask, now_ns)
            state.faults("lend done")
            return lent

    def renew(self, writer: str, leases: Sequence[str], now_ns: int) -> tuple[str, ...]:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("renew")
            known = state.writers.get(writer)
            if known is None or known.state != "live":
                return ()
            rows = [state.leases[lease] for lease in sorted(leases) if lease in state.leases]
            return lending.renew(rows, writer, state.epoch)

    def post(self, batch: Batch) -> Posted:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("post")
            position = state.writers[batch.writer].position if batch.writer in state.writers else 0
            if position != batch.start:
                raise Stale(batch.writer, position, batch.start)
            plans: list[Plan] = []
            self._book(batch, batch.start, batch.items, plans)
            known = greet_writer(state, batch.writer, batch.now_ns)
            state.amend_writer(batch.writer, position=batch.end, seen_at_ns=batch.now_ns,
                               watermark_ns=max(known.watermark_ns, batch.watermark_ns))
            posted = sum_up(batch.end, plans, state.lots)
            state.faults("post done")
            return posted

    def end(self, writer: str, position: int, now_ns: int, shard: str = "0") -> Posted:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("end")
            known = state.writer(writer)
            if known.state == "ended":
                return Posted(known.position)
            check_position(known.writer, known.position, position)
            leases = state.held(writer)
            requests = {name: state.requests[name] for name in sorted(state.running.get(writer, ()))}
            plan = end_writer(EndView(writer, shard, now_ns, state.epoch, requests, leases, self._lots_of(leases),
                                      known.watermark_ns))
            state.apply(plan)
            state.amend_writer(writer, state="ended", seen_at_ns=now_ns)
            state.faults("end done")
            return sum_up(position, [plan], state.lots)

    def fund(self, funding: Funding) -> Lot:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("fund")
            empty = new_lot(funding, self._accounts.get(funding.account).row.unit)
            lot, entry = fund_lot(empty, funding.amount_minor, funding.at_ns)
            if lot.id in state.lots:
                return check_same(state.lots[lot.id], lot)
            state.put_lot(lot)
            state.entries[entry.id] = entry
            self._scribe.tell(("lot", lot.id), None, tell_lot(lot))
        state.bell.echo("credit", funding.account)
        state.faults("fund done")
        return lot

    def withdraw(self, withdrawal: Withdrawal) -> Lot:
        """See ports.Books."""
        state = self._state
        with state.lock:
            state.faults("withdraw")
            if withdrawal.lot not in state.lots:
                raise NotFound("lot", withdrawal.lot)
            lot = state.lots[withdrawal.lot]
            if withdrawal.entry in state.entries:
                return lot
            if withdrawal.kind == "expire":
                moved = expire_lot(lot, withdrawal.at_ns)
            else:
                moved = refund_lot(lot, check_left(lot, withdrawal), withdrawal.at_ns, withdrawal.reference)
            if moved is None:
                return lot
            state.move([moved[0]], [])
            state.entries[withdrawal.entry] = msgspec.structs.replace(moved[1], id=withdrawal.entry)
            self._scribe.tell(("lot", lot.id), tell_lot(lot), tell_lot(state.lots[lot.id]))
            state.faults("withdraw done")
            return state.lots[withdrawal.lot]

    def _lend(self, writer: str, ask: Ask, now_ns: int) -> Lent:
        state = self._state
        lots = [state.lots[lot] for lot in sorted(state.wallets.get(ask.account, ()))
                if state.lots[lot].available_minor > 0]
        leases = list(state.held(ask.account).values())
        again = tuple(state.asks[lease.id][1] for lease in leases
                      if lease.writer == writer and state.asks[lease.id][0] == ask.id)
        if again:
            return Lent(again, sum(lot.available_minor for lot in lots))
        loan = lending.lend(LendView(writer, ask, now_ns, state.epoch, lots, leases))
        for lease in loan.opened:
            state.put_lease(lease)
        state.move(loan.lots, loan.leases)
        state.asks.update((grant.lease, (ask.id, grant)) for grant in loan.grants)
        return lent_of(loan)

    def _book(self, batch: Batch, start: int, items: Items, plans: list[Plan]) -> None:
        state, need = self._state, needs(items)
        leases = {lease: state.leases[lease] for lease in need.leases if lease in state.leases}
        said_ns = state.writers[batch.writer].watermark_ns if batch.writer in state.writers else 0
        lots = {lot: state.lots[lot] for lot in need.lots if lot in state.lots} | self._lots_of(leases)
        try:
            plan = book(BatchView(batch.writer, batch.segment, start, batch.shard, batch.now_ns, state.epoch,
                                  list(items), state.requests, leases, lots, self._cards.rows, said_ns))
            state.apply(plan)
        except (OverflowError, AmountOutOfRange, Broken) as error:
            if len(items) == 1 and isinstance(items[0][1], Damage):
                raise
            for after, half in split_items(start, items, error):
                self._book(batch, after, half, plans)
            return
        plans.append(plan)

    def _lots_of(self, leases: Mapping[str, object]) -> dict[str, Lot]:
        state = self._state
        return {lot: state.lots[lot] for lot in sorted({state.leases[lease].lot for lease in leases})}
