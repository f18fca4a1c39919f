"""Rating is exact: against a reckoning in decimals, compiled against plain, parts against the whole."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.errors import AmountOutOfRange
from tokenworks.tariff.card import PRICED_CLASSES, Price, RateCard
from tokenworks.tariff.rate import Context, Pricer, Unpriced, class_price, exact_text, price_of, rate
from tokenworks.units import SCALES, round_half_even
from tokenworks.usage.vector import Usage

EXTRAS = ("calls", "images", "searches")
counts = st.integers(0, 3_000_000)
prices = st.decimals(0, 10_000, places=12, allow_nan=False).map(lambda price: format(price, "f")) | st.sampled_from(
    ["0", "1", "0.5", "9", "27", "0.30", "0.000000000001", "2.000000000001"])
usages = st.builds(Usage, counts, counts, counts, counts, counts, counts,
                   st.dictionaries(st.sampled_from(EXTRAS), st.integers(0, 50)))
price_lists = st.builds(Price, prices, prices, st.none() | prices, st.none() | prices, st.none() | prices,
                        st.none() | prices, prices, st.dictionaries(st.sampled_from(EXTRAS), prices))
cards = st.builds(RateCard, st.just("list"), st.just(3), st.sampled_from(sorted(SCALES)), st.just(0),
                  price_lists.map(lambda price: {"*": price}))
M = Context("m")


def card(unit: str = "CNY", **prices: object) -> RateCard:
    return RateCard("list", 1, unit, 0, {"m": Price(**prices)})  # type: ignore[arg-type]


@pytest.mark.parametrize(("usage", "prices", "amount"), [
    (Usage(), {"input": "9", "request": "1"}, 0),  # nothing used, nothing due: not even the fee
    (Usage(input=20_000), {"input": "9", "output": "27"}, 180_000_000),  # DESIGN, billing 2.2, step 1
    (Usage(input=2_000, cache_read=18_000), {"input": "9", "cache_read": "0.30"}, 23_400_000),  # step 2
    (Usage(input=2_000, cache_read=18_000, output=3_000), {"input": "9", "cache_read": "0.30", "output": "27"},
     104_400_000),
    (Usage(cache_read=10), {"input": "3"}, 30_000),  # no price of its own: as input
    (Usage(cache_read=10), {"input": "3", "cache_read": "0"}, 0),  # an explicit zero is a zero
    (Usage(cache_write_5m=4, cache_write_1h=2), {"input": "1", "cache_write_1h": "2"}, 8_000),
    (Usage(reasoning=7), {"output": "2"}, 14_000),
    (Usage(reasoning=7), {"output": "2", "reasoning": "1"}, 7_000),
    (Usage(input=1), {"request": "0.000000001"}, 1),  # the fee falls due with the first usage
    (Usage(extras={"calls": 1}), {"request": "0.5"}, 500_000_000),
    (Usage(extras={"images": 3, "searches": 9}), {"extras": {"images": "0.01"}}, 30_000_000),
    (Usage(input=5), {"input": "0.0001"}, 0),  # half a minor unit: to even, down
    (Usage(input=15), {"input": "0.0001"}, 2),  # one and a half: to even, up
    (Usage(input=6), {"input": "0.0001"}, 1),
])
def test_amounts(usage: Usage, prices: dict[str, object], amount: int) -> None:
    assert rate(usage, card(**prices), M).amount_minor == amount
    assert Pricer(card(**prices), "m").amount(usage) == amount


def test_explained_lines() -> None:
    rated = rate(Usage(input=3, output=1, extras={"images": 2}),
                 card(input="9", output="0.000000000001", request="1", extras={"images": "0.01"}), M)
    assert [(line.cls, line.count, line.price, line.per, line.amount) for line in rated.lines] == [
        ("input", 3, "9", 1_000_000, "0.000027"), ("output", 1, "0.000000000001", 1_000_000, "0.000000000000000001"),
        ("images", 2, "0.01", 1, "0.02"), ("request", 1, "1", 1, "1")]
    assert (rated.unit, rated.card) == ("CNY", "list@1")


def test_missing_price() -> None:
    with pytest.raises(Unpriced, match=r"no price for the model 'other'\. Add one, or a price for"):
        rate(Usage(), card(), Context("other"))
    with pytest.raises(Unpriced):
        Pricer(card(), "other")


def test_own_price_first() -> None:
    both = RateCard("list", 1, "CNY", 0, {"*": Price(input="1"), "m": Price(input="2")})
    assert (price_of(both, "m").input, price_of(both, "x").input) == ("2", "1")


def test_amount_range() -> None:
    huge = Usage(input=10**16)
    with pytest.raises(AmountOutOfRange):
        rate(huge, card(input="1000000"), M)
    with pytest.raises(AmountOutOfRange):
        Pricer(card(input="1000000"), "m").amount(huge)


@given(usages, cards)
def test_compiled_equals_plain(usage: Usage, card: RateCard) -> None:
    assert Pricer(card, "m").amount(usage) == rate(usage, card, M).amount_minor


@given(usages, cards)
def test_against_decimals(usage: Usage, card: RateCard) -> None:
    """Another way to the same figure: decimal arithmetic with enough digits, and decimal's own half-even."""
    price = card.models["*"]
    with localcontext() as context:
        context.prec = 120
        total = sum((Decimal(getattr(usage, cls)) * Decimal(class_price(price, cls)) for cls in PRICED_CLASSES),
                    Decimal()) / 1_000_000
        total += sum((count * Decimal(price.extras.get(name, "0")) for name, count in usage.extras.items()), Decimal())
        if usage.prompt or usage.completion or any(usage.extras.values()):
            total += Decimal(price.request)
        expected = int((total * 10 ** SCALES[card.unit]).quantize(Decimal(1), rounding="ROUND_HALF_EVEN"))
    assert Pricer(card, "m").amount(usage) == expected


