"""Rewrites: what is said in another way still says the same."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.prompt import rewrites as say
from tokenworks.wire.prompt.finders import NAMES
from tokenworks.wire.prompt.strict import suits_claude
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Document,
    Foreign,
    Format,
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


GROUPED = (Tool("f"), Tool("f", group="space"), Tool("g.h", group="space"))
LONG = "x" * 60 + "_read"


def test_namespaces_become_part_of_the_name() -> None:
    found = say.rename_tools(True)(
        prompt(Call("c", "f", "{}", group="space"), Call("d", "f", "{}"), Call("e", "gone", "{}", group="old"),
               tools=GROUPED, choice=Choice("these", ("g.h", "f"))), TARGET)
    assert found.tools == (Tool("f"), Tool("space__f"), Tool("space__g_h"))
    assert [part.name for part in found.turns[0].parts if isinstance(part, Call)] == ["space__f", "f", "old__gone"]
    assert found.choice.names == ("space__g_h", "f")
    assert say.flat_names(prompt(tools=GROUPED), True) == {("space", "f"): "space__f", ("space", "g.h"): "space__g_h"}


def test_names_that_not_everybody_takes() -> None:
    tools = (Tool(LONG), Tool("a.b"), Tool("a_b"), Tool("c", group="space"))
    asked = prompt(Call("c", LONG, "{}"), Call("d", "a_b", "{}"), tools=tools, choice=Choice("these", ("a.b",)))
    found = say.rename_tools(False)(asked, TARGET)
    assert found.tools == (Tool(LONG[-64:]), Tool("a_b_2"), Tool("a_b"), Tool("c", group="space"))
    assert [part.name for part in found.turns[0].parts if isinstance(part, Call)] == [LONG[-64:], "a_b"]
    assert found.choice.names == ("a_b_2",)
    assert say.flat_names(asked, False) == {("", LONG): LONG[-64:], ("", "a.b"): "a_b_2"}


@given(st.lists(st.tuples(st.text("ab._", max_size=70), st.text("ab._", min_size=1, max_size=70)), unique=True,
                max_size=12), st.booleans())
def test_flat_names_are_told_apart(pairs: list[tuple[str, str]], grouped: bool) -> None:
    """Whatever the names are: each is one that every interface takes, and leads back to one tool."""
    tools = tuple(Tool(name, group=group) for group, name in pairs)
    found = say.flat_names(prompt(tools=tools), grouped)
    sent = [tool.name for tool in say.rename_tools(grouped)(prompt(tools=tools), TARGET).tools if not tool.group]
    assert len(set(sent)) == len(sent) == sum(grouped or not group for group, _ in pairs)
    assert all(NAMES.fullmatch(name) for name in sent) and set(found.values()) <= set(sent)


def test_free_text_becomes_a_member() -> None:
    grammar = b'{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}'
    flat = b'{"type":"grammar","syntax":"regex","definition":"x+"}'
    found = say.wrap_customs(
        prompt(Call("c", "a", 'say "hi"', True), Result("c", (), custom=True), Call("d", "f", "{}"),
               tools=(Tool("a", "What it does.", custom=True, grammar=grammar), Tool("b", custom=True, grammar=flat),
                      Tool("c", "d", custom=True, grammar=b'{"type":"text"}'), Tool("e", custom=True), Tool("f"),
                      Tool("h", "odd", custom=True, grammar=b"3"))),
        TARGET)
    call, result, other = found.turns[0].parts
    assert call == Call("c", "a", '{"input":"say \\"hi\\""}')
    assert (result, other) == (Result("c", ()), Call("d", "f", "{}"))
    assert [tool.description for tool in found.tools] == [
        "What it does.\n\n`input` follows this lark grammar:\nstart: x", "`input` follows this regex grammar:\nx+", "d",
        "", "", "odd"]
    assert [(tool.custom, tool.grammar) for tool in found.tools] == [(False, b"")] * 6
    assert json.loads(found.tools[0].schema)["required"] == ["input"] and found.tools[4].schema == b""


def test_only_the_tools_of_the_choice() -> None:
    tools = (Tool("f"), Tool("g"), Tool("h"))
    found = say.keep_allowed(prompt(tools=tools, choice=Choice("these", ("f", "g"), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[:2], Choice("some", (), "p"))
    found = say.keep_allowed(prompt(tools=tools, choice=Choice("auto", ("g",), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[1:2], Choice("auto", (), "p"))
    found = say.keep_allowed(prompt(tools=tools, choice=Choice("these", ("g",), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[1:2], Choice("these", ("g",), "p"))


def test_without_the_tools_of_others() -> None:
    hosted = (Foreign("web_search", b"{}"),)
    named = Choice("auto", ("f", "web_search"))
    found = say.drop_hosted(prompt(tools=(Tool("f"),), hosted=hosted, choice=named), TARGET)
    assert (found.hosted, found.choice) == ((), Choice("auto", ("f",)))
    assert say.drop_hosted(prompt(hosted=hosted, choice=Choice("auto", (), "p")), TARGET).choice == Choice()


CLOSED = b'{"type":"object","additionalProperties":false}'
SCHEMA = Format("schema", "n", CLOSED, "d", True, "p")


def test_a_form_as_a_call() -> None:
    found = say.ask_tool(prompt(format=SCHEMA), TARGET)
    assert (found.format, found.choice, found.parallel) == (None, Choice("these", ("answer",), "p"), False)
    assert found.tools == (Tool("answer", "d", CLOSED, True, path="p"),)
    loose = say.ask_tool(prompt(format=msgspec.structs.replace(SCHEMA, schema=b'{"type":"object"}')), TARGET)
    assert loose.tools[0].strict is None, "no guarantee is asked for that is not given"
    tools = (Tool("answer"), Tool("answer_"))
    found = say.ask_tool(prompt(format=Format("json", path="p"), tools=tools), TARGET)
    assert found.tools[2].name == "answer__" and found.tools[2].schema == b'{"type":"object"}'
    assert found.tools[2].description and found.choice == Choice("some", (), "p")


def test_a_form_when_calls_are_ruled() -> None:
    """Whoever has to call gives no text; whoever may not call gives the form alone."""
    tools = (Tool("f"),)
    for choice in (Choice("some"), Choice("these", ("f",))):
        found = say.ask_tool(prompt(format=SCHEMA, tools=tools, choice=choice), TARGET)
        assert (found.format, found.tools, found.choice) == (None, tools, choice)
    found = say.ask_tool(prompt(format=SCHEMA, tools=tools, choice=Choice("none")), TARGET)
    assert [tool.name for tool in found.tools] == ["answer"] and found.choice.names == ("answer",)


def test_a_call_as_a_form() -> None:
    turns = (Turn("system", (Text("s"),)), Turn("user", (Text("u"),)))
    asked = Prompt("m", turns, tools=(Tool("f", "Adds.", b'{"a":1}'), Tool("g")), choice=Choice("these", ("f",), "p"),
                   parallel=True)
    found = say.ask_schema(asked, TARGET)
    assert found.format == Format("schema", "f", b'{"a":1}', "Adds.", True, "p")
    assert (found.tools, found.choice, found.parallel) == ((), Choice(), None)
    told = found.turns[1].parts[0]
    assert isinstance(told, Text) and "`f`" in told.text and "Adds." in told.text
    assert [turn.role for turn in found.turns] == ["system", "system", "user"]
    plain = say.ask_schema(msgspec.structs.replace(asked, choice=Choice("these", ("g",), "p"), turns=turns[:1]), TARGET)
    assert plain.format is not None and plain.format.schema == b'{"type":"object"}' and len(plain.turns) == 2


def test_guarantees() -> None:
    assert say.make_strict(prompt(format=SCHEMA), TARGET).format == SCHEMA
    unsaid = msgspec.structs.replace(SCHEMA, strict=None)
    assert say.make_strict(prompt(format=unsaid), TARGET).format == SCHEMA
    assert say.make_strict(prompt(), TARGET).format is None
    tools = (Tool("f", schema=CLOSED, strict=True), Tool("g", schema=b"{}", strict=True), Tool("h", strict=True))
    assert [tool.strict for tool in say.drop_strict(suits_claude)(prompt(tools=tools), TARGET).tools] == [
        True, None, True]


def test_small_words() -> None:
    assert say.drop_field("user")(prompt(user="u"), TARGET).user == ""
    assert say.drop_drawing("seed")(prompt(sampling=Sampling(seed=1)), TARGET).sampling == Sampling()
    assert say.go_on(prompt(), TARGET).extras.keys() == {"add_generation_prompt", "continue_final_message"}
    assert say.go_on(prompt(), Target("sglang")).extras.keys() == {"continue_final_message"}
    assert parts_after(say.drop_details, Image(url="u", detail="low"), Text("t")) == (Image(url="u"), Text("t"))
