"""The audit trail in memory."""

from __future__ import annotations

from tokenworks.errors import NotFound
from tokenworks.store.memory.state import State
from tokenworks.store.rows import read_number
from tokenworks.store.shapes import Rows
from tokenworks.store.trail import Actor, AuditNote, Sealed, TrailQuery, make_note, seal_note, tell_changes


class MemoryScribe:
    """Notes what its actor does, under the state's lock; without an actor nothing."""

    def __init__(self, state: State, actor: Actor | None = None) -> None:
        self._state, self._actor = state, actor

    def tell(self, what: tuple[str, str], before: object, after: object) -> None:
        """A change of one thing, (noun, id); nothing when nothing differs."""
        if self._actor is not None and (changes := tell_changes(before, after)) != "{}":
            write_note(self._state, make_note(self._actor, *what, changes))


def write_note(state: State, note: AuditNote) -> Sealed:
    """Adds a note to the chain."""
    sealed = seal_note(len(state.notes) + 1, note, state.notes[-1].digest if state.notes else b"")
    state.notes.append(sealed)
    return sealed


class MemoryTrail:
    """ports.Trail."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, note: AuditNote) -> Sealed:
        """See ports.Trail."""
        with self._state.lock:
            self._state.faults("note")
            return write_note(self._state, note)

    def get(self, number: int) -> Sealed:
        """See ports.Trail."""
        with self._state.lock:
            if not 0 < number <= len(self._state.notes):
                raise NotFound("audit", str(number))
            return self._state.notes[number - 1]

    def page(self, query: TrailQuery) -> Rows[Sealed]:
        """See ports.Trail."""
        last = read_number(query.cursor) - 1 if query.cursor else len(self._state.notes)
        with self._state.lock:
            found = [row for row in self._state.notes[:max(last, 0)][::-1] if _fits(row.note, query)]
        more = len(found) > query.limit
        return Rows(found[:query.limit], str(found[query.limit - 1].number) if more else None)

    def head(self) -> tuple[int, bytes]:
        """See ports.Trail."""
        with self._state.lock:
            newest = self._state.notes[-1] if self._state.notes else None
        return (newest.number, newest.digest) if newest else (0, b"")


def _fits(note: AuditNote, query: TrailQuery) -> bool:
    asked = {name: getattr(query, name) for name in ("actor", "action", "noun", "id", "outcome", "request")}
    return (all(not wanted or getattr(note, name) == wanted for name, wanted in asked.items())
            and query.since_ns <= note.at_ns and (not query.until_ns or note.at_ns < query.until_ns))
