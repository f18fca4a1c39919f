"""Posts this host's journals into the books: exactly once, in order, only what is on the disk (DESIGN 4.5).

One `step` goes once round; the thread that repeats it is in posting.py, a simulation calls it by itself. The positions
are in the books: a poster that is killed anywhere and started again continues where the books stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, ParamSpec, TypeVar

import structlog

from tokenworks.clock import Clock
from tokenworks.control.notes import Notebook
from tokenworks.control.quarantine import Quarantine
from tokenworks.control.reach import Reach
from tokenworks.control.track import Stretch, Track
from tokenworks.credit.records import Record
from tokenworks.credit.rows import Damage
from tokenworks.errors import Broken, Conflict, NotFound, Stale
from tokenworks.journal.disk import Disk
from tokenworks.journal.reader import SegmentReader
from tokenworks.journal.shelf import Shelved, list_fresh, list_segments, sweep_fresh, trim_segment
from tokenworks.limits import POST_BATCH_MAX, POST_BATCH_MS, SEGMENT_KEEP_S, WATERMARK_SLACK_MS
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Batch, Posted, WriterRow
from tokenworks.store.trail import Actor
from tokenworks.telemetry import Meters

BATCH_FIRST = 200
BATCH_LEAST = 50
BEAT_NS = 1_000_000_000
TIDY_NS = 5_000_000_000
SURVEY_NS_EACH, SURVEY_NS_MAX = 50_000, 1_000_000_000  # between two looks at the shelf, by segments on it
ALARMS_SHOWN = 5  # of one batch; all are counted

P = ParamSpec("P")
T = TypeVar("T")
_LOG = structlog.get_logger()


class News(NamedTuple):
    """Told after each posting: the writer's journal stands in the books up to `position`, `freed` came back to lots
    as (account, lot, amount), and with `ended` nothing more will come of it."""

    writer: str
    position: int
    freed: tuple[tuple[str, str, int], ...]
    ended: bool


@dataclass(kw_only=True)
class PosterParts:
    """What a poster works with. `turn` is called before each transaction and may wait: whoever asks for credit goes
    first. `tell` and, with what was posted, `watch` are called on the poster's thread."""

    disk: Disk
    store: Store
    reach: Reach
    clock: Clock
    host: str
    notebook: Notebook
    quarantine: Quarantine
    meters: Meters
    tell: Callable[[News], None]
    turn: Callable[[], None] = lambda: None
    watch: Callable[[Sequence[tuple[int, Record | Damage]]], None] = lambda items: None


