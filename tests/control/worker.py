"""A gateway worker reduced to what control meets: a journal, a link, purses, and requests that cost what we say.

In the test's own loop, or as a process of its own (`python -m tests.control.worker STATE WRITER ACCOUNT COST`) that
sells until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tokenworks.clock import SystemClock, SystemDice, mint_id
from tokenworks.credit.hold import Hold
from tokenworks.credit.messages import (
    Answer,
    Ask,
    Bye,
    Hello,
    LeaseGrant,
    Offer,
    Recall,
    Renew,
    ToWorker,
    Written,
)
from tokenworks.credit.policy import Change, Snapshot
from tokenworks.credit.purse import Purse, Short
from tokenworks.credit.records import Closed, Opened, Progressed, Released
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.writer import JournalWriter
from tokenworks.link.client import LinkClient
from tokenworks.usage.vector import Usage

SEGMENT = 256 * 1024
CLOCK, DICE = SystemClock(), SystemDice()


class Worker:
    """Start inside the loop. `heard` has every message; `gives` False makes it deaf to recalls."""

    def __init__(self, state_dir: Path, writer: str, tells: bool = True) -> None:
        self.writer, self.tells, self.gives = writer, tells, True
        self.disk = RealDisk(state_dir / "journal")
        self.journal = JournalWriter(self.disk, writer, CLOCK, DICE, SEGMENT)
        self.purses: dict[str, Purse] = {}
        self.lots: dict[str, str] = {}
        self.heard: list[ToWorker] = []
        self.recalls = 0
        self.version = self.epoch = 0
        self.link = LinkClient(str(state_dir / "run" / "private.sock"), self.hello, self.take, self.linked)
        self._asks = count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._offered = asyncio.Event()

    def hello(self) -> Hello:
        self.recalls = 0
        granted = {lease: amount for purse in self.purses.values() for lease, amount in purse.granted.items()}
        return Hello(self.writer, os.getpid(), self.version, granted if self.tells else None, self.epoch)

    def linked(self, up: bool) -> None:
        for waiter in self._waiting.values() if not up else ():
            if not waiter.done():
                waiter.set_result(Answer(0, "", books_reached=False))

    def purse(self, account: str) -> Purse:
        return self.purses.setdefault(account, Purse(account, self.epoch))

    def take(self, message: ToWorker) -> None:
        self.heard.append(message)
        match message:
            case Snapshot() | Change():
                self.version = message.version
                self.epoch = getattr(message, "books_epoch", self.epoch)
                for purse in self.purses.values():
                    purse.adopt_epoch(self.epoch)
            case Answer():
                self.keep(message.grants)
                if not message.pending and (waiter := self._waiting.pop(message.id, None)) and not waiter.done():
                    waiter.set_result(message)
            case Offer():
                self.keep(message.grants)
                self._offered.set()
            case Recall():
                self.recalls += 1
                if self.gives:
                    self.give(message)

    def keep(self, grants: tuple[LeaseGrant, ...]) -> None:
        for grant in grants:
            self.epoch = max(self.epoch, grant.books_epoch)
            self.lots[grant.lot] = grant.account
            self.purse(grant.account).grant(grant, CLOCK.mono_ns())

    def give(self, recall: Recall) -> None:
        account = self.lots.get(recall.lot, "")
        records: list[Released] = []
        if account:
            records = self.purse(account).give_back(recall.lot, recall.amount_minor, recall.hard, CLOCK.now_ns())
        for record in records:
            self.write(record)
        self.link.send(Written(self.writer, self.journal.position, self.recalls))

    def write(self, record: Opened | Progressed | Closed | Released) -> int:
        if self.journal._spare is None:
            self.journal.prepare()
        return self.journal.append(record)

    # --- asking ---

    async def ask(self, account: str, need: int, kind: str = "cut", wait_s: float = 5) -> Answer:
        """The final answer; "not reached" when the link is away."""
        ident = next(self._asks)
        waiter = self._waiting[ident] = asyncio.get_running_loop().create_future()
        if not self.link.send(Ask(ident, account, need, kind)):  # type: ignore[arg-type]
            return Answer(ident, account, books_reached=False)
        return await asyncio.wait_for(waiter, wait_s)

    async def cut(self, account: str, need: int) -> Hold | None:
        """As the gateway does: from the purse, else ask, and ask again while the books say that there is enough."""
        while isinstance(found := self.purse(account).cut(need, 0, CLOCK.mono_ns()), Short):
            answer = await self.ask(account, found.missing_minor)
            if not answer.grants and isinstance(self.purse(account).cut(need, 0, CLOCK.mono_ns()), Short):
                return None
        return found

    async def offered(self, wait_s: float = 5) -> None:
        await asyncio.wait_for(self._offered.wait(), wait_s)
        self._offered.clear()

    # --- requests ---

    def open(self, account: str, hold: Hold, crash: str = "bill") -> str:
        request = mint_id("req", CLOCK, DICE)
        self.write(Opened(request, account, "key", CLOCK.now_ns(), "chat", "tiny", "dep", "CNY", "std@1", True,
                          hold.held_minor, crash))  # type: ignore[arg-type]
        return request

    def progress(self, account: str, request: str, hold: Hold, rated: int) -> None:
        parts = self.purse(account).parts(hold, rated)
        self.write(Progressed(request, CLOCK.now_ns(), Usage(output=rated), "progress", rated, parts))

    def close(self, account: str, request: str, hold: Hold, charge: int) -> int:
        parts, charged, overrun = self.purse(account).settle(hold, charge, CLOCK.mono_ns())
        return self.write(Closed(
            request, CLOCK.now_ns(), "ok", "", Usage(input=5, output=charge), "reported", charge, charged, 0, overrun,
            charge, parts, deployment="dep", objects=(f"resp_{request}",)))

    async def sell(self, account: str, cost: int) -> bool:
        hold = await self.cut(account, cost)
        if hold is None:
            return False
        request = self.open(account, hold)
        await asyncio.sleep(0)
        self.close(account, request, hold, cost)
        return True

    def renew(self, leases: tuple[str, ...]) -> None:
        self.link.send(Renew(next(self._asks), leases))

    def leave(self) -> None:
        """A clean end: everything goes back."""
        for lot, account in self.lots.items():
            for record in self.purse(account).give_back(lot, 2**62, True, CLOCK.now_ns()):
                self.write(record)
        position = self.journal.close()
        self.link.send(Bye(self.writer, position))
        self.link.close()


async def until(check: Callable[[], object], wait_s: float = 10) -> None:
    async with asyncio.timeout(wait_s):
        while not check():
            await asyncio.sleep(0.005)


async def sell_on(state_dir: Path, writer: str, account: str, cost: int) -> None:
    """What the process does: sells as fast as it can, with some requests always open; prints what was closed."""
    worker = Worker(state_dir, writer)
    worker.link.start()
    await until(lambda: worker.version)
    print("ready", flush=True)
    opened: list[tuple[str, Hold]] = []
    for number in count():
        hold = await worker.cut(account, cost)
        if hold is None:
            await asyncio.sleep(0.01)
            continue
        opened.append((worker.open(account, hold), hold))
        worker.progress(account, *opened[-1], cost // 2)
        if len(opened) > 3:
            worker.close(account, *opened.pop(0), cost)
            print(number, flush=True)
        if number % 16 == 0:
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(sell_on(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
