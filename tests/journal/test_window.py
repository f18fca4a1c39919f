"""Frames in bytes: whole, empty, damaged, sealed, and the next whole one after damage, anywhere and across pieces."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.journal import window as window_module
from tokenworks.journal.segment import FRAME_HEAD, end_mark, frame_end
from tokenworks.journal.window import DAMAGED, EMPTY, SEALED, Window
from tokenworks.limits import RECORD_BYTES_MAX

SALT = 0x5EED


def frame(payload: bytes, salt: int = SALT) -> bytes:
    whole = FRAME_HEAD.pack(len(payload), crc32(payload, salt)) + payload
    return whole.ljust(frame_end(0, len(payload)), b"\0")


def view(data: bytes) -> Window:
    return Window(lambda offset, size: data[offset:offset + size], SALT)


def test_frame_kinds() -> None:
    data = frame(b"one") + frame(b"two") + end_mark(SALT)
    window = view(data + b"\0" * 64)
    assert window.frame(0) == b"one"
    assert window.frame(16) == b"two"
    assert window.frame(32) == SEALED
    assert window.frame(40) == EMPTY
    assert window.frame(1000) == EMPTY


@pytest.mark.parametrize("data", [
    frame(b"one", salt=1),  # of another segment
    FRAME_HEAD.pack(RECORD_BYTES_MAX + 1, 0),
    FRAME_HEAD.pack(100, crc32(b"x" * 100, SALT)) + b"x" * 50,  # the file ends in it
    FRAME_HEAD.pack(0, 7),
    end_mark(1),
])
def test_damage(data: bytes) -> None:
    assert view(data).frame(0) == DAMAGED


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), st.integers(1, 200), st.data())
def test_next_frame_is_the_first_whole_one(payloads: list[bytes], hole: int, data: st.DataObject) -> None:
    """Whatever bytes stand before it, a whole frame is found, and nothing before it is taken for one."""
    noise = data.draw(st.binary(min_size=hole * 8, max_size=hole * 8))
    bytes_after = b"".join(frame(payload) for payload in payloads)
    whole = noise + bytes_after + b"\0" * 40
    window = view(whole)
    first = window.next_frame(0)
    assert first is not None
    assert first <= len(noise)
    assert window.frame(first) not in (EMPTY, DAMAGED)
    at = len(noise)
    for payload in payloads:
        assert window.frame(at) == payload
        at = frame_end(at, len(payload))
    assert window.next_frame(at) is None


def test_next_frame_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "_PIECE_BYTES", 64)
    data = b"\0" * 64 * 20 + b"\x05\0\0\0junkjunk" + b"\0" * 52 + frame(b"far") + end_mark(SALT)
    window = view(data)
    assert window.next_frame(0) == 64 * 21
    assert window.next_frame(64 * 21 + 8) == 64 * 21 + 16  # the end mark counts as well
    assert view(b"\0" * 10_000).next_frame(0) is None


def test_next_frame_looks_with_fresh_bytes() -> None:
    """What was half visible a moment ago is whole now: a writer stores its header last."""
    data = bytearray(frame(b"late").ljust(64, b"\0"))
    header, data[0:4] = bytes(data[0:4]), b"\0\0\0\0"
    window = Window(lambda offset, size: bytes(data[offset:offset + size]), SALT)
    assert window.frame(0) == DAMAGED
    data[0:4] = header
    assert window.next_frame(0) == 0
    assert window.frame(0) == b"late"
