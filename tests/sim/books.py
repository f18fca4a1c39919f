"""The books of a day: the real store in memory, which fails as databases do, and may go back in time."""

from __future__ import annotations

from copy import copy
from typing import Any

from tests.sim.loop import Killed
from tests.sim.machine import SeededDice

from tokenworks.credit.rows import Damage
from tokenworks.errors import BooksUnreachable
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.gateway.policybook import _make_digest
from tokenworks.journal.segment import SEQUENCE_SHIFT
from tokenworks.store.memory.open import open_memory
from tokenworks.store.shapes import AccountRow, Batch, KeyRow, Posted
from tokenworks.tariff.card import Price, RateCard

FEE, INPUT, OUTPUT = 1_000, 2_000, 8_000  # what anything costs, in the unit's smallest parts: per request, per token
CARD = RateCard("std", 1, "CNY", 0, {"*": Price(input="2", output="8", request="0.000001")})
KEPT = ("lots", "wallets", "leases", "live", "asks", "writers", "requests", "running", "charges", "attempts", "entries",
        "objects", "suspense")  # of the store's State, what a copy of the database has; policy does not change
DEPLOYMENTS = (
    Deployment("vllm", "m", "http://vllm.sim", "m", "vllm", ("chat",), progress="exact", hangup="drain"),
    Deployment("bought", "m", "http://bought.sim", "m", "openai", ("chat",), hangup="cancel", failure="waive"),
    Deployment("blind", "m", "http://blind.sim", "m", "openai", ("chat",), progress="blind", hangup="waive"),
)


class Copy:
    """The database as it was once."""

    def __init__(self, state: Any) -> None:
        self.epoch = state.epoch
        self.tables = {name: {key: _copy(value) for key, value in getattr(state, name).items()} for name in KEPT}


def _copy(value: Any) -> Any:
    return copy(value) if isinstance(value, list | set) else value  # rows are replaced, never changed


class SimBooks:
    """`store` goes to the control processes. `moved` says that something was written since it was last asked."""

    def __init__(self, day: Any) -> None:
        self.day = day
        store = open_memory(day.time.clock, SeededDice(day.time.random), self._meet)
        self.state: Any = store.books._state  # type: ignore[attr-defined]
        self.store = store._replace(books=Watched(store.books, self))
        self.moved = False
        self.unraised = False  # restored, and nobody has raised the epoch yet
        self.copies: list[Copy] = []

    def found(self, accounts: dict[str, str]) -> None:
        """A card, a model, its deployments; an account for each name, with what a crash costs it."""
        store, at_ns = self.store, self.day.time.clock.now_ns()
        store.cards.add(CARD)
        store.models.add(Model("m", 8192, 2048, tokenizer="sim" if self.day.counter.counts else ""))
        for deployment in DEPLOYMENTS:
            store.deployments.add(deployment)
        digest = _make_digest(store.meta.facts().pepper)
        for name, crash in accounts.items():
            store.accounts.add(AccountRow(name, name, "CNY", "std", crash=crash, created_at_ns=at_ns))  # type: ignore[arg-type]
            store.keys.add(KeyRow(f"key_{name}", digest(name.encode()), name, created_at_ns=at_ns))

    def _meet(self, verb: str) -> None:
        """Called by the store at each verb, before it does anything and after it did ("<verb> done")."""
        self.moved = True
        day, process = self.day, self.day.time.owner
        if process is None:
            return
        done = verb.endswith(" done")
        if process.host.cut_off and not done:
            raise BooksUnreachable(f"{process.host.name} is cut off from the books")
        if not day.chaos:
            return
        if day.time.chance(day.rates["books_lost"]):
            day.count("answer of the books lost" if done else "books not reached")
            raise BooksUnreachable(f"{verb}: the connection broke")
        if day.time.chance(day.rates["books_death"]):
            raise Killed(process, f"in the books' {verb}")

    def back_up(self) -> None:
        self.copies = [*self.copies[-1:], Copy(self.state)]

    def restore(self, old: Copy) -> None:
        """The database is an earlier one, from one moment to the next."""
        for name, table in old.tables.items():
            setattr(self.state, name, {key: _copy(value) for key, value in table.items()})
        self.unraised = True
        self.state.epoch = self.day.restored_epoch = old.epoch
        self.moved = True


class Watched:
    """ports.Books under the world's eyes."""

    def __init__(self, books: Any, owner: SimBooks) -> None:
        self._books, self._owner = books, owner
        self.lend, self.renew = books.lend, books.renew
        self.fund, self.withdraw = books.fund, books.withdraw

    def post(self, batch: Batch) -> Posted:
        day = self._owner.day
        check_durable(day, batch)
        before = self._position(batch.writer)
        try:
            posted: Posted = self._books.post(batch)
        finally:
            if self._position(batch.writer) != before:
                day.posted(batch.writer, self._position(batch.writer))
                day.lives[batch.writer].booked.update(
                    position for position, item in batch.items if not isinstance(item, Damage))
        day.alarmed(posted.alarms)
        return posted

    def end(self, writer: str, position: int, now_ns: int, shard: str = "0") -> Posted:
        posted: Posted = self._books.end(writer, position, now_ns, shard)
        self._owner.day.alarmed(posted.alarms)
        return posted

    def _position(self, writer: str) -> int:
        row = self._owner.state.writers.get(writer)
        return row.position if row is not None else 0


def check_durable(day: Any, batch: Batch) -> None:
    """Only bytes that a power loss cannot take are posted (but where the disk itself has lied)."""
    disk = day.hosts[batch.writer.partition("/")[0]].disk
    inode = disk.files.get(batch.segment)
    if inode is None or disk.lying or day.lied:
        return
    end = batch.items[-1][0] if batch.items else 0
    size = end & ((1 << SEQUENCE_SHIFT) - 1)
    if inode.kept[:size] != bytes(inode.seen[:size]):
        day.time.fail(f"{batch.segment} was posted up to {size} before all of that was on the disk")
