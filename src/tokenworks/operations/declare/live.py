"""What there is, as documents would say it: read from the store for a plan, and written out for an export."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.limits import PAGE_ROWS_MAX
from tokenworks.operations.declare.kinds import KINDS, tell_card
from tokenworks.operations.declare.shapes import API_VERSION, Ident, Live
from tokenworks.operations.view import show_time
from tokenworks.store.ports import Shelf, Store
from tokenworks.store.shapes import AccountRow, Kept, KeyRow
from tokenworks.tariff.card import RateCard

T = TypeVar("T")
Found = dict[Ident, Live]
_UNNAMED = "unnamed"


def gather_live(store: Store, kinds: Collection[str], now_ns: int) -> Found:
    """All things of these kinds."""
    found: Found = {}
    for kind in kinds:
        found |= _READERS[kind](store, now_ns)
    return found


def walk_shelf(shelf: Shelf[T]) -> Iterator[Kept[T]]:
    """Every row."""
    cursor: str | None = ""
    while cursor is not None:
        rows = shelf.page(cursor, PAGE_ROWS_MAX)
        yield from rows.data
        cursor = rows.next_cursor


def name_keys(rows: Sequence[KeyRow]) -> dict[str, str]:
    """Key id -> the name that tells it from others of its account. Keys need no name, and may share one.

    The first of a name has it; others get a number behind it. Keys that are made with these names have them again.
    """
    taken = {(row.account, row.name) for row in rows if row.name}
    given: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: row.id):
        name, number = row.name or _UNNAMED, 1
        while (row.account, name) in used or (name != row.name and (row.account, name) in taken):
            number += 1
            name = f"{row.name or _UNNAMED}-{number}"
        used.add((row.account, name))
        given[row.id] = name
    return given


def write_documents(found: Mapping[Ident, Live]) -> list[dict[str, Any]]:
    """A document for each thing that has not ended; a closed account is one that says so."""
    ranks = {name: rank for rank, name in enumerate(KINDS)}
    return [{"apiVersion": API_VERSION, "kind": ident[0], "metadata": {"name": ident[2]},
             "spec": _tell_spec(ident, live)}
            for ident, live in sorted(found.items(), key=lambda pair: (ranks[pair[0][0]], pair[0]))
            if not live.over or KINDS[ident[0]].gone == "closed"]


def _tell_spec(ident: Ident, live: Live) -> dict[str, Any]:
    """The fields that say something: what has its default is left out, but for what a reader wants to see."""
    kind = KINDS[ident[0]]
    told = {}
    for name, field in kind.fields().items():
        value = live.spec[name]
        plain = value != field.default and value not in (None, "", [], {})
        if field.required or name in kind.always or plain:
            told[name] = value
    return {name: value for name, value in told.items() if value is not None}


def _read_cards(store: Store, _now_ns: int) -> Found:
    versions: dict[str, list[RateCard]] = {}
    for kept in walk_shelf(store.cards):
        versions.setdefault(kept.row.name, []).append(kept.row)
    found: Found = {}
    for name, cards in versions.items():
        *earlier, newest = [_tell_card(card) for card in sorted(cards, key=lambda card: card.version)]
        found["RateCard", "", name] = Live({**newest, "earlier": earlier}, len(cards), name)
    return found


def _tell_card(card: RateCard) -> dict[str, Any]:
    return tell_card({"currency": card.unit, "models": msgspec.to_builtins(card.models),
                      "effective_from": show_time(card.effective_from_ns)})


def _read_models(store: Store, _now_ns: int) -> Found:
    return {("Model", "", kept.row.id): Live(_tell_row(kept.row, "Model"), kept.version, kept.row.id)
            for kept in walk_shelf(store.models)}


def _read_deployments(store: Store, _now_ns: int) -> Found:
    return {("Deployment", "", kept.row.id): Live(_tell_row(kept.row, "Deployment"), kept.version, kept.row.id)
            for kept in walk_shelf(store.deployments)}


def _read_accounts(store: Store, _now_ns: int) -> Found:
    return {("Account", "", kept.row.id): Live({**_tell_row(kept.row, "Account"), "currency": kept.row.unit},
                                               kept.version, kept.row.id, not kept.row.active)
            for kept in walk_shelf(store.accounts)}


def _read_keys(store: Store, now_ns: int) -> Found:
    rows = [kept for kept in walk_shelf(store.keys) if not kept.row.revoked]
    names = name_keys([kept.row for kept in rows])
    return {("Key", kept.row.account, names[kept.row.id]): Live(
        {"account": kept.row.account, "models": list(kept.row.models), "expires_at": show_time(kept.row.expires_at_ns)},
        kept.version, kept.row.id, 0 < kept.row.expires_at_ns <= now_ns) for kept in rows}


def _tell_row(row: AccountRow | Model | Deployment, kind: str) -> dict[str, Any]:
    """A row's fields that a document of the kind has."""
    told = msgspec.to_builtins(row)
    return {name: list(told[name]) if isinstance(told[name], tuple) else told[name] for name in KINDS[kind].fields()
            if name in told}


_READERS: dict[str, Callable[[Store, int], Found]] = {
    "RateCard": _read_cards, "Model": _read_models, "Deployment": _read_deployments, "Account": _read_accounts,
    "Key": _read_keys,
}
