"""Completions to the vocabulary: one prompt becomes one turn of the user. Nothing else is served by completions.

What a chat cannot say is refused: it has no end to fill in, no prompt to repeat, no tokens by number.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenworks.wire.prompt.chat import read_sampling
from tokenworks.wire.prompt.reading import Misread, Reading, is_sent, is_text, read_count, read_flag, read_text
from tokenworks.wire.prompt.vocabulary import Prompt, Text, Turn
from tokenworks.wire.refusals import Malformed, Refusal

READ = frozenset({
    "model", "prompt", "stream", "stream_options", "max_tokens", "n", "best_of", "echo", "suffix", "logprobs",
    "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "stop", "logit_bias", "user",
})  # fmt: skip
# What only a server that continues texts can do; harmless where it asks for nothing.
TEXT_ONLY: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "suffix": ("fills in a text before its end, which a chat model does not. Leave it out.", (b"null", b'""')),
    "echo": ("repeats the prompt, which a chat model does not. Leave it out.", (b"null", b"false")),
    "best_of": ("chooses among several answers, which is not offered for this model. Leave it out.", (b"null", b"1")),
    "logprobs": ("counts the characters of a text that a chat does not have. Ask at /v1/chat/completions.", (b"null",)),
}
CAP = 16  # tokens that this interface makes when nothing is said, by OpenAI's documentation


def read_prompt(fields: Mapping[str, msgspec.Raw]) -> Prompt | Malformed:
    """The request that a completions body makes, when it is one prompt of text."""
    for key, (why, harmless) in TEXT_ONLY.items():
        if key in fields and bytes(fields[key]) not in harmless:
            return Malformed(Refusal.FEATURE_UNSUPPORTED, f"{key} {why}", key)
    try:
        return _read_all(fields)
    except Misread as wrong:
        return wrong.fault


def _read_all(fields: Mapping[str, msgspec.Raw]) -> Prompt | Malformed:
    if not is_text(fields["prompt"]):
        message = "prompt must be one string for this model. Send several prompts one by one, and no token numbers."
        return Malformed(Refusal.FEATURE_UNSUPPORTED, message, "prompt")
    text = read_text(fields, "prompt", "")
    if not text:
        raise Misread("prompt", "prompt must not be empty. Send a text.")
    cap, reading = read_count(fields, "max_tokens"), Reading()
    options = reading.members(fields["stream_options"], "stream_options") if is_sent(fields, "stream_options") else {}
    return Prompt(
        model=read_text(fields, "model", ""),
        turns=(Turn("user", (Text(text, path="prompt"),), path="prompt"),),
        stream=bool(read_flag(fields, "stream")),
        sampling=read_sampling(fields, None),
        output_cap=CAP if cap is None else cap,
        choices=read_count(fields, "n") or 1,
        include_usage=bool(read_flag(options, "include_usage", "stream_options")),
        user=read_text(fields, "user", ""),
        extras={key: raw for key, raw in fields.items() if key not in READ},
    )
