"""The books about themselves, in memory."""

from __future__ import annotations

import msgspec

from tokenworks.clock import Dice
from tokenworks.limits import IDEMPOTENCY_KEEP_S
from tokenworks.store.memory.state import State
from tokenworks.store.meta import SEED_BYTES, read_number
from tokenworks.store.shapes import AuditNote, BooksFacts, Claim, Rows


class MemoryMeta:
    """ports.Meta."""

    def __init__(self, state: State, dice: Dice) -> None:
        self._state, self._dice = state, dice

    def facts(self) -> BooksFacts:
        """See ports.Meta."""
        state = self._state
        with state.lock:
            state.faults("facts")
            return BooksFacts(state.epoch, state.pepper, state.policy_version, state.created_at_ns, "memory")

    def raise_epoch(self) -> int:
        """See ports.Meta."""
        with self._state.lock:
            self._state.epoch += 1
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

    def note(self, note: AuditNote) -> None:
        """See ports.Meta."""
        with self._state.lock:
            self._state.notes.append(note)

    def notes(self, cursor: str = "", limit: int = 50) -> Rows[AuditNote]:
        """See ports.Meta."""
        with self._state.lock:
            end = min(read_number(cursor) - 1, len(self._state.notes)) if cursor else len(self._state.notes)
            start = max(0, end - limit)
            data = self._state.notes[start:end][::-1]
        return Rows(data, str(start + 1) if start else None)
