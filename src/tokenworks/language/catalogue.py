"""A catalogue: finished sentences of one language, found by the templates that they were made from.

A template is a sentence with `{}` where something was put in. What stands there is found again by the words around it,
so nobody who raises an error has to know of languages, and what he put in is put into the other language's sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise
from typing import NamedTuple

TEXT_CHARS_MAX = 4000  # longer ones are no sentences of ours; a client's own text may be inside
DEPTH_MAX = 4  # sentences in sentences
HOLE = "{}"
_QUOTES = tuple("\"'`")
_PLACE = re.compile(r"\{(\d)(:w)?\}")  # {0:w}: a single word may be told, too; else it is a name
_END = re.compile(r"(?<=[.?!;]) +")
_NEXT = re.compile("[.?!] +[A-Z]")  # one sentence ends, another begins
_PREFIXED = re.compile(r"([\w./~\[\]$:-]{1,300}): (.+)", re.S)
_SUBJECT = re.compile(r"([\w./$\[\]`'\"*-]{1,300}) (.+)", re.S)
_KEY_CHARS = 4


class Template(NamedTuple):
    """The words between the holes, and the sentence with numbered places."""

    parts: tuple[str, ...]
    told: str

    @property
    def quoted(self) -> list[bool]:
        """Which holes stand in quotes: a name, whose word is to stay what it is."""
        return [before[-1:] in _QUOTES and before[-1:] == after[:1] for before, after in pairwise(self.parts)]

    @property
    def weight(self) -> int:
        """How much of it is fixed: the most fixed one that fits is the right one."""
        return sum(map(len, self.parts))


class Catalogue:
    """Sentences by their English ones."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._exact: dict[str, str] = {}
        self._templates: dict[str, list[Template]] = {}
        for english, told in (row for table in rows for row in table.items()):
            if HOLE not in english:
                self._exact[english] = told
                continue
            template = Template(tuple(english.split(HOLE)), told)
            self._templates.setdefault(template.parts[0][:_KEY_CHARS], []).append(template)
        for found in self._templates.values():
            found.sort(key=lambda template: -template.weight)

    def tell(self, text: str, depth: int = 0) -> str:
        """The sentence in this language; as it came where it is not known."""
        if depth > DEPTH_MAX or len(text) > TEXT_CHARS_MAX or not text:
            return text
        return (self._whole(text, depth) or self._predicate(text, depth) or self._pieces(text, depth)
                or self._prefixed(text, depth) or self._whole(text, depth, strict=False) or text)

    def knows(self, template: str) -> bool:
        """Whether the template itself, with its holes, stands here."""
        parts = tuple(template.split(HOLE))
        return template in self._exact or any(
            one.parts == parts for one in self._templates.get(parts[0][:_KEY_CHARS], ()))

    def _whole(self, text: str, depth: int, strict: bool = True) -> str:
        """By one row. `strict`: no hole reaches over the end of a sentence, which is more likely another row's."""
        if text in self._exact:
            return self._exact[text]
        for size in range(min(_KEY_CHARS, len(text)), -1, -1):
            for template in self._templates.get(text[:size], ()):
                found = _holes(template.parts, text)
                if found is not None and not (strict and any(map(_NEXT.search, found))):
                    return _PLACE.sub(partial(self._put, found, template.quoted, depth), template.told)
        return ""

    def _put(self, found: list[str], quoted: list[bool], depth: int, place: re.Match[str]) -> str:
        """What stands in one hole: sentences and fragments are told, names stay."""
        number = int(place[1])
        part = found[number]
        return part if quoted[number] or not (place[2] or " " in part) else self.tell(part, depth + 1)

    def _pieces(self, text: str, depth: int) -> str:
        """Several sentences, of which the longest runs that are known are told."""
        rows, known, told = _END.split(text), False, ""
        if len(rows) < 2:
            return ""
        while rows:
            size, found = next(((count, whole) for count in range(len(rows), 0, -1)
                                if (whole := self._run(rows[:count], depth))), (1, ""))
            known = known or bool(found)
            told = _join(told, found or self._prefixed(rows[0], depth) or rows[0])
            del rows[:size]
        return told if known else ""

    def _run(self, rows: list[str], depth: int) -> str:
        text = " ".join(rows)
        return self._whole(text, depth) or self._predicate(text, depth)

    def _predicate(self, text: str, depth: int) -> str:
        """A field's path, and what is said of it."""
        found = _SUBJECT.fullmatch(text)
        told = self._whole(found[2], depth) if found and " " in found[2] else ""
        return f"{found[1]} {told}" if found and told else ""

    def _prefixed(self, text: str, depth: int) -> str:
        """A place (a field, a file and its line, an address) and what is said of it."""
        found = _PREFIXED.fullmatch(text)
        told = self.tell(found[2], depth + 1) if found else ""
        return f"{found[1]}: {told}" if found and told != found[2] else ""


def _holes(parts: tuple[str, ...], text: str) -> list[str] | None:
    """What stands in the holes; None when the text was not made from these parts. Never looks back, so never slow."""
    first, last = parts[0], parts[-1]
    if not text.startswith(first) or len(text) < len(first) + len(last) or (last and not text.endswith(last)):
        return None
    end, place, found = len(text) - len(last), len(first), []
    for part in parts[1:-1]:
        at = text.find(part, place, end) if part else end
        if at < 0:
            return None
        found.append(text[place:at])
        place = at + len(part)
    return [*found, text[place:end]]


def _join(before: str, after: str) -> str:
    """Chinese sentences follow each other without a space."""
    return before + after if not before or ord(before[-1]) > 0x2FFF else f"{before} {after}"
