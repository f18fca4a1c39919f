"""Posting: exactly once, in order, only what is on the disk; dead writers, damage, restored books, old segments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import connect

import msgspec
import pytest
from tests.control.world import check_books, found
from tests.journal.samples import read_all

from tokenworks.clock import FakeClock, FakeDice
from tokenworks.control.notes import NotesInMemory
from tokenworks.control.poster import News, Poster, PosterParts
from tokenworks.control.quarantine import QuarantineInMemory
from tokenworks.control.reach import Reach
from tokenworks.credit.messages import Ask, LeaseGrant
from tokenworks.credit.records import Closed, Opened, Part, Progressed, Record, Refused, Released
from tokenworks.errors import BooksUnreachable
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.shelf import list_segments
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import SEGMENT_KEEP_S
from tokenworks.store.memory.open import open_memory
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import RequestQuery, WriterRow
from tokenworks.store.trail import TrailQuery
from tokenworks.telemetry import Meters
from tokenworks.usage.vector import Usage

SEGMENT = 16 * 1024
SECOND = 1_000_000_000
RESTORED_AT = 1_800_000_000


class Bench:
    """A disk whose power can fail, books in memory, one poster, and a writer that holds a lease of 100,000."""

    def __init__(self, store: Store | None = None, host: str = "h") -> None:
        self.store = store or open_memory(FakeClock(RESTORED_AT * SECOND))
        self.host, self.clock, self.disk = host, FakeClock(), FakeDisk(dice=FakeDice(11))
        self.notes, self.quarantine, self.meters = NotesInMemory(), QuarantineInMemory(), Meters()
        self.news: list[News] = []
        self.turns = 0
        if not self.store.accounts.page().data:
            found(self.store, 1_000_000)
        self.poster = self.start()

    def start(self) -> Poster:
        """A new poster, as after a restart of the process."""
        self.poster = Poster(PosterParts(
            disk=self.disk, store=self.store, reach=Reach(), clock=self.clock, host=self.host, notebook=self.notes,
            quarantine=self.quarantine, meters=self.meters, tell=self.news.append, turn=self.turn))
        return self.poster

    def turn(self) -> None:
        self.turns += 1

    def run(self) -> None:
        """Until there is nothing to do at once."""
        self.poster.look_soon()
        while self.poster.step():
            pass

    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * SECOND)
        self.run()

    def writer(self, number: int = 0, epoch: int = 1) -> JournalWriter:
        return JournalWriter(self.disk, f"{self.host}/{number}/{epoch}", self.clock, FakeDice(number + 5), SEGMENT)

    def lease(self, writer: str, amount_minor: int = 100_000) -> LeaseGrant:
        return self.store.books.lend(writer, Ask(1, "acc", amount_minor, "cut"), self.clock.now_ns()).grants[0]

    def row(self, writer: str) -> WriterRow:
        return next(row for row in self.store.writers.roster() if row.writer == writer)

    def closed(self) -> int:
        return sum(row.state == "posted" for row in self.store.requests.page(RequestQuery(limit=500)).data)


def opened(request: str, crash: str = "bill") -> Opened:
    return Opened(request, "acc", "key", 1, "chat", "tiny", "dep", "CNY", "std@1", True, 50, crash)  # type: ignore[arg-type]


def progressed(request: str, grant: LeaseGrant, amount: int) -> Progressed:
    return Progressed(request, 2, Usage(output=amount), "progress", amount, (Part(0, grant.lot, grant.lease, amount),))


def closed(request: str, grant: LeaseGrant, amount: int = 7) -> Closed:
    return Closed(request, 3, "ok", "", Usage(output=amount), "reported", amount, amount, 0, 0, amount,
                  (Part(0, grant.lot, grant.lease, amount),), deployment="dep")


def sold(count: int, grant: LeaseGrant, first: int = 0) -> list[Record]:
    return [record for number in range(first, first + count)
            for record in (opened(f"r{number}"), closed(f"r{number}", grant))]


def test_everything_is_posted_once_across_segments_and_restarts() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for number, record in enumerate(sold(300, grant)):
        writer.append(record)
        writer.prepare()
        if number % 97 == 0:
            bench.run()
        if number % 131 == 0:
            bench.start()  # killed and started again: it continues where the books stand
    bench.run()
    assert len(list_segments(bench.disk)) >= 5
    assert bench.closed() == 300
    assert bench.store.ledger.lots("acc").data[0].posted_minor == 300 * 7
    assert bench.row("h/0/1").position == writer.position
    assert bench.news[-1].position == writer.position
    assert bench.turns > 3
    assert bench.meters.counters["tokenworks_posted_records_total"] == 600
    check_books(bench.store)


def test_only_what_is_on_the_disk_is_posted() -> None:
    """After a power loss the books have nothing that the journal has not."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(40, grant):
        writer.append(record)
    bench.run()
    bench.disk.fail_power()
    bench.start()
    bench.run()
    kept = [item for shelved in list_segments(bench.disk) for _, item in read_all(bench.disk, shelved.name).items]
    assert kept == sold(40, grant)
    assert bench.closed() == 40
    assert bench.row("h/0/1").state == "ended"
    check_books(bench.store)


