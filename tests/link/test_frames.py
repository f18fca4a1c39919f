"""Frames survive any split, and anything that is not one is refused."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.credit.messages import Ask, Bye, Facts, Hello, ToControl
from tokenworks.link.frames import BadFrame, FrameReader, pack_frame

MESSAGES = [
    Hello("h/0/1", 42, 7),
    Ask(1, "acc_a", 10**12, "cut"),
    Facts("h/0/1", 5, {"a": 1}, {"b": 2}, live=({"request": "req_1", "status": 200},)),
    Bye("h/0/1", 4096),
]


@given(st.lists(st.sampled_from(MESSAGES), max_size=8), st.lists(st.integers(0, 400), max_size=6))
def test_any_split(messages: list[ToControl], cuts: list[int]) -> None:
    data = b"".join(pack_frame(message) for message in messages)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader: FrameReader[ToControl] = FrameReader(ToControl)
    got = [message for start, end in itertools.pairwise(edges) for message in reader.feed(data[start:end])]
    assert got == messages


@pytest.mark.parametrize("data", [
    struct.pack(">I", 2**31) + b"x",  # longer than allowed
    struct.pack(">I", 3) + b"abc",  # no msgpack map
    pack_frame(Hello("w", 1))[:-1] + b"\xc1",
    struct.pack(">I", 7) + b"\x81\xa4type\xa1",  # cut short inside
])
def test_bad_frames(data: bytes) -> None:
    with pytest.raises(BadFrame):
        FrameReader[ToControl](ToControl).feed(bytes(data))


def test_foreign_message() -> None:
    """A message of the other direction is no message here."""
    reader: FrameReader[Ask] = FrameReader(Ask)
    with pytest.raises(BadFrame):
        reader.feed(bytes(pack_frame(Hello("w", 1))))
