"""Usage as a dialect writes it: what a client is shown when the end of an answer is ours, or the words of it all.

Every class that is billed apart is shown apart, so that what is shown reads back as what is billed.
"""

from __future__ import annotations

from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect

Object = dict[str, object]


def show_usage(dialect: Dialect, usage: Usage) -> Object:
    """The usage object of a dialect. OpenAI's prompt includes what was cached, Anthropic's input does not."""
    if dialect == "messages":
        return _message(usage)
    total = usage.prompt + usage.completion
    if dialect == "responses":
        written = usage.cache_write_5m + usage.cache_write_1h
        return {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written} | _split(usage),
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
        "prompt_tokens_details": {"cached_tokens": usage.cache_read} | _written(usage),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _message(usage: Usage) -> Object:
    written = usage.cache_write_5m + usage.cache_write_1h
    said: Object = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.completion,
    }
    if written:
        said["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    return said | ({"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {})


def _written(usage: Usage) -> Object:
    """What was written to the cache, where a client of chat may expect it: only if something was."""
    written = usage.cache_write_5m + usage.cache_write_1h
    return {"cache_write_tokens": written} | _split(usage) if written else {}


def _split(usage: Usage) -> Object:
    """For how long it was written, if not all of it for the shorter time."""
    if not usage.cache_write_1h:
        return {}
    split = {"ttl_30m_tokens": usage.cache_write_5m, "ttl_12h_tokens": usage.cache_write_1h}
    return {"cache_write_tokens_details": split}
