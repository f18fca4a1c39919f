"""A JSON object taken member by member: each of the right type, or the fault says where it stands and what is wanted.

Readers of all dialects stand on it. It remembers what was taken, so that what nobody has a word for can be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import COUNT_MAX, shown

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_FLAG = msgspec.json.Decoder(bool)
_COUNT = msgspec.json.Decoder(int)
_TEXTS = msgspec.json.Decoder(list[str])
_WANTED: dict[int, str] = {
    id(_OBJECT): "an object",
    id(_LIST): "a list",
    id(_TEXT): "a string",
    id(_FLAG): "true or false",
    id(_COUNT): "a whole number",
    id(_TEXTS): "a list of strings",
}
_NUMBER = frozenset(b"-0123456789")


class Misshapen(ValueError):
    """A field is not what it must be; `malformed` names it."""

    def __init__(self, malformed: Malformed) -> None:
        super().__init__(malformed.message)
        self.malformed = malformed


def refuse(path: str, message: str, refusal: Refusal = Refusal.FIELD_INVALID) -> NoReturn:
    """End the reading: `message` goes on after the path, which it begins with."""
    raise Misshapen(Malformed(refusal, f"{path}{message}", path))


def is_text(raw: msgspec.Raw | bytes) -> bool:
    """Whether a value is a string."""
    return memoryview(raw)[0] == 0x22


def is_list(raw: msgspec.Raw | bytes) -> bool:
    """Whether a value is a list."""
    return memoryview(raw)[0] == 0x5B


def is_object(raw: msgspec.Raw | bytes) -> bool:
    """Whether a value is an object."""
    return memoryview(raw)[0] == 0x7B


def read_text(raw: msgspec.Raw, path: str) -> str:
    """A string."""
    return str(_decode(_TEXT, raw, path))


def read_list(raw: msgspec.Raw, path: str) -> list[msgspec.Raw]:
    """A list of values that are still raw."""
    found: list[msgspec.Raw] = _decode(_LIST, raw, path)
    return found


def _decode(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw, path: str) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refuse(path, f" must be {_WANTED[id(decoder)]}, got {shown(raw)}.")


class Shape:
    """The members of one object. Absent and null are the same. `path` is where it stands, "" at the top."""

    __slots__ = ("_members", "_taken", "path", "raw")

    def __init__(self, members: Mapping[str, msgspec.Raw], path: str = "", raw: msgspec.Raw | None = None) -> None:
        self._members = members
        self._taken: set[str] = set()
        self.path = path
        self.raw = bytes(raw) if raw is not None else b""

    def __contains__(self, key: str) -> bool:
        return bytes(self._members.get(key, b"null")) != b"null"

    def place(self, key: str) -> str:
        """The path of a member."""
        return f"{self.path}.{key}" if self.path else key

    def given(self, key: str) -> msgspec.Raw | None:
        """A member as it came; None where it is absent or null."""
        self._taken.add(key)
        raw = self._members.get(key)
        return None if raw is None or bytes(raw) == b"null" else raw

    def needed(self, key: str) -> msgspec.Raw:
        """A member that must be there, as it came."""
        raw = self.given(key)
        if raw is None:
            refuse(self.place(key), ": field required. Add it.")
        return raw

    def text(self, key: str, otherwise: str | None = None) -> str:
        """A string; without `otherwise` it must be there."""
        raw = self.needed(key) if otherwise is None else self.given(key)
        return str(otherwise) if raw is None else read_text(raw, self.place(key))

    def flag(self, key: str) -> bool | None:
        """True or false, None where nothing is said."""
        raw = self.given(key)
        return None if raw is None else bool(_decode(_FLAG, raw, self.place(key)))

    def count(self, key: str) -> int | None:
        """A whole number that is not negative, None where nothing is said."""
        raw = self.given(key)
        if raw is None:
            return None
        value = int(_decode(_COUNT, raw, self.place(key)))
        if not 0 <= value <= COUNT_MAX:
            refuse(self.place(key), f" must be a whole number from 0 to {COUNT_MAX}, got {shown(raw)}.")
        return value

    def number(self, key: str) -> bytes:
        """A number as it is written, b"" where nothing is said."""
        raw = self.given(key)
        if raw is None:
            return b""
        if memoryview(raw)[0] not in _NUMBER:
            refuse(self.place(key), f" must be a number, got {shown(raw)}.")
        return bytes(raw)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, () where nothing is said."""
        raw = self.given(key)
        return () if raw is None else tuple(_decode(_TEXTS, raw, self.place(key)))

    def items(self, key: str) -> list[tuple[msgspec.Raw, str]]:
        """The values of a list, each with its path; none where nothing is said."""
        raw = self.given(key)
        if raw is None:
            return []
        place = self.place(key)
        return [(item, f"{place}[{index}]") for index, item in enumerate(read_list(raw, place))]

    def inner(self, key: str) -> Shape | None:
        """An object inside this one, None where nothing is said."""
        raw = self.given(key)
        return None if raw is None else shape_of(raw, self.place(key))

    def word(self, key: str, words: tuple[str, ...], otherwise: str | None = None) -> str:
        """A string that is one of `words`."""
        said = self.text(key, otherwise)
        if said not in words and said != otherwise:
            refuse(self.place(key), f" must be one of {', '.join(words)}, got {said!r}.")
        return said

    def skip(self, *keys: str) -> None:
        """Members that mean nothing to anybody else."""
        self._taken.update(keys)

    def rest(self) -> dict[str, msgspec.Raw]:
        """What was not taken and is not null, as it came."""
        return {
            key: raw for key, raw in self._members.items() if key not in self._taken and bytes(raw) != b"null"
        }


def shape_of(raw: msgspec.Raw, path: str) -> Shape:
    """An object's members."""
    return Shape(_decode(_OBJECT, raw, path), path, raw)
