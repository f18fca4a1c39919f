"""What a dialect has no word for, said plainly."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.wire.prompt.strategies import prompts

from tokenworks.wire.prompt.plain import (
    WORD_CHARS_MAX,
    Ids,
    budget_of,
    effort_of,
    join_data,
    pair_results,
    remind,
    shorten,
    tell_document,
)
from tokenworks.wire.prompt.vocabulary import Call, Document, Prompt, Result, Text, Turn


def test_documents_and_reminders() -> None:
    assert tell_document(Document(text="t", name="n")) == '<document title="n">\nt\n</document>'
    assert tell_document(Document(text="t")) == "<document>\nt\n</document>"
    assert remind("t") == "<system-reminder>\nt\n</system-reminder>"
    assert join_data("image/png", "AAAA") == "data:image/png;base64,AAAA"


@given(st.text(), st.text())
def test_users_keep_apart(one: str, other: str) -> None:
    assert shorten("u" * WORD_CHARS_MAX) == "u" * WORD_CHARS_MAX
    long, longer = "u" * 99 + one, "u" * 99 + other
    assert len(shorten(long)) == WORD_CHARS_MAX
    assert (shorten(long) == shorten(longer)) == (long == longer)


def test_efforts_and_budgets() -> None:
    assert [budget_of(effort, 1000) for effort in ("minimal", "low", "medium", "high", "max", "")] == [
        100, 200, 500, 800, 950, 500]  # fmt: skip
    assert [effort_of(budget, 1000) for budget in (1, 499, 500, 799, 800, 2000)] == [
        "low", "low", "medium", "medium", "high", "high"]  # fmt: skip
    assert effort_of(5, 0) == "high"


@given(st.lists(st.text(), max_size=9))
def test_no_two_calls_have_the_same_id(ids: list[str]) -> None:
    fitted = Ids()
    sent = []
    for identity in ids:
        sent.append(fitted.issue(identity))
        assert fitted.find(identity) == sent[-1]
    assert len(set(sent)) == len(sent)
    assert all(re.fullmatch("[A-Za-z0-9_-]+", found) for found in sent)
    assert fitted.find("of nobody") == "of nobody"


@given(prompts("messages", "responses"))
def test_what_is_in_order_stays(prompt: Prompt) -> None:
    assert pair_results(prompt.turns) is prompt.turns


def said(role: Any, *parts: Any) -> Turn:
    return Turn(role, parts, path=f"at {len(parts)}")


A, B = Call("a", "f", "{}"), Call("b", "f", "{}")
OF_A, OF_B = Result("a", (), path="ra"), Result("b", (), path="rb")
HI = Text("hi")


def test_results_are_put_behind_their_calls() -> None:
    turns = (said("assistant", A, B), said("user", OF_B), said("assistant", HI), said("user", HI, OF_A))
    assert pair_results(turns) == (
        said("assistant", A, B), Turn("user", (OF_B, OF_A), path="rb"), said("assistant", HI),
        Turn("user", (HI,), path="at 2"),
    )  # fmt: skip


def test_results_come_before_all_else() -> None:
    turns = (said("assistant", A), said("user", HI), said("user", OF_A))
    assert pair_results(turns) == (said("assistant", A), Turn("user", (OF_A,), path="ra"), said("user", HI))
    both = (said("assistant", A), said("user", HI, OF_A), Turn("user", ()))
    assert pair_results(both)[1:] == (Turn("user", (OF_A,), path="ra"), Turn("user", (HI,), path="at 2"), both[2])


def test_results_without_a_call_stay() -> None:
    turns = (said("assistant", A), said("user", OF_B, OF_A))
    assert pair_results(turns) == (said("assistant", A), Turn("user", (OF_A,), path="ra"),
                                   Turn("user", (OF_B,), path="at 2"))  # fmt: skip
    alone = (said("user", OF_B),)
    assert pair_results(alone) is alone
