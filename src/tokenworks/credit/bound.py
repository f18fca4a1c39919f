"""How much a request may cost before it has run: an upper bound of its input, a guess of its output.

Both are learned per model from closed requests by small histograms, in integers only. The bound holds money, so it is
certain until something was learned: no tokenizer makes more tokens than there are bytes.
"""

from __future__ import annotations

from bisect import bisect_left

from tokenworks.fleet.deployment import Model
from tokenworks.limits import SLICE_TOKENS
from tokenworks.wire.request import BATCHED, RequestFacts

LEARNED_MIN = 16  # observations before a histogram is believed
TALLY_MAX = 2048  # then all counts are halved: the newest requests weigh most
MISSES_PER_THOUSAND = 5  # of requests whose input may be more than the learned bound
TEMPLATE_TOKENS = 128  # what a chat template adds that no byte of the body stands for, while nothing is learned
REMAINDER_PER_THOUSAND = 650  # about the mean of skewed lengths: many streams together then need what is kept for them
SIZE_CLASSES = 13  # by the size's power of four: small bodies have more template per byte
_CLASSES = tuple(min(bits >> 1, SIZE_CLASSES - 1) for bits in range(64))  # by the bits of the size


def _edges(least: int, most: int) -> tuple[int, ...]:
    """Upper edges of buckets that grow by a twelfth."""
    edges = [least]
    while edges[-1] < most:
        edges.append(edges[-1] + max(1, edges[-1] // 12))
    return tuple(edges)


class Tally:
    """Counts of observed values in growing buckets."""

    def __init__(self, edges: tuple[int, ...]) -> None:
        self.edges = edges
        self.counts = [0] * len(edges)
        self.total = 0

    def add(self, value: int) -> None:
        """One observation; all are halved when there are many."""
        self.counts[min(bisect_left(self.edges, value), len(self.edges) - 1)] += 1
        self.total += 1
        if self.total >= TALLY_MAX:
            self.counts = [count // 2 for count in self.counts]
            self.total = sum(self.counts)

    def quantile(self, above: int, per_thousand: int) -> int:
        """The upper edge below which `per_thousand` of the observations in buckets above `above` lie; 0 for none."""
        first = bisect_left(self.edges, above + 1)
        left = sum(self.counts[first:])
        if not left:
            return 0
        over = left - -(-left * per_thousand // 1000)
        place = len(self.counts) - 1
        while (over := over - self.counts[place]) >= 0:
            place -= 1
        return self.edges[place]


class InputRate:
    """Tokens per byte of body, learned for one model: `ceiling` is a high quantile, certain while little is known."""

    EDGES = _edges(8, 64 * 1024)  # tokens per KiB

    def __init__(self) -> None:
        self._tallies = [Tally(self.EDGES) for _ in range(SIZE_CLASSES)]
        self._rates = [0] * SIZE_CLASSES  # tokens per KiB; 0: not known

    def learn(self, size_bytes: int, tokens: int) -> None:
        """A closed request's body had `size_bytes` of text and `tokens` prompt tokens (images not counted)."""
        if size_bytes <= 0:
            return
        place = _CLASSES[size_bytes.bit_length()]
        tally, rate = self._tallies[place], -(-tokens * 1024 // size_bytes)
        tally.add(rate)
        if tally.total >= LEARNED_MIN and (tally.total % LEARNED_MIN == 0 or rate > self._rates[place]):
            self._rates[place] = tally.quantile(0, 1000 - MISSES_PER_THOUSAND)

    def ceiling(self, size_bytes: int) -> int:
        """An upper bound of the tokens in a body of `size_bytes`."""
        rate = self._rates[_CLASSES[size_bytes.bit_length()]]
        return -(-size_bytes * rate // 1024) if rate else size_bytes + TEMPLATE_TOKENS

    def tokens_per_kib(self, size_bytes: int) -> int:
        """The learned rate for bodies of that size, 0 while it is not known."""
        return self._rates[_CLASSES[size_bytes.bit_length()]]


class OutputGuess:
    """Lengths of answers, learned for one model: what a running stream is still expected to make."""

    EDGES = _edges(1, 1024 * 1024)

    def __init__(self) -> None:
        self._tally = Tally(self.EDGES)

    def learn(self, tokens: int) -> None:
        """A closed request made `tokens` output tokens."""
        self._tally.add(tokens)

    def remainder(self, seen: int, output_max: int) -> int:
        """The output tokens still to be expected after `seen`, never above `output_max - seen`."""
        if self._tally.total < LEARNED_MIN:
            expected = max(SLICE_TOKENS - seen, SLICE_TOKENS // 4)
        else:
            expected = self._tally.quantile(seen, REMAINDER_PER_THOUSAND) - seen
            if expected <= 0:  # longer than any that was seen
                expected = max(1, seen // 4)
        return max(0, min(expected, output_max - seen))


def bound_input(facts: RequestFacts, model: Model, rate: InputRate) -> int:
    """The most input tokens to hold for, never above the context length (per prompt of a batch).

    What bytes do not bound (documents, server-side tools, conversations stored upstream) holds the whole context.
    """
    most = model.context_tokens * facts.prompts
    content = facts.content
    if facts.object_ids or (content is not None and (content.kinds or content.tools)):
        return most
    if facts.token_ids:
        prompt = facts.fields[BATCHED[facts.dialect]]
        rest = facts.body_bytes - len(prompt) if "suffix" in facts.fields else 0
        return min(most, facts.token_ids + facts.prompts + rest)  # one more each: a beginning-of-text token
    if content is None:
        return min(most, rate.ceiling(facts.body_bytes))
    text = rate.ceiling(max(0, facts.body_bytes - content.media_bytes))
    return min(most, text + content.images * model.image_tokens_max)


def learn_input(facts: RequestFacts, model: Model, rate: InputRate, prompt: int) -> None:
    """Learn from a closed request whose prompt had `prompt` tokens; only text teaches anything about text."""
    plain = facts.content is None and not facts.token_ids and not facts.object_ids
    if plain and prompt <= model.context_tokens * facts.prompts:  # a figure above that is none
        rate.learn(facts.body_bytes, prompt)


def find_overlength(facts: RequestFacts, model: Model) -> int:
    """The tokens that the longest prompt certainly has when they are above the context length, 0 otherwise.

    Only token numbers are certain: a tokenizer may make one token of a long run of bytes.
    """
    longest = -(-facts.token_ids // facts.prompts)
    return longest if longest > model.context_tokens else 0
