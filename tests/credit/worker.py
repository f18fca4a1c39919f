"""A gateway worker reduced to its money: a purse, a journal, running requests; and what its journal says is due."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import LeaseGrant
from tokenworks.credit.purse import Purse
from tokenworks.credit.records import Amended, Closed, Opened, Part, Progressed, Record, Released
from tokenworks.usage.vector import Basis, Usage

STEP = 100  # bytes per record


@dataclass
class Running:
    """A request of this worker."""

    id: str
    hold: Hold
    charged: int = 0


@dataclass
class Worker:
    """`synced` is how many records surely are on the disk."""

    writer: str
    purse: Purse
    journal: list[tuple[int, Record]] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    estimated: list[Running] = field(default_factory=list)
    synced: int = 0
    opened: int = 0

    def write(self, *records: Record) -> None:
        for record in records:
            self.journal.append(((len(self.journal) + 1) * STEP, record))

    def open(self, hold: Hold, crash: str, at: int) -> Running:
        self.opened += 1
        request = Running(f"{self.writer}:{self.opened}", hold)
        self.write(Opened(request.id, "acc", "key", at, "chat", "m", "dep", "CNY", "list@1", True, hold.held_minor,
                          "waive" if crash == "waive" else "bill"))
        self.running.append(request)
        return request

    def progress(self, request: Running, rated: int, at: int) -> None:
        parts = self.purse.parts(request.hold, rated)
        self.write(Progressed(request.id, at, Usage(output=rated), "progress", rated, parts))

    def close(self, request: Running, charge: int, waived: int, estimated: bool, at: int) -> None:
        self.running.remove(request)
        parts, request.charged, overrun = self.purse.settle(request.hold, charge, at, estimated)
        rated = charge + waived
        basis: Basis = "estimated" if estimated else "reported"
        self.write(Closed(request.id, at, "ok", "", Usage(output=rated), basis, rated, request.charged, waived, overrun,
                          rated, parts))
        if estimated:
            self.estimated.append(request)

    def void(self, request: Running, at: int) -> None:
        self.running.remove(request)
        self.purse.void(request.hold, at)
        self.write(Closed(request.id, at, "refused_upstream", "", Usage(), "reported", 0, 0, 0, 0, 0, ()))

    def amend(self, request: Running, charge: int, at: int) -> None:
        self.estimated.remove(request)
        parts, charged, overrun = self.purse.amend(request.hold, charge, at)
        self.write(Amended(request.id, at, Usage(output=charge), "counted", charge, charged, 0, overrun, parts))

    def lose_power(self, posted: int) -> None:
        """Only what is surely on the disk is left; what was posted was made sure of before."""
        del self.journal[max(self.synced, posted // STEP):]

    def spent(self, position: int) -> dict[str, int]:
        """What the records after `position` take out of each lease."""
        sums: dict[str, int] = {}
        for place, record in self.journal:
            if place <= position:
                continue
            if isinstance(record, Closed | Amended):
                for part in record.parts:
                    sums[part.lease] = sums.get(part.lease, 0) + part.amount_minor
            elif isinstance(record, Released):
                sums[record.lease] = sums.get(record.lease, 0) + record.amount_minor
        return sums

    def due(self) -> dict[str, tuple[int, int]]:
        """Per request in the journal: (rated, charged) as the books must have them once the worker is dead and read."""
        found: dict[str, tuple[int, int]] = {}
        crash: dict[str, str] = {}
        for _, record in self.journal:
            if isinstance(record, Opened):
                crash[record.request], found[record.request] = record.crash, (0, 0)
            elif isinstance(record, Progressed):
                charged = total(record.parts) if crash[record.request] == "bill" else 0
                found[record.request] = (record.rated_minor, charged)
            elif isinstance(record, Closed | Amended):
                found[record.request] = (record.rated_minor, record.charged_minor)
        return found

    def check(self) -> None:
        """The purse's own sums."""
        purse = self.purse
        leases = purse.leases()
        assert purse.free_minor == sum(lease.free_minor for lease in leases if lease.epoch == purse.epoch)
        assert purse.held_minor == sum(lease.held_minor for lease in leases)
        assert purse.held_minor == sum(one.hold.held_minor for one in [*self.running, *self.estimated])
        assert purse.kept_minor == sum(one.hold.keep_minor for one in self.running) >= 0
        assert all(lease.free_minor >= 0 and lease.held_minor >= 0 for lease in leases)
        for one in self.running:
            assert sum(leg.held_minor for leg in one.hold.legs) == one.hold.held_minor
            assert all(leg.held_minor > 0 for leg in one.hold.legs)


def total(parts: tuple[Part, ...]) -> int:
    return sum(part.amount_minor for part in parts)


def deliver(purse: Purse, grants: tuple[LeaseGrant, ...], sent_ns: int) -> None:
    for one in grants:
        purse.grant(one, sent_ns)
