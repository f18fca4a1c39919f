"""The nouns of policy as a table: what a row is, under whom it stands, and whether it may go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from tokenworks.errors import Conflict
from tokenworks.fleet.deployment import Deployment, Model
from tokenworks.store.shapes import AccountRow, KeyRow, SecretRow
from tokenworks.tariff.card import RateCard

T = TypeVar("T")


class Noun(NamedTuple, Generic[T]):
    """`ident` and `under` read a row; `drops`: it may be removed; `fixed`: it never changes; `erases`: of one that was
    removed nothing is kept."""

    name: str
    shape: type[T]
    ident: Callable[[T], str]
    under: Callable[[T], str]
    drops: bool = False
    fixed: bool = False
    erases: bool = False


ACCOUNT = Noun("account", AccountRow, lambda row: row.id, lambda row: row.parent)
KEY = Noun("key", KeyRow, lambda row: row.id, lambda row: row.account)
MODEL = Noun("model", Model, lambda row: row.id, lambda row: "", drops=True)
DEPLOYMENT = Noun("deployment", Deployment, lambda row: row.id, lambda row: row.model, drops=True)
SECRET = Noun("secret", SecretRow, lambda row: row.id, lambda row: "", drops=True, erases=True)
CARD = Noun("rate-card", RateCard, lambda row: row.ref, lambda row: row.name, fixed=True)


def check_next(card: RateCard, versions: int) -> None:
    """A card's versions count from 1 without gaps; raises Conflict."""
    if card.version != versions + 1:
        raise Conflict(f"The next version of rate card {card.name!r} is {versions + 1}, not {card.version}.")


def taken(noun: Noun[T], ident: str) -> Conflict:
    """The refusal of a second row of one id."""
    return Conflict(f"The {noun.name} {ident!r} exists already.")


def changed(noun: Noun[T], ident: str) -> Conflict:
    """The refusal of a change to a row that has changed since it was read."""
    return Conflict(f"The {noun.name} {ident!r} has changed since it was read. Read it again, then decide.")


def check_drops(noun: Noun[T]) -> None:
    """Raises Conflict for a noun whose rows only end."""
    if not noun.drops:
        raise Conflict(f"A {noun.name} is not removed: what it did stays explainable. End it instead.")


def check_fixed(noun: Noun[T], ident: str) -> None:
    """Raises Conflict for a noun whose rows never change."""
    if noun.fixed:
        raise Conflict(f"{noun.name} {ident!r} never changes. Add the next version.")
