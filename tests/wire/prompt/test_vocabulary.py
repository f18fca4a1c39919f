"""The vocabulary has no word that nobody says: each is heard by a reader and said by a writer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt.asking import prompt_of, written

from tokenworks.wire.prompt.vocabulary import (
    Choice,
    Foreign,
    Format,
    Prompt,
    Reasoning,
    Sampling,
    Target,
    Text,
    Tool,
    Turn,
)

PLAIN = Prompt("m", (Turn("user", (Text("hi"),)),), tools=(Tool("f"),))
WORDS: dict[str, Any] = {
    "model": "other", "turns": (), "stream": True, "tools": (Tool("g"),), "choice": Choice("some", (), "p"),
    "parallel": False, "format": Format("json", path="p"), "reasoning": Reasoning("low", path="p"),
    "sampling": Sampling(seed=1), "output_cap": 1, "choices": 2, "user": "u", "cache_key": "k",
    "metadata": b"{}", "verbosity": "low", "extras": {"odd": msgspec.Raw(b"1")},
    "hosted": (Foreign("web_search", b'{"type":"web_search"}'),),
}  # fmt: skip
SPOKEN_ALONG = {"include_usage", "left"}  # said with `stream`; said to nobody
DRAWN: dict[str, Any] = {
    "temperature": b"1", "top_p": b"1", "top_k": 1, "seed": 1, "presence_penalty": b"1", "frequency_penalty": b"1",
    "stop": ("x",), "logprobs": 1, "logit_bias": b"{}",
}  # fmt: skip


def test_every_word_is_tried() -> None:
    assert WORDS.keys() | SPOKEN_ALONG == set(Prompt.__struct_fields__)
    assert DRAWN.keys() == set(Sampling.__struct_fields__)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_said(word: str) -> None:
    changed = msgspec.structs.replace(PLAIN, **{word: WORDS[word]})
    assert written("chat", changed, Target("openai")) != written("chat", PLAIN, Target("openai"))


@pytest.mark.parametrize("word", DRAWN)
def test_every_way_of_drawing_is_said(word: str) -> None:
    changed = msgspec.structs.replace(PLAIN, sampling=Sampling(**{word: DRAWN[word]}))
    body = written("chat", changed, Target("openai"))
    assert body != written("chat", PLAIN, Target("openai"))
    said = {key: value for key, value in body.items() if key not in ("model", "messages", "tools")}
    assert prompt_of("chat", **said).sampling == changed.sampling


def test_nothing_is_shared() -> None:
    """A default that two prompts shared would carry one client's fields to another."""
    one, other = Prompt("m", ()), Prompt("m", ())
    assert one.extras is not other.extras and one == other