def test_posting_before_flushing_would_be_found() -> None:
    """The planted fault: a disk that lies when it flushes leaves books that know more than the journal."""
    bench = Bench()
    bench.disk.lying = True
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(80, grant):
        writer.append(record)
    bench.run()
    bench.disk.fail_power()
    kept = [item for shelved in list_segments(bench.disk) for _, item in read_all(bench.disk, shelved.name).items]
    assert bench.closed() == 80
    assert len(kept) < 160


def test_a_dead_writer_is_read_to_its_end_and_then_settled() -> None:
    """Open requests are billed by their last progress or waived; what is left of the lease goes back."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in [*sold(3, grant), opened("billed"), progressed("billed", grant, 20), opened("waived", "waive"),
                   progressed("waived", grant, 30), opened("silent")]:
        writer.append(record)
    bench.run()
    lot = bench.store.ledger.lots("acc").data[0]
    assert lot.leased_minor == grant.amount_minor - 21
    bench.disk.kill()
    bench.run()
    lot = bench.store.ledger.lots("acc").data[0]
    assert (lot.leased_minor, lot.posted_minor) == (0, 3 * 7 + 20)
    assert bench.row("h/0/1").state == "ended"
    assert bench.news[-1].ended
    assert ("acc", lot.id, grant.amount_minor - 41) in bench.news[-1].freed
    assert bench.store.requests.get("waived").row.charged_minor == 0
    assert bench.store.requests.get("billed").row.charged_minor == 20
    check_books(bench.store)
    size = len(bench.disk.files[list_segments(bench.disk)[0].name].seen)
    assert size < SEGMENT, "a dead writer's room is given back"


def test_leases_are_in_doubt_until_the_journal_is_read() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(300, grant):
        writer.append(record)
        writer.prepare()
    bench.disk.kill()
    states = []
    more = True
    while more:
        more = bench.poster.step()
        states.append([lease.state for lease in bench.store.ledger.leases("acc")])
    assert states[0] == ["in_doubt"]
    assert states[-1] == []
    assert bench.closed() == 300
    check_books(bench.store)


def test_a_clean_end_and_a_spare_that_was_dropped() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(5, grant):
        writer.append(record)
    writer.append(Released(grant.lease, grant.lot, grant.amount_minor - 35, 5))
    bench.run()
    assert bench.news[-1].freed == (("acc", grant.lot, grant.amount_minor - 35),)
    writer.close()
    bench.run()
    assert bench.row("h/0/1").state == "ended"
    assert bench.store.ledger.lots("acc").data[0].leased_minor == 0


def test_the_spare_vanishes_between_two_looks() -> None:
    """A writer that closes seals first and drops its spare then: the poster may stand in between."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    writer.append(sold(1, grant)[0])
    writer._seal(writer._current)  # sealed; the spare is still there
    bench.run()
    assert bench.row("h/0/1").position >> 32 == 1
    assert bench.row("h/0/1").state == "live"
    spare = writer._spare
    assert spare is not None
    spare.file.close(4096)
    bench.disk.remove(spare.name)
    writer._current.file.close(writer._current.used)
    bench.run()
    assert bench.row("h/0/1").state == "ended"


