"""Rate cards: what usage costs. A version never changes; a new one takes over at its time."""

from __future__ import annotations

import msgspec

from tokenworks.errors import Conflict, NotFound
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import Page, check_limit, check_name, read_time, show_time
from tokenworks.store.shapes import Kept
from tokenworks.tariff.card import Price, RateCard
from tokenworks.tariff.check import check_card


class SetCard(msgspec.Struct, forbid_unknown_fields=True):
    """The next version of a card. `models` maps a model, or "*" for any other, to prices per million tokens.

    `effective_from` left out means now. `if_version`: only while this is the newest version; 0: only as the first.
    """

    card: str
    currency: str
    models: dict[str, Price]
    effective_from: str | None = None
    if_version: int | None = None


class OneCard(msgspec.Struct, forbid_unknown_fields=True):
    """A card by its name: all its versions."""

    card: str
    cursor: str = ""
    limit: int = 50


class ListCards(msgspec.Struct, forbid_unknown_fields=True):
    """Every version of every card."""

    cursor: str = ""
    limit: int = 50


class CardView(msgspec.Struct):
    """One version of a card, by name@version."""

    id: str
    name: str
    version: int
    currency: str
    effective_from: str | None
    models: dict[str, Price]


def set_card(desk: Desk, ask: SetCard) -> CardView:
    """Set a rate card. Makes its next version; requests that began before are rated by the version they began with."""
    now_ns = desk.clock.now_ns()
    name, version = check_name(ask.card, "card"), 0
    cursor: str | None = ""
    while cursor is not None:
        rows = desk.store.cards.page(cursor, 500, name)
        version, cursor = max([version, *(kept.row.version for kept in rows.data)]), rows.next_cursor
    if ask.if_version not in (None, version):
        raise Conflict(f"The newest version of rate card {name!r} is {version}, not {ask.if_version}. Read it again, "
                       "then decide.")
    from_ns = read_time(ask.effective_from, "effective_from") or now_ns
    card = RateCard(name, version + 1, ask.currency, from_ns, ask.models)
    check_card(card)
    return _view(Kept(card, desk.store.cards.add(card)))


def list_cards(desk: Desk, ask: ListCards) -> Page[CardView]:
    """List rate cards. Every version of each."""
    return _page(desk, "", ask.cursor, ask.limit)


def show_card(desk: Desk, ask: OneCard) -> Page[CardView]:
    """Show a rate card. All its versions."""
    page = _page(desk, ask.card, ask.cursor, ask.limit)
    if not page.data and not ask.cursor:
        raise NotFound("rate-card", ask.card)
    return page


def _page(desk: Desk, name: str, cursor: str, limit: int) -> Page[CardView]:
    rows = desk.store.cards.page(cursor, check_limit(limit), name)
    return Page([_view(kept) for kept in rows.data], rows.next_cursor, rows.next_cursor is not None)


def _view(kept: Kept[RateCard]) -> CardView:
    card = kept.row
    return CardView(card.ref, card.name, card.version, card.unit, show_time(card.effective_from_ns), card.models)


RATE_CARD = (
    define("rate-card.set", set_card),
    define("rate-card.list", list_cards),
    define("rate-card.show", show_card),
)
