"""A control process as a test wants it: real books in memory behind a real link, with moods that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tokenworks.clock import SystemClock
from tokenworks.credit.messages import (
    Answer,
    Ask,
    Bye,
    Facts,
    Hello,
    Offer,
    Owned,
    Recall,
    Renew,
    Renewed,
    ToControl,
    ToWorker,
    Whose,
    Written,
)
from tokenworks.credit.policy import Account, Change, Endpoint, Key, Snapshot
from tokenworks.credit.records import Record
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.gateway.policybook import _make_digest
from tokenworks.journal.disk import RealDisk
from tokenworks.journal.reader import SegmentReader
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.journal.shelf import list_segments
from tokenworks.ledger.audit import audit_books
from tokenworks.limits import LEASE_VALIDITY_S
from tokenworks.link.server import LinkServer, Peer
from tokenworks.store.memory.open import open_memory
from tokenworks.store.shapes import AccountRow, Batch, Funding
from tokenworks.tariff.card import Price, RateCard

PEPPER = b"pepper"
KEY = "tw_live_test"
UNIT = 10**9
CARD = RateCard("retail", 1, "CNY", 0, {"*": Price(input="1000", output="2000", cache_read="100")})
# so: 1,000,000 minor units per input token, 2,000,000 per output token
INPUT, OUTPUT = 10**6, 2 * 10**6
Mood = Literal["lend", "silent", "unreachable"]


class Books:
    """Owns the store, the link's other end, and the policy that workers get."""

    def __init__(self, state: Path) -> None:
        self.store = open_memory()
        self.state = state
        self.mood: Mood = "lend"
        self.asks: list[Ask] = []
        self.heard: list[ToControl] = []
        self.facts: list[Facts] = []
        self.peers: list[Peer] = []
        self.owners: dict[str, tuple[str, str]] = {}
        self.delay_s = 0.0
        self.on_ask: Callable[[Ask], None] = lambda ask: None
        self.version = 1
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, Key] = {}
        self.models: dict[str, Model] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.cards: list[RateCard] = [CARD]
        self.epoch = self.store.meta.facts().epoch
        self._link = LinkServer(state / "run" / "private.sock", self._take, self._gone)
        self._lots = 0
        self._positions: dict[str, int] = {}
        self.store.cards.add(CARD)

    async def start(self) -> None:
        await self._link.start()

    def stop(self) -> None:
        self._link.close()

    # --- the world ---

    def open_account(self, account: str = "acc", key: str = KEY, **extra: object) -> None:
        self.accounts[account] = Account(account, account, "CNY", "retail", **extra)  # type: ignore[arg-type]
        self.keys[key] = Key(_make_digest(PEPPER)(key.encode()), f"key-{account}", account)
        self.store.accounts.add(AccountRow(account, account, "CNY", "retail", created_at_ns=1))

    def fund(self, amount_minor: int, account: str = "acc", expires_at_ns: int = 0) -> str:
        """A new lot; workers are not told."""
        self._lots += 1
        lot = f"lot{self._lots}"
        self.store.books.fund(Funding(lot, account, "paid", amount_minor, self._lots, expires_at_ns, f"pay{lot}"))
        return lot

    def sell(self, deployment: Deployment, **model: object) -> None:
        values: dict[str, object] = {"context_tokens": 100_000, "output_tokens_max": 4096, **model}
        self.models[deployment.model] = Model(deployment.model, **values)  # type: ignore[arg-type]
        self.endpoints[deployment.id] = Endpoint(deployment, "upstream-secret")

    def snapshot(self) -> Snapshot:
        return Snapshot(self.version, self.epoch, PEPPER, tuple(self.accounts.values()), tuple(self.keys.values()),
                        tuple(self.models.values()), tuple(self.endpoints.values()), tuple(self.cards))

    def change(self, **rows: object) -> None:
        """An increment to all workers."""
        self.version += 1
        self.tell(Change(self.version - 1, self.version, **rows))  # type: ignore[arg-type]

    def tell(self, message: ToWorker) -> None:
        for peer in self.peers:
            peer.send(message)

    # --- the link ---

    def _take(self, peer: Peer, message: ToControl) -> None:
        self.heard.append(message)
        match message:
            case Hello():
                if peer not in self.peers:
                    self.peers.append(peer)
                if message.version != self.version:
                    peer.send(self.snapshot())
            case Ask():
                self.asks.append(message)
                self.on_ask(message)
                if self.delay_s:
                    asyncio.get_running_loop().call_later(self.delay_s, self._answer, peer, message)
                else:
                    self._answer(peer, message)
            case Renew():
                if self.mood == "lend":
                    leases = self.store.books.renew(peer.writer, message.leases, SystemClock().now_ns())
                    peer.send(Renewed(message.id, leases, LEASE_VALIDITY_S, self.epoch))
            case Whose():
                peer.send(Owned(message.id, tuple(self.owners.get(name, ("", "")) for name in message.objects)))
            case Facts():
                self.facts.append(message)
            case Written() | Bye():
                pass

    def _gone(self, peer: Peer) -> None:
        if peer in self.peers:
            self.peers.remove(peer)

    def _answer(self, peer: Peer, ask: Ask) -> None:
        if self.mood == "silent":
            return
        if self.mood == "unreachable":
            peer.send(Answer(ask.id, ask.account, books_reached=False))
            return
        lent = self.store.books.lend(peer.writer, ask, SystemClock().now_ns())
        peer.send(Answer(ask.id, ask.account, lent.grants, lent.available_minor))

    def offer(self, account: str = "acc", need_minor: int = 1) -> None:
        """What control does after a top-up: lends it to the first worker as an Offer."""
        ask = Ask(10**6 + len(self.heard), account, need_minor, "extend")
        lent = self.store.books.lend(self.peers[0].writer, ask, SystemClock().now_ns())
        self.peers[0].send(Offer(account, lent.grants))

    def recall(self, lot: str, amount_minor: int, hard: bool = False) -> None:
        self.tell(Recall(lot, amount_minor, hard))

    # --- the journal ---

    def records(self) -> list[Record]:
        """Everything that workers have written."""
        return [record for _, _, record in self._read()]

    def _read(self) -> list[tuple[str, int, Record]]:
        disk = RealDisk(self.state / "journal")
        found: list[tuple[str, int, Record]] = []
        for shelved in list_segments(disk):
            reader = SegmentReader(disk, shelved.name)
            position = reader.start
            while True:
                part = reader.take(position, 1000)
                found += [(shelved.writer, shelved.sequence << SEQUENCE_SHIFT | place, item)  # type: ignore[misc]
                          for place, item in part.items]
                if not part.items:
                    break
                position = part.end
            reader.close()
        return found

    def post(self, ended: bool = False) -> list[str]:
        """Posts what is new; alarms and the audit's findings. `ended`: no worker runs any more."""
        now_ns, alarms = SystemClock().now_ns(), []
        by_writer: dict[str, list[tuple[int, Record]]] = {}
        for writer, position, record in self._read():
            if position > self._positions.get(writer, 0):
                by_writer.setdefault(writer, []).append((position, record))
        for writer, items in by_writer.items():
            self.store.writers.greet(writer, now_ns)
            start, end = self._positions.get(writer, 0), items[-1][0]
            alarms += self.store.books.post(Batch(writer, "segment", start, end, items, now_ns)).alarms
            self._positions[writer] = end
        if ended:
            for writer, position in self._positions.items():
                alarms += self.store.books.end(writer, position, now_ns).alarms
        suspended = [f"suspense: {row.record.why}" for row in self.store.suspense.page().data]
        return [*alarms, *suspended, *audit_books(self.store.ledger.audit().books)]