def test_damage_is_set_aside_and_the_rest_is_posted() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    places = [writer.append(record) for record in sold(10, grant)]
    name = list_segments(bench.disk)[0].name
    bench.disk.files[name].seen[places[8] + 12] ^= 0xFF  # r4's close... or whose ever it is
    bench.run()
    assert bench.quarantine.pieces == {f"{name}-{places[8]}": bytes(bench.disk.files[name].seen[places[8]:places[9]])}
    assert bench.meters.counters["tokenworks_journal_quarantined_total"] == 1
    assert bench.closed() == 9
    assert len(bench.store.suspense.page().data) == 1
    bench.disk.kill()
    bench.run()
    assert bench.row("h/0/1").state == "ended", "it neither blocks nor is skipped"
    check_books(bench.store)


def test_a_lost_head_and_a_lost_segment_are_passed_over_with_an_alarm() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(400, grant):
        writer.append(record)
        writer.prepare()
    names = [shelved.name for shelved in list_segments(bench.disk)]
    assert len(names) > 6
    bench.disk.files[names[1]].seen[:64] = b"\0" * 64
    del bench.disk.files[names[3]]
    bench.run()
    bench.disk.kill()
    bench.run()
    assert bench.row("h/0/1").state == "ended"
    assert 0 < bench.closed() < 400
    assert len(bench.store.suspense.page().data) >= 2
    assert bench.meters.counters["tokenworks_journal_quarantined_total"] == 2


def test_books_away_for_a_while() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(20, grant):
        writer.append(record)
    real = bench.store
    away = True

    class Books:
        def __getattr__(self, verb: str) -> object:
            if away and verb == "post":
                raise BooksUnreachable("down")
            return getattr(real.books, verb)

    bench.store = real._replace(books=Books())  # type: ignore[arg-type]
    bench.start()
    with pytest.raises(BooksUnreachable):
        bench.run()
    away = False
    bench.run()
    assert bench.closed() == 20


def test_a_commit_whose_answer_was_lost() -> None:
    """The poster posts the same again, is told where the books stand, and goes on from there."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(20, grant):
        writer.append(record)
    real, lost = bench.store, []

    class Books:
        def __getattr__(self, verb: str) -> object:
            found = getattr(real.books, verb)

            def call(*args: object) -> object:
                result = found(*args)
                if verb == "post" and not lost:
                    lost.append(1)
                    raise BooksUnreachable("the answer was lost")
                return result

            return call

    bench.store = real._replace(books=Books())  # type: ignore[arg-type]
    bench.start()
    with pytest.raises(BooksUnreachable):
        bench.run()
    bench.run()
    assert bench.closed() == 20
    assert real.ledger.lots("acc").data[0].posted_minor == 140
    check_books(real)


def test_restored_books_are_noticed_healed_and_their_epoch_raised(books: Store, tmp_path: Path) -> None:
    """A copy of yesterday's books comes back: the journals are read again from there, and old leases cut no holds."""
    bench = Bench(books)
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(10, grant):
        writer.append(record)
    bench.run()
    with open_copy(tmp_path) as backup:
        for record in sold(10, grant, 10):
            writer.append(record)
        gone = bench.writer(1)
        gone.append(opened("x"))
        bench.run()
        gone.close()
        bench.wait(10)
        assert bench.row("h/1/1").state == "ended"
        bench.poster.save()
        bench.store = backup
        bench.start()
        bench.run()
        assert backup.meta.facts().epoch == RESTORED_AT
        note = backup.trail.page(TrailQuery()).data[0].note
        assert (note.actor, note.action, note.changes) == ("control", "ledger.epoch", f'{{"epoch":[1,{RESTORED_AT}]}}')
        assert bench.closed() == 20
        assert bench.row("h/1/1").state == "ended"
        assert backup.books.renew("h/0/1", [grant.lease], bench.clock.now_ns()) == ()
        bench.wait(60)
        bench.start()
        bench.run()
        assert backup.meta.facts().epoch == RESTORED_AT, "once is enough"
        check_books(backup)


def test_older_books_get_an_epoch_that_was_never_there() -> None:
    """A copy from before the last restore comes back: its own epoch, raised once, would be one of leases still held."""
    bench = Bench()
    bench.writer().append(opened("x"))
    bench.run()
    assert bench.store.meta.raise_epoch() == RESTORED_AT
    highest = bench.store.meta.raise_epoch()
    bench.wait(10)
    bench.poster.save()
    bench.poster._parts.store = Bench().store  # epoch 1
    bench.wait(10)
    assert bench.poster._parts.store.meta.facts().epoch == highest + 1 == RESTORED_AT + 2


