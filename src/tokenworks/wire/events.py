"""The one event vocabulary: whatever the dialect, an answer is these events in this order.

    Begin (ChoiceBegin (BlockBegin (Part? Delta* PartEnd?)* BlockEnd)* Finish)+ Ended

with UsageSeen, ProgressSeen, Extra and Issued anywhere in between, and several choices interleaved.
A block is a run of one kind of output of one choice: text, reasoning, a tool call, or something that we only pass on.
`choice` counts the answers (n > 1), `block` the blocks of a choice, both from 0. Blocks may overlap (parallel calls).
A whole body reads as the same events. Failed ends a stream in place of Finish and Ended.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["text", "reasoning", "summary", "refusal", "tool", "custom", "other"]
Reason = Literal["stop", "length", "tool", "filter", "pause", "other"]


class Begin(msgspec.Struct, frozen=True, gc=False):
    """The answer begins. `raw` is the dialect's own opening object (responses: response, messages: message)."""

    id: str
    model: str
    created_s: int = 0
    raw: bytes = b""


class ChoiceBegin(msgspec.Struct, frozen=True, gc=False):
    """A choice shows itself for the first time; its output is still to come."""

    choice: int


class BlockBegin(msgspec.Struct, frozen=True, gc=False):
    """A block begins. `id` is the item's; tools have `call_id` and `name` too. `raw` is the dialect's own object.

    `group`: the namespace that a tool stands in (responses).
    """

    choice: int
    block: int
    kind: Kind
    id: str = ""
    call_id: str = ""
    name: str = ""
    raw: bytes = b""
    group: str = ""


class Delta(msgspec.Struct, frozen=True, gc=False):
    """A piece of output, of the kind of its block: text, or the characters of a tool call's arguments."""

    choice: int
    block: int
    text: str


class Part(msgspec.Struct, frozen=True, gc=False):
    """A section of a block begins (responses: content and summary parts); deltas belong to the last one."""

    choice: int
    block: int
    index: int
    kind: Kind
    raw: bytes = b""


class PartEnd(msgspec.Struct, frozen=True, gc=False):
    """A section of a block is complete; `raw` is its finished object."""

    choice: int
    block: int
    index: int
    raw: bytes


class BlockEnd(msgspec.Struct, frozen=True, gc=False):
    """A block is complete. `raw` is the dialect's own finished object, where it has one."""

    choice: int
    block: int
    raw: bytes = b""


class Extra(msgspec.Struct, frozen=True, gc=False):
    """What belongs to a block besides its text: "logprobs", "signature", "citation", "annotation"; `raw` is JSON."""

    choice: int
    block: int
    key: str
    raw: bytes


class UsageSeen(msgspec.Struct, frozen=True, gc=False):
    """A cumulative usage object. `output` is its output count. `choice` -1: an event of all choices, else of that one.

    `final`: nothing is to be added, unless it speaks of one choice among several.
    """

    raw: bytes
    output: int
    choice: int = -1
    final: bool = True


class Timings(msgspec.Struct, gc=False):
    """llama.cpp's cumulative figures: prompt tokens from the cache, prompt tokens computed, tokens predicted."""

    cache_n: int = 0
    prompt_n: int = 0
    predicted_n: int = 0


class ProgressSeen(msgspec.Struct, frozen=True, gc=False):
    """llama.cpp's figures of one choice so far; choice -1 where an event has no choice."""

    timings: Timings
    choice: int = -1


class Issued(msgspec.Struct, frozen=True, gc=False):
    """The upstream names an object that it keeps: a response, a conversation, a container."""

    id: str


class Finish(msgspec.Struct, frozen=True, gc=False):
    """A choice ends. `native` is the dialect's own word, `raw` what it says with it.

    Responses: the closing response. Others: the stop sequence that was met, as a JSON string.
    """

    choice: int
    reason: Reason
    native: str
    raw: bytes = b""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The dialect's last event: nothing follows it."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The upstream's error in mid-stream, as it came. It is for the record, never for the client."""

    raw: bytes


Event = (
    Begin | ChoiceBegin | BlockBegin | Part | Delta | PartEnd | BlockEnd | Extra
    | UsageSeen | ProgressSeen | Issued | Finish | Ended | Failed
)

ENDED = Ended()
REASONS: dict[str, Reason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "filter",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "pause_turn": "pause",
    "refusal": "filter",
    "max_output_tokens": "length",
    "incomplete": "length",
    "completed": "stop",
}


def finish_of(choice: int, native: str, raw: bytes = b"") -> Finish:
    """The end of a choice by the dialect's own word for it."""
    return Finish(choice, REASONS.get(native, "other"), native, raw)


def own_word(finish: Finish, words: dict[Reason, str], own: frozenset[str]) -> str:
    """A dialect's word for an end: as it came if it is one of its `own`, else that of `words`."""
    return finish.native if finish.native in own else words[finish.reason]
