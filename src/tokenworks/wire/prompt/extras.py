"""Top-level fields that the vocabulary has no word for: each goes along where the target's interface knows it.

Otherwise it is refused when it would change the answer or the price, and dropped with a note when it would not.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.chat_writer import BY_TEMPLATE
from tokenworks.wire.prompt.vocabulary import Prompt, Target
from tokenworks.wire.refusals import Malformed, Refusal
from tokenworks.wire.request import shown
from tokenworks.wire.rules import GUARDED, OPEN, SPECIAL, Rule


class Extra(msgspec.Struct, frozen=True):
    """A field that goes to no other interface. `only`: values that are harmless, whatever the verdict."""

    verdict: Literal["quiet", "dropped", "refused"]
    why: str
    only: tuple[object, ...] = (None,)


_FULL = "names what an earlier answer left at its maker. Send the full input instead."
_USUAL = "is for whoever keeps or routes answers, and changes none."
_OLDER = "is the older word for tools, whose calls are told in another form. Send tools instead."


def _instead(word: str) -> Extra:
    """For what has a word in this interface: left out, it would change the answer or its price."""
    return Extra("refused", f"is another interface's word. Send {word} instead.")


_ONE = Extra("refused", "is another interface's word, and this one gives one answer. Send one request per answer.",
             (None, 1))
_UNCUT = Extra("refused", "is another interface's word, and this one has none for it. Cut the answer yourself.",
               (None, []))
EXTRAS: dict[Dialect, dict[str, Extra]] = {
    "chat": {
        "max_output_tokens": _instead("max_completion_tokens"),
        "stop_sequences": _instead("stop"),
        "functions": Extra("refused", _OLDER, (None, [])),
        "function_call": Extra("refused", _OLDER, (None, "auto", "none")),
        "store": Extra("quiet", "is answered false: nothing is kept.", ()),
        "prediction": Extra("dropped", "only makes answers faster."),
        "moderation": Extra("refused", "is done by another maker. Leave it out."),
        "reasoning_format": Extra("quiet", "is for how reasoning is told, which is the interface's own way here."),
        "include_reasoning": Extra("quiet", "is for how reasoning is told, which is the interface's own way here."),
        "chat_template_kwargs": Extra("dropped", "is for another engine's template."),
    },
    "completions": {
        "max_completion_tokens": _instead("max_tokens"),
        "max_output_tokens": _instead("max_tokens"),
        "stop_sequences": _instead("stop"),
        "store": Extra("quiet", "is answered false: nothing is kept.", ()),
    },
    "responses": {
        "max_tokens": _instead("max_output_tokens"),
        "max_completion_tokens": _instead("max_output_tokens"),
        "n": _ONE,
        "stop": _UNCUT,
        "stop_sequences": _UNCUT,
        "response_format": _instead("text.format"),
        "previous_response_id": Extra("refused", _FULL),
        "conversation": Extra("refused", _FULL),
        "prompt": Extra("refused", "names a prompt that is kept at another maker. Send the full input instead."),
        "background": Extra("refused", "is not offered here. Send the full input and ask for a stream instead.",
                            (None, False)),
        "store": Extra("dropped", "is answered false: nothing is kept, so send the full input each time.",
                       (None, False)),
        "include": Extra("quiet", "asks for more of what other interfaces do not have."),
        "truncation": Extra("dropped", "cuts no input here: what is too long is refused.", (None, "disabled")),
        "max_tool_calls": Extra("quiet", "counts calls of tools that the upstream runs, and none are sent."),
        "client_metadata": Extra("quiet", _USUAL),
        "moderation": Extra("refused", "is done by another maker. Leave it out."),
        "context_management": Extra("dropped", "edits a long conversation by another maker's rules.", (None, [])),
    },
    "messages": {
        "max_completion_tokens": _instead("max_tokens"),
        "max_output_tokens": _instead("max_tokens"),
        "n": _ONE,
        "stop": _instead("stop_sequences"),
        "response_format": _instead("output_config.format"),
        "container": Extra("refused", "names what an earlier answer left at its maker. Leave it out."),
        "context_management": Extra("dropped", "edits a long conversation by another maker's rules."),
        "cache_control": Extra("quiet", "marks what is to be cached, and other makers cache by themselves."),
    },
    "embeddings": {},
}
# Fields for identity, caching and display: dropped without a word where they are not known.
QUIET: dict[str, str] = {
    **dict.fromkeys(("safety_identifier", "prompt_cache_retention", "prompt_cache_options"), _USUAL),
    "timings_per_token": "shows figures of an engine.",
    "stream_options": "is for how a stream is told.",
}
# What draws tokens otherwise or binds them to a form: nobody leaves it out unasked.
_SHAPING = frozenset[str]().union(*SPECIAL.values()) - QUIET.keys() - {
    "include_reasoning", "reasoning_format", "return_token_ids", "return_tokens_as_token_ids", "echo",
}  # fmt: skip
TEMPLATE = "chat_template_kwargs"
_UNKNOWN = "is not known to the interface of this model. Leave it out."


def judge_extras(
    prompt: Prompt, client: Dialect, to: Dialect, target: Target
) -> Malformed | tuple[dict[str, msgspec.Raw], list[str]]:
    """(the fields that go along, a note for each that is dropped); or why a field forbids the request."""
    takes = SPECIAL.get((target.engine, to), frozenset())
    if target.engine == "openai":
        takes |= OPEN[client] & OPEN[to] - {"stream_options"}
    kept: dict[str, msgspec.Raw] = {}
    notes: list[str] = []
    for key, raw in prompt.extras.items():
        said = EXTRAS[client].get(key)
        if (said is None and key in takes) or (key == TEMPLATE and to == "chat" and target.engine in BY_TEMPLATE):
            kept[key] = raw
            continue
        if said is None:
            said = _judge_other(key, GUARDED[client].get(key))
        if said.verdict == "quiet" or _among(raw, said.only):
            continue
        if said.verdict == "refused":
            return Malformed(Refusal.FEATURE_UNSUPPORTED, f"{key}: {shown(raw)} {said.why}", key)
        notes.append(f"{key} was dropped: it {said.why}")
    return kept, notes


def _judge_other(key: str, rule: Rule | None) -> Extra:
    if rule is not None and rule.verdict == "denied":
        return Extra("refused", rule.remedy, rule.only)
    if key in QUIET:
        return Extra("quiet", QUIET[key])
    if key in _SHAPING:
        return Extra("refused", _UNKNOWN)
    return Extra("dropped", "is known to no other interface.")


def _among(raw: msgspec.Raw, harmless: tuple[object, ...]) -> bool:
    value = msgspec.json.decode(raw)
    return any(value == one and type(value) is type(one) for one in harmless)