def test_books_that_lack_a_writer_at_its_end() -> None:
    """Restored books know nothing of a writer that ends just then: it is made known, and read from its beginning."""
    bench = Bench()
    writer = bench.writer()
    for record in sold(3, bench.lease("h/0/1")):
        writer.append(record)
    bench.run()
    bench.poster._parts.store = Bench().store
    writer.close()
    bench.wait(1)
    assert [row.state for row in bench.poster._parts.store.writers.roster("h")] == ["ended"]


def test_what_was_posted_is_known_without_notes() -> None:
    """Killed before it saved its notes: what the books say of an ended writer is noted, and missed when it is gone."""
    bench = Bench()
    writer = bench.writer()
    for record in sold(3, bench.lease("h/0/1")):
        writer.append(record)
    writer.close()
    bench.run()
    bench.notes = NotesInMemory()
    bench.start()
    bench.run()
    bench.poster._parts.store = Bench().store
    bench.wait(10)
    bench.run()
    assert [row.state for row in bench.poster._parts.store.writers.roster("h")] == ["ended"]
    assert bench.poster._parts.store.meta.facts().epoch == RESTORED_AT


@contextmanager
def open_copy(tmp_path: Path) -> Iterator[Store]:
    """The books as they are now, as another store."""
    with connect(tmp_path / "books.db") as source, connect(tmp_path / "backup.db") as target:
        source.backup(target)
    store = open_store(f"sqlite:///{tmp_path / 'backup.db'}", FakeClock(RESTORED_AT * SECOND))
    yield store
    store.close()


