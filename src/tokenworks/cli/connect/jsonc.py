"""JSON as people write it into settings, with comments and trailing commas, edited in place: only what changes changes.

A reader that keeps where everything stands, and a writer that replaces or adds one value in the text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tokenworks.cli.connect.setup import Pick, Step

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.S)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_REST = re.compile(r"(?:[ \t]|/\*[^\n]*?\*/)*(?://[^\n]*)?")  # of a line, behind a value: its comment
_NAMED = re.compile(r'[ \t]*(?:"(?:[^"\\\x00-\x1f]|\\.)*"[ \t]*:[ \t]*)?')  # a line up to a value: its name alone
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
DEPTH_MAX = 100


class BadJson(ValueError):
    """What is wrong, and at which line."""

    def __init__(self, what: str, text: str, at: int) -> None:
        super().__init__(what)
        self.line = text.count("\n", 0, at) + 1


@dataclass
class Node:
    """A value of the text: where it begins and ends, and what it holds. `members` of an object, `items` of a list."""

    kind: str
    start: int
    end: int = 0
    value: object = None
    members: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)


def read_jsonc(text: str) -> Node:
    """The whole text as a tree; raises BadJson."""
    reader = _Reader(text)
    node = reader.value(_skip(text, 1 if text.startswith("\ufeff") else 0), 0)
    end = _skip(text, node.end)
    if end < len(text):
        raise BadJson("something stands behind the end", text, end)
    return node


def plain_value(node: Node) -> object:
    """The value without its places."""
    if node.kind == "object":
        return {name: plain_value(part) for name, part in node.members.items()}
    return [plain_value(part) for part in node.items] if node.kind == "list" else node.value


def put_value(text: str, path: tuple[Step, ...], value: object) -> str:
    """The text with `value` at `path`; what is missing on the way is made, what is there already stays as written.

    Raises BadJson, also where something on the way is neither object nor list.
    """
    node = read_jsonc(text)
    for depth, step in enumerate(path):
        inner = _find(text, node, step)
        if inner is None:
            return _insert(text, node, step, _wrapped(path[depth + 1:], value))
        node = inner
    if plain_value(node) == value and type(plain_value(node)) is type(value):
        return text
    return text[:node.start] + _dump(value, _indent_at(text, node.start)) + text[node.end:]


def _find(text: str, node: Node, step: Step) -> Node | None:
    wanted = "list" if isinstance(step, Pick) else "object"
    if node.kind != wanted:
        raise BadJson(f"{step if isinstance(step, str) else step.member} stands in something that is no {wanted}",
                      text, node.start)
    if isinstance(step, str):
        return node.members.get(step)
    return next((one for one in node.items if step.member in one.members
                 and one.members[step.member].value == step.value), None)


def _wrapped(path: tuple[Step, ...], value: object) -> object:
    """What has to be inserted for a value below things that are not there yet."""
    for step in reversed(path):
        value = [{step.member: step.value} | _object(value)] if isinstance(step, Pick) else {step: value}
    return value


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _insert(text: str, node: Node, step: Step, value: object) -> str:
    """One member or element more, behind the last and the comment on its line, indented as its siblings."""
    parts = list(node.members.values()) if isinstance(step, str) else node.items
    outer = _indent_at(text, node.start)
    inner = _indent_of(text, parts) or outer + _unit_of(text)
    whole = _dump({step.member: step.value} | _object(value) if isinstance(step, Pick) else value, inner)
    row = f"{json.dumps(step, ensure_ascii=False)}: {whole}" if isinstance(step, str) else whole
    at = max((part.end for part in parts), default=node.start + 1)
    comma = _skip(text, at)
    if text[comma] == ",":
        at = comma + 1
    elif parts:
        text = f"{text[:at]},{text[at:]}"
        at += 1
    at = _end_of(_REST, text, at)
    rest = text[at:]
    gap = "" if rest.lstrip(" \t").startswith("\n") else "\n" + outer
    return f"{text[:at]}\n{inner}{row}{gap}{rest.lstrip(' ') if gap else rest}"


def _indent_of(text: str, parts: list[Node]) -> str:
    """How far members or elements are indented that stand on lines of their own; "" when none does."""
    rows = [text[text.rfind("\n", 0, part.start) + 1:part.start] for part in parts if "\n" in text[:part.start]]
    found = [row[:len(row) - len(row.lstrip())] for row in rows if _NAMED.fullmatch(row)]
    return found[-1] if found else ""


def _dump(value: object, indent: str) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + indent)


def _indent_at(text: str, at: int) -> str:
    row = text[text.rfind("\n", 0, at) + 1:at]
    return row[:len(row) - len(row.lstrip())]


def _unit_of(text: str) -> str:
    found = re.search(r"^([ \t]+)\S", text, re.M)
    return found.group(1) if found else "  "


def _skip(text: str, at: int) -> int:
    return _end_of(_SPACE, text, at)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, depth: int) -> Node:
        text = self._text
        if depth > DEPTH_MAX:
            raise BadJson(f"nested deeper than {DEPTH_MAX}", text, at)
        if text[at:at + 1] in ("{", "["):
            return self._many(at, depth)
        found = _STRING.match(text, at) or _PLAIN.match(text, at)
        if not found:
            raise BadJson("a value is expected", text, at)
        return Node("plain", at, found.end(), self._load(found.group(), at))

    def _many(self, at: int, depth: int) -> Node:
        text, keyed = self._text, self._text[at] == "{"
        node, close = Node("object" if keyed else "list", at), "}" if keyed else "]"
        place = _skip(text, at + 1)
        while text[place:place + 1] != close:
            place = self._member(node, place, depth) if keyed else self._item(node, place, depth)
            if text[place:place + 1] == ",":
                place = _skip(text, place + 1)
            elif text[place:place + 1] != close:
                raise BadJson(f"a comma or {close} is expected", text, place)
        node.end = place + 1
        return node

    def _member(self, node: Node, place: int, depth: int) -> int:
        name = _STRING.match(self._text, place)
        if not name:
            raise BadJson("a name in double quotes is expected", self._text, place)
        colon = _skip(self._text, name.end())
        if self._text[colon:colon + 1] != ":":
            raise BadJson("a colon is expected", self._text, colon)
        inner = self.value(_skip(self._text, colon + 1), depth + 1)
        node.members[str(self._load(name.group(), place))] = inner
        return _skip(self._text, inner.end)

    def _load(self, word: str, at: int) -> object:
        try:
            return json.loads(word)
        except ValueError:
            raise BadJson("a value cannot be read", self._text, at) from None

    def _item(self, node: Node, place: int, depth: int) -> int:
        inner = self.value(place, depth + 1)
        node.items.append(inner)
        return _skip(self._text, inner.end)
