"""The format: heads, names, frame ends, and that bytes of another segment never pass for this one's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.journal.segment import (
    HEAD_BYTES,
    MAGIC,
    Head,
    end_mark,
    frame_end,
    pack_head,
    parse_name,
    read_head,
    segment_name,
)

HEAD = Head("0a1b2c3d/0/1790000000000", 3, 1_790_000_000_000_000_000, 2, b"n" * 16)


def test_head_round_trip() -> None:
    page, salt = pack_head(HEAD)
    assert len(page) == HEAD_BYTES
    assert page.startswith(MAGIC)
    assert read_head(page) == (HEAD, salt)


@pytest.mark.parametrize("page", [b"", MAGIC, b"\0" * HEAD_BYTES, b"X" * HEAD_BYTES, MAGIC + b"\xff" * 100])
def test_what_is_no_head(page: bytes) -> None:
    assert read_head(page) is None


@given(st.integers(0, 150), st.integers(1, 255))
def test_a_changed_byte_is_seen(at: int, by: int) -> None:
    page, _ = pack_head(HEAD)
    changed = bytearray(page)
    changed[at] ^= by
    found = read_head(bytes(changed))
    assert found is None or at >= len(page.rstrip(b"\0"))


def test_nonce_salts_checksums() -> None:
    _, salt = pack_head(HEAD)
    _, other = pack_head(Head(*[getattr(HEAD, name) for name in HEAD.__struct_fields__[:-1]], b"m" * 16))
    assert salt != other
    assert end_mark(salt) != end_mark(other)


@given(st.integers(0, 2**20), st.integers(1, 2**18))
def test_frames_are_aligned_and_hold_their_payload(start: int, length: int) -> None:
    offset = start * 8
    end = frame_end(offset, length)
    assert end % 8 == 0
    assert 0 <= end - (offset + 8 + length) < 8


@given(st.text("abcdef0123456789", min_size=1, max_size=8), st.integers(0, 99), st.integers(0, 10**8 - 1))
def test_names_round_trip(host: str, worker: int, sequence: int) -> None:
    writer = f"{host}/{worker}/1790000000000"
    assert parse_name(segment_name(writer, sequence)) == (writer, sequence)


@pytest.mark.parametrize("name", ["", "x.twj", "a.b.c-1.txt", "a.b-00000001.twj", "a..c-00000001.twj", "a.b.c-x.twj",
                                  ".fresh-a.b.c-00000001.twj", "a.b.c00000001.twj"])
def test_what_is_no_segment_name(name: str) -> None:
    assert parse_name(name) is None


def test_names_sort_as_written() -> None:
    names = [segment_name("h/0/1", sequence) for sequence in (0, 9, 10, 99, 100)]
    assert names == sorted(names)
