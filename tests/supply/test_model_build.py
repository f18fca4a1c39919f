"""The tiny model's build, as far as it needs no training: the same text, the same tokenizer, one template."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import pytest
from tests.supply.asking import ask
from tests.supply.conftest import Running
from tools.model import text
from tools.model.template import CHAT_TEMPLATE, segments
from tools.model.tokenizer import VOCABULARY, tokenizer_hash, train_tokenizer

from tokenworks.supply.engine.bundle import FOLDER
from tokenworks.supply.tokens import TINY, load_tokenizer

MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
CHATS = list(text.write_chats(300))


@pytest.fixture(scope="module")
def chats() -> list[dict[str, Any]]:
    return list(text.write_chats())


def test_text_is_the_same(chats: list[dict[str, Any]]) -> None:
    assert text.text_hash(chats) == MANIFEST["text"]["sha256"]
    assert (len(chats), text.SEED) == (MANIFEST["text"]["chats"], MANIFEST["text"]["seed"])


def test_tokenizer_is_the_same(chats: list[dict[str, Any]]) -> None:
    made = train_tokenizer(chats)
    assert tokenizer_hash(made) == MANIFEST["tokenizer"]["sha256"] == tokenizer_hash(load_tokenizer(TINY))
    assert made.get_vocab_size() == VOCABULARY == MANIFEST["tokenizer"]["vocabulary"]


def test_every_text_comes_back() -> None:
    tokenizer = load_tokenizer(TINY)
    for chat in CHATS[:100]:
        said = "".join(part for part, _ in segments(chat))
        assert tokenizer.decode(tokenizer.encode(said).ids, skip_special_tokens=False) == said


def compiled() -> jinja2.Template:
    """The template as engines compile it (`tojson` keeps keys in order and escapes nothing)."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(CHAT_TEMPLATE)


def test_template_is_what_is_learnt() -> None:
    template = compiled()
    for chat in CHATS:
        if "plain" not in chat:
            shown = template.render(messages=chat["messages"], tools=chat.get("tools"), add_generation_prompt=False)
            assert shown == "".join(part for part, _ in segments(chat))


def test_learns_only_the_assistant() -> None:
    for chat in CHATS:
        learnt = "".join(part for part, learn in segments(chat) if learn)
        for message in chat.get("messages", ()):
            if message["role"] in ("user", "system") and len(message["content"]) > 40:
                assert message["content"] not in learnt
    assert any("<tool_call>" in part for chat in CHATS for part, learn in segments(chat) if learn)


def test_engine_renders_the_same(engine: Running) -> None:
    """llama.cpp's own template engine gives what the model has learnt, tools, their calls and results among it."""
    checked = 0
    for chat in CHATS[:120]:
        if "plain" in chat or chat["messages"][-1]["role"] != "assistant":
            continue
        messages = [_as_asked(message) for message in chat["messages"][:-1]]
        body = {"messages": messages, **({"tools": chat["tools"]} if "tools" in chat else {})}
        status, data = ask(engine.facts, "/apply-template", body)
        assert status == 200, data
        *before, _answer, _ = segments(chat)
        assert json.loads(data)["prompt"] == "".join(part for part, _ in before)
        checked += 1
    assert checked > 60


def _as_asked(message: dict[str, Any]) -> dict[str, Any]:
    """A message in the API's form: a call's arguments are JSON in a string there."""
    if "tool_calls" not in message:
        return {**message, "tool_call_id": "1"} if message["role"] == "tool" else message
    function = message["tool_calls"][0]["function"]
    call = {"id": "1", "type": "function",
            "function": {"name": function["name"], "arguments": json.dumps(function["arguments"])}}
    return {**message, "tool_calls": [call]}