@given(usages, cards)
def test_lines_sum(usage: Usage, card: RateCard) -> None:
    rated = rate(usage, card, M)
    total = sum((Fraction(line.amount) for line in rated.lines), Fraction())
    assert round_half_even(total * 10 ** SCALES[card.unit]) == rated.amount_minor
    assert all(line.count > 0 for line in rated.lines)


@given(cards, st.lists(st.tuples(st.sampled_from(PRICED_CLASSES), st.integers(0, 5_000)), max_size=12))
def test_parts_sum(card: RateCard, growth: list[tuple[str, int]]) -> None:
    """Differences of the cumulative amount sum to the amount of the whole, and none is negative."""
    pricer, counts, before, parts = Pricer(card, "m"), dict.fromkeys(PRICED_CLASSES, 0), 0, []
    for cls, count in growth:
        counts[cls] += count
        now = pricer.amount(Usage(**counts))
        parts.append(now - before)
        before = now
    assert sum(parts) == rate(Usage(**counts), card, M).amount_minor
    assert all(part >= 0 for part in parts)


@given(usages, cards, st.integers(0, 1_000))
def test_bounds_hold(usage: Usage, card: RateCard, slack: int) -> None:
    """What a hold sets aside by the bounds always covers the amount of any usage within them."""
    pricer = Pricer(card, "m")
    held = pricer.price_input(usage.prompt + slack) + pricer.price_output(usage.completion + slack) + pricer.fee_minor
    held += sum(pricer.price_extra(name, count) for name, count in usage.extras.items())
    assert held >= pricer.amount(usage)


@given(cards, counts)
def test_plain_input_bound(card: RateCard, tokens: int) -> None:
    pricer = Pricer(card, "m")
    bound = pricer.price_input(tokens, cache_writes=False)
    assert bound <= pricer.price_input(tokens)
    for cached in (0, tokens // 3, tokens):
        assert pricer.fee_minor + bound >= pricer.amount(Usage(input=tokens - cached, cache_read=cached))


@given(cards, st.integers(0, 10**12))
def test_funded_output(card: RateCard, amount: int) -> None:
    pricer = Pricer(card, "m")
    tokens = pricer.fund_output(amount)
    if tokens < 0:
        assert pricer.price_output(10**9) == 0
    else:
        assert pricer.price_output(tokens) <= amount < pricer.price_output(tokens + 1)


def test_priced_extras() -> None:
    pricer = Pricer(card(extras={"images": "0.01"}), "m")
    assert (pricer.prices_extra("images"), pricer.prices_extra("searches")) == (True, False)
    assert (pricer.price_extra("images", 2), pricer.price_extra("searches", 2)) == (20_000_000, 0)


@pytest.mark.parametrize(("amount", "text"), [
    (Fraction(0), "0"), (Fraction(1, 2), "0.5"), (Fraction(12), "12"), (Fraction(1, 10**18), "0.000000000000000001"),
    (Fraction(12345, 1000), "12.345")])
def test_exact_text(amount: Fraction, text: str) -> None:
    assert exact_text(amount) == text
