"""Whatever stands in a body, a translation is made, or refused by a field of the body. Nothing is raised."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.prompt.strategies import prompts, values

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.translate import REACHES, WRITERS, translate
from tokenworks.wire.prompt.vocabulary import Target
from tokenworks.wire.refusals import Malformed
from tokenworks.wire.request import read_request

MAKERS: dict[Dialect, Target] = {
    "chat": Target("openai", images=True),
    "responses": Target("openai", images=True),
    "messages": Target("anthropic", images=True),
}
TARGETS = [Target("vllm", True, True), Target("openai", images=True), Target("anthropic", images=True),
           Target("llamacpp", True)]  # fmt: skip
odd = st.one_of(values, st.sampled_from([
    "", "data:", "data:image/png;base64,", "#/x", {"type": "text"}, {"type": "tool_use"}, [{}], [[]], [None], 1e400,
    -1, 2**40, {"type": "function"}, "auto", {"role": "user"}, "\x00", {"": None},
]))  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to every value inside of one."""
    found = [way] if way else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        found += places(item, (*way, key))
    return found


def broken(body: dict[str, Any], way: tuple[Any, ...], put: Any, gone: bool) -> dict[str, Any]:
    """A copy with one value replaced, or gone."""
    made = copy.deepcopy(body)
    at: Any = made
    for key in way[:-1]:
        at = at[key]
    if gone:
        del at[way[-1]]
    else:
        at[way[-1]] = put
    return made


@pytest.mark.parametrize("client", list(MAKERS))
@given(data=st.data())
def test_every_body_gets_an_answer(client: Dialect, data: st.DataObject) -> None:
    prompt = data.draw(prompts(client))
    body = json.loads(msgspec.json.encode(WRITERS[client](prompt, MAKERS[client])))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(places(body)))
        body = broken(body, way, data.draw(odd), data.draw(st.integers(0, 3)) == 0)
    facts = read_request(client, json.dumps(body).encode())
    if isinstance(facts, Malformed):
        return
    for to in REACHES[client]:
        for target in TARGETS:
            sent = translate(facts, to, target)
            if isinstance(sent, Malformed):
                assert sent.param and sent.message.strip().endswith((".", "?")), sent
            else:
                assert json.loads(sent.body)["model"] == facts.model
