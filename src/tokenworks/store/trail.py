"""The audit trail: who changed what, written in the transaction of the change, and chained so that a gap shows.

A note's digest covers the note and the digest before it. Whoever can write the database can forge the whole chain, so
evidence needs a digest that was noted elsewhere: `tokenworks audit verify` shows the newest, and looks for older ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec

from tokenworks.ledger.lots import Lot
from tokenworks.limits import AUDIT_TEXT_CHARS_MAX, AUDIT_VALUE_BYTES_MAX
from tokenworks.units import format_amount

Outcome = Literal["done", "refused", "failed"]
_HIDDEN = ("digest", "nonce", "sealed")  # what finds a key, and what holds a secret, is nobody's business


class Actor(msgspec.Struct, frozen=True):
    """Who acts: `name` is admin:<token id> or control; `action` the operation; `login` what its command line says of
    its user; `origin` the socket, or the address it came from; `request` the id of its call."""

    name: str
    action: str
    at_ns: int
    login: str = ""
    origin: str = ""
    request: str = ""
    detail: str = ""


class AuditNote(msgspec.Struct, frozen=True):
    """Who did what to what, and when. `changes` is JSON: field -> [before, after]; `reason` says why it was refused."""

    at_ns: int
    actor: str
    action: str
    noun: str
    id: str
    detail: str = ""
    login: str = ""
    origin: str = ""
    request: str = ""
    outcome: Outcome = "done"
    reason: str = ""
    changes: str = "{}"


class Sealed(msgspec.Struct, frozen=True):
    """A note in its place: numbers count from 1 without a gap. A `digest` of zero bytes: written before the chain."""

    number: int
    note: AuditNote
    digest: bytes


class TrailQuery(NamedTuple):
    """Which notes, newest first; empty: any. `cursor` is the number before which to go on."""

    actor: str = ""
    action: str = ""
    noun: str = ""
    id: str = ""
    outcome: str = ""
    request: str = ""
    since_ns: int = 0
    until_ns: int = 0
    cursor: str = ""
    limit: int = 50


def make_note(actor: Actor, noun: str, ident: str, changes: str = "{}", outcome: Outcome = "done",
              reason: str = "") -> AuditNote:
    """A note of what an actor did, with texts that any database takes."""
    return AuditNote(actor.at_ns, clip(actor.name), clip(actor.action), noun, clip(ident), clip(actor.detail),
                     clip(actor.login), clip(actor.origin), clip(actor.request), outcome, clip(reason), changes)


def seal_note(number: int, note: AuditNote, before: bytes) -> Sealed:
    """The note in its place of the chain; `before` is the digest of the note before it, b"" for the first."""
    told = msgspec.json.encode([number, *(getattr(note, name) for name in note.__struct_fields__)])
    return Sealed(number, note, sha256(before + told).digest())


def find_break(head: tuple[int, bytes], newest_first: Iterable[Sealed]) -> int | None:
    """The newest note that is not as it was written, or does not stand where it was written; None: all are whole."""
    later: Sealed | None = None
    for row in newest_first:
        fits = (row.number, row.digest) == head if later is None else follows(later, row)
        if not fits:
            return later.number if later else head[0]
        later = row
    if later is None:
        return head[0] or None
    return None if follows(later, None) else later.number


def follows(later: Sealed, earlier: Sealed | None) -> bool:
    """Whether `later` is as it was written right behind `earlier`. Notes of before the chain have no digest."""
    before = earlier.digest if earlier else b""
    if not later.digest:
        return not before
    place = later.number == (earlier.number if earlier else 0) + 1
    return place and seal_note(later.number, later.note, before).digest == later.digest


def tell_changes(before: object, after: object) -> str:
    """JSON of the fields that differ, as [before, after]; None stands for a thing that is not there."""
    old, new = _fields(before), _fields(after)
    found = {name: [old.get(name), new.get(name)] for name in {**old, **new}
             if name not in _HIDDEN and old.get(name) != new.get(name)}
    return msgspec.json.encode({name: list(map(_fold, pair)) for name, pair in sorted(found.items())
                                if not (_empty(pair[0]) and _empty(pair[1]))}).decode()


def tell_lot(lot: Lot) -> dict[str, str]:
    """What an operator can do to a lot, in amounts that people read."""
    def show(amount_minor: int) -> str:
        return f"{format_amount(amount_minor, lot.unit)} {lot.unit}" if amount_minor else ""

    return {"account": lot.account, "kind": lot.kind, "reference": lot.cause, "credited": show(lot.credited_minor),
            "refunded": show(lot.refunded_minor), "expired": show(lot.expired_minor)}


def clip(text: str) -> str:
    """One line of bounded length without what a database refuses: NUL and half characters."""
    whole = text.encode("utf-8", "replace").decode().replace("\0", "\\0")
    return whole if len(whole) <= AUDIT_TEXT_CHARS_MAX else whole[:AUDIT_TEXT_CHARS_MAX - 1] + "…"


def _fields(thing: object) -> Mapping[str, Any]:
    return {} if thing is None else msgspec.to_builtins(thing)


def _fold(value: object) -> object:
    """A large value by its digest: the trail says that it changed, the thing itself says to what."""
    text = msgspec.json.encode(value)
    return value if len(text) <= AUDIT_VALUE_BYTES_MAX else f"sha256:{sha256(text).hexdigest()}"


def _empty(value: object) -> bool:
    return value is None or value is False or value in ("", 0, [], {})
