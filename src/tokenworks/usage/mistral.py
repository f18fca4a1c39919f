"""Mistral: OpenAI's object with the seconds of audio in the prompt; usage comes in the last chunk, with its choice.

`prompt_audio_seconds` is a number, null or, for text alone, an empty object. Cached tokens are part of the prompt, and
reasoning of the completion without being told apart. Sources: `UsageInfo` of Mistral's OpenAPI document, "Prompt
caching" of its documentation.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.openai import read_chat
from tokenworks.usage.vector import Usage


class _Audio(msgspec.Struct):
    prompt_audio_seconds: int | dict[str, Any] | None = None


_AUDIO = msgspec.json.Decoder(_Audio)


def read_mistral(raw: bytes) -> Usage:
    """A `usage` of /v1/chat/completions; raises UsageError, msgspec.DecodeError."""
    usage, seconds = read_chat(raw), _AUDIO.decode(raw).prompt_audio_seconds
    if not isinstance(seconds, int) or not seconds:
        return usage
    if seconds < 0:
        raise UsageError("a count is negative")
    return msgspec.structs.replace(usage, extras={"audio_seconds": seconds})
