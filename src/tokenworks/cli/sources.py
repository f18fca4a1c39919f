"""Documents from files: YAML and JSON, with the line of every field, so that a fault can say where it stands.

Numbers stay what was written: a price of 0.5 is the text 0.5, never a binary fraction; `no` and dates are texts, too.
What only YAML can do (tags, merging) is refused; aliases are followed within bounds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tokenworks.cli.exits import USAGE, Failed, failed

ENDINGS = (".yaml", ".yml", ".json")
DEPTH_MAX = 32  # a document is about five deep
NODES_MAX = 400_000  # of one text, its aliases written out: more than the server takes at once; a bomb is larger
WEIGHT_CHARS = 64  # of a word that count as one node more: a long one that is copied often is a bomb, too
_CORE = "tag:yaml.org,2002:"
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.I)
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Knows nothing, yes or no, and whole numbers; everything else is text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - the library's own class attribute


for _name, _pattern, _first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"-?(?:0|[1-9][0-9]{0,17})", list("-0123456789"))):
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


class Sourced(NamedTuple):
    """One document, where it stands, and the line of each of its fields by the way to it."""

    value: Any
    source: str
    lines: dict[tuple[str, ...], int]

    def line_of(self, place: Sequence[str]) -> int:
        """The line of a field, or of the innermost table around it that is there."""
        way = tuple(place)
        while way and way not in self.lines:
            way = way[:-1]
        return self.lines[way]


def read_sources(names: Sequence[str]) -> list[Sourced]:
    """Every document of files, folders and standard input (-), in order; raises Failed with file and line."""
    return [document for name in names for path in _list_files(name) for document in _read_file(path)]


def _list_files(name: str) -> list[str]:
    path = Path(name)
    if name == "-" or not path.is_dir():
        return [name]
    found = sorted(str(one) for one in path.rglob("*") if one.suffix in ENDINGS and one.is_file()
                   and not any(part.startswith(".") for part in one.relative_to(path).parts))
    if not found:
        raise failed(f"There is no document in {name}.", USAGE, f"Documents end in {', '.join(ENDINGS)}.", "documents")
    return found


def _read_file(name: str) -> list[Sourced]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise failed(f"{name} cannot be read: {error.strerror}.", USAGE, code="documents") from None
    except UnicodeDecodeError:
        raise failed(f"{name} is not UTF-8.", USAGE, code="documents") from None
    return parse_text(text, "standard input" if name == "-" else name)


def parse_text(text: str, source: str) -> list[Sourced]:
    """The documents of one text; raises Failed."""
    if text.lstrip()[:1] in ("{", "["):
        text = _PAIR.sub(lambda found: found[1] + chr(0x10000 + ((int(found[2], 16) - 0xD800) << 10)
                                                      + int(found[3], 16) - 0xDC00), text)
    try:
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        raise _fault(source, line, f"{error.problem or error.context}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _fault(source, 1, f"{' '.join(str(error).split())}.") from None
    reader = _Reader(source)
    return [document for node in nodes for document in _split_node(node, reader)]


def _split_node(node: Any, reader: _Reader) -> Iterator[Sourced]:
    """A document, or each of a list of them, as `export --json` writes them; nothing for an empty one."""
    for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        reader.lines = {}
        value = reader.read(one, ())
        if value is not None:
            yield Sourced(value, reader.source, reader.lines)


class _Reader:
    """Nodes as plain values; all documents of one text are counted together. `lines` are those of the one at hand."""

    def __init__(self, source: str) -> None:
        self.source, self._count = source, 0
        self.lines: dict[tuple[str, ...], int] = {}

    def read(self, node: Any, place: tuple[str, ...], line: int = 0) -> Any:
        """The value of a node, its lines noted; raises Failed. `line` is that of the name before it."""
        self._count += 1 + (len(node.value) // WEIGHT_CHARS if isinstance(node, yaml.ScalarNode) else 0)
        here = node.start_mark.line + 1
        if self._count > NODES_MAX or len(place) > DEPTH_MAX:
            raise _fault(self.source, here, "This is too deep or, with its aliases written out, too much.")
        self.lines[place] = line or here
        kind = "map" if isinstance(node, yaml.MappingNode) else "seq" if isinstance(node, yaml.SequenceNode) else ""
        if kind and node.tag != _CORE + kind:
            raise self._refuse_tag(node, here)
        if kind == "map":
            return self._read_table(node, place)
        if kind == "seq":
            return [self.read(part, (*place, str(number))) for number, part in enumerate(node.value)]
        return self._read_word(node, here)

    def _read_table(self, node: Any, place: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, part in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise _fault(self.source, line, "A name has to be a single word.")
            if name.value in found:
                raise _fault(self.source, line, f"{name.value} stands twice in the same table. Keep one of the two.")
            found[name.value] = self.read(part, (*place, name.value), line)
        return found

    def _read_word(self, node: Any, line: int) -> Any:
        kind = node.tag.removeprefix(_CORE)
        if kind == "str":
            return node.value
        if kind not in ("null", "bool", "int") or node.style:
            raise self._refuse_tag(node, line)
        if kind == "int":
            try:
                return int(node.value)
            except ValueError:
                raise _fault(self.source, line, f"{node.value} is not a whole number.") from None
        plain = {"null": ("", "~", "null"), "bool": ("true", "false")}[kind]
        if node.value.lower() not in plain:
            raise self._refuse_tag(node, line)
        return None if kind == "null" else node.value.lower() == "true"

    def _refuse_tag(self, node: Any, line: int) -> Failed:
        return _fault(self.source, line, f"The tag {node.tag} has no meaning here. Leave it out.")


def _fault(source: str, line: int, message: str) -> Failed:
    return failed(f"{source}:{line}: {message}", USAGE, "Write YAML or JSON; nothing was done.", "documents")
