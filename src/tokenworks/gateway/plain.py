"""What a worker keeps about plain requests: their price, what was decided about them, what was learned of them.

All of it is made anew when the policy changes, but for what is learned, which belongs to a model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import msgspec

from tokenworks.admission.admit import Admitted
from tokenworks.credit.bound import InputRate, OutputGuess, learn_input
from tokenworks.credit.brief import Common, encode_common
from tokenworks.credit.hold import Lease
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.tally import ModelKeys
from tokenworks.tariff.card import RateCard
from tokenworks.tariff.rate import Pricer
from tokenworks.usage.vector import Usage
from tokenworks.wire.request import COUNT_MAX, RequestFacts

OUTPUT_PER_KIB = 512  # while nothing is learned: above every usual tokenizer and language
RATES_MIN, RATES_KEPT = 16, 64  # streams before their rate is believed, and how many are remembered
RATE_BYTES_MIN = 256  # of text; the rate of less says little
COMMONS_MAX = 64  # of one lane
LEARN_ALL = 256  # of a model's requests, before each of LEARN_EACH will do
LEARN_EACH = 8


class Price:
    """What one model costs by one card, from now until `until_ns`. `extras` are the counted extras with a price."""

    __slots__ = ("card", "extras", "pricer", "unit", "until_ns")

    def __init__(self, card: RateCard, model: str, until_ns: int) -> None:
        self.card = card.ref
        self.unit = card.unit
        self.pricer = Pricer(card, model)
        self.until_ns = until_ns
        row = card.models.get(model) or card.models["*"]
        self.extras: Collection[str] = frozenset(row.extras)


class Lane:
    """What admission has decided about the plain requests of one key for one model in one dialect.

    Plain: one answer, nothing but text, no field that any of its deployments would look at. For these admission says
    the same as the first time, until the policy or the price changes; then the seat and its lanes are made anew.
    """

    __slots__ = ("_commons", "_dialect", "_first", "_free", "_most", "brief", "keys", "learned", "price")

    keys: ModelKeys

    def __init__(self, first: Admitted, facts: RequestFacts, price: Price, learned: Learned) -> None:
        self.price, self.learned = price, learned
        self._first = first
        plans = [offer.source.plan(facts.dialect) for offer in first.offers]
        self._free = frozenset.intersection(*(plan.free for plan in plans))
        self._most = min(first.model.output_tokens_max, first.model.context_tokens)
        self._dialect = facts.dialect
        self._commons: dict[tuple[str, str, int], msgspec.Raw] = {}
        self.brief = len(first.why) <= 2  # else the record says more than a Brief can (opening.make_opened)

    def admit(self, facts: RequestFacts, now_ns: int) -> Admitted | None:
        """The decision about a plain request; None: ask admission."""
        if now_ns >= self.price.until_ns or not is_plain(facts) or not self._free.issuperset(facts.fields):
            return None
        first, cap = self._first, facts.output_cap
        most = first.output_max and (self._most if cap is None else min(max(1, cap), self._most))
        return first if most == first.output_max else Admitted(first.caller, first.model, first.offers, most, first.why)


    def common(self, deployment: str, lease: Lease, held_tokens: int) -> msgspec.Raw:
        """What the records of usual answers have in common, by who served, who pays, and what output was held for."""
        common = self._commons.get((deployment, lease.id, held_tokens))
        if common is None:
            if len(self._commons) >= COMMONS_MAX:
                self._commons.clear()
            account, key, price = self._first.caller.account, self._first.caller.key, self.price
            common = self._commons[deployment, lease.id, held_tokens] = encode_common(Common(
                account.id, key.id, self._dialect, self._first.model.id, deployment, account.unit, price.card,
                account.crash, lease.lot, lease.id, held_tokens))
        return common


def is_plain(facts: RequestFacts) -> bool:
    """Nothing but text is asked about, for one answer."""
    return facts.content is None and facts.choices == 1 and not facts.token_ids and not facts.object_ids


class Learned:
    """What a worker has learned of one model from closed requests: from each at first, then from every eighth."""

    __slots__ = ("_output_rates", "_seen", "expected", "guess", "output_per_kib", "passed_over", "rate")

    def __init__(self) -> None:
        self.rate = InputRate()
        self.guess = OutputGuess()
        self.expected = self.guess.remainder(0, COUNT_MAX)  # output of an answer that has not begun
        self.output_per_kib = OUTPUT_PER_KIB  # output tokens per KiB of text that a client sees, at most
        self._seen = 0
        self.passed_over = 0  # so many more requests teach nothing
        self._output_rates: deque[int] = deque(maxlen=RATES_KEPT)

    def learn(self, facts: RequestFacts, model: Model, usage: Usage) -> None:
        """A request was served in full and reported `usage`."""
        if self.passed_over:
            self.passed_over -= 1
            return
        self._seen += 1
        self.passed_over = 0 if self._seen < LEARN_ALL else LEARN_EACH - 1
        learn_input(facts, model, self.rate, usage.prompt)
        self.guess.learn(usage.completion)
        if self._seen <= LEARN_ALL or not self._seen % 16:  # which changes less and less, and takes longest
            self.expected = self.guess.remainder(0, COUNT_MAX)

    def learn_output(self, visible_bytes: int, usage: Usage) -> None:
        """A stream showed so many bytes of text and reported `usage`: the next ones are metered by the worst of late,
        which counts hidden reasoning and tokens of a byte each in."""
        if visible_bytes >= RATE_BYTES_MIN:
            self._output_rates.append(-(-usage.completion * 1024 // visible_bytes))
            if len(self._output_rates) >= RATES_MIN:
                self.output_per_kib = max(self._output_rates) * 9 // 8
