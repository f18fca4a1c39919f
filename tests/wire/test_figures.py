"""Removal takes the field of the top level and nothing else, whatever the JSON around it looks like."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire import figures
from tokenworks.wire.sse import read_event

NAMES = st.sampled_from(["a", "timings", "usage", "response", ',"timings":{', '"usage":{"x":1}}'])
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | NAMES
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
FLAT = st.dictionaries(st.sampled_from(["n", "ms"]), st.integers(0, 9), max_size=2)


def event(said: object, compact: bool = True, end: bytes = b"\n\n") -> bytes:
    text = json.dumps(said, separators=(",", ":") if compact else None)
    return b"data: " + text.encode() + end


def read(block: bytes) -> object:
    return json.loads(read_event(block)[1])


@given(OBJECTS, FLAT, OBJECTS, st.booleans(), st.sampled_from([b"\n\n", b"\r\n\r\n"]))
def test_timings_go(before: dict[str, object], timings: object, after: dict[str, object], compact: bool, end: bytes
                    ) -> None:
    said = {key: value for key, value in before.items() if key not in ("timings", "response")}
    rest = {key: value for key, value in after.items() if key not in said and key not in ("timings", "response")}
    without = figures.drop_timings(event({**said, "timings": timings, **rest}, compact, end))
    assert read(without) == {**said, **rest} and without.endswith(end)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_usage_goes(before: dict[str, object], usage: object, after: dict[str, object]) -> None:
    said = {key: value for key, value in before.items() if key not in ("usage", "response")}
    rest = {key: value for key, value in after.items() if key not in said and key not in ("usage", "response")}
    raw = json.dumps(usage, separators=(",", ":")).encode()
    assert read(figures.drop_usage(event({**said, "usage": usage, **rest}), raw)) == {**said, **rest}


@given(OBJECTS)
def test_members_of_bodies(said: dict[str, object]) -> None:
    said = {"id": 1, **{key: value for key, value in said.items() if key not in ("timings", "response")}}
    body = json.dumps(said, indent=1).encode()
    assert figures.drop_member(body, "timings") is body
    for form in (None, (",", ":")):
        full = json.dumps({**said, "timings": {"n": {"x": 1}}}, separators=form).encode()
        assert json.loads(figures.drop_member(full, "timings")) == said


def test_quick_path_keeps_bytes() -> None:
    block = b'data: {"a": 1,"t":",\\"timings\\":{","timings":{"n":1}}\n\n'
    assert figures.drop_timings(block) == b'data: {"a": 1,"t":",\\"timings\\":{"}\n\n'


def test_nested_stay() -> None:
    block = b'data: {"delta":{"a":1,"timings":{"n":1}}}\n\n'
    assert figures.drop_timings(block) is block
    block = b'data: {"choices":[{"x":1,"usage":{"n":1}}]}\n\n'
    assert figures.drop_usage(block, b'{"n":2}') is block


def test_usage_inside_a_choice() -> None:
    """Moonshot's: what was read as usage goes wherever it stood."""
    block = b'data: {"choices":[{"index":0,"usage":{"n":1},"finish_reason":"stop"}],"id":"x"}\n\n'
    without = figures.drop_usage(block, b'{"n":1}')
    assert without == b'data: {"choices":[{"index":0,"finish_reason":"stop"}],"id":"x"}\n\n'


def test_within_response() -> None:
    block = b'event: response.completed\ndata: {"type":"x","response":{"id":"r","timings":{"n":1},"b":2}}\n\n'
    without = figures.drop_timings(block)
    assert read(without) == {"type": "x", "response": {"id": "r", "b": 2}}
    assert read_event(without)[0] == "response.completed"


def test_null_usage() -> None:
    assert figures.drop_null(b'data: {"a":1,"usage":null}\n\n') == b'data: {"a":1}\n\n'
    block = b'data: {"a":{"b":1,"usage":null}}\n\n'
    assert figures.drop_null(block) is block


@pytest.mark.parametrize(("block", "expected"), [
    (b'data: {"a":1}\n\n', {"a": 1, "tokenworks": {"reason": "r"}}),
    (b'event: e\ndata: {"response":{"a":1}}\n\n', {"response": {"a": 1, "tokenworks": {"reason": "r"}}}),
])
def test_extension(block: bytes, expected: object) -> None:
    made = figures.add_extension(block, {"reason": "r"})
    assert read(made) == expected and read_event(made)[0] == read_event(block)[0]


def test_not_objects() -> None:
    assert figures.add_member(b"[]", {"reason": "r"}) == b"[]"
    assert figures.drop_member(b"[1]", "timings") == b"[1]"
    assert msgspec.json.decode(figures.drop_member(b'{"timings":{"n":1}}', "timings")) == {}
