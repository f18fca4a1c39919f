"""DeepSeek: hits and misses are the prompt (the golden figures are in test_normalise.py)."""

from __future__ import annotations

from tests.usage.streams import usage_of

from tokenworks.usage.deepseek import read_deepseek
from tokenworks.usage.vector import Usage


def test_trap_cache_hits_have_words_of_their_own() -> None:
    """Who reads only `cached_tokens` bills every hit as fresh input."""
    raw = b'{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}'
    assert read_deepseek(raw) == Usage(2, 8, output=1)
    assert read_deepseek(b'{"prompt_tokens":10,"completion_tokens":0,"prompt_cache_hit_tokens":0}') == Usage(10)


def test_stream() -> None:
    assert usage_of("deepseek/chat_stream") == Usage(92, 1408, output=9, reasoning=31)
