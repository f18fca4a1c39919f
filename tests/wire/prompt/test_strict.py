"""Which schemas OpenAI and Claude guarantee."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenworks.wire.prompt.strict import suits_claude, suits_openai

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def inside(schema: Any) -> dict[str, Any]:
    return {**CLOSED, "properties": {"a": schema}}


@pytest.mark.parametrize(("schema", "openai", "claude"), [
    (CLOSED, True, True),
    ({**CLOSED, "required": []}, False, True),
    ({key: value for key, value in CLOSED.items() if key != "additionalProperties"}, False, False),
    ({"type": "object"}, False, False),
    ({"type": "object", "additionalProperties": False}, True, True),
    ({"type": "string"}, False, False),
    (True, False, False),
    ({"anyOf": [CLOSED]}, False, False),
    (inside({"anyOf": [CLOSED, {"type": "null"}]}), True, True),
    (inside({"anyOf": [{"type": "object"}, {"type": "null"}]}), False, False),
    (inside({"type": "integer", "minimum": 1}), True, False),
    (inside({"type": "string", "maxLength": 9}), True, False),
    (inside({"type": "array", "items": CLOSED, "minItems": 1}), True, True),
    (inside({"type": "array", "items": CLOSED, "minItems": 2}), True, False),
    (inside({"type": "array", "items": {"type": "object"}}), False, False),
    (inside({"allOf": [CLOSED]}), False, False),
    (inside({"$ref": "#/$defs/x"}) | {"$defs": {"x": CLOSED}}, True, True),
    (inside({"$ref": "#/$defs/x"}) | {"$defs": {"x": {"type": "object"}}}, False, False),
    ({**CLOSED, "properties": {"not": {"type": "string"}}, "required": ["not"]}, True, True),
    ({**CLOSED, "properties": 3}, False, True),
    ({**CLOSED, "required": 3}, False, True),
    (inside({"enum": ["a", {"type": "object", "properties": {}}]}), False, False),
])  # fmt: skip
def test_what_is_guaranteed(schema: Any, openai: bool, claude: bool) -> None:
    written = json.dumps(schema).encode()
    assert (suits_openai(written), suits_claude(written)) == (openai, claude)
