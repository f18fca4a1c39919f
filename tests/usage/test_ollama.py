"""Ollama: a prompt of 0 tokens (the golden figures are in test_normalise.py)."""

from __future__ import annotations

import pytest
from tests.usage.streams import usage_of

from tokenworks.errors import UsageError
from tokenworks.usage.ollama import read_ollama, read_ollama_message, read_ollama_response
from tokenworks.usage.vector import Usage


def test_trap_a_cached_prompt_counts_nothing() -> None:
    """Old versions leave out what was cached: the second request of a conversation would have its input for nothing."""
    with pytest.raises(UsageError):
        read_ollama(b'{"prompt_tokens":0,"completion_tokens":58,"total_tokens":58}')
    with pytest.raises(UsageError):
        read_ollama_response(b'{"input_tokens":0,"output_tokens":58}')
    with pytest.raises(UsageError):
        read_ollama_message(b'{"input_tokens":0,"output_tokens":58}')
    cached = b'{"input_tokens":0,"cache_read_input_tokens":9,"output_tokens":5}'
    assert read_ollama_message(cached) == Usage(0, 9, output=5)
    assert read_ollama(b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}') == Usage()


def test_stream() -> None:
    assert usage_of("ollama/chat_stream") == Usage(5, 16, output=967)
