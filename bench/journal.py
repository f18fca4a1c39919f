"""What one journal record costs in both durability modes: the append alone, and until it is on the disk."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop

from tokenworks.clock import SystemClock, SystemDice
from tokenworks.credit.records import Closed, Part
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.flusher import Flusher
from tokenworks.journal.writer import JournalWriter
from tokenworks.usage.vector import Usage

RECORDS = 20_000
WAITERS = 16
DURABLE = 2_000


def measure() -> dict[str, dict[str, float]]:
    """Microseconds per mode: p50, p99, max."""
    return {"process": uvloop.run(_appends()), "disk": uvloop.run(_durable())}


def _record(number: int) -> Closed:
    return Closed(f"req_{number:026d}", time.time_ns(), "ok", "", Usage(input=120, output=20), "reported", 800_000,
                  800_000, 0, 0, 800_000, (Part(0, "lot_01h", "lse_01h", 800_000),),
                  raw=b'{"prompt_tokens":120,"completion_tokens":20,"total_tokens":140}')


async def _appends() -> dict[str, float]:
    """A record now and then, as requests end, with the flusher at its work."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        writer, flusher = _open(folder)
        spans = []
        for number in range(RECORDS):
            record = _record(number)
            began = time.perf_counter_ns()
            writer.append(record)
            spans.append(time.perf_counter_ns() - began)
            if number % 10 == 0:
                await asyncio.sleep(0.0005)
        flusher.stop()
        return _shown(spans)


async def _durable() -> dict[str, float]:
    """As many wait for the disk at once as a busy worker has requests that end together."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        writer, flusher = _open(folder)
        spans: list[int] = []

        async def wait(count: int) -> None:
            for number in range(count):
                record = _record(number)
                began = time.perf_counter_ns()
                await flusher.synced(writer.append(record))
                spans.append(time.perf_counter_ns() - began)

        await asyncio.gather(*(wait(DURABLE // WAITERS) for _ in range(WAITERS)))
        flusher.stop()
        return _shown(spans)


def _open(folder: str) -> tuple[JournalWriter, Flusher]:
    writer = JournalWriter(RealDisk(Path(folder)), "bench/0/1", SystemClock(), SystemDice())
    flusher = Flusher(writer, asyncio.get_running_loop())
    flusher.start()
    return writer, flusher


def _shown(spans: list[int]) -> dict[str, float]:
    ordered = sorted(spans)
    return {"p50_us": median(ordered) / 1000, "p99_us": ordered[len(ordered) * 99 // 100] / 1000,
            "max_us": ordered[-1] / 1000}
