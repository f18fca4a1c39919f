"""Rewrites: what is said in another way still says the same."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tokenworks.wire.prompt import rewrites as say
from tokenworks.wire.prompt.vocabulary import (
    Document,
    Foreign,
    Image,
    Part,
    Prompt,
    Reasoning,
    Result,
    Sampling,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)

TARGET = Target("vllm", output_max=1000)


def prompt(*parts: Part, **more: Any) -> Prompt:
    return Prompt("m", (Turn("user", parts),), **more)


def parts_after(rewrite: say.Rewrite, *parts: Part) -> tuple[Part, ...]:
    turns = rewrite(prompt(*parts), TARGET).turns
    return turns[0].parts if turns else ()


def test_a_turn_of_nothing_goes() -> None:
    turns = (Turn("user", (Text("u"),)), Turn("assistant", (Thought("t", "openai", "s"),)), Turn("user", ()))
    assert say.drop_sealed(Prompt("m", turns), TARGET).turns == (turns[0], turns[2])
    assert say.drop_thoughts(Prompt("m", turns), TARGET).turns == (turns[0], turns[2])


def test_marks_go_everywhere() -> None:
    mark = b'{"type":"ephemeral"}'
    found = say.drop_marks(b'"type"')(
        prompt(Result("c", (Text("t", mark),), cache=mark), Image(cache=b'{"mode":"explicit"}'),
               tools=(Tool("f", cache=mark), Tool("g"))), TARGET)
    assert found.turns[0].parts == (Result("c", (Text("t"),)), Image(cache=b'{"mode":"explicit"}'))
    assert found.tools == (Tool("f"), Tool("g"))


@pytest.mark.parametrize(("result", "expected"), [
    (Result("c", (Text("no such file"),), True), Result("c", (Text("Error: no such file"),))),
    (Result("c", (Text("<tool_use_error>x"),), True), Result("c", (Text("<tool_use_error>x"),))),
    (Result("c", (Text("[Error] x"),), True), Result("c", (Text("[Error] x"),))),
    (Result("c", (), True), Result("c", (Text("The tool failed."),))),
    (Result("c", (Image(url="u"),), True), Result("c", (Text("The tool failed."), Image(url="u")))),
    (Result("c", (Text("fine"),)), Result("c", (Text("fine"),))),
])  # fmt: skip
def test_failures_say_so(result: Result, expected: Result) -> None:
    assert parts_after(say.tell_failed, result) == (expected,)


def test_documents_of_text() -> None:
    data = base64.b64encode("a,é".encode()).decode()
    assert parts_after(say.tell_writings, Document("text/csv", data, name="n", cache=b"m", path="p")) == (
        Text('<document title="n">\na,é\n</document>', b"m", "p"),)
    assert parts_after(say.tell_writings, Document(text="t")) == (Text("<document>\nt\n</document>"),)
    assert parts_after(say.tell_writings, Document("text/csv", "a")) == (Text("<document>\na\n</document>"),)
    pdf = Document("application/pdf", "QUJD")
    assert parts_after(say.tell_writings, pdf) == (pdf,)


def test_texts_become_one() -> None:
    turns = (
        Turn("system", (Text("a"),)), Turn("system", (Text("b"), Text("c"))),
        Turn("user", (Result("c", (Text("1"), Text("2"), Image(url="u"), Text("3"))), Text("d", b"mark"), Text("e"))),
        Turn("assistant", (Text("f"),)), Turn("assistant", (Text("g"),)),
        Turn("user", (Text("h"),)), Turn("user", (Image(url="u"),)), Turn("user", (Text("i"),), name="x"),
        Turn("user", (Result("d", ()),), name="x"),
    )  # fmt: skip
    assert say.join_texts(Prompt("m", turns), TARGET).turns == (
        Turn("system", (Text("a\n\nb\n\nc"),)),
        Turn("user", (Result("c", (Text("1\n\n2"), Image(url="u"), Text("3"))), Text("d", b"mark"), Text("e"))),
        Turn("assistant", (Text("f"),)), Turn("assistant", (Text("g"),)),
        Turn("user", (Text("h"), Image(url="u"))), Turn("user", (Text("i"),), name="x"),
        Turn("user", (Result("d", ()),), name="x"))


def test_the_system_is_told_as_a_reminder() -> None:
    other = Foreign("x", b"{}")
    turns = (Turn("system", (Text("a"),)), Turn("user", (Text("b"),)),
             Turn("system", (Text("c", b"mark"), other), developer=True, path="p"))
    marked = Text("<system-reminder>\nc\n</system-reminder>", b"mark")
    assert say.remind_late(Prompt("m", turns), TARGET).turns == (*turns[:2], Turn("user", (marked, other), path="p"))


def test_budgets_and_efforts() -> None:
    def effort(**wanted: Any) -> Any:
        return say.tell_budget(prompt(reasoning=Reasoning(**wanted), output_cap=1000), TARGET).reasoning

    assert effort(budget_tokens=900, on=True) == Reasoning("high", on=True)
    assert effort(budget_tokens=500) == Reasoning("medium") and effort(budget_tokens=100) == Reasoning("low")
    assert effort(budget_tokens=100, effort="max") == Reasoning("max")
    assert say.tell_budget(prompt(reasoning=Reasoning(budget_tokens=900)), TARGET).reasoning.effort == "high"
    few = say.tell_effort({"none": "", "max": "high"})
    assert few(prompt(reasoning=Reasoning("max")), TARGET).reasoning == Reasoning("high")
    assert few(prompt(reasoning=Reasoning("none")), TARGET).reasoning == Reasoning("", on=False)
    assert few(prompt(reasoning=Reasoning("low")), TARGET).reasoning == Reasoning("low")


def test_small_words() -> None:
    assert say.drop_field("user")(prompt(user="u"), TARGET).user == ""
    assert say.drop_drawing("seed")(prompt(sampling=Sampling(seed=1)), TARGET).sampling == Sampling()
    assert say.go_on(prompt(), TARGET).extras.keys() == {"add_generation_prompt", "continue_final_message"}
    assert say.go_on(prompt(), Target("sglang")).extras.keys() == {"continue_final_message"}
    assert parts_after(say.drop_details, Image(url="u", detail="low"), Text("t")) == (Image(url="u"), Text("t"))
