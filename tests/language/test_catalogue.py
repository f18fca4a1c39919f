"""Finding a finished sentence by its template, and what was put in it again."""

from __future__ import annotations

import string
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.language.catalogue import TEXT_CHARS_MAX, Catalogue

ROWS = {
    "There is no {} {}. List them with `{}`.": "没有{0:w} {1}。请用 `{2}` 列出。",
    "There is no {}.": "没有 {0}。",
    "account": "账户",
    "Try again.": "请重试。",
    "{} must be {}, got {}.": "{0} 必须是{1}，收到的是 {2}。",
    "a number": "数字",
    "must be empty. Leave it out.": "必须为空。请去掉。",
    "lies in the past": "已经过去",
    "{} is in {}, {} in {}": "{1} 中的 {0}，{3} 中的 {2}",
    "It failed: {}.": "失败：{0}。",
}
BOOK = Catalogue([ROWS])


@pytest.mark.parametrize(("text", "told"), [
    ("Try again.", "请重试。"),
    ("There is no account 'acme'. List them with `tw list`.", "没有账户 'acme'。请用 `tw list` 列出。"),
    ("There is no moon.", "没有 moon。"),
    ("messages[0].n must be a number, got 'x'.", "messages[0].n 必须是数字，收到的是 'x'。"),
    ("a is in b, c in d", "b 中的 a，d 中的 c"),
    ("There is no moon. Try again.", "没有 moon。请重试。"),
    ("Who knows? Try again.", "Who knows? 请重试。"),
    ("expires_at: lies in the past", "expires_at: 已经过去"),
    ("tools[1].name must be empty. Leave it out.", "tools[1].name 必须为空。请去掉。"),
    ("It failed: Try again..", "失败：请重试。。"),
    ("There is no account.", "没有 account。"),
    ("n must be a number, got account.", "n 必须是数字，收到的是 account。"),
    ("There is no key 'account'. List them with `account`.", "没有key 'account'。请用 `account` 列出。"),
    ("Nothing of ours", "Nothing of ours"), ("", ""), ("没有", "没有")])
def test_telling(text: str, told: str) -> None:
    assert BOOK.tell(text) == told


def test_the_most_fixed_template_wins() -> None:
    book = Catalogue([{"A {}.": "少", "A {} of {}.": "多{0}{1}"}])
    assert book.tell("A cup of tea.") == "多cuptea"


def test_sentences_in_sentences_come_to_an_end() -> None:
    told = BOOK.tell("It failed: " * 40 + "Try again." + "." * 40)
    assert told.startswith("失败：失败：") and "Try again" in told


def test_what_is_no_sentence_is_left_alone() -> None:
    text = "There is no " + "x" * TEXT_CHARS_MAX + "."
    assert BOOK.tell(text) == text


def test_hostile_text_takes_no_time() -> None:
    """What a client wrote stands in our sentences: it must not be able to keep us busy."""
    book = Catalogue([{"{} a {} a {} a {} a {} a {} b": "{0}"}])
    for text in ("x a " * 900 + "c", "A b. " * 700, "a: " * 1300, "There is no " * 300):
        began = perf_counter()
        book.tell(text)
        BOOK.tell(text)
        assert perf_counter() - began < 0.25


PART = st.text(string.ascii_letters + "'", min_size=1, max_size=12)


@given(PART, PART, PART)
def test_what_is_put_in_comes_out(one: str, two: str, three: str) -> None:
    assert BOOK.tell(f"There is no {one} {two}. List them with `{three}`.") == \
        f"没有{ROWS.get(one, one)} {two}。请用 `{three}` 列出。"


def test_known() -> None:
    assert BOOK.knows("There is no {}.") and BOOK.knows("Try again.") and not BOOK.knows("There is {}.")
