"""Bodies as prompts and back, for the tests of this folder."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.translate import READERS, WRITERS, Translated, translate
from tokenworks.wire.prompt.vocabulary import Prompt, Target
from tokenworks.wire.refusals import Malformed
from tokenworks.wire.request import RequestFacts, read_request

OPENAI = Target("openai", images=True)
HELLO: dict[Dialect, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "completions": {"model": "m", "prompt": "hi"},
    "responses": {"model": "m", "input": "hi"},
    "messages": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
}


def facts_of(dialect: Dialect, **more: Any) -> RequestFacts:
    """The facts of the least body of a dialect with more in it."""
    facts = read_request(dialect, json.dumps({**HELLO[dialect], **more}).encode())
    assert isinstance(facts, RequestFacts), facts
    return facts


def prompt_of(dialect: Dialect, **more: Any) -> Prompt:
    """What a sound body is read as."""
    found = READERS[dialect](facts_of(dialect, **more).fields)
    assert isinstance(found, Prompt), found
    return found


def fault_of(dialect: Dialect, **more: Any) -> Malformed:
    """Why a body cannot be read."""
    found = READERS[dialect](facts_of(dialect, **more).fields)
    assert isinstance(found, Malformed), found
    assert found.param is not None and found.param in found.message and found.message.endswith(".")
    return found


def written(dialect: Dialect, prompt: Prompt, target: Target = OPENAI) -> Any:
    """The body of a prompt, as JSON has it."""
    return json.loads(msgspec.json.encode(WRITERS[dialect](prompt, target)))


def sent(client: Dialect, to: Dialect, target: Target = OPENAI, **more: Any) -> Any:
    """The body that goes upstream for a body of the client's."""
    return json.loads(moved(client, to, target, **more).body)


def moved(client: Dialect, to: Dialect, target: Target = OPENAI, **more: Any) -> Translated:
    """A request that can be translated."""
    found = translate(facts_of(client, **more), to, target)
    assert isinstance(found, Translated), found
    return found


def refused(client: Dialect, to: Dialect, target: Target = OPENAI, **more: Any) -> Malformed:
    """Why a request cannot be translated."""
    found = translate(facts_of(client, **more), to, target)
    assert isinstance(found, Malformed), found
    assert found.param is not None and found.message.startswith(found.param) and found.message.endswith(".")
    return found
