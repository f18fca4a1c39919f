"""Several gateways and the books together, through journals, with crashes, power cuts, lost answers, forgotten writers
and restored books. After each step no lot is below zero, every identity holds and purses agree with the books to the
last unit; at the end everything has come back and each request cost exactly what its journal says.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.credit.membooks import MemBooks
from tests.credit.worker import Running, Worker, deliver

from tokenworks.credit.hold import Hold
from tokenworks.credit.lending import lot_rank
from tokenworks.credit.messages import Ask, LeaseGrant, Renewed
from tokenworks.credit.purse import Purse, Short
from tokenworks.credit.records import Amended, Closed, Opened

S = 10**9
pick = st.integers(0, 99)  # of whatever there is just now
amounts = st.integers(0, 120)
WALLS = 1_790_000_000 * S


class Money(RuleBasedStateMachine):
    """Rules take numbers and pick from what there is, so that Hypothesis can shrink any run."""

    def __init__(self) -> None:
        super().__init__()
        self.books = MemBooks()
        self.workers: list[Worker] = []
        self.dead: list[Worker] = []
        self.backups: list[MemBooks] = []
        self.mono = 0
        self.epoch = 1
        self.started = 0
        self.lots = 0
        self.lost: dict[str, int] = {}  # granted, but never heard of
        self.disaster = False  # forgotten or restored: what comes late may be the operator's

    # --- helpers ---

    @property
    def now(self) -> int:
        return WALLS + self.mono

    def tick(self, span: int = 1) -> None:
        self.mono += span

    def worker(self, which: int) -> Worker:
        return self.workers[which % len(self.workers)]

    def running(self) -> list[tuple[Worker, Running]]:
        return [(worker, one) for worker in self.workers for one in worker.running]

    def estimated(self) -> list[tuple[Worker, Running]]:
        return [(worker, one) for worker in self.workers for one in worker.estimated]

    def choose(self, which: int, among: list[tuple[Worker, Running]]) -> tuple[Worker, Running]:
        return among[which % len(among)]

    def start_worker(self) -> None:
        self.started += 1
        self.workers.append(Worker(f"h{self.started}/0/{self.started}", Purse("acc", self.books.epoch)))

    def position(self, worker: Worker) -> int:
        return self.books.positions.get(worker.writer, 0)

    def ask(self, worker: Worker, need: int, keep: int, kind: str, heard: bool = True) -> None:
        """One round with the books: a loan, and a recall to others when it falls short."""
        self.tick()
        what = Ask(1, "acc", need, "cut" if kind == "cut" else "extend", 1, keep)
        loan = self.books.lend(worker.writer, what, self.now)
        if heard:
            deliver(worker.purse, loan.grants, self.mono)
        else:
            for one in loan.grants:
                self.lost[one.lease] = self.lost.get(one.lease, 0) + one.amount_minor
        for recall in loan.recalls:
            for other in self.workers:
                if other.writer == recall.writer:
                    other.write(*other.purse.give_back(recall.lot, recall.amount_minor, recall.hard, self.now))

    def post(self, worker: Worker, limit: int) -> None:
        self.tick()
        start = self.position(worker)
        items = [item for item in worker.journal if item[0] > start][:limit]
        if items:
            self.books.post(worker.writer, list(items), start, self.now)
            worker.synced = max(worker.synced, items[-1][0] // 100)

    # --- the operator ---

    @initialize(amount=st.integers(1, 2_000))
    def begin(self, amount: int) -> None:
        self.fund(amount, 0)
        self.start_worker()
        self.start_worker()

    @rule(amount=st.integers(1, 500), lasts=st.sampled_from([0, 0, 40, 200]))
    def fund(self, amount: int, lasts: int) -> None:
        self.tick()
        self.lots += 1
        self.books.fund(f"lot{self.lots}", amount, self.now, self.now + lasts * S if lasts else 0)

    @precondition(lambda self: len(self.workers) < 4)
    @rule()
    def join(self) -> None:
        self.start_worker()

    @rule(seconds=st.sampled_from([1, 10, 35, 70]))
    def wait(self, seconds: int) -> None:
        self.tick(seconds * S)
        self.books.expire(self.now)
        for worker in self.workers:
            worker.write(*worker.purse.idle(self.mono, self.now))

    # --- requests ---

    @rule(which=pick, need=amounts, keep=amounts, crash=st.sampled_from(["bill", "waive"]), heard=st.integers(0, 9))
    def open(self, which: int, need: int, keep: int, crash: str, heard: int) -> None:
        worker = self.worker(which)
        self.tick()
        hold = worker.purse.cut(need, keep, self.mono)
        if isinstance(hold, Short):
            self.ask(worker, hold.need_minor, hold.keep_minor, "cut", heard > 0)
            hold = worker.purse.cut(need, keep, self.mono)
        if isinstance(hold, Hold):
            worker.open(hold, crash, self.now)

    @precondition(lambda self: self.running())
    @rule(which=pick, more=amounts)
    def extend(self, which: int, more: int) -> None:
        worker, one = self.choose(which, self.running())
        added = worker.purse.extend(one.hold, more, self.mono)
        if added < more:
            self.ask(worker, more - added, 0, "extend")
            worker.purse.extend(one.hold, more - added, self.mono)

    @precondition(lambda self: self.running())
    @rule(which=pick, to=amounts, keep=amounts)
    def shrink(self, which: int, to: int, keep: int) -> None:
        worker, one = self.choose(which, self.running())
        worker.purse.shrink(one.hold, to, self.mono)
        worker.purse.expect(one.hold, keep)

    @precondition(lambda self: self.running())
    @rule(which=pick, rated=amounts)
    def progress(self, which: int, rated: int) -> None:
        worker, one = self.choose(which, self.running())
        worker.progress(one, rated, self.now)

    @precondition(lambda self: self.running())
    @rule(which=pick, charge=amounts, waived=st.sampled_from([0, 0, 7]), estimated=st.booleans())
    def close(self, which: int, charge: int, waived: int, estimated: bool) -> None:
        worker, one = self.choose(which, self.running())
        if charge + waived:
            worker.close(one, charge, waived, estimated, self.now)
        else:
            worker.void(one, self.now)

    @precondition(lambda self: self.running())
    @rule(which=pick)
    def void(self, which: int) -> None:
        worker, one = self.choose(which, self.running())
        worker.void(one, self.now)

    @precondition(lambda self: self.estimated())
    @rule(which=pick, charge=amounts)
    def amend(self, which: int, charge: int) -> None:
        worker, one = self.choose(which, self.estimated())
        worker.amend(one, charge, self.now)

    # --- leases ---

    @rule(which=pick)
    def renew(self, which: int) -> None:
        worker = self.worker(which)
        good = self.books.renew(worker.writer, worker.purse.due(self.mono))
        worker.purse.renew(Renewed(1, good, 60, self.books.epoch), self.mono)

    @rule(which=pick)
    def greet(self, which: int) -> None:
        """A Hello says what was heard of; what was lost on the way is offered again."""
        worker = self.worker(which)
        for row in self.books.leases.values():
            missing = row.granted_minor - worker.purse.granted.get(row.id, 0)
            if row.writer == worker.writer and row.state == "valid" and row.epoch == self.books.epoch and missing > 0:
                rank = lot_rank(self.books.lots[row.lot])
                worker.purse.grant(LeaseGrant(row.id, row.lot, "acc", missing, rank, 60, row.epoch), self.mono)
                assert self.lost.pop(row.id, 0) == missing

    @rule(which=pick, amount=amounts, hard=st.booleans(), lot=pick)
    def recall(self, which: int, amount: int, hard: bool, lot: int) -> None:
        worker = self.worker(which)
        least = min(worker.purse.free_minor, worker.purse.kept_minor)
        worker.write(*worker.purse.give_back(f"lot{lot % self.lots + 1}", amount, hard, self.now))
        assert hard or worker.purse.free_minor >= least

    # --- journals, crashes and worse ---

    @rule(which=pick, limit=st.sampled_from([1, 3, 100]))
    def read(self, which: int, limit: int) -> None:
        everyone = [*self.workers, *self.dead]
        self.post(everyone[which % len(everyone)], limit)

    @precondition(lambda self: len(self.workers) > 1)
    @rule(which=pick, power=st.booleans())
    def die(self, which: int, power: bool) -> None:
        worker = self.workers.pop(which % len(self.workers))
        worker.synced = max(worker.synced, len(worker.journal) - which % 7)
        if power:
            worker.lose_power(max([self.position(worker), *(old.positions.get(worker.writer, 0)
                                                            for old in self.backups)]))
        self.books.lose(worker.writer)
        self.dead.append(worker)

    @precondition(lambda self: self.dead)
    @rule(which=pick)
    def end(self, which: int) -> None:
        worker = self.dead[which % len(self.dead)]
        self.post(worker, 10_000)
        self.books.end(worker.writer, self.now)

    @rule(which=pick)
    def doubt(self, which: int) -> None:
        """A host is not heard of for a while, and is back."""
        worker = self.worker(which)
        self.books.lose(worker.writer)
        assert self.books.audit() == []
        self.books.find(worker.writer)

    @rule(which=pick)
    def copy_segment(self, which: int) -> None:
        """The same beginnings and ends once more, from another file: into suspense, and nothing moves."""
        worker = self.worker(which)
        done = [item for item in worker.journal if item[0] <= self.position(worker)
                and isinstance(item[1], Opened | Closed | Amended)]
        before = (dict(self.books.lots), dict(self.books.leases), len(self.books.charges))
        plan = self.books.post(worker.writer, list(done), 0, self.now, segment="copy")
        assert before == (self.books.lots, self.books.leases, len(self.books.charges))
        assert len(plan.suspense) == len(done)

    @precondition(lambda self: self.dead)
    @rule(which=pick)
    def forget(self, which: int) -> None:
        worker = self.dead[which % len(self.dead)]
        if self.position(worker) < len(worker.journal) * 100:
            self.disaster = True
        self.books.forget(worker.writer)

    @rule()
    def back_up(self) -> None:
        self.backups = [*self.backups[-1:], self.books.backup()]

    @precondition(lambda self: self.backups)
    @rule(which=pick, told=st.booleans())
    def restore(self, which: int, told: bool) -> None:
        self.books = self.backups[which % len(self.backups)].backup()
        self.disaster = True
        self.epoch += 1
        self.books.epoch = self.epoch
        self.lost.clear()
        for worker in self.dead:
            self.books.lose(worker.writer)
        if told:
            for worker in self.workers:
                worker.purse.adopt_epoch(self.epoch)

    # --- what must hold ---

    @invariant()
    def sound(self) -> None:
        assert self.books.audit() == []
        for worker in self.workers:
            worker.check()

    @invariant()
    def agreed(self) -> None:
        """What a lease has left in the books is what its purse has, what its journal has yet to tell, and what was
        granted without being heard of."""
        for worker in self.workers:
            there = {lease.id: lease.free_minor + lease.held_minor for lease in worker.purse.leases()}
            spent = worker.spent(self.position(worker))
            for row in self.books.leases.values():
                if row.writer == worker.writer and row.epoch == self.epoch:
                    assert row.left_minor == there.get(row.id, 0) + spent.get(row.id, 0) + self.lost.get(row.id, 0)

    @invariant()
    def no_surprise(self) -> None:
        if not self.disaster:
            assert [alarm for alarm in self.books.alarms if "suspense" not in alarm] == []

    def teardown(self) -> None:
        if not self.lots:
            return
        for worker in self.workers:
            for one in list(worker.running):
                worker.close(one, 7, 0, False, self.now)
            for one in list(worker.estimated):
                worker.amend(one, one.charged, self.now)
            worker.purse.adopt_epoch(self.epoch)
            self.tick(10**6 * S)
            worker.write(*worker.purse.idle(self.mono, self.now))
            assert worker.purse.empty
            self.post(worker, 10_000)
        self.agreed()
        left = {row.id: row.left_minor for row in self.books.leases.values() if row.writer not in {
            worker.writer for worker in self.dead} and row.epoch == self.epoch}
        assert {name: amount for name, amount in left.items() if amount} == {
            name: amount for name, amount in self.lost.items() if name in left}
        for worker in [*self.workers, *self.dead]:
            self.post(worker, 10_000)
            self.books.lose(worker.writer)
            self.books.end(worker.writer, self.now)
        self.sound()
        self.all_back()

    def all_back(self) -> None:
        """Nothing is lent or held, and every request that a journal knows cost what the journal says."""
        assert all(row.left_minor == 0 for row in self.books.leases.values())
        assert all(lot.leased_minor == 0 for lot in self.books.lots.values())
        rows = self.books.requests
        assert {row.state for row in rows.values()} <= {"posted", "voided", "expired"}
        for worker in [*self.workers, *self.dead]:
            for name, (rated, charged) in worker.due().items():
                assert rows[name].rated_minor == rated
                assert rows[name].charged_minor <= charged
                if not self.disaster:
                    assert rows[name].charged_minor == charged
        known = {name for worker in [*self.workers, *self.dead] for name in worker.due()}
        assert rows.keys() <= known


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
