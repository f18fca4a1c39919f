"""Readers of OpenAI's three shapes, apart from the table (the golden figures are in test_normalise.py)."""

from __future__ import annotations

import msgspec
import pytest

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat, read_embeddings, read_response
from tokenworks.usage.vector import Usage


def test_shapes() -> None:
    assert read_chat(b'{"prompt_tokens":3,"completion_tokens":2}') == Usage(3, output=2)
    assert read_embeddings(b'{"prompt_tokens":3,"total_tokens":3}') == Usage(3)
    assert read_response(b'{"input_tokens":3,"output_tokens":2}') == Usage(3, output=2)


def test_a_shape_of_another_dialect() -> None:
    with pytest.raises(msgspec.DecodeError):
        read_chat(b'{"input_tokens":3,"output_tokens":2}')
    with pytest.raises(msgspec.DecodeError):
        read_response(b'{"prompt_tokens":3,"completion_tokens":2}')
    with pytest.raises(UsageError):
        read_chat(b'{"prompt_tokens":3,"total_tokens":3}')
