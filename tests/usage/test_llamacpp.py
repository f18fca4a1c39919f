"""llama.cpp's timings (the recorded ones are in test_normalise.py)."""

from __future__ import annotations

import pytest

from tokenworks.errors import UsageError
from tokenworks.usage.llamacpp import read_timings
from tokenworks.usage.vector import Usage


def test_timings() -> None:
    assert read_timings(b'{"prompt_n":1,"cache_n":18,"predicted_n":8,"predicted_ms":2.7}') == Usage(1, 18, output=8)
    assert read_timings(b'{"prompt_n":1,"predicted_n":0}').prompt == 1
    with pytest.raises(UsageError):
        read_timings(b'{"prompt_n":1,"cache_n":-1,"predicted_n":8}')
