"""What must hold, as tables: after every step, when peace has come, and at the end of the day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sim.host import Life
from tests.sim.truth import fold, price, read_disk

from tokenworks.credit.stock import LIVE
from tokenworks.ledger.audit import audit_books
from tokenworks.ledger.lots import lot_faults
from tokenworks.store.shapes import StatementQuery
from tokenworks.usage.vector import Usage

AUDIT_EVERY = 400  # steps between two full audits
COMPLETED = ("ok", "cut", "drained")  # answers that end as an answer should; the others tell of a failure
OURS = ("cut", "upstream_failed", "drained", "crashed")  # ends that were not the client's doing


def check_step(day: Any, life: Life | None, moved: bool) -> None:
    """After each step: the worker that took it, and the books if something moved in them."""
    if moved:
        for books_check in BOOKS:
            books_check(day)
    for one in day.lives.values() if moved else (life,) if life is not None else ():
        if one is not None and one.worker is not None and not one.process.dead and hasattr(one.worker, "shared"):
            for worker_check in WORKER:
                worker_check(day, one)
    if day.time.steps % AUDIT_EVERY == 0:
        audit(day)


# --- the books, whenever they moved ---


def lots_hold(day: Any) -> None:
    """No side of a lot is below zero, and each holds its identity; leased is what its leases have left."""
    state = day.books.state
    left: dict[str, int] = {}
    for lease in state.leases.values():
        if lease.state in LIVE:
            left[lease.lot] = left.get(lease.lot, 0) + lease.left_minor
            if min(lease.left_minor, lease.posted_minor, lease.returned_minor) < 0:
                day.time.fail(f"lease {lease.id} is below zero: {lease}")
    for lot in state.lots.values():
        if faults := lot_faults(lot):
            day.time.fail(f"lot {lot.id}: {faults}")
        if lot.leased_minor != left.get(lot.id, 0):
            day.time.fail(f"lot {lot.id}: leased {lot.leased_minor}, its leases have {left.get(lot.id, 0)} left")


def epoch_is_raised(day: Any) -> None:
    """Books that went back are suspect until their epoch is above every one that was in use."""
    epoch = day.books.state.epoch
    if day.books.unraised and epoch > max(day.restored_epoch, day.top_epoch):
        day.books.unraised = False
    if not day.books.unraised:
        day.top_epoch = epoch


# --- a worker, after its own step and whenever the books moved ---


def purses_add_up(day: Any, life: Life) -> None:
    """free, held and kept are what leases and holds say; nothing is below zero."""
    shared = life.worker.shared  # type: ignore[union-attr]
    for till in shared.desk.tills.values():
        purse = till.purse
        says = (purse.free_minor, purse.held_minor, purse.kept_minor, len(purse._running), len(purse._estimated))
        if day.purses.get(purse) == says:
            continue
        day.purses[purse] = says
        leases = purse.leases()
        holds = [*purse._running, *purse._estimated]
        found = (sum(lease.free_minor for lease in leases if lease.state != "foreign"),
                 sum(lease.held_minor for lease in leases), sum(hold.keep_minor for hold in purse._running))
        if found != (purse.free_minor, purse.held_minor, purse.kept_minor):
            day.time.fail(f"{life.writer}: the purse of {purse.account} says {purse.free_minor} free, "
                          f"{purse.held_minor} held, {purse.kept_minor} kept; it has {found}")
        if purse.held_minor != sum(hold.held_minor for hold in holds):
            day.time.fail(f"{life.writer}: {purse.held_minor} is held of {purse.account}, its holds have less or more")
        if any(lease.free_minor < 0 or lease.held_minor < 0 for lease in leases):
            day.time.fail(f"{life.writer}: a lease of {purse.account} is below zero")


def holds_are_of_this_epoch(day: Any, life: Life) -> None:
    """A hold is cut from leases that are valid, in time and of the books' epoch, when it is cut."""
    shared = life.worker.shared  # type: ignore[union-attr]
    for flow in shared.running:
        if flow.hold is None or flow.hold in day.seen:
            continue
        day.seen.add(flow.hold)
        for leg in flow.hold.legs:
            if leg.lease.epoch != shared.desk.books_epoch:
                day.time.fail(f"{flow.id} was held from a lease of epoch {leg.lease.epoch}, "
                              f"the books are at {shared.desk.books_epoch}")
            if leg.lease.valid_until_ns <= day.time.now_ns:
                day.time.fail(f"{flow.id} was held from a lease that had lapsed")


