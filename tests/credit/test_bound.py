"""Bounds and guesses: certain before anything was learned, close afterwards, never above what can be."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.credit.bound import (
    LEARNED_MIN,
    TALLY_MAX,
    TEMPLATE_TOKENS,
    InputRate,
    OutputGuess,
    Tally,
    bound_input,
    find_overlength,
    learn_input,
)
from tokenworks.fleet.deployment import Model
from tokenworks.limits import SLICE_TOKENS
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.request import RequestFacts, read_request

MODEL = Model("m", 4096, 1024, image_tokens_max=600)


def facts_of(dialect: Dialect = "chat", **fields: Any) -> RequestFacts:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi", **fields}
    found = read_request(dialect, json.dumps(body).encode())
    assert isinstance(found, RequestFacts), found
    return found


def test_before_anything_is_learned() -> None:
    """No tokenizer makes more tokens than bytes, no template more than the allowance."""
    rate, facts = InputRate(), facts_of()
    assert bound_input(facts, MODEL, rate) == facts.body_bytes + TEMPLATE_TOKENS
    assert rate.tokens_per_kib(500) == 0


def test_context_is_the_most() -> None:
    facts = facts_of(messages=[{"role": "user", "content": "x" * 100_000}])
    assert bound_input(facts, MODEL, InputRate()) == 4096
    assert bound_input(facts_of("completions", prompt=["x" * 9_000, "y"]), MODEL, InputRate()) == 2 * 4096


def test_token_numbers_are_exact() -> None:
    assert bound_input(facts_of("completions", prompt=list(range(50))), MODEL, InputRate()) == 51
    assert bound_input(facts_of("embeddings", input=[[1, 2], [3]]), MODEL, InputRate()) == 5
    assert bound_input(facts_of("completions", prompt=[1], suffix="x" * 99), MODEL, InputRate()) > 100


def test_images_have_their_own_bound() -> None:
    url = {"url": "data:image/png;base64," + "A" * 3_000}
    image, text = {"type": "image_url", "image_url": url}, {"type": "text", "text": "what is it?"}
    facts = facts_of(messages=[{"role": "user", "content": [text, image, image]}])
    bound = bound_input(facts, MODEL, InputRate())
    assert 2 * 600 < bound < 2 * 600 + 500 + TEMPLATE_TOKENS


@pytest.mark.parametrize(("dialect", "fields"), [
    ("responses", {"previous_response_id": "resp_1"}),
    ("responses", {"tools": [{"type": "web_search"}]}),
    ("chat", {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "x"}}]}]}),
    ("responses", {"input": [{"type": "item_reference", "id": "x"}]}),
])
def test_what_bytes_do_not_bound(dialect: Dialect, fields: dict[str, Any]) -> None:
    assert bound_input(facts_of(dialect, **fields), MODEL, InputRate()) == 4096


@pytest.mark.parametrize("seed", range(5))
def test_learned_bound_holds(seed: int) -> None:
    """After some hundred requests of one kind about one in two hundred is above the bound, and it is not far above."""
    dice, rate = random.Random(seed), InputRate()

    def draw() -> tuple[int, int]:
        size = dice.randint(300, 900)
        return size, 20 + size * dice.randint(180, 300) // 1024

    for _ in range(600):
        rate.learn(*draw())
    fresh = [draw() for _ in range(2_000)]
    missed = sum(tokens > rate.ceiling(size) for size, tokens in fresh)
    assert missed <= 40
    assert sum(rate.ceiling(size) for size, _ in fresh) < 2 * sum(tokens for _, tokens in fresh)


SIZES = st.integers(1, 10**6)


@given(st.lists(st.tuples(SIZES, st.integers(0, 10**6)), max_size=LEARNED_MIN - 1), SIZES)
def test_little_is_not_believed(seen: list[tuple[int, int]], size: int) -> None:
    rate = InputRate()
    for size_seen, tokens in seen:
        rate.learn(size_seen, tokens)
    rate.learn(0, 5)
    assert rate.ceiling(size) == size + TEMPLATE_TOKENS


@given(st.lists(st.integers(1, 800), min_size=LEARNED_MIN, max_size=150))
def test_few_observations_are_all_covered(tokens: list[int]) -> None:
    """Below two hundred observations the bound is above every one of them (at their size)."""
    rate = InputRate()
    for count in tokens:
        rate.learn(600, count)
    assert rate.ceiling(600) >= max(tokens)


def test_sizes_are_learned_apart() -> None:
    rate = InputRate()
    for _ in range(50):
        rate.learn(300, 200)  # most of it template
        rate.learn(60_000, 15_000)
    assert 200 <= rate.ceiling(300) <= 220 and 15_000 <= rate.ceiling(60_000) <= 16_500


def test_an_outlier_counts_at_once() -> None:
    rate = InputRate()
    for _ in range(40):
        rate.learn(600, 100)
    rate.learn(600, 500)
    assert rate.ceiling(600) >= 500


def test_what_teaches() -> None:
    rate = InputRate()
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": "data:x"}]}]
    for _ in range(LEARNED_MIN):
        learn_input(facts_of(messages=image), MODEL, rate, 900)
        learn_input(facts_of("completions", prompt=[1, 2]), MODEL, rate, 2)
        learn_input(facts_of("responses", previous_response_id="r"), MODEL, rate, 3_000)
        learn_input(facts_of(), MODEL, rate, 4097)
    facts = facts_of()
    assert rate.tokens_per_kib(facts.body_bytes) == 0
    for _ in range(LEARNED_MIN):
        learn_input(facts, MODEL, rate, 20)
    assert 20 <= bound_input(facts, MODEL, rate) <= 23


def test_overlength() -> None:
    assert find_overlength(facts_of("completions", prompt=[7] * 4097), MODEL) == 4097
    assert find_overlength(facts_of("completions", prompt=[7] * 4096), MODEL) == 0
    assert find_overlength(facts_of("embeddings", input=[[7] * 9_000, [7]]), MODEL) == 4501
    assert find_overlength(facts_of(messages=[{"role": "user", "content": " " * 100_000}]), MODEL) == 0


def test_guess_before_anything_is_learned() -> None:
    guess = OutputGuess()
    assert guess.remainder(0, 10_000) == SLICE_TOKENS
    assert guess.remainder(0, 5) == 5 and guess.remainder(5, 5) == 0 and guess.remainder(9, 5) == 0
    assert guess.remainder(100_000, 1_000_000) == SLICE_TOKENS // 4


def test_guess() -> None:
    guess = OutputGuess()
    for length in [10] * 60 + [1_000] * 40:
        guess.learn(length)
    assert 1_000 <= guess.remainder(0, 10_000) <= 1_100
    assert 900 <= guess.remainder(50, 10_000) <= 1_050, "those that have passed 50 are the long ones"
    assert guess.remainder(50, 300) == 250
    assert guess.remainder(4_000, 10_000) == 1_000, "longer than any: a quarter of what there is"


@given(st.lists(st.integers(0, 5_000), max_size=80), st.integers(0, 6_000), st.integers(0, 6_000))
def test_guess_is_bounded(lengths: list[int], seen: int, most: int) -> None:
    guess = OutputGuess()
    for length in lengths:
        guess.learn(length)
    assert 0 <= guess.remainder(seen, most) <= max(0, most - seen)
    assert seen >= most or guess.remainder(seen, most) >= 1


@given(st.lists(st.integers(0, 90), min_size=1, max_size=60), st.integers(1, 999), st.integers(-1, 80))
def test_quantile(values: list[int], per_thousand: int, above: int) -> None:
    """Against counting: with an edge per value the quantile is the value itself."""
    tally = Tally(tuple(range(91)))
    for value in values:
        tally.add(value)
    left = sorted(value for value in values if value > above)
    place = -(-len(left) * per_thousand // 1000)
    assert tally.quantile(above, per_thousand) == (left[place - 1] if left else 0)


def test_old_observations_fade() -> None:
    tally = Tally((1, 2))
    for _ in range(TALLY_MAX):
        tally.add(1)
    assert tally.total == TALLY_MAX // 2
    tally.add(99)
    assert tally.counts == [TALLY_MAX // 2, 1], "what is above the last edge counts there"
