"""Tools and forms in other words: each comes back as what it was."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.prompt import retools as ask
from tokenworks.wire.prompt.finders import NAMES
from tokenworks.wire.prompt.strict import suits_claude
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Foreign,
    Format,
    Part,
    Prompt,
    Result,
    Target,
    Text,
    Tool,
    Turn,
)

TARGET = Target("vllm", output_max=1000)


def prompt(*parts: Part, **more: Any) -> Prompt:
    return Prompt("m", (Turn("user", parts),), **more)


GROUPED = (Tool("f"), Tool("f", group="space"), Tool("g.h", group="space"))
LONG = "x" * 60 + "_read"


def test_namespaces_become_part_of_the_name() -> None:
    found = ask.rename_tools(True)(
        prompt(Call("c", "f", "{}", group="space"), Call("d", "f", "{}"), Call("e", "gone", "{}", group="old"),
               tools=GROUPED, choice=Choice("these", ("g.h", "f"))), TARGET)
    assert found.tools == (Tool("f"), Tool("space__f"), Tool("space__g_h"))
    assert [part.name for part in found.turns[0].parts if isinstance(part, Call)] == ["space__f", "f", "old__gone"]
    assert found.choice.names == ("space__g_h", "f")
    assert ask.flat_names(prompt(tools=GROUPED), True) == {("space", "f"): "space__f", ("space", "g.h"): "space__g_h"}


def test_names_that_not_everybody_takes() -> None:
    tools = (Tool(LONG), Tool("a.b"), Tool("a_b"), Tool("c", group="space"))
    asked = prompt(Call("c", LONG, "{}"), Call("d", "a_b", "{}"), tools=tools, choice=Choice("these", ("a.b",)))
    found = ask.rename_tools(False)(asked, TARGET)
    assert found.tools == (Tool(LONG[-64:]), Tool("a_b_2"), Tool("a_b"), Tool("c", group="space"))
    assert [part.name for part in found.turns[0].parts if isinstance(part, Call)] == [LONG[-64:], "a_b"]
    assert found.choice.names == ("a_b_2",)
    assert ask.flat_names(asked, False) == {("", LONG): LONG[-64:], ("", "a.b"): "a_b_2"}


@given(st.lists(st.tuples(st.text("ab._", max_size=70), st.text("ab._", min_size=1, max_size=70)), unique=True,
                max_size=12), st.booleans())
def test_flat_names_are_told_apart(pairs: list[tuple[str, str]], grouped: bool) -> None:
    """Whatever the names are: each is one that every interface takes, and leads back to one tool."""
    tools = tuple(Tool(name, group=group) for group, name in pairs)
    found = ask.flat_names(prompt(tools=tools), grouped)
    sent = [tool.name for tool in ask.rename_tools(grouped)(prompt(tools=tools), TARGET).tools if not tool.group]
    assert len(set(sent)) == len(sent) == sum(grouped or not group for group, _ in pairs)
    assert all(NAMES.fullmatch(name) for name in sent) and set(found.values()) <= set(sent)


def test_free_text_becomes_a_member() -> None:
    grammar = b'{"type":"grammar","grammar":{"syntax":"lark","definition":"start: x"}}'
    flat = b'{"type":"grammar","syntax":"regex","definition":"x+"}'
    found = ask.wrap_customs(
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
    found = ask.keep_allowed(prompt(tools=tools, choice=Choice("these", ("f", "g"), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[:2], Choice("some", (), "p"))
    found = ask.keep_allowed(prompt(tools=tools, choice=Choice("auto", ("g",), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[1:2], Choice("auto", (), "p"))
    found = ask.keep_allowed(prompt(tools=tools, choice=Choice("these", ("g",), "p")), TARGET)
    assert (found.tools, found.choice) == (tools[1:2], Choice("these", ("g",), "p"))


def test_without_the_tools_of_others() -> None:
    hosted = (Foreign("web_search", b"{}"),)
    named = Choice("auto", ("f", "web_search"))
    found = ask.drop_hosted(prompt(tools=(Tool("f"),), hosted=hosted, choice=named), TARGET)
    assert (found.hosted, found.choice) == ((), Choice("auto", ("f",)))
    assert ask.drop_hosted(prompt(hosted=hosted, choice=Choice("auto", (), "p")), TARGET).choice == Choice()


CLOSED = b'{"type":"object","additionalProperties":false}'
SCHEMA = Format("schema", "n", CLOSED, "d", True, "p")


def test_a_form_as_a_call() -> None:
    found = ask.ask_tool(prompt(format=SCHEMA), TARGET)
    assert (found.format, found.choice, found.parallel) == (None, Choice("these", ("answer",), "p"), False)
    assert found.tools == (Tool("answer", "d", CLOSED, True, path="p"),)
    loose = ask.ask_tool(prompt(format=msgspec.structs.replace(SCHEMA, schema=b'{"type":"object"}')), TARGET)
    assert loose.tools[0].strict is None, "no guarantee is asked for that is not given"
    tools = (Tool("answer"), Tool("answer_"))
    found = ask.ask_tool(prompt(format=Format("json", path="p"), tools=tools), TARGET)
    assert found.tools[2].name == "answer__" and found.tools[2].schema == b'{"type":"object"}'
    assert found.tools[2].description and found.choice == Choice("some", (), "p")


def test_a_form_when_calls_are_ruled() -> None:
    """Whoever has to call gives no text; whoever may not call gives the form alone."""
    tools = (Tool("f"),)
    for choice in (Choice("some"), Choice("these", ("f",))):
        found = ask.ask_tool(prompt(format=SCHEMA, tools=tools, choice=choice), TARGET)
        assert (found.format, found.tools, found.choice) == (None, tools, choice)
    found = ask.ask_tool(prompt(format=SCHEMA, tools=tools, choice=Choice("none")), TARGET)
    assert [tool.name for tool in found.tools] == ["answer"] and found.choice.names == ("answer",)


def test_a_call_as_a_form() -> None:
    turns = (Turn("system", (Text("s"),)), Turn("user", (Text("u"),)))
    asked = Prompt("m", turns, tools=(Tool("f", "Adds.", b'{"a":1}'), Tool("g")), choice=Choice("these", ("f",), "p"),
                   parallel=True)
    found = ask.ask_schema(asked, TARGET)
    assert found.format == Format("schema", "f", b'{"a":1}', "Adds.", True, "p")
    assert (found.tools, found.choice, found.parallel) == ((), Choice(), None)
    told = found.turns[1].parts[0]
    assert isinstance(told, Text) and "`f`" in told.text and "Adds." in told.text
    assert [turn.role for turn in found.turns] == ["system", "system", "user"]
    plain = ask.ask_schema(msgspec.structs.replace(asked, choice=Choice("these", ("g",), "p"), turns=turns[:1]), TARGET)
    assert plain.format is not None and plain.format.schema == b'{"type":"object"}' and len(plain.turns) == 2


def test_guarantees() -> None:
    assert ask.make_strict(prompt(format=SCHEMA), TARGET).format == SCHEMA
    unsaid = msgspec.structs.replace(SCHEMA, strict=None)
    assert ask.make_strict(prompt(format=unsaid), TARGET).format == SCHEMA
    assert ask.make_strict(prompt(), TARGET).format is None
    tools = (Tool("f", schema=CLOSED, strict=True), Tool("g", schema=b"{}", strict=True), Tool("h", strict=True))
    assert [tool.strict for tool in ask.drop_strict(suits_claude)(prompt(tools=tools), TARGET).tools] == [
        True, None, True]
