"""A host: its disk and clocks, its control process, its workers, and the private link between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sim.loop import Process, Violation
from tests.sim.machine import HostClock, SeededDice, SimJournal
from tests.sim.wire import End, connect

from tokenworks.control.notes import NotesInMemory
from tokenworks.control.quarantine import QuarantineInMemory
from tokenworks.control.works import Works, WorksParts
from tokenworks.credit.records import Record
from tokenworks.gateway.worker import Worker, WorkerConfig
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.segment import segment_name
from tokenworks.link.server import LinkServer
from tokenworks.operations.secret import SecretBook

ROOT = Path("/nowhere")  # nothing is ever read or written there


class SimDisk(FakeDisk):
    """A host's disk; knows the time for whoever is made upon it."""

    def __init__(self, day: Any) -> None:
        super().__init__(dice=SeededDice(day.time.random))
        self.time = day.time


@dataclass
class Life:
    """One worker process from its start to its end, and all that it ever wrote."""

    writer: str
    process: Process
    journal: SimJournal
    records: list[tuple[int, Record]] = field(default_factory=list)
    unposted: list[tuple[int, str, int]] = field(default_factory=list)  # (position, lease, amount): not in the books
    posted: int = 0  # as far as the books stand
    posted_most: int = 0  # as far as any books ever stood
    booked: set[int] = field(default_factory=set)  # positions of the records that were posted
    worker: Worker | None = None
    lost_power: bool = False
    safe: int = 1 << 62  # records up to here must survive
    lied_to: bool = False  # its disk has lost flushes that it had confirmed


class Host:
    """`control` and `workers` are the processes that run now."""

    def __init__(self, day: Any, name: str, workers: int, disk_first: bool) -> None:
        self.day, self.name, self.disk_first = day, name, disk_first
        self.clock = HostClock(day.time)
        self.disk = SimDisk(day)
        self.notes, self.quarantine = NotesInMemory(), QuarantineInMemory()
        self.control: Process | None = None
        self.works: Works | None = None
        self.lives: dict[int, Life] = {}  # by index: the worker that runs
        self.count = workers
        self.on = True  # has power
        self.gone = False  # for good
        self.cut_off = False  # from the books
        self.ends: list[End] = []  # of links, the workers' side
        self._listener: tuple[Process, Any] | None = None
        self._starts = 0

    # --- processes ---

    def start_control(self) -> None:
        if self.on and self.control is None:
            self._starts += 1
            process = self.control = Process(self.day.time, self, f"{self.name}.control{self._starts}")
            process.closing.append(lambda: self._stopped_listening(process))
            process.spawn(self._run_control(process))

    async def _run_control(self, process: Process) -> None:
        link = LinkServer(ROOT / self.name / "private.sock", lambda peer, message: works.courier.take(peer, message),
                          lambda peer: works.courier.lose(peer))
        works = Works(WorksParts(
            store=self.day.store, link=link, clock=self.clock, host=self.name, state_dir=ROOT / self.name,
            secrets=SecretBook({}), read_engine=lambda url, credential: None,
            fail=lambda: self.day.time.fail(f"{process.name} has given up")))
        self.works = works
        await link.start()
        await works.start()

    def start_worker(self, index: int) -> None:
        if self.on and index not in self.lives:
            self._starts += 1
            process = Process(self.day.time, self, f"{self.name}.worker{index}.{self._starts}")
            process.spawn(self._run_worker(process, index))
            self.lives[index] = Life("", process, None)  # type: ignore[arg-type]

    async def _run_worker(self, process: Process, index: int) -> None:
        config = WorkerConfig(state_dir=str(ROOT / self.name), host_id=self.name, index=index,
                              durability="disk" if self.disk_first else "process", drain_s=2)
        worker = Worker(config, self.clock, SeededDice(self.day.time.random), self.day.counter)
        self.lives[index].worker = worker
        await worker.start(None)  # type: ignore[arg-type]

    def opened(self, process: Process, journal: SimJournal, writer: str) -> None:
        """A worker has made its journal: from now on it has a name."""
        index = next(index for index, life in self.lives.items() if life.process is process)
        life = self.lives[index] = Life(writer, process, journal, worker=self.lives[index].worker)
        process.name = writer.rsplit("/", 1)[0] + f"#{len(self.day.lives)}"
        self.day.lives[writer] = life

    def life_of(self, process: Process) -> Life | None:
        return next((life for life in self.lives.values() if life.process is process), None)

    def kill(self, process: Process) -> None:
        """kill -9, and the supervisor starts it again after a while."""
        if process.dead:
            return
        process.die()
        again_ns = self.day.time.some(20, 1500)
        if process is self.control:
            self.control = self.works = None
            self.day.time.after(again_ns, None, self.start_control)
            return
        for index, life in list(self.lives.items()):
            if life.process is process:
                del self.lives[index]
                if life.writer:
                    self.disk.kill(segment_name(life.writer, 0).rpartition("-")[0])
                    self.day.worker_died(life)
                self.day.time.after(again_ns, None, self.start_worker, index)

    async def leave(self, index: int) -> None:
        """SIGTERM: a worker ends well, and is started again."""
        life = self.lives[index]
        assert life.worker is not None
        await life.worker.stop()
        if self.lives.get(index) is life:
            life.process.dead = True
            del self.lives[index]
            self.day.worker_left(life)
            self.day.time.after(self.day.time.some(20, 500), None, self.start_worker, index)

    def fail_power(self) -> None:
        """Everything stops at once; of what was not flushed each page is there or not."""
        self.on = False
        for life in self.day.lives.values():
            safe = 0 if self.disk.lying else max(life.journal.synced, life.posted_most)
            if life.process.host is self and life.records and life.records[-1][0] > safe:
                life.lost_power, life.lied_to = True, life.lied_to or self.disk.lying
                life.safe = min(life.safe, safe)
        for life in list(self.lives.values()):
            if life.writer:
                self.day.worker_died(life)
            life.process.die()
        if self.control is not None:
            self.control.die()
        self.lives.clear()
        self.control = self.works = None
        self.disk.fail_power()
        self.disk.lying = False

    def power_on(self) -> None:
        if not self.gone:
            self.on = True
            self.start_control()
            for index in range(self.count):
                self.day.time.after(self.day.time.some(0, 300), None, self.start_worker, index)

    # --- the private link ---

    def listen(self, process: Process, factory: Any) -> Host:
        self._listener = (process, factory)
        return self

    def close(self) -> None:
        """The listening socket, as asyncio's Server."""
        self._listener = None

    def _stopped_listening(self, process: Process) -> None:
        if self._listener is not None and self._listener[0] is process:
            self._listener = None

    def dial(self, process: Process, factory: Any) -> tuple[End, Any]:
        if self._listener is None or self._listener[0].dead or self.day.time.now_ns < self.day.split_until_ns(self):
            raise ConnectionRefusedError("nobody listens")
        protocol = factory()
        end = connect(self.day.time, process, protocol, self._listener[0], self._listener[1]())
        end.doubling = end.other.doubling = self.day.rates["double"]
        self.ends = [one for one in self.ends if not one.lost] + [end]
        return end, protocol


def host_at(path: Any, day: Any) -> Host:
    """Whose directory it is."""
    for part in Path(path).parts:
        if part in day.hosts:
            found: Host = day.hosts[part]
            return found
    raise Violation(f"{path} belongs to no host")
