"""How much a request may cost before it has run: an upper bound of its input, a guess of its output.

Both are learned per model from closed requests by small histograms, in integers only.
"""

from __future__ import annotations

from tokenworks.fleet.deployment import Model
from tokenworks.wire.request import RequestFacts


class InputRate:
    """Tokens per byte of body, learned for one model: `ceiling` is a high quantile, certain while little is known."""

    def learn(self, size_bytes: int, tokens: int) -> None:
        """A closed request's body had `size_bytes` of text and `tokens` prompt tokens (images not counted)."""
        raise NotImplementedError(size_bytes, tokens)

    def ceiling(self, size_bytes: int) -> int:
        """An upper bound of the tokens in a body of `size_bytes`."""
        raise NotImplementedError(size_bytes)


class OutputGuess:
    """Lengths of answers, learned for one model: what a running stream is still expected to make."""

    def learn(self, tokens: int) -> None:
        """A closed request made `tokens` output tokens."""
        raise NotImplementedError(tokens)

    def remainder(self, seen: int, output_max: int) -> int:
        """The output tokens still to be expected after `seen`, never above `output_max - seen`."""
        raise NotImplementedError(seen, output_max)


def bound_input(facts: RequestFacts, model: Model, rate: InputRate) -> int:
    """The most input tokens to hold for, never above the context length (per prompt of a batch)."""
    raise NotImplementedError(facts, model, rate)


def learn_input(facts: RequestFacts, model: Model, rate: InputRate, prompt: int) -> None:
    """Learn from a closed request whose prompt had `prompt` tokens; requests with images or token ids teach nothing."""
    raise NotImplementedError(facts, model, rate, prompt)


def find_overlength(facts: RequestFacts, model: Model) -> int:
    """The tokens that the longest prompt certainly has when they are above the context length, 0 otherwise."""
    raise NotImplementedError(facts, model)
