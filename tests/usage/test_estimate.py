"""Tokens from bytes: rounded up, in integers, never less for more bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.usage.estimate import count_tokens, estimate_usage
from tokenworks.usage.vector import Usage

SIZES = st.integers(0, 2**40)
RATES = st.integers(0, 8192)


@given(SIZES, RATES)
def test_rounds_up(size: int, rate: int) -> None:
    tokens = count_tokens(size, rate)
    assert tokens * 1024 >= size * rate > (tokens - 1) * 1024


@given(SIZES, SIZES, RATES)
def test_grows(size: int, more: int, rate: int) -> None:
    assert count_tokens(size + more, rate) >= count_tokens(size, rate)


def test_vector() -> None:
    assert estimate_usage(1024, 1, 256) == Usage(256, output=1)
