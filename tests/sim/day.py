"""One seed: a few hosts, a few accounts, some minutes of trade with faults, then peace, and the reckoning."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.sim import faults, invariants
from tests.sim.books import SimBooks
from tests.sim.host import Host, Life
from tests.sim.loop import MS, Killed, Process, S, Time, Violation
from tests.sim.serving import Client
from tests.sim.stage import staged
from tests.sim.truth import plain, taken

from tokenworks.credit.records import Closed, Opened, Record
from tokenworks.store.shapes import Funding

PEACE_S = 60  # after the last fault: long enough for every stream, lease and doubt to end


class Report(NamedTuple):
    """What a day has seen. `failure` is "" when all held."""

    seed: int
    steps: int
    requests: int
    faults: Counter[str]
    failure: str = ""
    trace: tuple[str, ...] = ()


class SimCounter:
    """shared.Counter: a tokenizer that counts right, late, and sometimes not at all."""

    def __init__(self, day: Day, counts: bool) -> None:
        self._day, self.counts = day, counts

    def can_count(self, model: Any) -> bool:
        return self.counts

    def count(self, model: Any, dialect: Any, body: bytes, text: str, done: Callable[[Any], None]) -> None:
        time_ = self._day.time
        process = time_.owner
        fails = time_.chance(100)
        found = (None, None) if fails else (len(body) // 4, len(text) // 4 if text else None)
        time_.after(time_.some(1, 400), process, done, found)


class Day:
    """Everything that exists on that day. Made from the seed alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.time = Time(seed)
        self.faults: Counter[str] = Counter()
        self.chaos = False
        self.disaster = False  # books restored, or credit forgotten: what comes late may be the operator's
        self.lied = False  # some disk has lost flushes that it had confirmed
        self.forgotten: set[str] = set()  # hosts
        self.counter = SimCounter(self, self.time.chance(500))
        self.lives: dict[str, Life] = {}
        self.clients: list[Client] = []
        self.closed: dict[str, tuple[Life, int, Closed]] = {}
        self.reports: dict[str, list[tuple[int, int]]] = {}  # by request: what upstreams reported, or would have
        self.fundings: list[Funding] = []
        self.splits: dict[str, int] = {}  # host: until when workers and control do not reach each other
        self.seen: set[Any] = set()  # holds that were looked at when they were cut
        self.purses: dict[Any, tuple[int, ...]] = {}  # as they were when they were checked
        self.top_epoch = self.restored_epoch = 1
        self.on_disk: dict[str, dict[int, Record]] = {}
        self.rates = faults.draw_rates(self.time.random)
        self.weights = faults.draw_weights(self.time.random)
        self.books = SimBooks(self)
        self.store = self.books.store
        random = self.time.random
        self.hosts = {name: Host(self, name, random.choice((1, 2)), random.random() < 0.4)
                      for name in ("alfa", "beta", "carl")[:random.choice((1, 2, 2, 3))]}
        self.accounts = {name: random.choice(("bill", "bill", "waive")) for name in ("ann", "bob")}
        self.books.found(self.accounts)
        self.time.after_step = self._after_step
        self.time.on_death = self._on_death

    # --- the day ---

    def run(self) -> None:
        """Raises Violation."""
        time_ = self.time
        for name in self.accounts:
            self.fund(name, time_.random.choice((4, 20, 60, 400)) * 10**6)
        for host in self.hosts.values():
            host.power_on()
        time_.run(1 * S)
        trade_s = time_.random.choice((3, 6, 15))
        if time_.chance(500):
            self.books.back_up()
        self.chaos = True
        self._plan_client()
        faults.plan(self)
        time_.run(time_.now_ns + trade_s * S)
        self.chaos = False
        faults.make_peace(self)
        time_.run(time_.now_ns + PEACE_S * S)
        invariants.check_peace(self)
        self._close_down()
        invariants.check_end(self)

    def _close_down(self) -> None:
        """Some workers end well, the others are killed; then nothing of them may be left."""
        for host in self.hosts.values():
            for index, life in list(host.lives.items()):
                if self.time.chance(500):
                    life.process.spawn(host.leave(index))
                else:
                    self.time.after(0, None, host.kill, life.process)
            host.count = 0
            host.start_worker = lambda index: None  # type: ignore[method-assign]
        self.time.run(self.time.now_ns + 8 * S)

    def _plan_client(self) -> None:
        mean_ms = self.rates["pace_ms"]
        self.time.after(int(self.time.random.expovariate(1 / mean_ms) * MS) + 1, None, self._send)

    def _send(self) -> None:
        if not self.chaos:
            return
        self._plan_client()
        random = self.time.random
        lives = [life for host in self.hosts.values() for life in host.lives.values()
                 if life.worker is not None and hasattr(life.worker, "server") and life.worker.server.open]
        for _ in range(random.choice((1, 1, 1, 6)) if lives else 0):
            life = random.choice(lives)
            body = {"model": "m", "messages": [{"role": "user", "content": "x" * random.choice((40, 400, 4000))}],
                    "max_tokens": random.choice((50, 600, 2000)), "stream": random.random() < 0.7}
            client = Client(self, life.worker.server, life, body, random.choice(list(self.accounts)))  # type: ignore
            self.clients.append(client)
            self.time.after(self.time.some(0, 5), life.process, client.send)
            whim = random.random()
            if whim < 0.15:
                self.time.after(self.time.some(1, 3000), life.process, client.hang_up, whim < 0.03)
            elif whim < 0.25:
                self.time.after(self.time.some(1, 2000), life.process, client.block, self.time.some(1, 1500))

    def fund(self, account: str, amount_minor: int) -> None:
        """A top-up. Kept, so that it can be entered again into books that were restored from before."""
        at_ns = self.time.clock.now_ns()
        lasts_s = self.time.random.choice((0, 0, 0, 10))
        funding = Funding(f"lot{len(self.fundings)}", account, "paid", amount_minor, at_ns,
                          at_ns + lasts_s * S if lasts_s else 0)
        self.fundings.append(funding)
        self.store.books.fund(funding)

    # --- what the world notes ---

    def count(self, fault: str) -> None:
        self.faults[fault] += 1
        self.time.note(f"fault: {fault}")

    def death_point(self, process: Process, where: str) -> None:
        """A step at which the process may be killed."""
        if self.chaos and not process.dead and self.time.chance(self.rates["death"]):
            raise Killed(process, where)

    def split_until_ns(self, host: Host) -> int:
        return self.splits.get(host.name, 0)

    def _on_death(self, process: Process) -> None:
        self.count("control dies in a step" if process is process.host.control else "worker dies in a step")
        process.host.kill(process)

    def reported(self, request: str, prompt: int, output: int) -> None:
        """An upstream has made so much for this request."""
        self.reports.setdefault(request, []).append((prompt, output))

    def written(self, process: Process, position: int, record: Record) -> None:
        """A record stands in a journal."""
        life = process.host.life_of(process)
        assert life is not None
        life.records.append((position, record))
        life.unposted += [(position, lease, amount) for lease, amount in taken(record)]
        for one in plain(record):
            if isinstance(one, Closed):
                self.closed[one.request] = (life, position, one)
        self.time.note(f"writes {type(record).__name__} {getattr(record, 'request', getattr(record, 'lease', ''))} "
                       f"at {position:#x}")

    def posted(self, writer: str, position: int) -> None:
        """The books stand there now."""
        life = self.lives[writer]
        life.posted = position
        life.posted_most = max(life.posted_most, position)
        life.unposted = [one for one in life.unposted if one[0] > position]

    def went_back(self) -> None:
        """The books were restored: what each journal has yet to tell begins earlier."""
        self.disaster = True
        for life in self.lives.values():
            row = self.books.state.writers.get(life.writer)
            life.posted = row.position if row is not None else 0
            life.unposted = [(position, lease, amount) for position, record in life.records
                             if position > life.posted for lease, amount in taken(record)]

    def alarmed(self, alarms: Iterable[str]) -> None:
        """Alarms of the poster: only disasters and lost bytes may raise any."""
        for alarm in alarms:
            self.time.note(f"alarm: {alarm}")
            if not self.disaster and "is in suspense" not in alarm:
                self.time.fail(f"an alarm without a disaster: {alarm}")

    def answered(self, client: Client) -> None:
        """The last bytes of an answer leave: what was opened must be settled, and be as safe as was asked."""
        request = client.request
        opened = client.status == 200 or any(isinstance(record, Opened) and record.request == request
                                             for _, record in client.life.records)
        if opened and request not in self.closed:
            self.time.fail(f"the last bytes of {request} leave before its Closed is written")
        if not opened or not client.life.process.host.disk_first:
            return
        _, position, closed = self.closed[request]
        if closed.outcome in invariants.COMPLETED and client.life.journal.synced < position:
            self.time.fail(f"the last bytes of {request} leave before its Closed is on the disk")

    def worker_died(self, life: Life) -> None:
        """Its clients lose their connections."""
        for client in self.clients:
            if client.life is life and not client.ended:
                client.gone = True

    worker_left = worker_died

    # --- what must hold ---

    def _after_step(self, owner: Process | None) -> None:
        moved, self.books.moved = self.books.moved, False
        life = owner.host.life_of(owner) if owner is not None and owner is not owner.host.control else None
        invariants.check_step(self, life, moved)


def live(seed: int, plant: Callable[..., None] | None = None) -> Report:
    """One day, from its seed; never raises for what goes wrong in it."""
    gc.disable()
    day = None
    failure = ""
    try:
        day = Day(seed)
        with staged(day, plant):
            day.run()
    except Violation as violation:
        failure = str(violation)
    except Exception as error:  # the real code has raised where it must not, or the simulator has
        failure = f"{type(error).__name__}: {error}"
        if day is not None:
            day.time.note(_place(error))
    finally:
        asyncio._set_running_loop(None)
        for one in day.hosts.values() if day else ():
            one.cut_off = False
        gc.enable()
    assert day is not None
    for process in (life.process for life in day.lives.values()):
        process.dead = True
    return Report(seed, day.time.steps, len(day.clients), day.faults, failure, tuple(day.time.trace))


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return "raised at " + " < ".join(reversed(places[-6:]))
