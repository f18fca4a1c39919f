"""Values with their place: what is wrong is named where it stands."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tokenworks.wire.prompt import reading
from tokenworks.wire.prompt.reading import Misread, Reading


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def fields(**values: Any) -> dict[str, msgspec.Raw]:
    return {key: raw(value) for key, value in values.items()}


def test_null_is_unsaid() -> None:
    said = fields(a=None, b=1, c="x", d=True, e=1.5, f={"g": 1})
    assert not reading.is_sent(said, "a") and not reading.is_sent(said, "z") and reading.is_sent(said, "b")
    assert reading.read_text(said, "a", "") == "" and reading.read_text(said, "c", "") == "x"
    assert reading.read_count(said, "a") is None and reading.read_count(said, "b") == 1
    assert reading.read_flag(said, "a") is None and reading.read_flag(said, "d") is True
    assert reading.read_number(said, "a") == b"" and reading.read_number(said, "e") == b"1.5"
    assert reading.read_object(said, "a") == b"" and reading.read_object(said, "f") == b'{"g": 1}'


@pytest.mark.parametrize(("read", "path", "expected"), [
    (lambda said: reading.read_text(said, "n", "a.b"), "a.b.n", "a string"),
    (lambda said: reading.read_text(said, "z", "a", None), "a.z", "field required"),
    (lambda said: reading.read_text(said, "z", "", None), "z", "field required"),
    (lambda said: reading.read_count(said, "t"), "t", "a whole number"),
    (lambda said: reading.read_flag(said, "n", "x"), "x.n", "true or false"),
    (lambda said: reading.read_number(said, "t"), "t", "a number"),
    (lambda said: reading.read_object(said, "n"), "n", "an object"),
    (lambda said: list(reading.read_items(said["n"], "a[0]")), "a[0]", "a list"),
    (lambda said: Reading().members(said["t"], "m[1]"), "m[1]", "an object"),
    (lambda said: reading.require(said, "null", "p"), "p.null", "field required"),
])  # fmt: skip
def test_named_faults(read: Any, path: str, expected: str) -> None:
    with pytest.raises(Misread) as caught:
        read(fields(n=1, t="text", null=None))
    fault = caught.value.fault
    assert fault.param == path and fault.message.startswith(path) and expected in fault.message
    assert str(caught.value) == fault.message


def test_items_have_paths() -> None:
    assert [(bytes(item), path) for item, path in reading.read_items(raw([1, "x"]), "a")] == [
        (b"1", "a[0]"), (b'"x"', "a[1]")]


def test_unknown_members_are_noted() -> None:
    found = Reading()
    known = frozenset({"role"})
    for number in (0, 1):
        members = found.members(raw({"role": "user", "odd": 1, "none": None}), f"messages[{number}].content[3]", known)
        assert members.keys() == {"role", "odd"}
    assert list(found.left) == ["messages[].content[].odd"]


def test_addresses_with_data() -> None:
    assert reading.split_data("https://x/y.png", "p") == ("", "", "https://x/y.png")
    assert reading.split_data("DATA:Image/PNG;BASE64,QUJD", "p") == ("image/png", "QUJD", "")
    assert reading.split_data("data:image/png;a=b;base64,QUJD", "p") == ("image/png", "QUJD", "")
    for bad in ("data:image/png,QUJD", "data:image/png;base64", "data:"):
        with pytest.raises(Misread, match="must be an address"):
            reading.split_data(bad, "p")
