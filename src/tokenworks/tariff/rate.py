"""The one function that says what usage costs (DESIGN 4.7), and its compiled form for the request path.

Rating is exact rational arithmetic over cumulative usage with one half-even rounding; a part's amount is
amount(usage now) - amount(usage before), so parts always sum to the whole. Nothing used costs nothing: the fee per
request falls due with the first usage.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import CallerError
from tokenworks.tariff.card import Price, RateCard
from tokenworks.usage.vector import Usage


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
    raise NotImplementedError


def rate(usage: Usage, card: RateCard, context: Context) -> Rated:
    """What `usage` costs by `card`; raises Unpriced, AmountOutOfRange."""
    raise NotImplementedError


class Pricer:
    """One card's price of one model, compiled to integers. `amount` always equals `rate(...).amount_minor`.

    Upper bounds for holds round up, so that their sum is never below the amount of any usage within the bounds.
    """

    __slots__ = ("card", "dearest_input_num", "dearest_output_num", "denominator", "fee_minor", "model", "unit")

    def __init__(self, card: RateCard, model: str) -> None:
        self.card = card.ref
        self.model = model
        self.unit = card.unit
        self.fee_minor = 0  # rounded up
        self.dearest_input_num = 0  # minor units per token = num / denominator; over all input classes
        self.dearest_output_num = 0
        self.denominator = 1

    def amount(self, usage: Usage) -> int:
        """What cumulative usage costs, in minor units."""
        raise NotImplementedError

    def price_input(self, tokens: int, cache_writes: bool = True) -> int:
        """At most so much do `tokens` of input cost, whichever class; without cache writes when they cannot occur."""
        raise NotImplementedError

    def price_output(self, tokens: int) -> int:
        """At most so much do `tokens` of output or reasoning cost."""
        raise NotImplementedError

    def price_extra(self, name: str, count: int) -> int:
        """At most so much do `count` of an extra cost; 0 for one without a price."""
        raise NotImplementedError

    def prices_extra(self, name: str) -> bool:
        """Does the card price this extra? What it does not price is not sold."""
        raise NotImplementedError

    def fund_output(self, amount_minor: int) -> int:
        """How many tokens of output `amount_minor` surely pays for (a blind deployment's cap); -1: any number."""
        raise NotImplementedError
