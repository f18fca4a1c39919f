"""What goes wrong, as a table, and how often: each day draws its own mixture, some days much of one thing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.sim.host import Host
from tests.sim.loop import MS, S

from tokenworks.errors import Conflict
from tokenworks.store.shapes import Withdrawal


class Fault(NamedTuple):
    """`act` answers False when it does not fit just now."""

    name: str
    weight: int
    act: Callable[[Any], bool]


def draw_rates(random: Random) -> dict[str, float]:
    """Of a thousand occasions each, but for the paces in milliseconds."""
    return {
        "death": random.choice((0, 0, 1, 4)),  # a worker, at a record or a write
        "books_death": random.choice((0, 0, 1, 3)),  # a control process, inside a verb of the books
        "books_lost": random.choice((0, 0, 3, 20)),  # the books' answer
        "double": random.choice((0, 0, 100)),  # frames of the link that are delivered twice
        "upstream": random.choice((0, 1, 6)),  # against 100 calls that go well, for each way to fail
        "no_usage": random.choice((0, 10, 40)),  # the same: answers without a usage figure
        "pace_ms": random.choice((60, 150, 400)),  # between requests
        "fault_ms": random.choice((250, 800, 2500, 10**9)),  # between faults of the table
    }


def plan(day: Any) -> None:
    """The next fault, some time from now."""
    wait_ms = min(day.time.random.expovariate(1 / day.rates["fault_ms"]), 10**6)
    day.time.after(int(wait_ms * MS), None, _strike, day)


def _strike(day: Any) -> None:
    if not day.chaos:
        return
    plan(day)
    fault = day.time.random.choices(FAULTS, day.weights)[0]
    if fault.act(day):
        day.count(fault.name)


def make_peace(day: Any) -> None:
    """Everything works again: power, links, books; what was lost in a restore is entered again."""
    day.splits.clear()
    for host in day.hosts.values():
        host.cut_off = host.disk.lying = False
        for end in host.ends:
            end.doubling = end.other.doubling = 0.0
        if not host.on:
            host.power_on()
    reenter(day)


def reenter(day: Any) -> None:
    """Fundings that restored books do not know."""
    for funding in day.fundings:
        day.store.books.fund(funding)


# --- the acts ---


def _host(day: Any) -> Host:
    found: Host = day.time.random.choice(list(day.hosts.values()))
    return found


def _kill_worker(day: Any) -> bool:
    host = _host(day)
    if host.lives:
        host.kill(day.time.random.choice(list(host.lives.values())).process)
    return bool(host.lives)


def _kill_control(day: Any) -> bool:
    host = _host(day)
    if host.control is None:
        return False
    host.kill(host.control)
    return True


def _leave(day: Any) -> bool:
    host = _host(day)
    ready = [index for index, life in host.lives.items() if life.worker is not None and hasattr(life.worker, "server")
             and not life.worker.shared.draining]
    if not ready:
        return False
    index = day.time.random.choice(ready)
    host.lives[index].process.spawn(host.leave(index))
    return True


def _fail_power(day: Any) -> bool:
    host = _host(day)
    if not host.on:
        return False
    host.fail_power()
    day.time.after(day.time.some(50, 3000), None, host.power_on)
    return True


def _lose_flushes(day: Any) -> bool:
    """The disk confirms flushes that it does not make; then the power fails. Books that go back would need them."""
    host = _host(day)
    if not host.on or day.disaster or day.books.copies:
        return False
    host.disk.lying = day.lied = True
    day.time.after(day.time.some(50, 800), None, _fail_lying, day, host)
    return True


def _fail_lying(day: Any, host: Host) -> None:
    if host.on and host.disk.lying:
        host.fail_power()
        day.time.after(day.time.some(50, 3000), None, host.power_on)


def _lose_host(day: Any) -> bool:
    """A host is gone for good, with its disk; an operator may give it up."""
    host = _host(day)
    if not host.on or len([one for one in day.hosts.values() if not one.gone]) < 2:
        return False
    host.fail_power()
    host.gone = True
    if day.time.chance(600):
        day.time.after(day.time.some(100, 2000), None, _forget, day, host)
    return True


def _forget_early(day: Any) -> bool:
    """An operator gives up a host that is only without power: it comes back, too late."""
    host = _host(day)
    if not host.on:
        return False
    host.fail_power()
    day.time.after(day.time.some(50, 500), None, _forget, day, host)
    day.time.after(day.time.some(600, 3000), None, host.power_on)
    return True


def _forget(day: Any, host: Host) -> None:
    """`tokenworks gateway forget`."""
    if host.on:
        return
    day.disaster = True
    day.forgotten.add(host.name)
    for row in day.store.writers.roster(host.name, True):
        day.store.writers.mark(row.writer, "forget", day.time.clock.now_ns())
    day.store.bell.ring("credit")


def _cut_link(day: Any) -> bool:
    ends = [end for end in _host(day).ends if not end.lost]
    if ends:
        day.time.random.choice(ends).cut()
    return bool(ends)


def _stall_link(day: Any) -> bool:
    """What is sent arrives late, in one or both directions."""
    ends = [side for end in _host(day).ends if not end.lost for side in (end, end.other)]
    for end in ends:
        if day.time.chance(600):
            end.stalled_until_ns = day.time.now_ns + day.time.some(20, 2500)
    return bool(ends)


def _split(day: Any) -> bool:
    """Workers and control do not reach each other for a while."""
    host = _host(day)
    day.splits[host.name] = day.time.now_ns + day.time.some(100, 8000)
    for end in host.ends:
        if not end.lost:
            end.cut()
    return True


def _cut_off(day: Any) -> bool:
    """A host does not reach the books for a while."""
    host = _host(day)
    if host.cut_off:
        return False
    host.cut_off = True
    day.time.after(day.time.some(50, 7000), None, setattr, host, "cut_off", False)
    return True


def _step_clock(day: Any) -> bool:
    host = _host(day)
    host.clock.offset_ns += day.time.random.choice((-3600, -20, -1, 1, 20, 3600)) * S + day.time.some(0, 999)
    return True


def _back_up(day: Any) -> bool:
    day.books.back_up()
    return not day.lied


def _restore(day: Any) -> bool:
    if not day.books.copies or day.lied:
        return False
    day.books.restore(day.time.random.choice(day.books.copies))
    day.went_back()
    day.time.after(day.time.some(0, 2000), None, reenter, day)
    return True


def _top_up(day: Any) -> bool:
    day.fund(day.time.random.choice(list(day.accounts)), day.time.random.choice((2, 10, 50)) * 10**6)
    return True


def _withdraw(day: Any) -> bool:
    """A refund, or the end of what has expired."""
    now_ns = day.time.clock.now_ns()
    lots = [lot for lot in day.store.ledger.lots(limit=500).data if lot.available_minor > 0]
    if not lots:
        return False
    lot = day.time.random.choice(lots)
    old = lot.expires_at_ns and lot.expires_at_ns <= now_ns
    amount = 0 if old else 1 + day.time.random.randrange(lot.available_minor)
    try:
        day.store.books.withdraw(Withdrawal(f"ent_{now_ns}_{lot.id}", lot.id, "expire" if old else "refund", now_ns,
                                            amount))
    except Conflict:
        return False
    return True


FAULTS = (
    Fault("worker is killed", 10, _kill_worker),
    Fault("control is killed", 10, _kill_control),
    Fault("worker is told to leave", 4, _leave),
    Fault("power fails", 5, _fail_power),
    Fault("flushes are lost", 2, _lose_flushes),
    Fault("host is gone for good", 1, _lose_host),
    Fault("host is forgotten too early", 1, _forget_early),
    Fault("link breaks", 6, _cut_link),
    Fault("link is slow", 6, _stall_link),
    Fault("workers and control are parted", 4, _split),
    Fault("books are out of reach", 8, _cut_off),
    Fault("clock jumps", 5, _step_clock),
    Fault("books are copied", 3, _back_up),
    Fault("books are restored", 4, _restore),
    Fault("top-up", 6, _top_up),
    Fault("refund or expiry", 3, _withdraw),
)


def draw_weights(random: Random) -> list[int]:
    """Each fault in its measure, not at all, or much more often."""
    return [fault.weight * random.choice((0, 1, 1, 1, 5)) for fault in FAULTS]