class Poster:
    """Follows every journal of the directory. Not thread-safe but for `hear`."""

    def __init__(self, parts: PosterParts) -> None:
        self._parts = parts
        self._noted = parts.notebook.load()
        self._dirty = False
        self._tracks: dict[str, Track] = {}
        self._ended: set[str] = set()
        self._fresh: set[str] = set()
        self._epoch = 0
        self._limit = BATCH_FIRST
        self._tidied_ns = -TIDY_NS
        self._surveyed_ns, self._survey_ns = -SURVEY_NS_MAX, 0
        self._troubled: dict[str, str] = {}

    def look_soon(self) -> None:
        """Somebody came or went: look at the shelf in the next step; from any thread."""
        self._surveyed_ns = -SURVEY_NS_MAX

    def hear(self, writer: str, position: int) -> None:
        """The writer says how far it has written; from any thread."""
        track = self._tracks.get(writer)
        if track is not None:
            track.heard = max(track.heard, position)

    def step(self) -> bool:
        """Everything once round; True when there is more to do at once. Raises BooksUnreachable: step again later."""
        clock = self._parts.clock
        if not self._epoch or clock.mono_ns() - self._tidied_ns >= TIDY_NS:
            self._tidied_ns = clock.mono_ns()
            self._check_books()
            self._tidy()
        self._survey()
        more = [self._try(track) for track in list(self._tracks.values()) if self._tracks.get(track.writer) is track]
        self._show()
        return any(more)

    # --- which journals there are ---

    def _survey(self) -> None:
        """Not more often than the length of the shelf allows: a week of a busy host is thousands of segments."""
        mono_ns = self._parts.clock.mono_ns()
        if mono_ns - self._surveyed_ns < self._survey_ns:
            return
        self._surveyed_ns = mono_ns
        names: dict[str, dict[int, str]] = {}
        for shelved in list_segments(self._parts.disk):
            names.setdefault(shelved.writer, {})[shelved.sequence] = shelved.name
        self._survey_ns = min(sum(map(len, names.values())) * SURVEY_NS_EACH, SURVEY_NS_MAX)
        for writer in names.keys() - self._tracks.keys() - self._ended:
            self._begin(writer, names[writer][min(names[writer])])
        for writer, track in self._tracks.items():
            track.names = names.get(writer, {})

    def _begin(self, writer: str, first: str) -> None:
        row = self._call(self._parts.store.writers.greet, writer, self._born(first))
        self._note(writer, row.position)
        if row.state == "ended":
            self._ended.add(writer)
            return
        track = Track(self._parts.disk, writer, row.position)
        track.look()
        track.lost = row.state != "live"
        self._tracks[writer] = track
        if not track.alive():
            self._lose(track)

    def _born(self, segment: str) -> int:
        """When the journal began, as far as it is there: what stands in it may have ended since then."""
        now_ns = self._parts.clock.now_ns()
        try:
            reader = SegmentReader(self._parts.disk, segment)
        except (Broken, OSError):
            return now_ns
        reader.close()
        return min(now_ns, reader.head.created_at_ns)

    def _lose(self, track: Track) -> None:
        """The writer is dead or unreadable: its leases are in doubt until its journal has been read to its end."""
        if not track.lost:
            self._mark(track, "lose")
            track.lost = True

    def _find(self, track: Track) -> None:
        """It was thought dead or unreadable and is neither."""
        if track.lost and track.alive():
            self._mark(track, "find")
            track.lost = False

    def _mark(self, track: Track, event: str) -> None:
        try:
            self._call(self._parts.store.writers.mark, track.writer, event, self._parts.clock.now_ns())
        except (Conflict, NotFound) as error:  # an operator has given it up: it stays so; or restored books lack it
            _LOG.warning("writer_not_marked", writer=track.writer, mark=event, why=str(error))

    # --- posting ---

    def _try(self, track: Track) -> bool:
        try:
            more = self._advance(track)
        except OSError as error:
            self._trouble(track.writer, f"its journal cannot be read: {error}")
            self._lose(track)
            return False
        except (Stale, NotFound):
            self._restart(track)
            return True
        self._troubled.pop(track.writer, None)
        return more

    def _advance(self, track: Track) -> bool:
        clock, limit = self._parts.clock, self._limit
        read_ns = clock.now_ns()
        stretch = track.read(limit)
        at_end = not stretch.full
        watermark_ns = read_ns - WATERMARK_SLACK_MS * 1_000_000 if at_end else 0
        if stretch.dead or stretch.over:
            self._lose(track)
        else:
            self._find(track)
        if stretch.items or stretch.end != track.position:
            self._post(track, stretch, watermark_ns)
        elif not stretch.over and clock.mono_ns() - track.beat_ns >= BEAT_NS:
            self._beat(track, watermark_ns)
        if stretch.done:
            self._finish(stretch.done, stretch.done_bytes)
        if stretch.over:
            self._end(track)
        return stretch.full

    def _post(self, track: Track, stretch: Stretch, watermark_ns: int) -> None:
        parts = self._parts
        for hurt in stretch.hurt:
            self._set_aside(track.writer, hurt.segment, hurt.start, hurt.data)
        parts.turn()
        began_ns = parts.clock.mono_ns()
        batch = Batch(track.writer, stretch.segment, track.position, stretch.end, stretch.items,
                      parts.clock.now_ns(), parts.host, watermark_ns)
        posted = self._call(parts.store.books.post, batch)
        self._pace(len(stretch.items), parts.clock.mono_ns() - began_ns)
        track.beat_ns = parts.clock.mono_ns()
        self._moved(track, posted, False)
        parts.watch(stretch.items)
        parts.meters.add("tokenworks_posted_records_total", len(stretch.items))

    def _end(self, track: Track) -> None:
        parts = self._parts
        posted = self._call(parts.store.books.end, track.writer, track.position, parts.clock.now_ns(), parts.host)
        self._moved(track, posted, True)
        track.close()
        del self._tracks[track.writer]
        self._ended.add(track.writer)

    def _moved(self, track: Track, posted: Posted, ended: bool) -> None:
        track.position = max(track.position, posted.position)
        self._note(track.writer, track.position)
        if posted.suspended:
            _LOG.error("records_in_suspense", writer=track.writer, count=posted.suspended, position=track.position)
        if posted.alarms:
            self._parts.meters.add("tokenworks_posting_alarms_total", len(posted.alarms))
            _LOG.error("posting_alarms", writer=track.writer, count=len(posted.alarms),
                       why=list(posted.alarms[:ALARMS_SHOWN]))
        self._parts.tell(News(track.writer, track.position, posted.freed, ended))

    def _note(self, writer: str, position: int) -> None:
        """The books have confirmed it; notes may be older than that, when this process was killed before it saved."""
        self._noted.positions[writer] = max(position, self._noted.positions.get(writer, 0))
        self._dirty = True

    def _pace(self, count: int, took_ns: int) -> None:
        """Batches are as large as they may be without making anybody wait for the books."""
        if took_ns > POST_BATCH_MS * 1_000_000:
            self._limit = max(BATCH_LEAST, self._limit // 2)
        elif count == self._limit and took_ns < POST_BATCH_MS * 500_000:
            self._limit = min(POST_BATCH_MAX, self._limit * 2)

    def _beat(self, track: Track, watermark_ns: int) -> None:
        track.beat_ns = self._parts.clock.mono_ns()
        now_ns = self._parts.clock.now_ns()
        self._call(self._parts.store.writers.beat, track.writer, now_ns, watermark_ns, track.lag_bytes)

    def _set_aside(self, writer: str, segment: str, start: int, data: bytes) -> None:
        self._parts.quarantine.keep(f"{segment}-{start}", data)
        self._parts.meters.add("tokenworks_journal_quarantined_total")
        _LOG.error("journal_damaged", writer=writer, segment=segment, start=start, size=len(data))

    # --- books that went back in time ---

    def _restart(self, track: Track) -> None:
        """The books stand elsewhere: somebody else posted, or our last commit was not lost, or the books were."""
        row = self._call(self._parts.store.writers.greet, track.writer, self._parts.clock.now_ns())
        if row.position < track.position:
            self._check_books()
        track.position = row.position

    def _check_books(self) -> None:
        """Compare the books with what they confirmed before; behind it, they were restored: raise their epoch."""
        store, noted, mine = self._parts.store, self._noted, self._parts.host + "/"
        epoch = self._call(store.meta.facts).epoch
        rows = {row.writer: row for row in self._call(store.writers.roster, self._parts.host)}
        behind = [writer for writer, position in noted.positions.items()
                  if writer.startswith(mine) and _position(rows.get(writer)) < position]
        if noted.epoch > epoch or (behind and noted.epoch == epoch):
            actor = Actor("control", "ledger.epoch", self._parts.clock.now_ns(), detail="the books were restored")
            epoch = self._call(store.acting(actor).meta.raise_epoch, noted.epoch)
            _LOG.error("books_restored", writers=len(behind), epoch=epoch)
            store.bell.ring("policy")
        if noted.epoch != epoch:
            noted.positions = {writer: _position(rows.get(writer)) for writer in noted.positions}
            noted.epoch = epoch
            self.save()
        if self._epoch != epoch:
            self._epoch = epoch
            self._begin_anew()
        self._miss_journals(rows)

    def _begin_anew(self) -> None:
        """Every writer is greeted again."""
        self.look_soon()
        for track in self._tracks.values():
            track.close()
        self._tracks.clear()
        self._ended.clear()

    def _miss_journals(self, rows: Mapping[str, WriterRow]) -> None:
        """Writers of this host whose journals are gone from the disk: their leases stay in doubt until forgotten."""
        here = {shelved.writer for shelved in list_segments(self._parts.disk)}
        for writer, row in rows.items():
            if row.state == "live" and writer not in here:
                self._trouble(writer, "its journal is not on the disk; `gateway forget` gives its leases up")
                self._mark(Track(self._parts.disk, writer, row.position), "lose")

    # --- what lies about ---

    def _finish(self, name: str, size: int) -> None:
        """A segment of which everything is posted: its unused room goes back, and its time begins."""
        self._noted.finished.setdefault(name, self._parts.clock.now_ns())
        self._dirty = True
        try:
            trim_segment(self._parts.disk, name, size)
        except OSError as error:
            self._trouble(name, f"it cannot be trimmed: {error}")

    def _tidy(self) -> None:
        """Retire what was kept long enough, remove what dead writers left half made, save the notes."""
        disk, noted = self._parts.disk, self._noted
        shelf = list_segments(disk)
        now_ns = self._parts.clock.now_ns()
        for shelved in shelf:
            if self._is_posted(shelved) and noted.finished.setdefault(shelved.name, now_ns) == now_ns:
                self._dirty = True
        least_ns = now_ns - SEGMENT_KEEP_S * 1_000_000_000
        old = {name for name, at_ns in noted.finished.items() if at_ns < least_ns}
        for name in old:
            disk.remove(name)
        here = {shelved.name for shelved in shelf} - old
        writers = {shelved.writer for shelved in shelf if shelved.name in here} | self._tracks.keys()
        noted.finished = {name: at_ns for name, at_ns in noted.finished.items() if name in here}
        noted.positions = {writer: at for writer, at in noted.positions.items() if writer in writers}
        self._ended &= writers
        sweep_fresh(disk, self._fresh)
        self._fresh = list_fresh(disk)
        if self._dirty or old:
            self.save()

    def _is_posted(self, shelved: Shelved) -> bool:
        track = self._tracks.get(shelved.writer)
        return shelved.writer in self._ended or (track is not None and shelved.sequence < track.sequence)

    def save(self) -> None:
        """Write the notes down."""
        try:
            self._parts.notebook.save(self._noted)
            self._dirty = False
        except OSError as error:
            self._trouble("notes", f"the poster's notes cannot be written: {error}")

    def _show(self) -> None:
        self._parts.meters.put("tokenworks_journal_lag_bytes", sum(track.lag_bytes for track in self._tracks.values()))

    def _trouble(self, subject: str, why: str) -> None:
        """Says each trouble once, until it is over."""
        if self._troubled.get(subject) != why:
            self._troubled[subject] = why
            _LOG.error("journal_trouble", subject=subject, why=why)

    def _call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._parts.reach.call(verb, *args, **kwargs)


def _position(row: WriterRow | None) -> int:
    return row.position if row is not None else 0
