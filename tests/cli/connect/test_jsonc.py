"""JSON with comments, edited in place: nothing is lost, nothing moves, and the result reads as meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.cli.connect.jsonc import BadJson, plain_value, put_value, read_jsonc
from tokenworks.cli.connect.setup import Pick, Step

COMMENTED = """{
\t// mine, all mine
\t"theme": "dark", // as the sky, at night
\t"env": {
\t\t"PATH": "/bin" /* old, but good */
\t},
}
"""


def test_what_stands_there_stays() -> None:
    told = put_value(put_value(COMMENTED, ("env", "KEY"), "k"), ("model",), "m1")
    for line in COMMENTED.splitlines():
        assert line.rstrip(",") in told or line.replace(" /*", ", /*").rstrip(",") in told, line
    assert plain_value(read_jsonc(told)) == {"theme": "dark", "env": {"PATH": "/bin", "KEY": "k"}, "model": "m1"}
    assert '\n\t\t"KEY": "k"\n' in told and '\n\t"model": "m1"\n' in told


def test_a_value_is_replaced_where_it_stands() -> None:
    assert put_value(COMMENTED, ("theme",), "light") == COMMENTED.replace('"dark"', '"light"')


def test_members_of_an_object_on_one_line_stand_deeper_than_it() -> None:
    told = put_value('{\n  "env": {"A": "1"},\n}\n', ("env", "B"), "2")
    assert told == '{\n  "env": {"A": "1",\n    "B": "2"\n  },\n}\n'


def test_the_same_again_changes_nothing() -> None:
    assert put_value(COMMENTED, ("env", "PATH"), "/bin") == COMMENTED
    assert put_value('{"a": 1}', ("a",), True) == '{"a": true}', "1 and true are not the same"


def test_an_element_is_found_by_its_member_or_added() -> None:
    text = '{"m": {"openai": [{"id": "x", "k": 1}]}}'
    more = put_value(text, ("m", "openai", Pick("id", "y")), {"k": 2})
    assert plain_value(read_jsonc(more)) == {"m": {"openai": [{"id": "x", "k": 1}, {"id": "y", "k": 2}]}}
    again = put_value(more, ("m", "openai", Pick("id", "x"), "k"), 3)
    assert plain_value(read_jsonc(again)) == {"m": {"openai": [{"id": "x", "k": 3}, {"id": "y", "k": 2}]}}


@pytest.mark.parametrize(("text", "line", "what"), [
    ("{\n  a: 1\n}", 2, "double quotes"), ('{\n"a" 1}', 2, "colon"), ('{"a": 1\n"b": 2}', 2, "comma"),
    ('{"a": \n}', 2, "a value"), ("{}\n}", 2, "behind the end"), ("", 1, "a value"), ('{"a": "\\x"}', 1, "be read"),
    ('{\n"\\x": 1}', 2, "be read"),
    ("[" * 200, 1, "deeper")])
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadJson, match=what) as caught:
        read_jsonc(text)
    assert caught.value.line == line


def test_no_way_through_something_else() -> None:
    with pytest.raises(BadJson, match="no object"):
        put_value('{"env": "none"}', ("env", "KEY"), "k")
    with pytest.raises(BadJson, match="no list"):
        put_value('{"m": {}}', ("m", Pick("id", "x")), {})


PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                     lambda inner: st.lists(inner, max_size=3)
                     | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=12)


@given(st.dictionaries(st.text(max_size=6), PLAIN, max_size=4), st.lists(st.text(max_size=4), min_size=1, max_size=3),
       PLAIN, st.sampled_from([None, 2, "\t"]))
def test_any_document_reads_as_meant_after_a_change(
    document: dict[str, object], path: list[str], value: object, indent: int | str | None
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    steps: tuple[Step, ...] = tuple(path)
    wanted = json.loads(text)
    place = wanted
    for step in path[:-1]:
        if not isinstance(place.setdefault(step, {}), dict):
            with pytest.raises(BadJson):
                put_value(text, steps, value)
            return
        place = place[step]
    place[path[-1]] = value
    told = put_value(text, steps, value)
    assert plain_value(read_jsonc(told)) == json.loads(told) == wanted
    assert put_value(told, steps, value) == told
