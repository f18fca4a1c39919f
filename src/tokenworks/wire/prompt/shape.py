"""A JSON object taken member by member: each of the right type, or the fault says where it stands and what is wanted.

It goes one step beyond reading.py: it remembers what was taken, so that what nobody had a word for can be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from tokenworks.wire.prompt import reading
from tokenworks.wire.prompt.reading import Misread, Reading
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import COUNT_MAX, shown


def refuse(path: str, message: str, refusal: Refusal = Refusal.FIELD_INVALID) -> NoReturn:
    """End the reading; the message begins with the path and goes on with `message`."""
    wrong = Misread(path, f"{path}{message}")
    wrong.fault = Malformed(refusal, f"{path}{message}", path)
    raise wrong


def is_object(raw: msgspec.Raw) -> bool:
    """Whether a value is an object."""
    return memoryview(raw)[0] == 0x7B


class Shape:
    """The members of one object. Absent and null are the same. `path` is where it stands, "" at the top."""

    __slots__ = ("_members", "_raw", "_taken", "path")

    def __init__(self, members: Mapping[str, msgspec.Raw], path: str = "", raw: msgspec.Raw | None = None) -> None:
        self._members = members
        self._taken: set[str] = set()
        self._raw = raw
        self.path = path

    @property
    def raw(self) -> bytes:
        """The whole object as it came; b"" at the top."""
        return b"" if self._raw is None else bytes(self._raw)

    def place(self, key: str) -> str:
        """The path of a member."""
        return f"{self.path}.{key}" if self.path else key

    def given(self, key: str) -> msgspec.Raw | None:
        """A member as it came; None where it is absent or null."""
        self._taken.add(key)
        return self._members[key] if reading.is_sent(self._members, key) else None

    def needed(self, key: str) -> msgspec.Raw:
        """A member that must be there, as it came."""
        self._taken.add(key)
        return reading.require(self._members, key, self.path)

    def text(self, key: str, otherwise: str | None = None) -> str:
        """A string; without `otherwise` it must be there."""
        self._taken.add(key)
        return reading.read_text(self._members, key, self.path, otherwise)

    def flag(self, key: str) -> bool | None:
        """True or false, None where nothing is said."""
        self._taken.add(key)
        return reading.read_flag(self._members, key, self.path)

    def count(self, key: str) -> int | None:
        """A whole number from 0, None where nothing is said."""
        raw = self.given(key)
        if raw is None:
            return None
        value = reading.take_count(raw, self.place(key))
        if not 0 <= value <= COUNT_MAX:
            refuse(self.place(key), f" must be a whole number from 0 to {COUNT_MAX}, got {shown(raw)}.")
        return value

    def number(self, key: str) -> bytes:
        """A number as it is written, b"" where nothing is said."""
        raw = self.given(key)
        return b"" if raw is None else reading.take_number(raw, self.place(key))

    def items(self, key: str) -> list[tuple[msgspec.Raw, str]]:
        """The values of a list, each with its path; none where nothing is said."""
        raw = self.given(key)
        return [] if raw is None else list(reading.read_items(raw, self.place(key)))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, () where nothing is said."""
        return tuple(reading.take_text(raw, path) for raw, path in self.items(key))

    def inner(self, key: str) -> Shape | None:
        """An object inside this one, None where nothing is said."""
        raw = self.given(key)
        return None if raw is None else shape_of(raw, self.place(key))

    def word(self, key: str, words: tuple[str, ...], otherwise: str | None = None) -> str:
        """A string that is one of `words`."""
        said = self.text(key, otherwise)
        if said not in words and said != otherwise:
            refuse(self.place(key), f" must be one of {', '.join(words)}; got {said!r}.")
        return said

    def skip(self, *keys: str) -> None:
        """Members that mean nothing to anybody else."""
        self._taken.update(keys)

    def rest(self) -> dict[str, msgspec.Raw]:
        """What was not taken and is not null, as it came."""
        return {
            key: raw
            for key, raw in self._members.items()
            if key not in self._taken and reading.is_sent(self._members, key)
        }

    def leave(self, left: Reading) -> None:
        """Note what was not taken."""
        for key in self.rest():
            left.leave(self.place(key))


def shape_of(raw: msgspec.Raw, path: str) -> Shape:
    """An object's members."""
    return Shape(Reading().members(raw, path), path, raw)
