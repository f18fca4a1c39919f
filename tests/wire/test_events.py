"""Words for ends: each dialect's own pass, another's become the nearest."""

from __future__ import annotations

from tokenworks.wire import chat_writer, messages_writer
from tokenworks.wire.events import REASONS, finish_of, own_word


def test_reasons() -> None:
    assert finish_of(1, "max_tokens").reason == "length" and finish_of(1, "max_tokens").choice == 1
    assert finish_of(0, "from_the_future") == finish_of(0, "from_the_future")
    assert finish_of(0, "from_the_future").reason == "other"


def test_own_words() -> None:
    for native in REASONS:
        for words, own in ((chat_writer.WORDS, chat_writer.OWN), (messages_writer.WORDS, messages_writer.OWN)):
            word = own_word(finish_of(0, native), words, own)
            assert word in own and (word == native or native not in own)
    assert own_word(finish_of(0, "tool_use"), chat_writer.WORDS, chat_writer.OWN) == "tool_calls"
    assert own_word(finish_of(0, "length"), messages_writer.WORDS, messages_writer.OWN) == "max_tokens"
    assert own_word(finish_of(0, "stop_sequence"), messages_writer.WORDS, messages_writer.OWN) == "stop_sequence"
