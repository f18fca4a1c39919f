"""What a process of the crowd does: many gateways of one host ask for credit, sell, post and give back, all at once.

Run in processes of their own by test_crowd.py.
"""

from __future__ import annotations

import random
import time
from threading import Thread

from tests.store.samples import CENT, NOW, closed, opened, released

from tokenworks.credit.messages import Ask, LeaseGrant
from tokenworks.credit.records import Part, Record
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store
from tokenworks.store.shapes import Batch


def sell_together(url: str, host: str, writers: int, rounds: int) -> None:
    """`writers` threads over one store; raises what any of them raised."""
    store = open_store(url)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        try:
            Seller(store, f"{host}/{number}/1").sell(rounds)
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    if raised:
        raise raised[0]


def post_forever(url: str, writer: str) -> None:
    """Posts one batch after the other until it is killed."""
    seller = Seller(open_store(url), writer)
    seller.position = {row.writer: row.position for row in seller.store.writers.roster()}.get(writer, 0)
    seller.asked = time.time_ns()
    while True:
        seller.sell_round()


def migrate(url: str) -> None:
    """Opens and closes the store."""
    open_store(url).close()


class Seller:
    """A gateway: never spends more of a lease than it was granted."""

    def __init__(self, store: Store, writer: str) -> None:
        self.store, self.writer = store, writer
        self.dice = random.Random(writer)
        self.position = self.asked = 0
        self.free: dict[str, int] = {}
        self.grants: dict[str, LeaseGrant] = {}

    def sell(self, rounds: int) -> None:
        """So many rounds; then its journal ends."""
        for _ in range(rounds):
            self.sell_round()
        self.store.books.end(self.writer, self.position, NOW)

    def sell_round(self) -> None:
        """Ask for credit, and post a batch of sales and a return."""
        self.asked += 1
        kind = self.dice.choice(("cut", "extend"))
        lent = self.store.books.lend(self.writer, Ask(self.asked, "acc", self.dice.randrange(4 * CENT), kind), NOW)
        for grant in lent.grants:
            self.grants[grant.lease] = grant
            self.free[grant.lease] = self.free.get(grant.lease, 0) + grant.amount_minor
        records: list[Record] = []
        for lease, grant in self.grants.items():
            records += self._spend(lease, grant)
        items = [(self.position + number, record) for number, record in enumerate(records, 1)]
        end = self.position + len(items) + 1
        self.store.books.post(Batch(self.writer, f"{self.writer}.twj", self.position, end, items, NOW, self.writer))
        self.position = end

    def _spend(self, lease: str, grant: LeaseGrant) -> list[Record]:
        records: list[Record] = []
        for number in range(self.dice.randrange(4)):
            amount = self.dice.randrange(self.free[lease] // 2 + 1)
            request = f"req_{self.writer}_{self.asked}_{lease}_{number}"
            self.free[lease] -= amount
            parts = [Part(0, grant.lot, lease, amount)] if amount else []
            records += [opened(request), closed(request, parts)]
        if self.free[lease] > CENT:
            back = self.dice.randrange(1, self.free[lease])
            self.free[lease] -= back
            records.append(released(grant, back))
        return records