def nobody_has_more_than_lent(day: Any, life: Life) -> None:
    """What a purse has of a lease, and what its journal has yet to tell, is no more than the books have lent."""
    if day.books.unraised:
        return
    state = day.books.state
    spent: dict[str, int] = {}
    for _, lease, amount in life.unposted:
        spent[lease] = spent.get(lease, 0) + amount
    for till in life.worker.shared.desk.tills.values():  # type: ignore[union-attr]
        for lease in till.purse.leases():
            if lease.epoch != state.epoch:
                continue
            row = state.leases.get(lease.id)
            if row is not None and row.state == "forgotten":
                continue
            has = lease.free_minor + lease.held_minor + spent.get(lease.id, 0)
            if row is None or row.state not in LIVE or row.left_minor < has:
                left = f"{row.left_minor} left, {row.state}" if row else "never heard of it"
                day.time.fail(f"{life.writer} has {has} of lease {lease.id}, the books have {left}")


BOOKS: tuple[Callable[[Any], None], ...] = (lots_hold, epoch_is_raised)
WORKER: tuple[Callable[[Any, Life], None], ...] = (purses_add_up, holds_are_of_this_epoch, nobody_has_more_than_lent)


def audit(day: Any) -> None:
    """The ledger's own audit finds nothing."""
    if findings := audit_books(day.store.ledger.audit().books):
        day.time.fail(f"audit: {findings[:3]}")


# --- peace: all works again, nobody asks for anything any more ---


def check_peace(day: Any) -> None:
    """Every request has ended, and all credit has gone home, but for what is in doubt as designed."""
    for host in day.hosts.values():
        for life in host.lives.values():
            shared = life.worker.shared  # type: ignore[union-attr]
            if shared.running:
                day.time.fail(f"{life.writer}: {len(shared.running)} requests have never ended")
            for till in shared.desk.tills.values():
                purse = till.purse
                if purse.held_minor or purse.kept_minor or till.waiting:
                    day.time.fail(f"{life.writer}: {purse.held_minor} of {purse.account} is still held, "
                                  f"{purse.kept_minor} kept, {len(till.waiting)} wait")
    lost = {name for name, host in day.hosts.items() if host.gone}
    for lease in day.books.state.leases.values():
        if lease.state in LIVE and lease.left_minor and lease.writer.partition("/")[0] not in lost:
            day.time.fail(f"lease {lease.id} of {lease.writer} still has {lease.left_minor} ({lease.state})")


# --- the end ---


def check_end(day: Any) -> None:
    """All of it."""
    audit(day)
    for check in END:
        check(day)


def nothing_is_lost(day: Any) -> None:
    """Every record that a power loss could not take stands on the disk or in the books, as it was written."""
    day.on_disk = {}
    for host in day.hosts.values():
        if not host.gone:
            day.on_disk.update(read_disk(host.disk))
    for life in day.lives.values():
        there = day.on_disk.get(life.writer, {})
        if life.process.host.gone:
            continue
        written = dict(life.records)
        for position, record in there.items():
            if written.get(position) != record:
                day.time.fail(f"{life.writer} has at {position:#x} what nobody has written: {record}")
        for position, record in life.records:
            if position <= life.safe and position not in there and position not in life.booked:
                day.time.fail(f"{life.writer} has lost its {type(record).__name__} at {position:#x}")


def books_say_what_is_due(day: Any) -> None:
    """Each request stands in the books as the journals have it: once, ended, rated and charged to the last digit."""
    rows = day.books.state.requests
    for life in day.lives.values():
        there = day.on_disk.get(life.writer, {})
        known = [record for position, record in life.records
                 if position in there or (position in life.booked and position <= life.posted)]
        over = not life.process.host.gone
        for name, due in fold(known, over).items():
            row = rows.get(name)
            if row is None:
                day.time.fail(f"{name} is not in the books; due: {due}")
            if over and row.state != due.state:
                day.time.fail(f"{name} is {row.state} in the books; due: {due}")
            if row.rated_minor != due.rated_minor or row.charged_minor > due.charged_minor:
                day.time.fail(f"{name}: rated {row.rated_minor}, charged {row.charged_minor}; due: {due}")
            if not day.disaster and row.charged_minor != due.charged_minor and row.state != "held":
                day.time.fail(f"{name}: charged {row.charged_minor}; due: {due}")
    strange = rows.keys() - {getattr(record, "request", "") for life in day.lives.values()
                             for _, record in life.records}
    if strange:
        day.time.fail(f"nobody has ever written of {strange}")


def rows_add_up(day: Any) -> None:
    """rated = charged + waived + overrun = the price of the usage; the shares sum to what was charged."""
    state = day.books.state
    for row in state.requests.values():
        if row.state in ("held", "refused"):
            continue
        if row.rated_minor != row.charged_minor + row.waived_minor + row.overrun_minor:
            day.time.fail(f"{row.id}: rated {row.rated_minor} is not {row.charged_minor} charged + "
                          f"{row.waived_minor} waived + {row.overrun_minor} overrun")
        if row.rated_minor != price(row.usage):
            day.time.fail(f"{row.id}: rated {row.rated_minor}, {row.usage} costs {price(row.usage)}")
        shares = {kind: sum(share.amount_minor for share in state.charges.get(row.id, ()) if share.kind == kind)
                  for kind in ("charged", "waived", "overrun")}
        if tuple(shares.values()) != (row.charged_minor, row.waived_minor, row.overrun_minor):
            day.time.fail(f"{row.id}: its shares are {shares}, its row says {row.charged_minor} charged, "
                          f"{row.waived_minor} waived, {row.overrun_minor} overrun")


