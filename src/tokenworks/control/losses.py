"""What engines counted and what was metered of it, added up. Pure: who looks, reads and keeps it is leakage.py.

Both sides are counted from one beginning. An engine beside this host is counted from its start, as its journals are;
one that other hosts use too has worked for them before we saw it: it is counted from where it stands at first sight,
and what all hosts had metered by then (`bases`) is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from tokenworks.control.metered import Metered
from tokenworks.store.shapes import WorkSum
from tokenworks.supply.metrics import EngineCounts

HOUR_NS = 3600 * 1_000_000_000
ALL = "0"  # the hour of the whole time


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
    """An engine's counters at the last look. Another `incarnation` (its address) is another start. `shared`: other
    hosts' work is in them."""

    prompt: int
    completion: int
    incarnation: str
    resets: int = 0
    shared: bool = False


class Sight(NamedTuple):
    """One look at one engine."""

    deployment: str
    url: str
    shared: bool
    counts: EngineCounts


Table = dict[str, dict[str, list[int]]]  # deployment -> hour_ns as text, or ALL -> counts


class Kept(msgspec.Struct):
    """What outlives the process. `sums`: engine prompt, engine completion, and prompt and completion that this host
    metered. `others`: prompt and completion that other hosts metered, as heard last. `bases`: what of both was before
    the beginning. `joined`: what this host had put into the books before it kept anything is among its sums."""

    cursors: dict[str, int] = {}
    engines: dict[str, Seen] = {}
    sums: Table = {}
    metered: Metered = msgspec.field(default_factory=Metered)
    others: Table = {}
    bases: Table = {}
    joined: bool = False

    def add(self, deployment: str, at_ns: int, more: tuple[int, int, int, int]) -> None:
        """Into its hour and the whole time."""
        table = self.sums.setdefault(deployment, {})
        for key in (ALL, str(at_ns // HOUR_NS * HOUR_NS)):
            have = table.get(key, (0, 0, 0, 0))
            table[key] = [count + add for count, add in zip(have, more, strict=True)]

    def see(self, sight: Sight, now_ns: int, new: bool) -> None:
        """Count what the engine did since the last look. `new`: nothing was kept before this one."""
        name, counts = sight.deployment, sight.counts
        seen = self.engines.get(name)
        if seen is None or seen.shared != sight.shared:
            seen = self.engines[name] = self._begin(sight, new or seen is not None)
        moved = seen.incarnation != sight.url
        back = counts.prompt < seen.prompt or counts.completion < seen.completion
        before = (seen.prompt, seen.completion)
        if moved or back:  # a server elsewhere that others use too has a history that is not ours
            before = (counts.prompt, counts.completion) if moved and sight.shared else (0, 0)
            seen.resets += 1
        self.add(name, now_ns, (counts.prompt - before[0], counts.completion - before[1], 0, 0))
        seen.prompt, seen.completion, seen.incarnation = counts.prompt, counts.completion, sight.url

    def join(self, own: Iterable[WorkSum]) -> None:
        """Once: what this host put into the books before it lost what it kept goes on from there."""
        if self.joined:
            return
        self.joined = True
        for row in own:
            sums = self.sums.setdefault(row.deployment, {}).setdefault(str(row.hour_ns), [0, 0, 0, 0])
            sums[2] += row.prompt
            sums[3] += row.completion

    def hear(self, others: Iterable[WorkSum]) -> None:
        """What other hosts have metered by now."""
        self.others = {}
        for row in others:
            self.others.setdefault(row.deployment, {})[str(row.hour_ns)] = [row.prompt, row.completion]

    def news(self, deployments: Collection[str], own: Iterable[WorkSum]) -> list[WorkSum]:
        """What this host metered at these deployments and the books do not have."""
        have = {(row.deployment, row.hour_ns): (row.prompt, row.completion) for row in own}
        return [WorkSum(name, int(hour), *sums[2:]) for name in sorted(deployments)
                for hour, sums in self.sums.get(name, {}).items()
                if tuple(sums[2:]) != have.get((name, int(hour)), (0, 0))]

    def rows(self) -> list[LeakageRow]:
        """All deployments that have an engine, first the whole time, then each hour kept."""
        return [self._row(name, hour, seen) for name, seen in sorted(self.engines.items())
                for hour in sorted(self.sums.get(name, ()), key=int)]

    def forget(self, least_ns: int) -> None:
        """Drop the hours that began before."""
        for tables in (self.sums, self.bases):
            for table in tables.values():
                for hour in [hour for hour in table if hour != ALL and int(hour) < least_ns]:
                    del table[hour]

    def _row(self, name: str, hour: str, seen: Seen) -> LeakageRow:
        engine, metered = self.sums[name][hour], self._metered(name, hour, seen.shared)
        return LeakageRow(name, int(hour), engine[0], engine[1], metered[0], metered[1],
                          seen.resets if hour == ALL else 0)

    def _begin(self, sight: Sight, here: bool) -> Seen:
        """`here`: from where it stands now, not from its start."""
        name = sight.deployment
        if not here and not sight.shared:
            return Seen(0, 0, sight.url)
        self.bases.pop(name, None)
        table = self.sums.setdefault(name, {})
        for hour in table:
            table[hour][:2] = [0, 0]
        hours = {*table, *(self.others.get(name, ()) if sight.shared else ())}
        self.bases[name] = {hour: self._metered(name, hour, sight.shared) for hour in hours}
        return Seen(sight.counts.prompt, sight.counts.completion, sight.url, shared=sight.shared)

    def _metered(self, deployment: str, hour: str, shared: bool) -> list[int]:
        """Prompt and completion tokens metered since the beginning, by all who use the engine."""
        own = self.sums.get(deployment, {}).get(hour, (0, 0, 0, 0))[2:]
        others = self.others.get(deployment, {}).get(hour, (0, 0)) if shared else (0, 0)
        base = self.bases.get(deployment, {}).get(hour, (0, 0))
        return [own[place] + others[place] - base[place] for place in (0, 1)]
