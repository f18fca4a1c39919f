"""Whether a schema is one whose form a maker guarantees: each does so for a part of JSON schema alone.

OpenAI ("Structured Outputs", supported schemas): every object requires all its members and allows no others. Anthropic
("Structured outputs", JSON schema limitations): every object allows no others, and no bounds on numbers or lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

_UNSURE = frozenset({
    "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
})  # fmt: skip
_BOUNDS = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
})  # fmt: skip
LEAST = (None, 0, 1)  # of items that an array must have
_NAMED = ("properties", "$defs", "definitions")  # members are names, not words of the schema


def suits_openai(schema: bytes) -> bool:
    """Whether OpenAI takes a schema as a strict one."""
    return _suits(schema, lambda node: _closed(node) and _complete(node))


def suits_claude(schema: bytes) -> bool:
    """Whether Claude takes a schema as an output format."""
    return _suits(schema, lambda node: _closed(node) and not node.keys() & _BOUNDS and node.get("minItems") in LEAST)


def _suits(schema: bytes, judge: Callable[[dict[str, Any]], bool]) -> bool:
    root = msgspec.json.decode(schema)
    if not isinstance(root, dict) or root.get("type") != "object":
        return False
    return all(judge(node) and not node.keys() & _UNSURE for node in _walk(root))


def _closed(node: dict[str, Any]) -> bool:
    return ("properties" not in node and node.get("type") != "object") or node.get("additionalProperties") is False


def _complete(node: dict[str, Any]) -> bool:
    members, required = node.get("properties"), node.get("required")
    return not members or (isinstance(members, dict) and isinstance(required, list) and members.keys() == {*required})


def _walk(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema, the schema first."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        if not isinstance(node, dict):
            continue
        yield node
        for key, inner in node.items():
            waiting += inner.values() if key in _NAMED and isinstance(inner, dict) else [inner]
