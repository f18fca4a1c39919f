"""Events come out whole whatever the pieces, the line ends and the fields."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.limits import EVENT_BYTES_MAX
from tokenworks.wire.sse import Splitter, read_event, write_event

ALPHABET = st.lists(st.sampled_from([b"data: x", b"data:y", b"event: e", b"a", b":", b"\n", b"\r\n"])).map(b"".join)


def split(data: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    splitter, blocks = Splitter(), []
    for a, b in pairwise([0, *cuts, len(data)]):
        blocks += splitter.feed(data[a:b])
    return blocks, splitter.rest


@given(ALPHABET, st.data())
def test_any_pieces(data: bytes, drawn: st.DataObject) -> None:
    cuts = sorted(drawn.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    blocks, rest = split(data, cuts)
    assert b"".join(blocks) + rest == data
    assert (blocks, rest) == split(data, []), "the pieces do not matter"
    for block in blocks:
        assert block.endswith((b"\n\n", b"\n\r\n")) and len(Splitter().feed(block)) == 1


@given(st.binary(max_size=60), st.data())
def test_no_byte_lost(data: bytes, drawn: st.DataObject) -> None:
    cuts = sorted(drawn.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    blocks, rest = split(data, cuts)
    assert b"".join(blocks) + rest == data


def test_carriage_returns() -> None:
    """Lines that end in CR alone are known too, and are not held back for a line feed that never comes."""
    assert Splitter().feed(b"data: a\r\rdata: b\r\r") == [b"data: a\r\r", b"data: b\r\r"]
    assert split(b"data: a\r\n\r\n", [10]) == ([b"data: a\r\n\r\n"], b"")


def test_same_object() -> None:
    block = b"data: x\n\n"
    assert Splitter().feed(block)[0] is block


@pytest.mark.parametrize(("block", "expected"), [
    (b"data: x\n\n", ("", b"x")),
    (b"data:x\n\n", ("", b"x")),
    (b"data:  x\n\n", ("", b" x")),
    (b"data: a\ndata: b\n\n", ("", b"a\nb")),
    (b"data: a\r\ndata\r\n\r\n", ("", b"a\n")),
    (b"event: e\ndata: x\n\n", ("e", b"x")),
    (b"data: x\nevent:e\nid: 7\nretry: 9\n\n", ("e", b"x")),
    (b": comment\n\n", ("", b"")),
    (b": comment\ndata: x\n\n", ("", b"x")),
    (b"\n\n", ("", b"")),
    (b"\ndata: x\n\n", ("", b"x")),
    (b"database: x\nevents: y\n\n", ("", b"")),
    (b"\xef\xbb\xbfdata: x\n\n", ("", b"x")),
    (b"data: a\rdata: b\n\n", ("", b"a\nb")),
    (b"event: e\n\n", ("e", b"")),
])
def test_read_event(block: bytes, expected: tuple[str, bytes]) -> None:
    assert read_event(block) == expected


def test_written_reads_back() -> None:
    assert read_event(write_event(b"{}")) == ("", b"{}")
    assert read_event(write_event(b"{}", "e")) == ("e", b"{}")


def test_bound() -> None:
    splitter = Splitter()
    splitter.feed(b"data: " + b"x" * (EVENT_BYTES_MAX - 6))
    assert not splitter.overflown
    splitter.feed(b"x")
    assert splitter.overflown
