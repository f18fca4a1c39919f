"""Walking a body's values with the place at hand: what is wrong is named by its full path, what is unknown is noted.

Readers of whole messages step through raw values; a member that is null is one that was not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from tokenworks.errors import CallerError
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import shown

T = TypeVar("T")
Members = dict[str, msgspec.Raw]

HEAD_CHARS_MAX = 300  # of an address that has its data in itself, up to the comma
NULL = msgspec.Raw(b"null")
_INDEX = re.compile(r"\[\d+\]")
_TEXT = msgspec.json.Decoder(str)
_MEMBERS = msgspec.json.Decoder(Members)
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_COUNT = msgspec.json.Decoder(int)
_FLAG = msgspec.json.Decoder(bool)
_NUMBER = msgspec.json.Decoder(int | float)


class Misread(CallerError):
    """{0}"""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.fault = Malformed(Refusal.FIELD_INVALID, message, path)


class Reading:
    """One walk. `left`: members that nobody had a word for, each once, without indices."""

    def __init__(self) -> None:
        self.left: dict[str, None] = {}

    def members(self, raw: msgspec.Raw, path: str, known: frozenset[str] | None = None) -> Members:
        """An object's members without the nulls; those that are not `known` are noted."""
        found = {key: value for key, value in _read(_MEMBERS, raw, path, "an object").items() if value != NULL}
        if known is not None:
            self.compare(found, path, known)
        return found

    def compare(self, members: Members, path: str, known: frozenset[str]) -> None:
        """Note the members that are not `known`."""
        for key in members.keys() - known:
            self.leave(f"{path}.{key}")

    def leave(self, path: str) -> None:
        """Note a member that nobody has a word for."""
        self.left[_INDEX.sub("[]", path)] = None


def require(members: Mapping[str, msgspec.Raw], key: str, path: str) -> msgspec.Raw:
    """A member that has to be there."""
    if not is_sent(members, key):
        place = f"{path}.{key}" if path else key
        raise Misread(place, f"{place}: field required. Add it to the request.")
    return members[key]


def read_items(raw: msgspec.Raw, path: str) -> Iterator[tuple[msgspec.Raw, str]]:
    """A list's items, each with its path."""
    items: list[msgspec.Raw] = _read(_ITEMS, raw, path, "a list")
    for number, item in enumerate(items):
        yield item, f"{path}[{number}]"


def read_text(members: Mapping[str, msgspec.Raw], key: str, path: str, default: str | None = "") -> str:
    """A string member; without a default it has to be there."""
    if default is not None and not is_sent(members, key):
        return default
    return take_text(require(members, key, path), f"{path}.{key}" if path else key)


def take_text(raw: msgspec.Raw, path: str) -> str:
    """A value that has to be a string."""
    return _read(_TEXT, raw, path, "a string")


def take_count(raw: msgspec.Raw, path: str) -> int:
    """A value that has to be a whole number."""
    return _read(_COUNT, raw, path, "a whole number")


def take_number(raw: msgspec.Raw, path: str) -> bytes:
    """A value that has to be a number, as it came."""
    _read(_NUMBER, raw, path, "a number")
    return bytes(raw)


def read_count(fields: Mapping[str, msgspec.Raw], key: str) -> int | None:
    """A whole number at the top level, None without."""
    return _read(_COUNT, fields[key], key, "a whole number") if is_sent(fields, key) else None


def read_flag(fields: Mapping[str, msgspec.Raw], key: str, path: str = "") -> bool | None:
    """true or false, None without."""
    place = f"{path}.{key}" if path else key
    return _read(_FLAG, fields[key], place, "true or false") if is_sent(fields, key) else None


def read_number(fields: Mapping[str, msgspec.Raw], key: str) -> bytes:
    """A number at the top level as it came, b"" without."""
    if not is_sent(fields, key):
        return b""
    _read(_NUMBER, fields[key], key, "a number")
    return bytes(fields[key])


def read_object(fields: Mapping[str, msgspec.Raw], key: str) -> bytes:
    """An object at the top level as it came, b"" without."""
    if not is_sent(fields, key):
        return b""
    _read(_MEMBERS, fields[key], key, "an object")
    return bytes(fields[key])


def is_sent(fields: Mapping[str, msgspec.Raw], key: str) -> bool:
    """Whether a field is there and not null."""
    return fields.get(key, NULL) != NULL


def is_text(raw: msgspec.Raw) -> bool:
    """Whether a value is a string."""
    return memoryview(raw)[0] == 0x22


def _read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, path: str, expected: str) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Misread(path, f"{path} must be {expected}, got {shown(raw)}.") from None


def split_data(address: str, path: str) -> tuple[str, str, str]:
    """(media type, base64, address) of an address that may hold the data itself: `data:image/png;base64,...`."""
    if address[:5].lower() != "data:":
        return "", "", address
    comma = address.find(",", 5, HEAD_CHARS_MAX)  # the data itself is copied once
    media, semicolon, coding = address[5:max(comma, 5)].partition(";")
    if comma < 0 or not semicolon or not coding.lower().endswith("base64"):
        raise Misread(path, f"{path} must be an address, or the data itself as data:TYPE;base64,DATA.")
    return media.lower(), address[comma + 1 :], ""
