"""Token counts: equal to the engine's own, bounded, and with clear errors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.supply.asking import ask_json
from tests.supply.conftest import Running

from tokenworks.errors import Invalid
from tokenworks.limits import COUNT_QUEUE_MAX
from tokenworks.supply.engine.bundle import read_bundle
from tokenworks.supply.tokens import TINY, TokenCounter, load_tokenizer

TEXTS = ["", "Hello there", "x" * 300, "Größe, 東京, \U0001f980!", "  spaces\n\n\tand tabs 1234567 it's",
         '{"a": [1, 2.5e3]}',
         "<tool_call>\n</tool_call>", "def add(a, b):\n    return a + b\r\n"]


@pytest.mark.parametrize("text", TEXTS)
def test_equals_engine(engine: Running, text: str) -> None:
    tokens = ask_json(engine.facts, "/tokenize", {"content": text, "parse_special": True})["tokens"]
    assert load_tokenizer(TINY).encode(text, add_special_tokens=False).ids == tokens
    assert TokenCounter().count_now(TINY, text) == len(tokens)


def test_off_loop() -> None:
    async def run() -> list[int | None]:
        counter = TokenCounter()
        found = await asyncio.gather(*(counter.count(TINY, "hello " * size) for size in (0, 1, 1000)))
        counter.close()
        return found

    none, one, many = asyncio.run(run())
    assert none == 0 and one and many and many > 900 * one // 2


def test_queue_is_bounded() -> None:
    async def run() -> list[int | None]:
        counter = TokenCounter()
        asked = [counter.count(TINY, "hello") for _ in range(COUNT_QUEUE_MAX + 5)]
        found = await asyncio.gather(*asked)
        assert await counter.count(TINY, "hello") == found[0]
        counter.close()
        return found

    found = asyncio.run(run())
    assert found.count(None) == 5


@pytest.mark.parametrize("name", ["", "gpt-4", "file:/absent/tokenizer.json", "file:relative"])
def test_unknown(name: str) -> None:
    with pytest.raises(Invalid):
        asyncio.run(TokenCounter().count(name, "x"))


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(read_bundle().tokenizer.read_text())
    assert TokenCounter().count_now(f"file:{path}", "Hello there") == TokenCounter().count_now(TINY, "Hello there")
    path.write_text("{}")
    with pytest.raises(Invalid, match="cannot be read"):
        load_tokenizer(f"file:{path}")
