"""Is a rate card right, and which version of it is in force?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokenworks.errors import Invalid, MalformedAmount
from tokenworks.tariff.card import PRICED_CLASSES, Price, RateCard
from tokenworks.units import PRICE_PLACES_MAX, SCALES, parse_price

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # no "@": a ref is name@version
_EXTRA = re.compile(r"[a-z][a-z0-9_]{0,63}")
PRICE_MAX = 10**12  # per million tokens or per count; above it a typing error is likelier than a price


def check_card(card: RateCard) -> RateCard:
    """`card` unchanged when it can rate; raises Invalid naming the field and what to write instead."""
    if not _NAME.fullmatch(card.name):
        raise Invalid("name", "use 1 to 64 letters, digits, dots, dashes and underscores; a letter or digit first")
    if card.version < 1:
        raise Invalid("version", "use a whole number from 1 on")
    if card.unit not in SCALES:
        raise Invalid("unit", f"use one of {', '.join(sorted(SCALES))}")
    if card.effective_from_ns < 0:
        raise Invalid("effective_from_ns", "use Unix nanoseconds, 0 for always")
    if not card.models:
        raise Invalid("models", 'price at least one model, or "*" for any')
    for model, price in card.models.items():
        for field, text in _prices(f"models.{model}", price):
            _check_price(field, text)
    return card


def pick_version(cards: Iterable[RateCard], name: str, at_ns: int) -> RateCard | None:
    """The version of `name` in force at an instant: the newest that was effective; None when there is none yet."""
    effective = [card for card in cards if card.name == name and card.effective_from_ns <= at_ns]
    return max(effective, key=lambda card: (card.effective_from_ns, card.version), default=None)


def _prices(place: str, price: Price) -> Iterator[tuple[str, str]]:
    for cls in (*PRICED_CLASSES, "request"):
        text = getattr(price, cls)
        if text is not None:
            yield f"{place}.{cls}", text
    for name, text in price.extras.items():
        if not _EXTRA.fullmatch(name) or name in PRICED_CLASSES or name == "request":
            raise Invalid(f"{place}.extras.{name}",
                          "use lower case letters, digits and underscores, and no class of tokens")
        yield f"{place}.extras.{name}", text


def _check_price(field: str, text: str) -> None:
    try:
        price = parse_price(text)
    except MalformedAmount:
        raise Invalid(field, f"{text!r} is not a price: write a plain decimal number, 0 or more, with at most "
                             f"{PRICE_PLACES_MAX} decimal places") from None
    if price > PRICE_MAX:
        raise Invalid(field, f"{text} is above {PRICE_MAX}")
