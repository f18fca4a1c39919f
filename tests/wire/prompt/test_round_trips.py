"""From one dialect to another and back: nothing is lost that both can say, over random conversations."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.prompt.strategies import prompts, same

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.translate import READERS, WRITERS
from tokenworks.wire.prompt.vocabulary import Prompt, Target

TARGETS: dict[Dialect, Target] = {
    "chat": Target("openai", images=True),
    "responses": Target("openai", images=True),
    "messages": Target("anthropic", images=True),
}
PAIRS: list[tuple[Dialect, Dialect]] = list(itertools.combinations(TARGETS, 2))


def through(prompt: Prompt, dialect: Dialect) -> Prompt:
    """The prompt written and read again."""
    body = msgspec.json.encode(WRITERS[dialect](prompt, TARGETS[dialect]))
    again = READERS[dialect](msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    assert isinstance(again, Prompt), again
    return again


def plain(prompt: Prompt) -> Any:
    """What is said, apart from names and words that a dialect gives where nothing was said."""
    form = prompt.format and msgspec.structs.replace(prompt.format, name="")
    tools = tuple(msgspec.structs.replace(tool, strict=bool(tool.strict)) for tool in prompt.tools)
    shown = msgspec.structs.replace(prompt.reasoning, shown=False)
    return same(msgspec.structs.replace(prompt, format=form, tools=tools, reasoning=shown))


@pytest.mark.parametrize(("one", "other"), PAIRS)
@settings(max_examples=60)
@given(data=st.data())
def test_there_and_back(one: Dialect, other: Dialect, data: st.DataObject) -> None:
    prompt = data.draw(prompts(one, other))
    there = through(prompt, one)
    assert plain(there) == plain(prompt)
    back = through(through(there, other), one)
    assert plain(back) == plain(prompt)
