"""What a worker says of itself: that its loop stood still is seen, and forgotten again."""

from __future__ import annotations

import asyncio
import time

from tokenworks.clock import FakeClock, SystemClock
from tokenworks.gateway.facts import StallMeter


def test_pause_is_seen() -> None:
    async def main() -> None:
        meter = StallMeter(asyncio.get_running_loop(), SystemClock(), {1})
        meter.start()
        await asyncio.sleep(0.03)
        time.sleep(0.08)  # whoever works on the loop for so long makes everybody wait
        await asyncio.sleep(0.03)
        assert meter.worst_us >= 60_000
        meter.stop()

    asyncio.run(main())


def test_pause_is_forgotten() -> None:
    """After a minute, and not before half of one is over."""

    async def main() -> None:
        clock, loop = FakeClock(0), asyncio.get_running_loop()
        meter = StallMeter(loop, clock, {1})
        meter.start()

        async def wait(seconds: int) -> None:
            clock.advance(seconds * 1_000_000_000)
            await asyncio.sleep(0.015)

        await wait(2)
        assert meter.worst_us == 1_990_000
        for _ in range(3):
            await wait(1)
        assert meter.worst_us == 1_990_000
        for _ in range(60):
            await wait(1)
        assert meter.worst_us == 990_000
        meter.stop()

    asyncio.run(main())
