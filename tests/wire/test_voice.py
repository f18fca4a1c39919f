"""The bytes around a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.events import BlockBegin, ChoiceBegin, Delta
from tokenworks.wire.spoken import SPOKEN
from tokenworks.wire.voice import MARK, Plain, encode


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_plain(text: str) -> None:
    voice = Plain(b"a" + encode(MARK) + b"z")
    assert voice.say(text) == b"a" + encode(text) + b"z"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(["text", "reasoning"]))
def test_says_what_writers_write(text: str, kind: str) -> None:
    for dialect, block in (("chat", 0), ("completions", 0), ("messages", 0), ("responses", 0)):
        writers = [SPOKEN[dialect].writer("m") for _ in range(2)]  # type: ignore[index]
        for writer in writers:
            writer.write(ChoiceBegin(0))
            writer.write(BlockBegin(0, block, kind))  # type: ignore[arg-type]
        slow, quick = writers
        voice = quick.voice(0, block)
        for _ in range(2):
            assert voice.say(text) == slow.write(Delta(0, block, text))
