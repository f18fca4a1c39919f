"""What is shown reads back as what is billed, in every dialect, and the official SDKs take it."""

from __future__ import annotations

import msgspec
from anthropic.types import MessageDeltaUsage
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage
from openai.types.responses import ResponseUsage

from tokenworks.usage.normalise import normalise
from tokenworks.usage.shown import show_usage
from tokenworks.usage.vector import Usage

COUNT = st.integers(0, 10**6)


@given(st.builds(Usage, COUNT, COUNT, output=COUNT, reasoning=COUNT))
def test_reads_back(usage: Usage) -> None:
    for dialect in ("chat", "completions", "responses"):
        raw = msgspec.json.encode(show_usage(dialect, usage))
        assert normalise("openai", dialect, raw) == usage
    raw = msgspec.json.encode(show_usage("messages", usage))
    read = normalise("anthropic", "messages", raw)
    assert (read.prompt, read.cache_read, read.completion) == (usage.prompt, usage.cache_read, usage.completion)


def test_sdk_types() -> None:
    usage = Usage(3, 4, 5, 6, 7, 8)
    assert CompletionUsage.model_validate(show_usage("chat", usage)).prompt_tokens == 18
    assert ResponseUsage.model_validate(show_usage("responses", usage)).total_tokens == 33
    shown = MessageDeltaUsage.model_validate(show_usage("messages", usage))
    assert shown.cache_creation_input_tokens == 11 and shown.output_tokens == 15
    assert show_usage("embeddings", Usage(9)) == {"prompt_tokens": 9, "total_tokens": 9}
