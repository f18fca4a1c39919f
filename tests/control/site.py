"""A host for tests of leakage: an engine's counters, a journal, and the book that compares them."""

from __future__ import annotations

from pathlib import Path

from tokenworks.clock import FakeClock, FakeDice
from tokenworks.control.fellows import Fellows
from tokenworks.control.leakage import LeakageBook
from tokenworks.control.losses import LeakageRow
from tokenworks.control.reach import Reach
from tokenworks.credit.policy import Endpoint
from tokenworks.credit.records import Closed, Opened, Record
from tokenworks.fleet.deployment import Deployment
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.writer import JournalWriter
from tokenworks.store.memory.open import open_memory
from tokenworks.store.ports import Store
from tokenworks.supply.metrics import EngineCounts
from tokenworks.usage.vector import Usage


class Site:
    """One engine of its own, one writer, one book of leakage."""

    def __init__(self, folder: Path, host: str = "h", store: Store | None = None) -> None:
        self.path, self.clock, self.disk = folder / f"{host}.json", FakeClock(), FakeDisk()
        self.counts: EngineCounts | None = EngineCounts(0, 0)
        self.url, self.alone = "http://127.0.0.1:1", {"own"}
        self.fellows = Fellows(host, (store or open_memory()).metering, Reach())
        self.writer = JournalWriter(self.disk, f"{host}/0/1", self.clock, FakeDice(1), 64 * 1024)
        self.book = self.start()

    def start(self) -> LeakageBook:
        """As after a restart of the process."""
        self.book = LeakageBook(self.path, self.disk, self.clock, self.read, self.fellows)
        return self.book

    def read(self, url: str, credential: str) -> EngineCounts | None:
        return self.counts

    def write(self, *records: Record) -> None:
        for record in records:
            self.writer.append(record)

    def look(self) -> list[LeakageRow]:
        deployment = Deployment("own", "tiny", self.url, "tiny", "llamacpp", ("chat",), own=True)
        bought = Deployment("bought", "tiny", self.url, "tiny", "openai", ("chat",))
        self.book.look([Endpoint(deployment), Endpoint(bought)], self.alone)
        return self.book.rows()

    def total(self) -> tuple[int, int, int, int, int]:
        row = self.look()[0]
        assert (row.deployment, row.hour_ns) == ("own", 0)
        return row.engine_prompt, row.engine_completion, row.metered_prompt, row.metered_completion, row.ppm


def opened(request: str, deployment: str = "own") -> Opened:
    return Opened(request, "acc", "key", 1, "chat", "tiny", deployment, "CNY", "std@1", True, 50)


def closed(request: str, usage: Usage, at_ns: int, basis: str = "reported", **more: object) -> Closed:
    return Closed(request, at_ns, "ok", "", usage, basis, 1, 1, 0, 0, 1, (),  # type: ignore[arg-type]
                  **{"deployment": "own", **more})  # type: ignore[arg-type]