def one_attempt_is_charged(day: Any) -> None:
    """A served request is billed by what one upstream reported, whatever was tried before."""
    for row in day.books.state.requests.values():
        reports = day.reports.get(row.id, ())
        if row.basis == "reported" and row.usage != Usage() and (
                row.usage.prompt, row.usage.completion) not in reports:
            day.time.fail(f"{row.id} is billed for {row.usage}, its upstreams reported {reports}")
        most = max((price(Usage(input=prompt, output=output)) for prompt, output in reports), default=0)
        if row.basis == "progress" and row.charged_minor > most:
            day.time.fail(f"{row.id} is charged {row.charged_minor}, the dearest of its attempts made {most}")


def what_was_written_is_paid(day: Any) -> None:
    """After a cut, or a failure that was not the client's, he pays at most for the output that was written to him."""
    for client in day.clients:
        row = day.books.state.requests.get(getattr(client.flow, "id", ""))
        if row is None or row.outcome not in OURS or not row.charged_minor:
            continue
        if client.hung_up or (row.outcome != "crashed" and client.gone):
            continue  # he went first; or the worker died between Closed and the last bytes
        if row.usage.completion > client.tokens + 1:
            day.time.fail(f"{row.id} ({row.outcome}) pays for {row.usage.completion} tokens, "
                          f"{client.tokens} were written to its client")


def what_was_answered_is_booked(day: Any) -> None:
    """An answer that came to its end is in the books, unless the power took it where nobody waited for the disk."""
    for client in day.clients:
        life = client.life
        if not client.whole or client.request not in day.closed:
            continue
        told_failure = day.closed[client.request][2].outcome not in COMPLETED
        excused = life.lost_power and (life.lied_to or not life.process.host.disk_first)
        if told_failure or excused or life.process.host.gone:
            continue
        row = day.books.state.requests.get(client.request)
        if row is None or row.state not in ("posted", "voided", "expired") or row.outcome == "crashed":
            day.time.fail(f"{client.request} was answered to its end, in the books it is {row and row.state}")


def only_power_leaves_suspense(day: Any) -> None:
    """A record in suspense comes from a journal that has lost bytes, never from anything that we did."""
    for one in day.books.state.suspense.values():
        life = day.lives[one.record.writer]
        if not life.lost_power and not life.process.host.gone:
            day.time.fail(f"{one.record.writer}: a {one.record.kind} is in suspense: {one.record.why}")


def all_is_back(day: Any) -> None:
    """Nothing is lent or held any more, but in doubt with a host that is gone and was not given up."""
    state = day.books.state
    doubtful = {name for name, host in day.hosts.items() if host.gone and name not in day.forgotten}
    doubt: dict[str, int] = {}
    for lease in state.leases.values():
        if lease.state in LIVE and lease.left_minor:
            if lease.writer.partition("/")[0] not in doubtful and not day.disaster:
                day.time.fail(f"lease {lease.id} of {lease.writer} still has {lease.left_minor} ({lease.state})")
            doubt[lease.lot] = doubt.get(lease.lot, 0) + lease.left_minor
    for lot in state.lots.values():
        if lot.leased_minor != doubt.get(lot.id, 0):
            day.time.fail(f"lot {lot.id} has {lot.leased_minor} leased, {doubt.get(lot.id, 0)} in doubt")
    for row in state.requests.values():
        if row.state in ("held", "estimated") and not day.lives[row.writer].process.host.gone:
            day.time.fail(f"{row.id} is {row.state} at the end of the day")


def statements_agree(day: Any) -> None:
    """A statement closes with what the account's lots have; its usage is what the account's requests were charged."""
    state, now_ns = day.books.state, day.time.clock.now_ns() + 10**15
    for account in day.accounts:
        statement = day.store.ledger.statement(StatementQuery(account, limit=1), now_ns).statement
        lots = [state.lots[lot] for lot in state.wallets.get(account, ())]
        if statement.closing_minor != sum(lot.leased_minor + lot.available_minor for lot in lots):
            day.time.fail(f"the statement of {account} closes with {statement.closing_minor}, its lots do not")
        charged = sum(row.charged_minor for row in state.requests.values() if row.account == account)
        if -statement.sums.get("usage", 0) != charged:
            day.time.fail(f"the statement of {account} has usage of {statement.sums.get('usage', 0)}, "
                          f"its requests were charged {charged}")


END: tuple[Callable[[Any], None], ...] = (
    nothing_is_lost, books_say_what_is_due, rows_add_up, one_attempt_is_charged, what_was_written_is_paid,
    what_was_answered_is_booked, only_power_leaves_suspense, all_is_back, statements_agree)
