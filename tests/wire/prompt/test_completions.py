"""Completions as one turn of the user; what a chat cannot do is refused by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.wire.prompt.asking import fault_of, moved, prompt_of, sent

from tokenworks.wire.prompt.vocabulary import Prompt, Sampling, Target, Text, Turn
from tokenworks.wire.refusals import Refusal


def test_one_prompt() -> None:
    found = prompt_of("completions", prompt="once upon", stop=["\n\n"], temperature=0, user="u", n=2, stream=True,
                      stream_options={"include_usage": True}, echo=False, suffix="", best_of=1, logprobs=None,
                      min_p=0.1)
    assert found == Prompt(
        "m", (Turn("user", (Text("once upon", path="prompt"),), path="prompt"),), stream=True, choices=2,
        sampling=Sampling(temperature=b"0", stop=("\n\n",)), output_cap=16, include_usage=True, user="u",
        extras={"min_p": msgspec.Raw(b"0.1")})
    assert prompt_of("completions", max_tokens=0).output_cap == 0


@pytest.mark.parametrize(("said", "param"), [
    ({"suffix": "end"}, "suffix"), ({"echo": True}, "echo"), ({"best_of": 3}, "best_of"), ({"logprobs": 0}, "logprobs"),
    ({"prompt": ["a"]}, "prompt"), ({"prompt": [1, 2]}, "prompt"), ({"prompt": [[1]]}, "prompt"),
])  # fmt: skip
def test_what_a_chat_cannot_do(said: Any, param: str) -> None:
    fault = fault_of("completions", **said)
    assert (fault.refusal, fault.param) == (Refusal.FEATURE_UNSUPPORTED, param)


@pytest.mark.parametrize(("said", "param"), [({"prompt": ""}, "prompt"), ({"temperature": "x"}, "temperature")])
def test_what_is_wrong(said: Any, param: str) -> None:
    fault = fault_of("completions", **said)
    assert (fault.refusal, fault.param) == (Refusal.FIELD_INVALID, param)


def test_served_by_chat() -> None:
    body = sent("completions", "chat", Target("vllm"), stream=True, stream_options={"include_usage": True})
    assert body == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16, "stream": True,
                    "stream_options": {"include_usage": True}}
    assert moved("completions", "chat", stream=True, stream_options={"include_usage": True}).asked.include_usage
    assert sent("completions", "messages", Target("anthropic"), max_tokens=3)["max_tokens"] == 3
    assert sent("completions", "responses")["max_output_tokens"] == 16
