"""Odd types are passed on unread, half characters are mended, and only what is no JSON is refused."""

from __future__ import annotations

import msgspec
import pytest

from tokenworks.wire.loose import Loose, given, read_pairs, write_pairs


class Shape(msgspec.Struct):
    text: str = ""
    raw: msgspec.Raw = msgspec.Raw(b"")


LOOSE = Loose(Shape)


@pytest.mark.parametrize(("data", "text"), [
    (b'{"text":"a","more":[1]}', "a"),
    (b'{"text":5}', ""),
    (b"[]", ""),
    (b"null", ""),
    (b'{"text":"\\ud83d"}', "?"),
    (b'{"text":"\\ud83d\\ude00"}', "\U0001f600"),
    (b'{"text":"\xff"}', "�"),
    (b'{"text":"a","n":NaN}', ""),
])
def test_read(data: bytes, text: str) -> None:
    shape = LOOSE.decode(data)
    assert shape is not None and shape.text == text


@pytest.mark.parametrize("data", [b"", b"{", b'{"text":"a"} x', b"<html>", b"[" * 100_000])
def test_refused(data: bytes) -> None:
    assert LOOSE.decode(data) is None


def test_given() -> None:
    shape = msgspec.json.decode(b'{"raw":null}', type=Shape)
    assert given(shape.raw) == b"" and given(Shape().raw) == b"" and given(msgspec.Raw(b"{}")) == b"{}"


def test_pairs() -> None:
    pairs = read_pairs(b' {"b" : {"x": 1}, "a":"\\u00e9"} ')
    assert pairs is not None and write_pairs(pairs) == b'{"b":{"x": 1},"a":"\\u00e9"}'
    assert read_pairs(b"[]") is None and read_pairs(b"{") is None
