"""Opens a store that lives in memory only."""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice
from tokenworks.store.memory.books import MemoryBooks
from tokenworks.store.memory.meta import MemoryMeta
from tokenworks.store.memory.policy import MemoryPolicy, Shelves
from tokenworks.store.memory.reads import MemoryLedger, MemoryRequests
from tokenworks.store.memory.state import State
from tokenworks.store.memory.writers import MemorySuspense, MemoryWriters
from tokenworks.store.ports import Store


def _no_faults(verb: str) -> None:
    """Nothing goes wrong."""


def open_memory(clock: Clock | None = None, dice: Dice | None = None,
                faults: Callable[[str], None] = _no_faults) -> Store:
    """A new, empty store. `faults(verb)` is called before a verb does anything and, as "<verb> done", after it did."""
    dice, clock = dice or SystemDice(), clock or SystemClock()
    state = State(dice.draw(32), clock.now_ns(), faults)
    shelves = Shelves(state)
    return Store(
        books=MemoryBooks(state, shelves.accounts, shelves.cards), writers=MemoryWriters(state),
        suspense=MemorySuspense(state), **shelves.all(), policy=MemoryPolicy(state, shelves),
        requests=MemoryRequests(state), ledger=MemoryLedger(state, shelves.accounts), meta=MemoryMeta(state, dice),
        bell=state.bell, close=state.bell.close)
