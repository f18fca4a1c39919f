"""The real engine takes whatever a request becomes in another dialect: random conversations, every way there is."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.supply.asking import ask
from tests.supply.conftest import Running
from tests.wire.prompt.strategies import prompts

from tokenworks.wire.dialects import UPSTREAM_PATH, Dialect
from tokenworks.wire.prompt.translate import REACHES, WRITERS, Translated, translate
from tokenworks.wire.prompt.vocabulary import Prompt, Target
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import read_request

MAKERS: dict[Dialect, Target] = {
    "chat": Target("openai"), "responses": Target("openai"), "messages": Target("anthropic")}  # fmt: skip
WAYS: list[tuple[Dialect, Dialect]] = [(client, to) for client in MAKERS for to in REACHES[client] if to in MAKERS]
EMBEDDED = Target("llamacpp", own=True, output_max=64)


def short(prompt: Prompt) -> Prompt:
    """A request that the engine answers at once. It takes no schema that is `true`, in no dialect."""
    tools = tuple(msgspec.structs.replace(tool, schema=_open(tool.schema)) for tool in prompt.tools)
    form = prompt.format and msgspec.structs.replace(prompt.format, schema=_open(prompt.format.schema))
    sampling = msgspec.structs.replace(prompt.sampling, stop=(), logprobs=None)
    return msgspec.structs.replace(
        prompt, tools=tools, format=form, sampling=sampling, output_cap=4, stream=False
    )


def _open(schema: bytes) -> bytes:
    return schema.replace(b":true", b":{}")


@pytest.mark.parametrize(("client", "to"), WAYS)
def test_engine_takes_it(engine: Running, client: Dialect, to: Dialect) -> None:
    taken = 0

    @settings(max_examples=12, database=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        nonlocal taken
        prompt = short(data.draw(prompts(client, media=False)))
        facts = read_request(client, msgspec.json.encode(WRITERS[client](prompt, MAKERS[client])))
        assert not isinstance(facts, Malformed)
        sent = translate(facts, to, EMBEDDED)
        if isinstance(sent, Malformed):  # said honestly before the engine is asked
            assert sent.refusal is Refusal.FEATURE_UNSUPPORTED, sent
            return
        assert isinstance(sent, Translated)
        status, answer = ask(engine.facts, UPSTREAM_PATH[to].decode(), json.loads(sent.body))
        assert status == 200, answer
        taken += 1

    run()
    assert taken > 0
