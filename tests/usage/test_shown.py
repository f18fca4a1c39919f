"""What is shown reads back as what is billed, in every dialect, and the official SDKs take it."""

from __future__ import annotations

import msgspec
from anthropic.types import MessageDeltaUsage
from anthropic.types import Usage as AnthropicUsage
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage
from openai.types.responses import ResponseUsage

from tokenworks.usage.normalise import normalise
from tokenworks.usage.shown import show_usage
from tokenworks.usage.vector import Usage

COUNT = st.integers(0, 10**6)


@given(st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT))
def test_reads_back(usage: Usage) -> None:
    for dialect, engine in (("chat", "openai"), ("completions", "openai"), ("responses", "openai"),
                            ("messages", "anthropic")):
        raw = msgspec.json.encode(show_usage(dialect, usage))  # type: ignore[arg-type]
        assert normalise(engine, dialect, raw) == usage  # type: ignore[arg-type]


def test_sdk_types() -> None:
    usage = Usage(3, 4, 5, 6, 7, 8)
    chat = CompletionUsage.model_validate(show_usage("chat", usage))
    assert chat.prompt_tokens == 18 and chat.prompt_tokens_details is not None
    assert chat.prompt_tokens_details.cache_write_tokens == 11
    responses = ResponseUsage.model_validate(show_usage("responses", usage))
    assert responses.total_tokens == 33 and responses.input_tokens_details.cache_write_tokens == 11
    shown = MessageDeltaUsage.model_validate(show_usage("messages", usage))
    assert shown.cache_creation_input_tokens == 11 and shown.output_tokens == 15
    assert shown.output_tokens_details is not None and shown.output_tokens_details.thinking_tokens == 8
    assert AnthropicUsage.model_validate(show_usage("messages", usage)).cache_creation is not None
    assert show_usage("embeddings", Usage(9)) == {"prompt_tokens": 9, "total_tokens": 9}
