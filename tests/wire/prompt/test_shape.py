"""An object taken member by member: types, paths, what nobody asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt.bodies import fields

from tokenworks.wire.prompt.reading import Misread, Reading
from tokenworks.wire.prompt.shape import Shape, is_object, refuse, shape_of
from tokenworks.wire.refusals import Malformed, Refusal


def shape(path: str = "", **members: Any) -> Shape:
    return Shape(fields(members), path)


def test_members() -> None:
    said = shape(
        "a[0]", text="t", flag=True, count=3, number=0.5, items=["x", 1], texts=["y"], inner={"k": None}, word="on",
        null=None,
    )  # fmt: skip
    assert said.text("text") == "t" and said.text("null", "other") == "other"
    assert said.flag("flag") is True and said.flag("null") is None
    assert said.count("count") == 3 and said.count("null") is None
    assert said.number("number") == b"0.5" and said.number("null") == b""
    assert [(bytes(raw), path) for raw, path in said.items("items")] == [(b'"x"', "a[0].items[0]"),
                                                                       (b"1", "a[0].items[1]")]
    assert said.items("null") == [] and said.texts("texts") == ("y",)
    inner = said.inner("inner")
    assert inner is not None and inner.path == "a[0].inner" and inner.raw == b'{"k":null}'
    assert said.inner("null") is None and said.raw == b""
    assert said.word("word", ("on", "off")) == "on" and said.word("null", ("on",), "") == ""
    assert bytes(said.needed("text")) == b'"t"'
    assert said.rest() == {} and inner.rest() == {}


def test_what_nobody_asked_for() -> None:
    left = Reading()
    said = shape("a[3].b[4]", x=1, y=2, z=None, w=4)
    said.skip("y")
    said.given("w")
    said.leave(left)
    assert tuple(left.left) == ("a[].b[].x",) and said.rest().keys() == {"x"}


@pytest.mark.parametrize(("take", "path", "remedy"), [
    (lambda said: said.needed("none"), "p.none", "Add it"),
    (lambda said: said.text("none"), "p.none", "Add it"),
    (lambda said: said.text("one"), "p.one", "must be a string, got 1."),
    (lambda said: said.flag("one"), "p.one", "true or false"),
    (lambda said: said.count("text"), "p.text", "whole number"),
    (lambda said: said.count("less"), "p.less", "from 0 to 2147483647"),
    (lambda said: said.count("huge"), "p.huge", "from 0 to 2147483647"),
    (lambda said: said.number("text"), "p.text", "must be a number"),
    (lambda said: said.items("one"), "p.one", "must be a list"),
    (lambda said: said.texts("ones"), "p.ones[0]", "must be a string"),
    (lambda said: said.inner("one"), "p.one", "must be an object"),
    (lambda said: said.word("text", ("a", "b")), "p.text", "one of a, b; got 't'."),
    (lambda _: refuse("q", " is wrong.", Refusal.FEATURE_UNSUPPORTED), "q", "q is wrong."),
])  # fmt: skip
def test_what_is_wrong(take: Any, path: str, remedy: str) -> None:
    with pytest.raises(Misread) as wrong:
        take(shape("p", one=1, text="t", less=-1, huge=2**31, ones=[1]))
    fault: Malformed = wrong.value.fault
    assert fault.param == path and remedy in fault.message


def test_kinds_of_values() -> None:
    assert is_object(msgspec.Raw(b"{}")) and not is_object(msgspec.Raw(b"[]"))
    assert shape_of(msgspec.Raw(b'{"a":1}'), "p").raw == b'{"a":1}'
