"""What an operation works with: the store, the secrets it may resolve, and the time and dice of this one call.

A call that carries an Idempotency-Key gets a desk whose time and dice come from the claim of that key, so that it mints
the same ids when it is run again after a crash: the store then finds its work done, and money moves once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from tokenworks.clock import Clock, Dice, FakeClock, mint_id
from tokenworks.errors import Conflict
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Shelf, Store
from tokenworks.store.shapes import Kept
from tokenworks.store.trail import Actor

T = TypeVar("T")
NEVER = -1  # a version that nothing has: what is to be at version 0 must not be there yet


class Health(NamedTuple):
    """How a deployment answers this host: up, failing, down or unusable; `why` where it is known."""

    state: str
    why: str = ""


class Heard(NamedTuple):
    """What a gateway worker of this host last said: requests running now, clients connected."""

    running: int
    connections: int


class Desk(NamedTuple):
    """`dice` makes ids, `secret_dice` what nobody may guess or derive. `forget` tells control of a host given up.

    `health` is what this host knows of its deployments now, and `heard` of its gateways: what stands in no books.
    `actor` is who sits at it; None: nobody of whom the audit trail could tell.
    """

    store: Store
    secrets: SecretBook
    clock: Clock
    dice: Dice
    secret_dice: Dice
    forget: Callable[[str], None] = lambda host: None
    health: Callable[[], Mapping[str, Health]] = dict
    heard: Callable[[], Mapping[str, Heard]] = dict
    actor: Actor | None = None

    def mint(self, prefix: str) -> str:
        """A new id of this call."""
        return mint_id(prefix, self.clock, self.dice)

    def acting(self, actor: Actor) -> Desk:
        """The desk with `actor` at it: what is changed from here stands in the audit trail under his name."""
        return self._replace(actor=actor, store=self.store.acting(actor))

    def step(self, action: str = "", detail: str = "") -> Desk:
        """The desk for one step of what its actor does: another operation, or with a remark."""
        if self.actor is None:
            return self
        return self.acting(msgspec.structs.replace(
            self.actor, action=action or self.actor.action, detail=detail or self.actor.detail,
            at_ns=self.clock.now_ns()))

    def repeat(self, at_ns: int, seed: bytes) -> Desk:
        """The desk of a call that may be run again: its ids depend on the claim alone."""
        return self._replace(clock=FakeClock(at_ns), dice=SeededDice(seed))


def add_once(shelf: Shelf[T], row: T, identity: str) -> int:
    """Adds a row, and takes the same row added before for done; the version. Raises Conflict for another one."""
    try:
        return shelf.add(row)
    except Conflict:
        kept = shelf.get(identity)
        if kept.row != row:
            raise
        return kept.version


def pick_version(kept: Kept[T], if_version: int | None) -> int:
    """The version that a change is meant for: the caller's, or the one just read, so that no change is lost."""
    return kept.version if if_version is None else if_version or NEVER


class SeededDice:
    """A seed of real randomness stretched by hashing: the same seed gives the same bytes."""

    def __init__(self, seed: bytes) -> None:
        self._seed, self._drawn = seed, 0

    def draw(self, size: int) -> bytes:
        """`size` bytes (at most 64), others at every call."""
        self._drawn += 1
        return blake2b(self._drawn.to_bytes(8, "big"), key=self._seed, digest_size=size).digest()
