"""Cards that cannot rate are refused by the name of the field; the version in force is the newest effective one."""

from __future__ import annotations

import msgspec
import pytest

from tokenworks.errors import Invalid
from tokenworks.tariff.card import Price, RateCard
from tokenworks.tariff.check import check_card, pick_version

GOOD = RateCard("list", 1, "CNY", 0, {"*": Price(input="2", output="8.50", extras={"images": "0.01"})})


def test_good_card() -> None:
    assert check_card(GOOD) is GOOD


@pytest.mark.parametrize(("change", "field"), [
    ({"name": ""}, "name"), ({"name": "a@b"}, "name"), ({"name": "x" * 65}, "name"), ({"name": "-a"}, "name"),
    ({"version": 0}, "version"), ({"unit": "EUR"}, "unit"), ({"effective_from_ns": -1}, "effective_from_ns"),
    ({"models": {}}, "models"),
    ({"models": {"m": Price(input="-1")}}, "models.m.input"),
    ({"models": {"m": Price(output="1e3")}}, "models.m.output"),
    ({"models": {"m": Price(cache_read="0.0000000000001")}}, "models.m.cache_read"),
    ({"models": {"m": Price(reasoning="")}}, "models.m.reasoning"),
    ({"models": {"m": Price(request="free")}}, "models.m.request"),
    ({"models": {"m": Price(input="1000000000001")}}, "models.m.input"),
    ({"models": {"m": Price(extras={"images": "x"})}}, "models.m.extras.images"),
    ({"models": {"m": Price(extras={"Images": "1"})}}, "models.m.extras.Images"),
    ({"models": {"m": Price(extras={"output": "1"})}}, "models.m.extras.output"),
])
def test_bad_cards(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_card(msgspec.structs.replace(GOOD, **change))
    assert caught.value.fields[0] == field


def version(number: int, from_ns: int, name: str = "list") -> RateCard:
    return msgspec.structs.replace(GOOD, name=name, version=number, effective_from_ns=from_ns)


@pytest.mark.parametrize(("at_ns", "number"), [
    (0, None), (9, None), (10, 1), (19, 1), (20, 2), (29, 2), (30, 4), (99, 4)])
def test_versions(at_ns: int, number: int | None) -> None:
    """At one instant of effect the higher version counts; another name's never does."""
    cards = [version(3, 30), version(1, 10), version(4, 30), version(2, 20), version(9, 0, "other")]
    picked = pick_version(cards, "list", at_ns)
    assert (picked.version if picked else None) == number
