"""Opens a store that lives in memory only."""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice
from tokenworks.store.memory.books import MemoryBooks
from tokenworks.store.memory.meta import MemoryMeta
from tokenworks.store.memory.metering import MemoryMetering
from tokenworks.store.memory.policy import MemoryPolicy, Shelves
from tokenworks.store.memory.reads import MemoryLedger, MemoryRequests
from tokenworks.store.memory.state import State
from tokenworks.store.memory.trail import MemoryScribe, MemoryTrail
from tokenworks.store.memory.writers import MemorySuspense, MemoryWriters
from tokenworks.store.ports import Store
from tokenworks.store.trail import Actor


def _no_faults(verb: str) -> None:
    """Nothing goes wrong."""


def open_memory(clock: Clock | None = None, dice: Dice | None = None,
                faults: Callable[[str], None] = _no_faults) -> Store:
    """A new, empty store. `faults(verb)` is called before a verb does anything and, as "<verb> done", after it did."""
    dice, clock = dice or SystemDice(), clock or SystemClock()
    state = State(dice.draw(32), clock.now_ns(), faults)
    return _assemble(state, (clock, dice), Shelves(state), None)


def _assemble(state: State, chance: tuple[Clock, Dice], shelves: Shelves, actor: Actor | None) -> Store:
    scribe = MemoryScribe(state, actor)

    def acting(actor: Actor) -> Store:
        return _assemble(state, chance, shelves, actor)

    return Store(
        books=MemoryBooks(state, shelves.accounts, shelves.cards, scribe), writers=MemoryWriters(state, scribe),
        suspense=MemorySuspense(state, scribe),
        **{name: shelf.acting(scribe) for name, shelf in shelves.all().items()}, policy=MemoryPolicy(state, shelves),
        requests=MemoryRequests(state), ledger=MemoryLedger(state, shelves.accounts),
        metering=MemoryMetering(state), meta=MemoryMeta(state, *chance, scribe), trail=MemoryTrail(state),
        bell=state.bell, close=state.bell.close, acting=acting)
