"""The audit trail for readers: who changed what, when, from where, and whether the trail is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from tokenworks.errors import Invalid
from tokenworks.limits import PAGE_ROWS_MAX
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import Page, check_limit, read_time, show_time
from tokenworks.store.trail import Sealed, TrailQuery, find_break


class ListNotes(msgspec.Struct, forbid_unknown_fields=True):
    """Which notes, newest first. Times are RFC 3339."""

    actor: str = ""
    action: str = ""
    kind: str = ""
    id: str = ""
    outcome: Literal["", "done", "refused", "failed"] = ""
    request_id: str = ""
    since: str | None = None
    until: str | None = None
    cursor: str = ""
    limit: int = 50


class OneNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note by its number."""

    number: int


class VerifyTrail(msgspec.Struct, forbid_unknown_fields=True):
    """`digest` was noted earlier: it must still stand in the chain."""

    digest: str = ""


class NoteView(msgspec.Struct):
    """Who did what to what. `changes` has [before, after] by field; `login` is what the caller says of himself.

    `outcome`: done; refused, for the `reason` given; failed: our fault. `digest` seals the note and all before it.
    """

    number: int
    at: str | None
    actor: str
    login: str
    origin: str
    action: str
    kind: str
    id: str
    outcome: str
    reason: str
    detail: str
    changes: dict[str, Any]
    request_id: str
    digest: str


class TrailView(msgspec.Struct):
    """Whether every note follows from the one before it; `broken_at` is the newest that does not.

    `known`: the digest that was asked for stands in the chain. `number` and `digest` are of the newest note: keep them
    elsewhere, and a forged chain shows, too.
    """

    whole: bool
    broken_at: int | None
    known: bool
    number: int
    digest: str
    as_of: str | None


def list_notes(desk: Desk, ask: ListNotes) -> Page[NoteView]:
    """List the audit trail. Newest first: changes of operators, and what they were refused."""
    rows = desk.store.trail.page(TrailQuery(
        ask.actor, ask.action, ask.kind, ask.id, ask.outcome, ask.request_id, read_time(ask.since, "since"),
        read_time(ask.until, "until"), ask.cursor, check_limit(ask.limit)))
    return Page([_view(row) for row in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_note(desk: Desk, ask: OneNote) -> NoteView:
    """Show a note of the audit trail. With every field that changed, before and after."""
    return _view(desk.store.trail.get(ask.number))


def verify_trail(desk: Desk, ask: VerifyTrail) -> TrailView:
    """Check the audit trail. That no note was changed, put in or taken out since it was written."""
    wanted, head = _read_digest(ask.digest), desk.store.trail.head()
    seen: set[bytes] = set()
    broken = find_break(head, _walk(desk, head[0], wanted, seen))
    known = not wanted or wanted in seen
    return TrailView(broken is None and known, broken, known, head[0], head[1].hex(), show_time(desk.clock.now_ns()))


def _walk(desk: Desk, number: int, wanted: bytes, seen: set[bytes]) -> Iterator[Sealed]:
    """Every note up to one, newest first; what is looked for goes into `seen` when it comes by."""
    cursor: str | None = str(number + 1)
    while cursor is not None:
        rows = desk.store.trail.page(TrailQuery(cursor=cursor, limit=PAGE_ROWS_MAX))
        for row in rows.data:
            seen.update({row.digest} & {wanted})
            yield row
        cursor = rows.next_cursor


def _read_digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b"?"
    if len(digest) not in (0, 32):
        raise Invalid("digest", "write the 64 hexadecimal digits that `tokenworks audit verify` showed")
    return digest


def _view(row: Sealed) -> NoteView:
    note = row.note
    return NoteView(row.number, show_time(note.at_ns), note.actor, note.login, note.origin, note.action, note.noun,
                    note.id, note.outcome, note.reason, note.detail, _show(msgspec.json.decode(note.changes)),
                    note.request, row.digest.hex())


def _show(changes: dict[str, list[Any]]) -> dict[str, Any]:
    """Times as people and programs read them everywhere else."""
    return {name.removesuffix("_ns"): [show_time(value or 0) for value in pair] if name.endswith("_ns") else pair
            for name, pair in changes.items()}


AUDIT = (
    define("audit.list", list_notes),
    define("audit.show", show_note),
    define("audit.verify", verify_trail),
)
