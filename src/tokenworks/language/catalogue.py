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
PIECES_MAX = 12  # sentences one behind the other; ours are two or three
HOLE = "{}"
_QUOTES = tuple("\"'`")
_PLACE = re.compile(r"\{(\d)(:w)?\}")  # {0:w}: a single word may be told, too; else it is a name
_END = re.compile(r"(?<=[.?!;]) +")
_NEXT = re.compile("[.?!] +[A-Z]")  # one sentence ends, another begins
_PREFIXED = re.compile(r"([\w./~\[\]$:-]{1,300}): (.+)", re.S)
_SUBJECT = re.compile(r"([\w./$\[\]`'\"*-]{1,300}) (.+)", re.S)
_KEY_CHARS = 4


class Template(NamedTuple):
    """The words between the holes, and the sentence with numbered places. `core` is the longest of the words; `weight`
    how much is fixed: the most fixed one that fits is the right one. `quoted` holes hold a name, which stays."""

    parts: tuple[str, ...]
    told: str
    core: str
    weight: int
    quoted: tuple[bool, ...]


def make_template(english: str, told: str) -> Template:
    """A row with holes."""
    parts = tuple(english.split(HOLE))
    quoted = tuple(before[-1:] in _QUOTES and before[-1:] == after[:1] for before, after in pairwise(parts))
    return Template(parts, told, max(parts, key=len), sum(map(len, parts)), quoted)


class Told(NamedTuple):
    """A sentence found, and how much of it was fixed."""

    text: str
    weight: int


NOTHING = Told("", -1)


class Catalogue:
    """Sentences by their English ones."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._exact: dict[str, str] = {}
        self._templates: dict[str, list[Template]] = {}
        for english, told in (row for table in rows for row in table.items()):
            if HOLE not in english:
                self._exact[english] = told
                continue
            template = make_template(english, told)
            self._templates.setdefault(template.parts[0][:_KEY_CHARS], []).append(template)
        for found in self._templates.values():
            found.sort(key=lambda template: -template.weight)

    def tell(self, text: str, depth: int = 0) -> str:
        """The sentence in this language; as it came where it is not known."""
        if depth > DEPTH_MAX or len(text) > TEXT_CHARS_MAX or not text:
            return text
        return (self._best(text, depth) or self._pieces(text, depth) or self._prefixed(text, depth)
                or self._whole(text, depth, strict=False).text or text)

    def knows(self, template: str) -> bool:
        """Whether the template itself, with its holes, stands here."""
        parts = tuple(template.split(HOLE))
        return template in self._exact or any(
            one.parts == parts for one in self._templates.get(parts[0][:_KEY_CHARS], ()))

    def _best(self, text: str, depth: int) -> str:
        """One sentence: by itself, or as what is said of a field whose path stands before it."""
        whole = self._whole(text, depth)
        found = _SUBJECT.fullmatch(text)
        said = self._whole(found[2], depth) if found and " " in found[2] else NOTHING
        return f"{found[1]} {said.text}" if found and said.weight > whole.weight else whole.text

    def _whole(self, text: str, depth: int, strict: bool = True) -> Told:
        """By one row. `strict`: no hole reaches over the end of a sentence, which is more likely another row's."""
        if text in self._exact:
            return Told(self._exact[text], len(text))
        best, holes = None, []
        for size in range(min(_KEY_CHARS, len(text)), -1, -1):
            for template in self._templates.get(text[:size], ()):
                if best is not None and template.weight <= best.weight:
                    break  # they stand in the order of their weight
                found = _holes(template.parts, text) if template.core in text else None
                if found is not None and not (strict and any(map(_NEXT.search, found))):
                    best, holes = template, found
                    break
        if best is None:
            return NOTHING
        return Told(_PLACE.sub(partial(self._put, holes, best.quoted, depth), best.told), best.weight)

    def _put(self, found: list[str], quoted: tuple[bool, ...], depth: int, place: re.Match[str]) -> str:
        """What stands in one hole: sentences and fragments are told, names stay."""
        number = int(place[1])
        part = found[number]
        return part if quoted[number] or not (place[2] or " " in part) else self.tell(part, depth + 1)

    def _pieces(self, text: str, depth: int) -> str:
        """Several sentences, of which the longest runs that are known are told."""
        rows, known, told = _END.split(text), False, ""
        if not 2 <= len(rows) <= PIECES_MAX:
            return ""
        while rows:
            size, found = next(((count, whole) for count in range(len(rows), 0, -1)
                                if (whole := self._best(" ".join(rows[:count]), depth))), (1, ""))
            known = known or bool(found)
            told = _join(told, found or self._prefixed(rows[0], depth) or rows[0])
            del rows[:size]
        return told if known else ""

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
