"""Unaccounted-for tokens: what our own engines counted against what the meter wrote into the journals (DESIGN 4.6).

The journals are read once more, from a place that is kept together with the sums, so that a control process that is
killed loses and doubles nothing. Counting begins when there is nothing kept: what was before is not looked at. An
engine that several hosts use is held against the sum of what they metered: each puts its own into the books.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from tokenworks.clock import Clock
from tokenworks.control.fellows import Fellows
from tokenworks.control.losses import HOUR_NS, Kept, LeakageRow, Sight
from tokenworks.control.metered import fold_records
from tokenworks.control.track import Track
from tokenworks.credit.policy import Endpoint
from tokenworks.errors import Broken
from tokenworks.journal.disk import Disk
from tokenworks.journal.shelf import list_segments
from tokenworks.limits import LEAKAGE_HOURS_KEPT, POST_BATCH_MAX
from tokenworks.supply.metrics import EngineCounts
from tokenworks.telemetry import Meters, series

ReadEngine = Callable[[str, str], EngineCounts | None]  # (url, credential) -> counters, None when it does not answer


class LeakageBook:
    """Looks when told to; from any thread, one at a time. Raises OSError when journals or the file cannot be used."""

    def __init__(self, path: Path, disk: Disk, clock: Clock, read_engine: ReadEngine, fellows: Fellows) -> None:
        self._path, self._disk, self._clock, self._read_engine = path, disk, clock, read_engine
        self._fellows = fellows
        self._lock = Lock()
        self._kept, self._new = self._load()

    def look(self, endpoints: Sequence[Endpoint], alone: Collection[str]) -> None:
        """Read the counters of these deployments, then the journals, then what other hosts say: what runs meanwhile is
        not metered yet. `alone`: deployments whose engine is this host's own."""
        with self._lock:
            sights = list(self._look_engines(endpoints, alone))
            self._look_journals()
            self._look_around({endpoint.deployment.id for endpoint in endpoints if endpoint.deployment.own} - {*alone},
                              sights)

    def rows(self) -> list[LeakageRow]:
        """All deployments that have an engine, first the whole time, then each hour kept."""
        with self._lock:
            return self._kept.rows()

    def show(self, meters: Meters) -> None:
        """Puts the whole time's figure into the metrics."""
        for row in self.rows():
            if not row.hour_ns:
                meters.put(series("tokenworks_leakage_ppm", deployment=row.deployment), row.ppm)

    def _look_engines(self, endpoints: Sequence[Endpoint], alone: Collection[str]) -> Iterator[Sight]:
        for endpoint in endpoints:
            row = endpoint.deployment
            counts = self._read_engine(row.url, endpoint.credential) if row.own and row.enabled else None
            if counts is not None:
                yield Sight(row.id, row.url, row.id not in alone, counts)

    def _look_around(self, shared: Collection[str], sights: Sequence[Sight]) -> None:
        """Only what is kept is told: told twice is told once. A shared engine is first seen with the books at hand."""
        kept, now_ns, told = self._kept, self._clock.now_ns(), self._fellows.hear()
        if told is not None:
            kept.join(told.own)
            kept.hear(told.others)
        for sight in sights:
            seen = kept.engines.get(sight.deployment)
            if told is not None or not sight.shared or (seen is not None and seen.shared):
                kept.see(sight, now_ns, self._new)
        least_ns = now_ns - LEAKAGE_HOURS_KEPT * HOUR_NS
        kept.forget(least_ns)
        self._new = False
        self._save()
        if told is not None:
            self._fellows.tell(kept.news(shared, told.own), least_ns)

    def _look_journals(self) -> None:
        writers = {shelved.writer for shelved in list_segments(self._disk)}
        cursors = self._kept.cursors
        for writer in writers:
            cursors[writer] = self._read_on(writer, cursors.get(writer, 0))
        for writer in cursors.keys() - writers:
            del cursors[writer]

    def _read_on(self, writer: str, position: int) -> int:
        track = Track(self._disk, writer, position)
        track.look()
        try:
            while True:
                stretch = track.read(POST_BATCH_MAX)
                records = [item for _, item in stretch.items]
                for found in fold_records(self._kept.metered, records, writer, stretch.over):
                    at_ns = found.at_ns or self._clock.now_ns()
                    if not self._new:
                        self._kept.add(found.deployment, at_ns, (0, 0, found.prompt, found.completion))
                track.position = stretch.end
                if not stretch.full:
                    return track.position
        except FileNotFoundError:
            return position
        finally:
            track.close()

    def _load(self) -> tuple[Kept, bool]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept), False
        except FileNotFoundError:
            return Kept(), True
        except msgspec.MsgspecError as error:
            raise Broken(f"{self._path} cannot be read: {error}; remove it to count leakage anew") from error

    def _save(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._kept))
        os.replace(fresh, self._path)