def test_books_that_go_back_while_the_poster_runs() -> None:
    """A failover that lost commits: the next look sees it, without a restart."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(10, grant):
        writer.append(record)
    bench.run()
    bench.wait(10)
    fresh = Bench()  # books that know nothing of it all
    bench.poster._parts.store = fresh.store
    bench.wait(10)
    assert fresh.store.meta.facts().epoch == RESTORED_AT
    assert next(row for row in fresh.store.writers.roster("h")).position == writer.position


def test_segments_are_kept_for_a_week_and_then_go() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(200, grant):
        writer.append(record)
        writer.prepare()
    bench.run()
    bench.wait(10)
    before = len(list_segments(bench.disk))
    assert before >= 4
    bench.wait(SEGMENT_KEEP_S - 60)
    bench.start()  # what is noted outlives the process
    bench.run()
    assert len(list_segments(bench.disk)) == before
    bench.wait(120)
    assert [shelved.sequence for shelved in list_segments(bench.disk)] == [writer.position >> 32,
                                                                           (writer.position >> 32) + 1]
    bench.disk.kill()
    bench.run()
    bench.wait(SEGMENT_KEEP_S + 60)
    assert list_segments(bench.disk) == []
    bench.wait(10)
    assert bench.row("h/0/1").state == "ended"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_journal_that_vanished_leaves_its_leases_in_doubt(restarted: bool) -> None:
    bench = Bench()
    writer = bench.writer()
    bench.lease("h/0/1")
    writer.append(opened("r"))
    bench.run()
    for shelved in list_segments(bench.disk):
        del bench.disk.files[shelved.name]
    if restarted:
        bench.start()
    bench.wait(10)
    bench.wait(10)
    assert bench.row("h/0/1").state == "lost"
    assert [lease.state for lease in bench.store.ledger.leases("acc")] == ["in_doubt"]
    bench.store.writers.mark("h/0/1", "forget", bench.clock.now_ns())
    assert bench.store.ledger.lots("acc").data[0].leased_minor == 0


def test_late_records_of_a_forgotten_writer_go_to_overrun() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    writer.append(opened("r0"))
    bench.run()
    bench.store.writers.mark("h/0/1", "forget", bench.clock.now_ns())
    writer.append(closed("r0", grant, 50))
    bench.run()
    row = bench.store.requests.get("r0").row
    assert (row.charged_minor, row.overrun_minor) == (0, 50)
    bench.disk.kill()
    bench.run()
    assert bench.store.ledger.lots("acc").data[0].available_minor == 1_000_000
    check_books(bench.store)


def test_watermarks_move_while_nothing_is_written() -> None:
    """books_complete_until follows the clock of an idle gateway, and stands still for one that cannot be read."""
    bench = Bench()
    writer = bench.writer()
    writer.append(opened("r"))
    bench.run()
    bench.wait(30)
    now_ns = bench.clock.now_ns()
    assert now_ns - 2 * SECOND <= bench.store.writers.complete(now_ns) <= now_ns
    bench.poster.hear("h/0/1", writer.position + 640)
    bench.wait(2)
    assert bench.row("h/0/1").lag_bytes == 640
    assert bench.meters.gauges["tokenworks_journal_lag_bytes"] == 640


def test_batches_shrink_when_the_books_are_slow() -> None:
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for record in sold(200, grant):
        writer.append(record)
        writer.prepare()
    bench.turn = lambda: None  # type: ignore[method-assign]
    real, sizes = bench.store, []

    class Books:
        def __getattr__(self, verb: str) -> object:
            found = getattr(real.books, verb)

            def call(*args: object) -> object:
                if verb == "post":
                    sizes.append(len(args[0].items))  # type: ignore[attr-defined]
                    bench.clock.advance(SECOND)
                return found(*args)

            return call

    bench.store = real._replace(books=Books())  # type: ignore[arg-type]
    bench.start()
    bench.run()
    assert max(sizes[-3:]) <= 50
    assert bench.closed() == 200


def test_a_long_shelf_is_looked_at_less_often() -> None:
    bench = Bench()
    for number in range(100):
        bench.writer(0, number + 1).close()
    bench.run()
    looks = []
    real = bench.disk.names
    bench.disk.names = lambda: looks.append(1) or real()  # type: ignore[func-returns-value, method-assign]
    for _ in range(20):
        bench.clock.advance(SECOND // 1000)
        bench.poster.step()
    assert len(looks) <= 4
    bench.poster.look_soon()
    bench.writer(1, 7)
    bench.poster.step()
    assert bench.row("h/1/7").state == "live"


def test_what_lies_half_made_is_swept() -> None:
    bench = Bench()
    bench.disk.create(".fresh-h.9.1-00000000.twj", 64, b"")
    bench.disk.kill()
    bench.run()
    assert ".fresh-h.9.1-00000000.twj" in bench.disk.files, "its maker may not have its lock yet"
    bench.wait(10)
    assert ".fresh-h.9.1-00000000.twj" not in bench.disk.files


def test_nothing_ends_in_complete_time() -> None:
    """What the books have called complete stays so: for a clock that jumps back, and for requests of the dead, which
    are billed by records of long ago."""
    bench = Bench()
    writer = bench.writer()
    grant = bench.lease("h/0/1")
    for name in ("jumped", "dead", "alive"):
        writer.append(opened(name))
    writer.append(progressed("dead", grant, 5))
    bench.run()
    for _ in range(30):
        bench.wait(1)
    said_ns = bench.row("h/0/1").watermark_ns
    assert said_ns > bench.clock.now_ns() - 3 * SECOND
    bench.clock.step(-3600 * SECOND)
    writer.append(msgspec.structs.replace(closed("jumped", grant), at_ns=bench.clock.now_ns()))
    writer.append(msgspec.structs.replace(closed("alive", grant), at_ns=said_ns + 1))
    bench.run()
    assert bench.row("h/0/1").watermark_ns == said_ns
    bench.disk.kill()
    bench.run()
    ended = {row.id: row.closed_at_ns for row in bench.store.requests.page(RequestQuery(limit=9)).data}
    assert ended == {"jumped": said_ns, "dead": said_ns, "alive": said_ns + 1}
    check_books(bench.store)


def test_backlog_keeps_its_times() -> None:
    """A journal that was written while nobody posted is complete only from its beginning: its times stay true."""
    bench = Bench()
    began_ns = bench.clock.now_ns()
    writer = bench.writer()
    for number in range(3):
        bench.clock.advance(600 * SECOND)
        now_ns = bench.clock.now_ns()
        writer.append(Refused(f"r{number}", "acc", "key", now_ns, "chat", "tiny", "credit_exhausted", 429))
    assert bench.store.writers.complete(bench.clock.now_ns()) == bench.clock.now_ns(), "no writer is known yet"
    bench.run()
    rows = bench.store.requests.page(RequestQuery(limit=9)).data
    assert sorted(row.closed_at_ns - began_ns for row in rows) == [600 * SECOND, 1200 * SECOND, 1800 * SECOND]
