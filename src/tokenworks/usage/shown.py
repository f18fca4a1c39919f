"""Usage as a dialect writes it: what a client is shown when the end of an answer is ours."""

from __future__ import annotations

from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect


def show_usage(dialect: Dialect, usage: Usage) -> dict[str, object]:
    """The usage object of a dialect. OpenAI's prompt includes what was cached, Anthropic's input does not."""
    written = usage.cache_write_5m + usage.cache_write_1h
    if dialect == "messages":
        return {
            "input_tokens": usage.input,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": usage.cache_read,
            "output_tokens": usage.completion,
        }
    total = usage.prompt + usage.completion
    if dialect == "responses":
        return {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
            "output_tokens": usage.completion,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": total,
        }
    if dialect == "embeddings":
        return {"prompt_tokens": usage.prompt, "total_tokens": total}
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
