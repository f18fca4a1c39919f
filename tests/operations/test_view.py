"""What is shown can be read back, and nothing is rounded on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.errors import Invalid
from tokenworks.operations.view import check_limit, check_name, check_text, read_time, show_money, show_time
from tokenworks.units import parse_amount


@given(st.integers(1, 4 * 10**18))
def test_times_come_back(at_ns: int) -> None:
    assert read_time(show_time(at_ns), "at") == at_ns // 1000 * 1000


def test_times() -> None:
    assert show_time(0) is None
    assert show_time(1_790_000_000_123_456_789) == "2026-09-21T14:13:20.123456Z"
    assert read_time(None, "at") == 0
    assert read_time("2026-09-21T22:13:20+08:00", "at") == 1_790_000_000 * 10**9


@pytest.mark.parametrize("text", ["", "yesterday", "2027-01-31", "2027-01-31T00:00:00", "1790000000"])
def test_bad_times(text: str) -> None:
    with pytest.raises(Invalid, match="expires_at"):
        read_time(text, "expires_at")


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["CNY", "USD", "points", "tokens", "requests"]))
def test_money_is_exact(amount: int, unit: str) -> None:
    money = show_money(amount, unit)
    assert parse_amount(money.amount, money.currency) == amount


@pytest.mark.parametrize("text", ["", " a", "a b", "é", "a" * 129, "-x", "a\n"])
def test_bad_names(text: str) -> None:
    with pytest.raises(Invalid, match="name"):
        check_name(text, "name")


def test_names_and_texts() -> None:
    assert check_name("Qwen/Qwen3-Coder:30b", "model") == "Qwen/Qwen3-Coder:30b"
    assert check_text("示例 account", "name") == "示例 account"
    for text in ("a\nb", "x" * 201, "\x1b[31m"):
        with pytest.raises(Invalid):
            check_text(text, "name")
    assert check_limit(500) == 500
    for limit in (0, -1, 501):
        with pytest.raises(Invalid):
            check_limit(limit)
