"""The short cut says what the long way says, or nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.usage.meter import read_whole
from tokenworks.usage.quick import read_quick
from tokenworks.wire.dialects import DIALECTS, ENGINES, Dialect, Engine

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
         "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "length"}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": [CHOICE], "usage": USAGE}


def same(dialect: Dialect, engine: Engine, body: bytes) -> bool:
    """Whether the short cut said something; it may only say what the long way says."""
    quick, whole = read_quick(dialect, engine, body), read_whole(dialect, engine, body)
    if quick is not None:
        assert quick == msgspec.structs.replace(whole, visible_bytes=0)
    return quick is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_usual_bodies(engine: Engine) -> None:
    assert same("chat", engine, json.dumps(CHAT).encode())
    assert same("embeddings", engine, b'{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":3}}')
    text = {**CHAT, "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]}
    assert same("completions", engine, json.dumps(text).encode())


@pytest.mark.parametrize("change", [
    {"usage": None}, {"usage": {**USAGE, "total_tokens": 3}}, {"error": {"message": "no"}},
    {"choices": [CHOICE, CHOICE]}, {"choices": "none"}, {"usage": []}])
def test_unusual_left(change: dict[str, Any]) -> None:
    assert not same("chat", "openai", json.dumps({**CHAT, **change}).encode())


def test_other_dialects_left() -> None:
    for dialect in DIALECTS:
        said = read_quick(dialect, "openai", json.dumps(CHAT).encode())
        assert (said is None) == (dialect in ("responses", "messages"))
    assert read_quick("chat", "openai", b"{") is None


@given(st.dictionaries(st.sampled_from(["usage", "choices", "error"]), st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.just(USAGE), st.lists(st.just(CHOICE), max_size=2),
    st.dictionaries(st.sampled_from(list(USAGE)), st.integers(-5, 20)))))
def test_never_other(body: dict[str, Any]) -> None:
    for engine in ENGINES:
        same("chat", engine, json.dumps({**CHAT, **body}).encode())
