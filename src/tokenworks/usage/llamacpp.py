"""llama.cpp's `timings`: what the engine counted itself, in the last object and, if asked for, in every chunk.

`prompt_n` tokens were evaluated and `cache_n` came from the slot's cache: together the prompt. `predicted_n` counts
every token made, also those whose bytes were not sent yet. Its `usage` objects are OpenAI's and Anthropic's: cached
tokens are part of `prompt_tokens`, and not of /v1/messages' `input_tokens`.
"""

from __future__ import annotations

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.vector import Usage


class _Timings(msgspec.Struct):
    prompt_n: int
    predicted_n: int
    cache_n: int = 0


_TIMINGS = msgspec.json.Decoder(_Timings)


def read_timings(raw: bytes) -> Usage:
    """The cumulative vector of a `timings` object; raises UsageError, msgspec.DecodeError."""
    timings = _TIMINGS.decode(raw)
    if min(timings.prompt_n, timings.cache_n, timings.predicted_n) < 0:
        raise UsageError("a count is negative")
    return Usage(timings.prompt_n, timings.cache_n, output=timings.predicted_n)
