"""vLLM's cumulative figures (the golden ones are in test_normalise.py)."""

from __future__ import annotations

import pytest

from tokenworks.errors import UsageError
from tokenworks.usage.vector import Usage
from tokenworks.usage.vllm import read_chunk


def test_chunks() -> None:
    assert read_chunk(b'{"prompt_tokens":9,"completion_tokens":null,"total_tokens":9}') == Usage(9)
    assert read_chunk(b'{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}') == Usage(9, output=4)
    with pytest.raises(UsageError):
        read_chunk(b'{"prompt_tokens":9,"completion_tokens":4,"total_tokens":14}')
