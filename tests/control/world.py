"""A control process's works in the test's own loop, over a real store, a real socket and real journals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.control.worker import CLOCK, Worker, until

from tokenworks.control.works import Works, WorksParts
from tokenworks.ledger.audit import audit_books
from tokenworks.ledger.lots import Lot
from tokenworks.link.server import LinkServer, Peer
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Store
from tokenworks.store.shapes import AccountRow, Funding
from tokenworks.tariff.card import Price, RateCard

HOST = "aaaa"


class World:
    """One host: its works, its link, its workers. `fund` tops the account `acc` up."""

    def __init__(self, store: Store, state_dir: Path, host: str = HOST) -> None:
        self.store, self.state_dir, self.host = store, state_dir, host
        (state_dir / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        self.failed: list[bool] = []
        self.workers: list[Worker] = []
        self.link = LinkServer(state_dir / "run" / "private.sock", self._take, self._lose)
        self.works = Works(WorksParts(
            store=store, link=self.link, clock=CLOCK, host=host, state_dir=state_dir, secrets=SecretBook({}),
            read_engine=lambda url, credential: None, fail=lambda: self.failed.append(True)))

    def _take(self, peer: Peer, message: object) -> None:
        self.works.courier.take(peer, message)  # type: ignore[arg-type]

    def _lose(self, peer: Peer) -> None:
        self.works.courier.lose(peer)

    async def start(self) -> None:
        await self.link.start()
        await self.works.start()

    async def stop(self) -> None:
        for worker in self.workers:
            worker.link.close()
        self.link.close()
        await self.works.stop()
        assert not self.failed

    async def worker(self, number: int = 0, epoch: int = 0, tells: bool = True) -> Worker:
        worker = Worker(self.state_dir, f"{self.host}/{number}/{1_790_000_000_000 + epoch}", tells)
        self.workers.append(worker)
        worker.link.start()
        await until(lambda: worker.version)
        return worker

    def lot(self, account: str = "acc") -> Lot:
        return self.store.ledger.lots(account).data[0]

    async def posted(self, worker: Worker) -> None:
        """Everything that stands in the worker's journal is in the books."""
        await self.works.poster.round()
        rows = {row.writer: row for row in self.store.writers.roster()}
        assert rows[worker.writer].position >= worker.journal.position


def found(store: Store, amount_minor: int, accounts: tuple[str, ...] = ("acc",)) -> None:
    """Accounts with a card by which one output token costs 1, and one lot each, if there is an amount."""
    store.cards.add(RateCard("std", 1, "CNY", 0, {"*": Price(output="0.001")}))
    for account in accounts:
        store.accounts.add(AccountRow(account, account, "CNY", "std", created_at_ns=CLOCK.now_ns()))
        if amount_minor:
            fund(store, amount_minor, account)


def fund(store: Store, amount_minor: int, account: str = "acc", number: int = 0) -> None:
    store.books.fund(Funding(f"lot_{account}_{number}", account, "paid", amount_minor, CLOCK.now_ns()))


def drive(scenario: Callable[[], Awaitable[None]], limit_s: float = 30) -> None:
    async def main() -> None:
        async with asyncio.timeout(limit_s):
            await scenario()

    asyncio.run(main())


def run_world(store: Store, state_dir: Path, scenario: Callable[[World], Awaitable[None]]) -> None:
    """One host from its start to its end, around `scenario`."""

    async def main() -> None:
        world = World(store, state_dir)
        await world.start()
        try:
            await scenario(world)
        finally:
            await world.stop()

    drive(main)


def check_books(store: Store) -> None:
    """The audit finds nothing."""
    assert audit_books(store.ledger.audit().books) == []
