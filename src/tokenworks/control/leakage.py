"""Unaccounted-for tokens: what our own engines counted against what the meter wrote into the journals (DESIGN 4.6).

The journals are read once more, from a place that is kept together with the sums, so that a control process that is
killed loses and doubles nothing. Counting begins when there is nothing kept: what was before is not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from tokenworks.clock import Clock
from tokenworks.control.metered import Metered, fold_records
from tokenworks.control.track import Track
from tokenworks.credit.policy import Endpoint
from tokenworks.errors import Broken
from tokenworks.journal.disk import Disk
from tokenworks.journal.shelf import list_segments
from tokenworks.limits import LEAKAGE_HOURS_KEPT, POST_BATCH_MAX
from tokenworks.supply.metrics import EngineCounts
from tokenworks.telemetry import Meters, series

HOUR_NS = 3600 * 1_000_000_000

ReadEngine = Callable[[str, str], EngineCounts | None]  # (url, credential) -> counters, None when it does not answer


class LeakageRow(msgspec.Struct, frozen=True):
    """One deployment in one hour (`hour_ns` its start), or all the time since counting began (`hour_ns` 0).

    `ppm` = (engine − metered) / engine in parts per million, over prompt and completion tokens together. `resets`
    counts the engine's restarts that were seen. What runs across the end of an hour blurs the hour, not the sum.
    """

    deployment: str
    hour_ns: int
    engine_prompt: int
    engine_completion: int
    metered_prompt: int
    metered_completion: int
    resets: int = 0

    @property
    def ppm(self) -> int:
        engine = self.engine_prompt + self.engine_completion
        lost = engine - self.metered_prompt - self.metered_completion
        return lost * 1_000_000 // engine if engine else 0


class Seen(msgspec.Struct):
    """An engine's counters at the last look. Another `incarnation` (its address) is another start."""

    prompt: int
    completion: int
    incarnation: str
    resets: int = 0


class Kept(msgspec.Struct):
    """What outlives the process. `sums`: deployment -> hour_ns (as text) or "0" for all -> engine prompt, engine
    completion, metered prompt, metered completion."""

    cursors: dict[str, int] = {}
    engines: dict[str, Seen] = {}
    sums: dict[str, dict[str, list[int]]] = {}
    metered: Metered = msgspec.field(default_factory=Metered)


class LeakageBook:
    """Looks when told to; from any thread, one at a time. Raises OSError when journals or the file cannot be used."""

    def __init__(self, path: Path, disk: Disk, clock: Clock, read_engine: ReadEngine) -> None:
        self._path, self._disk, self._clock, self._read_engine = path, disk, clock, read_engine
        self._lock = Lock()
        self._kept, self._new = self._load()

    def look(self, endpoints: Sequence[Endpoint]) -> None:
        """Read the counters of these deployments, then the journals: what runs meanwhile is not metered yet."""
        with self._lock:
            for endpoint in endpoints:
                if endpoint.deployment.own and endpoint.deployment.enabled:
                    self._look_engine(endpoint)
            self._look_journals()
            self._forget_old()
            self._new = False
            self._save()

    def rows(self) -> list[LeakageRow]:
        """All deployments that have an engine, first the whole time, then each hour kept."""
        with self._lock:
            return [
                LeakageRow(deployment, int(hour), sums[0], sums[1], sums[2], sums[3], seen.resets if hour == "0" else 0)
                for deployment, seen in sorted(self._kept.engines.items())
                for hour, sums in sorted(self._kept.sums.get(deployment, {}).items(), key=lambda row: int(row[0]))
            ]

    def show(self, meters: Meters) -> None:
        """Puts the whole time's figure into the metrics."""
        for row in self.rows():
            if not row.hour_ns:
                meters.put(series("tokenworks_leakage_ppm", deployment=row.deployment), row.ppm)

    def _look_engine(self, endpoint: Endpoint) -> None:
        deployment, url = endpoint.deployment.id, endpoint.deployment.url
        counts = self._read_engine(url, endpoint.credential)
        if counts is None:
            return
        seen = self._kept.engines.get(deployment)
        if seen is None:
            seen = self._kept.engines[deployment] = self._first_sight(counts, url)
        reset = seen.incarnation != url or counts.prompt < seen.prompt or counts.completion < seen.completion
        before = (0, 0) if reset else (seen.prompt, seen.completion)
        self._add(deployment, self._clock.now_ns(), (counts.prompt - before[0], counts.completion - before[1], 0, 0))
        seen.resets += reset
        seen.prompt, seen.completion, seen.incarnation = counts.prompt, counts.completion, url

    def _first_sight(self, counts: EngineCounts, url: str) -> Seen:
        """An engine that came to us while we were counting is counted from its start, as its journals are."""
        return Seen(counts.prompt, counts.completion, url) if self._new else Seen(0, 0, url)

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
                        self._add(found.deployment, at_ns, (0, 0, found.prompt, found.completion))
                track.position = stretch.end
                if not stretch.full:
                    return track.position
        except FileNotFoundError:
            return position
        finally:
            track.close()

    def _add(self, deployment: str, at_ns: int, more: tuple[int, int, int, int]) -> None:
        hour = str(at_ns // HOUR_NS * HOUR_NS)
        table = self._kept.sums.setdefault(deployment, {})
        for key in ("0", hour):
            sums = table.setdefault(key, [0, 0, 0, 0])
            table[key] = [have + add for have, add in zip(sums, more, strict=True)]

    def _forget_old(self) -> None:
        least_ns = self._clock.now_ns() - LEAKAGE_HOURS_KEPT * HOUR_NS
        for table in self._kept.sums.values():
            for hour in [hour for hour in table if hour != "0" and int(hour) < least_ns]:
                del table[hour]

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
