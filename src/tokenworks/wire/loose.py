"""JSON as upstreams really send it: a field of an unexpected type is passed on unread, half a character is mended.

Only what is no JSON at all is refused. An upstream's whim must not end a client's answer.
"""

from __future__ import annotations

import json
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
NULL = b"null"
_PAIRS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Loose(Generic[T]):
    """A decoder of one shape. `decode` gives the shape, an empty one if the types are not ours, None if no JSON."""

    def __init__(self, shape: type[T]) -> None:
        self._shape = shape
        self._decode = msgspec.json.Decoder(shape).decode

    def decode(self, data: bytes) -> T | None:
        """The shape of a JSON text."""
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._mend(data)

    def _mend(self, data: bytes) -> T | None:
        try:
            plain = json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        try:  # half of a surrogate pair, cut between two tokens, becomes a question mark
            return self._decode(json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace"))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._shape()


def given(raw: msgspec.Raw) -> bytes:
    """The bytes of an optional raw field; b"" when it is absent or null."""
    value = bytes(raw)
    return b"" if value == NULL else value


def read_pairs(data: bytes) -> dict[str, msgspec.Raw] | None:
    """The top level of an object as raw values in order; None if it is not one object."""
    try:
        return _PAIRS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_pairs(pairs: dict[str, msgspec.Raw]) -> bytes:
    """An object from raw values, in their order, each as it came."""
    return b"{%b}" % b",".join(b"%b:%b" % (msgspec.json.encode(key), raw) for key, raw in pairs.items())
