"""Which JSON values are JSON schemas, and where the others are wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.wire.prompt.strategies import schemas, values

from tokenworks.limits import SCHEMA_NODES_MAX
from tokenworks.wire.prompt.schema import find_fault


def found(schema: Any, of_object: bool = False) -> tuple[str, str] | None:
    return find_fault(msgspec.json.encode(schema), "s", of_object)


@given(schemas())
def test_sound_ones(schema: bytes) -> None:
    assert find_fault(schema, "s", True) is None


@given(values)
def test_anything_gets_an_answer(value: Any) -> None:
    fault = found(value)
    assert fault is None or (fault[0].startswith("s") and fault[1].endswith("."))


@pytest.mark.parametrize("schema", [
    {}, {"type": ["object", "null"]}, {"title": 1, "x-own": {"type": "nonsense"}, "description": None},
    {"items": [{"type": "string"}], "additionalItems": False}, {"items": True}, {"enum": [None]}, {"const": {"a": 1}},
    {"exclusiveMinimum": True, "minimum": 0.5, "maxLength": 3, "pattern": "[", "format": "date"},
    {"$id": "https://a/b", "properties": {"x": {"$ref": "https://a/b"}}},
    {"properties": {"x": {"$ref": "#"}, "$ref": {"type": "string"}}},
    {"$defs": {"a/b~c": {}, "l": {"anyOf": [{}, {"$anchor": "here"}]}}, "allOf": [
        {"$ref": "#/$defs/a~1b~0c"}, {"$ref": "#/$defs/l/anyOf/1"}, {"$ref": "#here"}, {"$ref": "#/%24defs/l"}]},
    {"if": {}, "then": {"required": []}, "else": False, "not": {}, "dependentSchemas": {"a": {}}},
])  # fmt: skip
def test_other_sound_ones(schema: Any) -> None:
    assert found(schema) is None


@pytest.mark.parametrize(("schema", "path", "remedy"), [
    ([], "s", 'such as {"type": "object"}, got [].'),
    ("object", "s", "must be a JSON schema"),
    ({"type": "text"}, "s.type", 'one of object, array, string, number, integer, boolean, null'),
    ({"type": None}, "s.type", "got null."),
    ({"type": []}, "s.type", "got []."),
    ({"type": ["string", {}]}, "s.type", "a list of some"),
    ({"properties": ["a"]}, "s.properties", "whose members are schemas"),
    ({"properties": {"a": "string"}}, "s.properties.a", "must be a schema"),
    ({"properties": {"a b": {"type": "int"}}}, 's.properties["a b"].type', 'got "int".'),
    ({"properties": {"a": {"required": True}}}, "s.properties.a.required", "beside properties, got true."),
    ({"required": [1]}, "s.required", "list of names"),
    ({"enum": []}, "s.enum", "at least one value"),
    ({"enum": "a"}, "s.enum", "at least one value"),
    ({"items": {"type": "x"}}, "s.items.type", "one of object"),
    ({"items": [{}, 5]}, "s.items[1]", "must be a schema"),
    ({"items": 5}, "s.items", "must be a schema"),
    ({"anyOf": []}, "s.anyOf", "at least one schema"),
    ({"oneOf": {}}, "s.oneOf", "at least one schema"),
    ({"allOf": [{"type": 3}]}, "s.allOf[0].type", "got 3."),
    ({"additionalProperties": "no"}, "s.additionalProperties", "must be a schema"),
    ({"minLength": -1}, "s.minLength", "whole number"),
    ({"maxItems": True}, "s.maxItems", "whole number"),
    ({"minimum": "1"}, "s.minimum", "must be a number"),
    ({"pattern": 5}, "s.pattern", "must be a string"),
    ({"$ref": 5}, "s.$ref", "must be a string"),
    ({"$ref": "#/$defs/none"}, "s.$ref", "leads nowhere"),
    ({"$ref": "#/anyOf/2", "anyOf": [{}]}, "s.$ref", "leads nowhere"),
    ({"$ref": "#/type/x", "type": "object"}, "s.$ref", "leads nowhere"),
    ({"$ref": "#nowhere"}, "s.$ref", "there is no anchor"),
    ({"$ref": "https://example.com/schema"}, "s.$ref", "nothing is fetched. Put the definition into $defs."),
    ({"$ref": ""}, "s.$ref", "leads out of the schema"),
    ({"type": "x" * 99}, "s.type", "..."),
])  # fmt: skip
def test_what_is_wrong(schema: Any, path: str, remedy: str) -> None:
    fault = found(schema)
    assert fault is not None and fault[0] == path
    assert remedy in fault[1] and fault[1].endswith(".")


def test_tools_are_called_with_objects() -> None:
    wrong = ' must be "object": a tool is called with an object, got "array".'
    assert found({"type": "array"}, True) == ("s.type", wrong)
    assert found({"type": ["object"]}, True) is None and found({}, True) is None
    assert found({"type": "array"}) is None


def test_limits() -> None:
    deep = b'{"not":' * 5000 + b"{}" + b"}" * 5000
    fault = find_fault(deep, "s")
    assert fault is not None and "flatter" in fault[1]
    wide = {"anyOf": [True] * (SCHEMA_NODES_MAX + 1)}
    assert found(wide) == ("s", f" has more than {SCHEMA_NODES_MAX} schemas inside. Send a smaller one.")
