"""The reader of Anthropic's shape and the merging of its two halves (the golden figures are in test_normalise.py)."""

from __future__ import annotations

import json

import pytest

from tokenworks.errors import UsageError
from tokenworks.usage.anthropic import merge_message, read_message
from tokenworks.usage.vector import Usage


def test_reads() -> None:
    assert read_message(b'{"input_tokens":3,"output_tokens":2,"cache_read_input_tokens":4}') == Usage(3, 4, output=2)


def test_merging_keeps_what_it_does_not_know() -> None:
    merged = merge_message(b'{"input_tokens":3,"a":{"b":1},"output_tokens":1}', b'{"output_tokens":0,"a":null,"c":[]}')
    assert json.loads(merged) == {"input_tokens": 3, "a": {"b": 1}, "output_tokens": 0, "c": []}


@pytest.mark.parametrize("kind", ["fallback_message", "advisor_message", "something_new"])
def test_other_models_are_not_billed_as_this_one(kind: str) -> None:
    raw = {"input_tokens": 1, "output_tokens": 1, "iterations": [{"type": kind, "input_tokens": 9, "output_tokens": 9}]}
    with pytest.raises(UsageError, match=kind):
        read_message(json.dumps(raw).encode())
