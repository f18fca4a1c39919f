"""Whether a JSON value is a JSON schema: what engines stumble over, with the path of the keyword.

A check of one's own instead of `jsonschema`: that brings four more packages, one of them compiled, walks a meta-schema
for every tool of every request, and its sentences name neither the client's field nor a remedy. What upstreams refuse
in practice is a type that does not exist, `required` that is no list, a schema that is no object, an empty
choice, and a reference that leads nowhere: that is what is looked for. Unknown keywords are allowed, as the standard
says (JSON Schema 2020-12, and what drafts 4 to 7 wrote otherwise). Nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from tokenworks.limits import SCHEMA_KNOWN_BYTES_MAX, SCHEMA_NODES_MAX, SCHEMAS_KNOWN_MAX

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_ONE = frozenset({
    "additionalProperties", "additionalItems", "unevaluatedProperties", "unevaluatedItems", "contains",
    "propertyNames", "not", "if", "then", "else",
})  # fmt: skip
_SEVERAL = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_COUNTS = frozenset({
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains",
})  # fmt: skip
_NUMBERS = frozenset({"minimum", "maximum", "multipleOf"})
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*\Z")

Node = tuple[object, str]
Found = tuple[str, str]  # the path and what is wrong there, with the remedy


def find_fault(schema: bytes, path: str, of_object: bool = False) -> Found | None:
    """(path, what is wrong and what to do) of the first fault of a schema that stands at `path`; None for a sound one.

    `of_object`: it has to describe an object, as the arguments of a tool do. Agents send the same tools with every
    request: what was found sound is known for a while.
    """
    if len(schema) <= SCHEMA_KNOWN_BYTES_MAX and _is_sound(schema, of_object):
        return None
    return _search(schema, path, of_object)


@lru_cache(maxsize=SCHEMAS_KNOWN_MAX)
def _is_sound(schema: bytes, of_object: bool) -> bool:
    return _search(schema, "", of_object) is None


def _search(schema: bytes, path: str, of_object: bool) -> Found | None:
    try:
        root = msgspec.json.decode(schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return path, " is nested too deeply. Send a flatter schema."
    if not isinstance(root, dict):
        return path, f' must be a JSON schema, an object such as {{"type": "object"}}, got {_shown(root)}.'
    if of_object and root.get("type", "object") not in ("object", ["object"]):
        return f"{path}.type", f' must be "object": a tool is called with an object, got {_shown(root["type"])}.'
    waiting: list[Node] = [(root, path)]
    seen = 0
    while waiting:
        node, place = waiting.pop()
        seen += 1
        if seen > SCHEMA_NODES_MAX:
            return path, f" has more than {SCHEMA_NODES_MAX} schemas inside. Send a smaller one."
        if isinstance(node, bool):
            continue
        if not isinstance(node, dict):
            return place, f" must be a schema, which is an object, true or false; got {_shown(node)}."
        for key, value in node.items():
            if (fault := _judge(key, value, root)) is not None:
                return _join(place, key), fault
        waiting += reversed(list(_inside(node, place)))
    return None


def _judge(key: str, value: object, root: dict[str, object]) -> str | None:
    """What is wrong with a keyword's value, apart from schemas inside it."""
    check = _CHECKS.get(key)
    if check is not None:
        return check(value)
    if key == "$ref":
        return _follow(value, root)
    if key in _COUNTS:
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return None if whole else f" must be a whole number from 0, got {_shown(value)}."
    if key in _NUMBERS:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number else f" must be a number, got {_shown(value)}."
    if key in _SEVERAL and not (isinstance(value, list) and value):
        return f" must be a list of at least one schema, got {_shown(value)}."
    if key in _NAMED and not isinstance(value, dict):
        return f" must be an object whose members are schemas, got {_shown(value)}."
    return None


def _check_type(value: object) -> str | None:
    kinds = value if isinstance(value, list) else [value]
    if kinds and all(kind in TYPES for kind in kinds):
        return None
    return f" must be one of {', '.join(TYPES)}, or a list of some; got {_shown(value)}."


def _check_required(value: object) -> str | None:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return None
    return f" must be a list of names and stand beside properties, got {_shown(value)}."


def _check_enum(value: object) -> str | None:
    if isinstance(value, list) and value:
        return None
    return f" must be a list of at least one value, got {_shown(value)}."


def _check_pattern(value: object) -> str | None:
    return None if isinstance(value, str) else f" must be a string, got {_shown(value)}."


_CHECKS: dict[str, Callable[[object], str | None]] = {
    "type": _check_type,
    "required": _check_required,
    "enum": _check_enum,
    "pattern": _check_pattern,
}


def _inside(node: dict[str, object], place: str) -> Iterator[Node]:
    """The schemas right inside one."""
    for key, value in node.items():
        where = _join(place, key)
        if key in _ONE or (key == "items" and not isinstance(value, list)):
            yield value, where
        elif (key in _SEVERAL or key == "items") and isinstance(value, list):
            yield from ((item, f"{where}[{index}]") for index, item in enumerate(value))
        elif key in _NAMED and isinstance(value, dict):
            yield from ((item, _join(where, name)) for name, item in value.items())


def _follow(value: object, root: dict[str, object]) -> str | None:
    """Whether a reference leads to something inside the schema itself."""
    if not isinstance(value, str):
        return f" must be a string, got {_shown(value)}."
    if not value.startswith("#"):
        if value and value == root.get("$id"):
            return None
        return f" leads out of the schema, to {_shown(value)}; nothing is fetched. Put the definition into $defs."
    if value[1:2] not in ("", "/"):
        return None if _anchored(root, value[1:]) else f" leads nowhere: there is no anchor {_shown(value[1:])}."
    found: object = root
    for step in value[2:].split("/") if value[1:] else ():
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return f" leads nowhere: there is no {_shown(value)}. Add the definition to the schema, or mend the name."
    return None


def _anchored(root: dict[str, object], name: str) -> bool:
    waiting: list[Node] = [(root, "")]
    while waiting:
        node, _ = waiting.pop()
        if isinstance(node, dict):
            if name in (node.get("$anchor"), node.get("$dynamicAnchor")):
                return True
            waiting += _inside(node, "")
    return False


def _join(place: str, key: str) -> str:
    """A path that goes on with a name, in brackets where the name is no plain word."""
    return f"{place}.{key}" if _PLAIN.match(key) else f"{place}[{msgspec.json.encode(key).decode()}]"


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."
