"""Is a rate card right, and which version of it is in force?"""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks.tariff.card import RateCard


def check_card(card: RateCard) -> RateCard:
    """`card` unchanged when it can rate; raises Invalid naming the field and what to write instead."""
    raise NotImplementedError


def pick_version(cards: Iterable[RateCard], name: str, at_ns: int) -> RateCard | None:
    """The version of `name` in force at an instant: the newest that was effective; None when there is none yet."""
    raise NotImplementedError
