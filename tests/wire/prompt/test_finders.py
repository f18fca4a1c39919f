"""Finders: where a feature is used, and nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tokenworks.wire.prompt import finders as find
from tokenworks.wire.prompt.finders import Finder
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

TARGET = Target("openai", images=True)
OWN = Target("vllm", own=True)


def found(finder: Finder, *parts: Part, target: Target = TARGET, **more: Any) -> list[str]:
    return list(finder(Prompt("m", (Turn("user", parts),), **more), target))


def test_parts_inside_of_results_are_seen() -> None:
    image = Image(url="https://x", path="here")
    assert found(find.find_images, Result("c", (Text("t"), image)), target=OWN) == ["here"]
    assert found(find.find_images, image) == []
    assert found(find.find_pictured, Result("c", (Text("t"), image)), image) == ["here"]


def test_addresses_matter_where_nobody_fetches() -> None:
    inside = Image("image/png", "QUJD", path="c")
    parts = (Image(url="https://x", path="a"), Document(url="https://y", path="b"), inside)
    assert found(find.find_addresses, *parts) == []
    for target in (OWN, Target("bedrock")):
        assert found(find.find_addresses, *parts, target=target) == ["a", "b"]


@pytest.mark.parametrize(("document", "writing", "file", "sheet"), [
    (Document(text="t", path="p"), True, False, False),
    (Document("text/markdown", "QUJD", path="p"), True, False, False),
    (Document("application/pdf", "QUJD", path="p"), False, True, False),
    (Document("application/msword", "QUJD", path="p"), False, True, True),
    (Document(url="https://x", path="p"), False, True, False),
    (Document(file="f", path="p"), False, False, False),
])  # fmt: skip
def test_documents_by_what_they_are(document: Document, writing: bool, file: bool, sheet: bool) -> None:
    assert found(find.find_writings, document) == ["p"] * writing
    assert found(find.find_documents, document) == ["p"] * file
    assert found(find.find_sheets, document) == ["p"] * sheet


def test_numbers_that_change_nothing() -> None:
    for value in (b"0", b"0.0", b"-0", b"0e3", b""):
        assert found(find.find_drawing("presence_penalty"), sampling=Sampling(presence_penalty=value)) == []
    assert found(find.find_drawing("presence_penalty"), sampling=Sampling(presence_penalty=b"1e-3")) == [""]
    assert found(find.find_drawing("logit_bias"), sampling=Sampling(logit_bias=b"{}")) == []
    assert found(find.find_drawing("seed"), sampling=Sampling(seed=0)) == [""]
    assert found(find.find_drawing("logprobs"), sampling=Sampling(logprobs=0)) == [""]
    assert found(find.find_heat, sampling=Sampling(temperature=b"1.0")) == []
    assert found(find.find_heat, sampling=Sampling(temperature=b"1.01")) == [""]
    assert found(find.find_top, sampling=Sampling(top_k=0)) == [""] and found(find.find_top) == []
    assert found(find.find_small, output_cap=15) == [""] and found(find.find_small, output_cap=16) == []
    assert found(find.find_small) == []
    assert found(find.find_field("metadata"), metadata=b"{}") == []


def test_forced_functions() -> None:
    tools = (Tool("f"), Tool("g", custom=True))
    one = Choice("these", ("f",), "tool_choice")
    assert found(find.find_forced, tools=tools, choice=one) == ["tool_choice"]
    assert found(find.find_forced, tools=tools, choice=one, format=Format("json")) == []
    for choice in (Choice("these", ("g",)), Choice("these", ("f", "g")), Choice("some"), Choice("auto", ("f",))):
        assert found(find.find_forced, tools=tools, choice=choice) == []
    some = Choice("some", (), "tool_choice")
    assert found(find.find_forced, tools=tools[:1], choice=some) == ["tool_choice"]
    assert found(find.find_forced, tools=tools[1:], choice=some) == []
    hosted = (Foreign("web_search", b"{}"),)
    assert found(find.find_forced, tools=tools[:1], choice=some, hosted=hosted) == []


def test_choices_among_some() -> None:
    assert found(find.find_allowed, choice=Choice("auto", ("f",), "p")) == ["p"]
    assert found(find.find_allowed, choice=Choice("these", ("f", "g"), "p")) == ["p"]
    assert found(find.find_allowed, choice=Choice("these", ("f",), "p")) == []


def test_tools_that_others_run() -> None:
    search, shell = Foreign("web_search", b"{}", "a"), Foreign("local_shell", b"{}", "b")
    assert found(find.find_hosted, hosted=(search, shell)) == ["a"]
    assert found(find.find_builtins, hosted=(search, shell)) == ["b"]
    assert found(find.find_named, hosted=(search,), choice=Choice("these", ("web_search",), "p")) == ["p"]
    assert found(find.find_named, hosted=(search,), choice=Choice("some", (), "p")) == ["p"]
    assert found(find.find_named, hosted=(search,), choice=Choice("some", (), "p"), tools=(Tool("f"),)) == []


def test_names_and_free_text() -> None:
    call, result = Call("c", "g", "x", True, "space", path="p"), Result("c", (), custom=True, path="q")
    assert found(find.find_customs, call, result, tools=(Tool("g", custom=True, path="t"),)) == ["t", "p", "q"]
    assert found(find.find_groups, call, tools=(Tool("g", group="space", path="t"),)) == ["t", "p"]


def test_names_that_not_everybody_takes() -> None:
    tools = (Tool("a-b_C9", path="a"), Tool("a.b", path="b"), Tool("x" * 65, path="c"), Tool("a.b", group="g"))
    calls = (Call("1", "", "", path="e"), Call("2", "f", "", path="f"), Call("3", "a.b", "", group="g", path="g"))
    assert found(find.find_misnamed, *calls, tools=tools) == ["b", "c", "e"]


def test_guarantees() -> None:
    closed = Format("schema", schema=b'{"type":"object","additionalProperties":false}', path="p")
    open_ = Format("schema", schema=b'{"type":"object"}', path="p")
    assert found(find.find_unsure, format=closed) == [] and found(find.find_unsure, format=open_) == ["p"]
    assert found(find.find_unsure, format=Format("json")) == [] and found(find.find_unsure) == []
    assert found(find.find_guarantee(True), format=closed) == ["p"] == found(find.find_guarantee(False), format=open_)
    assert found(find.find_guarantee(True), format=open_) == [] == found(find.find_guarantee(False), format=closed)
    assert found(find.find_guarantee(True), format=msgspec.structs.replace(closed, strict=False)) == []
    assert found(find.find_guarantee(True)) == []
    loose = Tool("f", schema=open_.schema, strict=True, path="t")
    tools = (loose, Tool("g", schema=open_.schema), Tool("h", strict=True))
    assert found(find.find_loose(suits_claude), tools=tools) == ["t"]


def test_thoughts() -> None:
    parts = (Thought("a", "openai", path="p"), Thought("b", "anthropic", "seal", path="q"))
    assert found(find.find_thoughts, *parts) == ["p"] and found(find.find_sealed, *parts) == ["q"]
    assert found(find.find_budget, reasoning=Reasoning(budget_tokens=1, path="p")) == ["p"]
    assert found(find.find_effort("max"), reasoning=Reasoning("max", path="p")) == ["p"]
    assert found(find.find_effort("max"), reasoning=Reasoning("low", path="p")) == []
    assert found(find.find_secrecy, reasoning=Reasoning(sealed=True)) == [""]


def test_texts_in_a_row() -> None:
    system = Turn("system", (Text("s"),), path="p")
    assert list(find.find_pairs(Prompt("m", (system, system)), TARGET)) == ["p"]
    assert list(find.find_pairs(Prompt("m", (system, Turn("user", (Text("t"),)), system)), TARGET)) == []
    inside = Turn("user", (Result("c", (Text("a"), Text("b"))),), path="q")
    assert list(find.find_pairs(Prompt("m", (inside,)), TARGET)) == ["q"]


def test_marks_everywhere() -> None:
    mark = b'{"type":"ephemeral"}'
    parts = (Text("t", mark, "a"), Image(cache=mark, path="b"), Document(cache=mark, path="c"),
             Call("c", "f", "", cache=mark, path="d"), Result("c", (), cache=mark, path="e"), Thought("t", "openai"))
    assert found(find.find_marks(b'"type"'), *parts, tools=(Tool("f", cache=mark, path="f"),)) == list("abcdef")
    assert found(find.find_marks(b'"mode"'), *parts) == []


def test_the_system_s_place() -> None:
    said: Any = (("system", "a"), ("user", ""), ("system", "b"), ("assistant", "c"))
    turns = tuple(Turn(role, (), path=path) for role, path in said)
    assert list(find.find_late(Prompt("m", turns), TARGET)) == ["b"]
    assert list(find.find_opened(Prompt("m", turns), TARGET)) == ["c"]
    assert list(find.find_opened(Prompt("m", ()), TARGET)) == []
