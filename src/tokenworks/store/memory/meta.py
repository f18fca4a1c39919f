"""The books about themselves, in memory."""

from __future__ import annotations

import msgspec

from tokenworks.clock import Clock, Dice
from tokenworks.limits import IDEMPOTENCY_KEEP_S
from tokenworks.store.memory.state import State
from tokenworks.store.memory.trail import MemoryScribe
from tokenworks.store.meta import SEED_BYTES, next_epoch
from tokenworks.store.shapes import BooksFacts, Claim


class MemoryMeta:
    """ports.Meta."""

    def __init__(self, state: State, clock: Clock, dice: Dice, scribe: MemoryScribe) -> None:
        self._state, self._clock, self._dice, self._scribe = state, clock, dice, scribe

    def facts(self) -> BooksFacts:
        """See ports.Meta."""
        state = self._state
        with state.lock:
            state.faults("facts")
            return BooksFacts(state.epoch, state.pepper, state.policy_version, state.created_at_ns, "memory")

    def raise_epoch(self, above: int = 0) -> int:
        """See ports.Meta."""
        with self._state.lock:
            before = self._state.epoch
            self._state.epoch = next_epoch(max(before, above), self._clock)
            self._scribe.tell(("books", "epoch"), {"epoch": before}, {"epoch": self._state.epoch})
            return self._state.epoch

    def claim(self, key: str, digest: bytes, now_ns: int) -> Claim:
        """See ports.Meta."""
        claims = self._state.claims
        with self._state.lock:
            self._state.faults("claim")
            oldest_ns = now_ns - IDEMPOTENCY_KEEP_S * 1_000_000_000
            for old in [name for name, (claim, _) in claims.items() if claim.at_ns < oldest_ns]:
                del claims[old]
            if key not in claims:
                claims[key] = (Claim(False, True, self._dice.draw(SEED_BYTES), None, now_ns), digest)
                return msgspec.structs.replace(claims[key][0], fresh=True)
            return msgspec.structs.replace(claims[key][0], same=claims[key][1] == digest)

    def answer(self, key: str, reply: bytes) -> None:
        """See ports.Meta."""
        with self._state.lock:
            if key in self._state.claims:
                claim, digest = self._state.claims[key]
                self._state.claims[key] = (msgspec.structs.replace(claim, reply=reply), digest)
