"""The one function that says what usage costs (DESIGN 4.7), and its compiled form for the request path.

Rating is exact rational arithmetic over cumulative usage with one half-even rounding; a part's amount is
amount(usage now) - amount(usage before), so parts always sum to the whole. Nothing used costs nothing: the fee per
request falls due with the first usage.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import msgspec

from tokenworks.errors import CallerError
from tokenworks.tariff.card import PRICED_CLASSES, Price, RateCard
from tokenworks.units import PRICE_PLACES_MAX, check_amount, parse_price, round_half_even, unit_scale
from tokenworks.usage.vector import Usage

PER_TOKENS = 1_000_000
_FALLBACK = {"cache_read": "input", "cache_write_5m": "input", "cache_write_1h": "input", "reasoning": "output"}
_PLACES_MAX = PRICE_PLACES_MAX + 6  # of an exact amount: a price's places and those of PER_TOKENS


class Unpriced(CallerError):
    """Rate card {0} has no price for the model {1!r}. Add one, or a price for "*"."""


class Context(msgspec.Struct, frozen=True):
    """What beside usage decides a price. `at_ns` is the request's start."""

    model: str
    at_ns: int = 0


class Line(msgspec.Struct, frozen=True):
    """One line of a rating. `price` is for `per` counts; `amount` is exact: a decimal string in the unit."""

    cls: str
    count: int
    price: str
    per: int
    amount: str


class Rated(msgspec.Struct, frozen=True):
    """An amount and how it came about. The lines' exact amounts sum to the amount before its rounding."""

    amount_minor: int
    unit: str
    card: str
    lines: tuple[Line, ...]


def price_of(card: RateCard, model: str) -> Price:
    """The card's price of a model, else of "*"; raises Unpriced."""
    price = card.models.get(model) or card.models.get("*")
    if price is None:
        raise Unpriced(card.ref, model)
    return price


def class_price(price: Price, cls: str) -> str:
    """The price of a class of tokens per million, after the fallbacks of `Price`."""
    own: str | None = getattr(price, cls)
    return own if own is not None else class_price(price, _FALLBACK[cls])


def rate(usage: Usage, card: RateCard, context: Context) -> Rated:
    """What `usage` costs by `card`; raises Unpriced, AmountOutOfRange."""
    price = price_of(card, context.model)
    counts = [(cls, getattr(usage, cls), class_price(price, cls), PER_TOKENS) for cls in PRICED_CLASSES]
    counts += [(name, count, price.extras.get(name, "0"), 1) for name, count in sorted(usage.extras.items())]
    used = [one for one in counts if one[1]]
    if used and parse_price(price.request):
        used.append(("request", 1, price.request, 1))
    exact = [parse_price(each) * count / per for _, count, each, per in used]
    lines = tuple(Line(cls, count, each, per, exact_text(amount))
                  for (cls, count, each, per), amount in zip(used, exact, strict=True))
    amount_minor = check_amount(round_half_even(sum(exact, Fraction()) * 10 ** unit_scale(card.unit)))
    return Rated(amount_minor, card.unit, card.ref, lines)


def exact_text(amount: Fraction) -> str:
    """A non-negative amount with at most 18 decimal places, written in full without trailing zeros."""
    digits = str(amount.numerator * 10**_PLACES_MAX // amount.denominator).rjust(_PLACES_MAX + 1, "0")
    places = digits[-_PLACES_MAX:].rstrip("0")
    return digits[:-_PLACES_MAX] + ("." + places if places else "")


class Pricer:
    """One card's price of one model, compiled to integers. `amount` always equals `rate(...).amount_minor`.

    Upper bounds for holds round up, so that their sum is never below the amount of any usage within the bounds.
    """

    __slots__ = ("_cache_read", "_extras", "_fee", "_input", "_output", "_plain_input", "_reasoning", "_write_1h",
                 "_write_5m", "card", "dearest_input_num", "dearest_output_num", "denominator", "fee_minor", "model",
                 "unit")

    def __init__(self, card: RateCard, model: str) -> None:
        price, scale = price_of(card, model), 10 ** unit_scale(card.unit)
        tokens = [parse_price(class_price(price, cls)) * scale / PER_TOKENS for cls in PRICED_CLASSES]
        extras = {name: parse_price(each) * scale for name, each in price.extras.items()}
        fee = parse_price(price.request) * scale
        self.denominator = lcm(*(one.denominator for one in [*tokens, *extras.values(), fee]))
        nums = dict(zip(PRICED_CLASSES, (int(one * self.denominator) for one in tokens), strict=True))
        self.card, self.model, self.unit = card.ref, model, card.unit
        self._input, self._cache_read, self._output = nums["input"], nums["cache_read"], nums["output"]
        self._write_5m, self._write_1h = nums["cache_write_5m"], nums["cache_write_1h"]
        self._reasoning = nums["reasoning"]
        self._extras = {name: int(one * self.denominator) for name, one in extras.items()}
        self._fee = int(fee * self.denominator)
        self.fee_minor = self._up(self._fee)  # rounded up
        self._plain_input = max(self._input, self._cache_read)
        self.dearest_input_num = max(self._plain_input, self._write_5m, self._write_1h)
        self.dearest_output_num = max(self._output, self._reasoning)  # both: minor units per token x denominator

    def amount(self, usage: Usage) -> int:
        """What cumulative usage costs, in minor units; raises AmountOutOfRange."""
        total = usage.input * self._input + usage.output * self._output
        if usage.cache_read or usage.reasoning or usage.cache_write_5m or usage.cache_write_1h:
            total += (usage.cache_read * self._cache_read + usage.reasoning * self._reasoning
                      + usage.cache_write_5m * self._write_5m + usage.cache_write_1h * self._write_1h)
        extras = usage.extras
        if extras:
            prices = self._extras
            for name, count in extras.items():
                total += count * prices.get(name, 0)
        if self._fee and (total or usage.prompt or usage.completion or any(extras.values())):
            total += self._fee
        amount, rest = divmod(total, self.denominator)
        if rest:
            twice = rest + rest
            if twice > self.denominator or (twice == self.denominator and amount & 1):
                amount += 1
        return check_amount(amount)

    def price_input(self, tokens: int, cache_writes: bool = True) -> int:
        """At most so much do `tokens` of input cost, whichever class; without cache writes when they cannot occur."""
        return -(-tokens * (self.dearest_input_num if cache_writes else self._plain_input) // self.denominator)

    def price_output(self, tokens: int) -> int:
        """At most so much do `tokens` of output or reasoning cost."""
        return -(-tokens * self.dearest_output_num // self.denominator)

    def price_extra(self, name: str, count: int) -> int:
        """At most so much do `count` of an extra cost; 0 for one without a price."""
        return self._up(count * self._extras.get(name, 0))

    def prices_extra(self, name: str) -> bool:
        """Does the card price this extra? What it does not price is not sold."""
        return name in self._extras

    def fund_output(self, amount_minor: int) -> int:
        """How many tokens of output `amount_minor` surely pays for (a blind deployment's cap); -1: any number."""
        if not self.dearest_output_num:
            return -1
        return max(0, amount_minor * self.denominator // self.dearest_output_num)

    def _up(self, numerator: int) -> int:
        return -(-numerator // self.denominator)
