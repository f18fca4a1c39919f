"""Group commit: who waits is released by one flush, in the order of positions; a failed flush fails them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.journal.samples import new_writer, opened, records

from tokenworks.journal.disk import RealDisk
from tokenworks.journal.fake import FakeDisk
from tokenworks.journal.flusher import Flusher
from tokenworks.journal.segment import HEAD_BYTES
from tokenworks.journal.writer import JournalWriter
from tokenworks.limits import FLUSH_INTERVAL_MS


def drive(writer: JournalWriter, scenario: Callable[[Flusher], Awaitable[None]]) -> None:
    async def main() -> None:
        flusher = Flusher(writer, asyncio.get_running_loop())
        flusher.start()
        try:
            async with asyncio.timeout(10):
                await scenario(flusher)
        finally:
            flusher.stop()

    asyncio.run(main())


def test_synced_means_on_the_disk() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)

    async def scenario(flusher: Flusher) -> None:
        position = writer.append(opened(1))
        await flusher.synced(position)
        assert writer.synced >= position
        await flusher.synced(position)  # at once, the second time

    drive(writer, scenario)


def test_one_flush_serves_all_who_wait(tmp_path: Path) -> None:
    writer = new_writer(RealDisk(tmp_path), segment_bytes=1 << 20)
    flushes = []
    real_sync = writer.sync
    writer.sync = lambda: flushes.append(1) or real_sync()  # type: ignore[func-returns-value, method-assign]

    async def scenario(flusher: Flusher) -> None:
        positions = [writer.append(record) for record in records(500)]
        await asyncio.gather(*(flusher.synced(position) for position in positions))
        assert writer.synced >= positions[-1]

    drive(writer, scenario)
    assert 1 <= len(flushes) < 20


def test_nobody_waits_and_it_is_flushed_all_the_same() -> None:
    writer = new_writer(FakeDisk())

    async def scenario(flusher: Flusher) -> None:
        position = writer.append(opened(1))
        await asyncio.sleep(4 * FLUSH_INTERVAL_MS / 1000)
        assert writer.synced >= position

    drive(writer, scenario)


def test_a_failed_flush_fails_who_waits_and_ends_acceptance() -> None:
    disk = FakeDisk()
    writer = new_writer(disk)

    async def scenario(flusher: Flusher) -> None:
        disk.broken = True
        position = writer.append(opened(1))
        with pytest.raises(OSError, match="flush failed"):
            await flusher.synced(position)
        disk.broken = False  # what the failed flush should have saved cannot be known: no way back
        with pytest.raises(OSError, match="flush failed"):
            await flusher.synced(writer.append(opened(2)))
        assert not writer.accepting

    drive(writer, scenario)


def test_a_cancelled_waiter_is_passed_over() -> None:
    writer = new_writer(FakeDisk())

    async def scenario(flusher: Flusher) -> None:
        waiting = asyncio.create_task(flusher.synced(writer.append(opened(1))))
        await asyncio.sleep(0)
        waiting.cancel()
        await flusher.synced(writer.append(opened(2)))

    drive(writer, scenario)


def test_spares_are_made_ahead() -> None:
    """The event loop never makes a segment itself as long as the thread keeps up."""
    disk = FakeDisk()
    writer = new_writer(disk)

    async def scenario(flusher: Flusher) -> None:
        for record in records(3000):
            await flusher.synced(writer.append(record)) if record == opened(0) else writer.append(record)
            if writer._spare is None:
                flusher._wake.set()
                while writer._spare is None:
                    await asyncio.sleep(0.001)

    drive(writer, scenario)
    assert writer.position > 3 << 32
    assert writer.synced == writer.position, "stop flushes what is left"
    assert writer.position & 0xFFFFFFFF >= HEAD_BYTES
