"""How a prompt is changed into one that the target can say: what is left out, and what is said in another way."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from tokenworks.wire.prompt.finders import CAP_MIN, DRAWN, goes_on, is_writing
from tokenworks.wire.prompt.plain import effort_of, remind, tell_document
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Effort,
    Image,
    Part,
    Prompt,
    Result,
    Target,
    Text,
    Thought,
    Turn,
)

Rewrite = Callable[[Prompt, Target], Prompt]

FAILED = "The tool failed."
_ERROR = re.compile(r"[<\[(\s]*(tool_use_)?error", re.IGNORECASE)


def map_parts(prompt: Prompt, change: Callable[[Part], Part | None]) -> Prompt:
    """Every part changed, those inside of results first; None leaves it out, and a turn of which nothing is left."""

    def reach(part: Part) -> Part | None:
        if isinstance(part, Result):
            inner: Any = tuple(made for one in part.parts if (made := change(one)) is not None)
            part = replace(part, parts=inner)
        return change(part)

    turns = []
    for turn in prompt.turns:
        parts = tuple(made for part in turn.parts if (made := reach(part)) is not None)
        if parts or not turn.parts:
            turns.append(replace(turn, parts=parts))
    return replace(prompt, turns=tuple(turns))


def drop_field(name: str) -> Rewrite:
    """Leave out a field of the prompt."""
    default = msgspec.structs.asdict(Prompt("", ()))[name]
    changed: dict[str, Any] = {name: default}
    return lambda prompt, _target: replace(prompt, **changed)


def drop_drawing(name: str) -> Rewrite:
    """Leave out a way of drawing tokens."""
    changed: dict[str, Any] = {name: getattr(DRAWN, name)}
    return lambda prompt, _target: replace(prompt, sampling=replace(prompt.sampling, **changed))


def raise_cap(prompt: Prompt, _target: Target) -> Prompt:
    """The least cap that responses take."""
    return replace(prompt, output_cap=CAP_MIN)


def drop_sealed(prompt: Prompt, _target: Target) -> Prompt:
    """Leave out reasoning that only its maker can read."""
    return map_parts(prompt, lambda part: None if isinstance(part, Thought) and part.sealed else part)


def drop_thoughts(prompt: Prompt, _target: Target) -> Prompt:
    """Leave out all reasoning."""
    return map_parts(prompt, lambda part: None if isinstance(part, Thought) else part)


def drop_details(prompt: Prompt, _target: Target) -> Prompt:
    """Images without a word on how closely to look."""
    return map_parts(prompt, lambda part: replace(part, detail="") if isinstance(part, Image) else part)


def drop_marks(mark: bytes) -> Rewrite:
    """Leave out marks of one maker's cache."""

    def change(part: Part) -> Part:
        if isinstance(part, Text | Image | Document | Call | Result) and mark in part.cache:
            return replace(part, cache=b"")
        return part

    def rewrite(prompt: Prompt, _target: Target) -> Prompt:
        tools = tuple(replace(tool, cache=b"") if mark in tool.cache else tool for tool in prompt.tools)
        return replace(map_parts(prompt, change), tools=tools)

    return rewrite


def drop_names(prompt: Prompt, _target: Target) -> Prompt:
    """Turns without the names of their speakers."""
    return replace(prompt, turns=tuple(replace(turn, name="") if turn.name else turn for turn in prompt.turns))


def call_system(prompt: Prompt, _target: Target) -> Prompt:
    """The developer's messages as the system's."""
    return replace(prompt, turns=tuple(replace(turn, developer=False) for turn in prompt.turns))


def tell_declined(prompt: Prompt, _target: Target) -> Prompt:
    """Earlier refusals as what the model said."""
    return map_parts(prompt, lambda part: Text(part.text, path=part.path) if isinstance(part, Declined) else part)


def tell_failed(prompt: Prompt, _target: Target) -> Prompt:
    """Failed calls say so in their text, where they do not already."""

    def change(part: Part) -> Part:
        if not isinstance(part, Result) or not part.failed:
            return part
        first = next(iter(part.parts), None)
        if not isinstance(first, Text):
            return replace(part, failed=False, parts=(Text(FAILED), *part.parts))
        told = first.text if _ERROR.match(first.text) else f"Error: {first.text}"
        return replace(part, failed=False, parts=(replace(first, text=told), *part.parts[1:]))

    return map_parts(prompt, change)


def tell_writings(prompt: Prompt, _target: Target) -> Prompt:
    """Documents of text as text between marks."""

    def change(part: Part) -> Part:
        if isinstance(part, Document) and is_writing(part):
            whole = part if part.text else replace(part, text=_decoded(part.data))
            return Text(tell_document(whole), part.cache, part.path)
        return part

    return map_parts(prompt, change)


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except binascii.Error:
        return data


def remind_late(prompt: Prompt, _target: Target) -> Prompt:
    """What the system says after others have spoken as a reminder in a turn of the user."""
    turns: list[Turn] = []
    spoken = False
    for turn in prompt.turns:
        spoken = spoken or turn.role != "system"
        if turn.role == "system" and spoken:
            parts = tuple(replace(part, text=remind(part.text)) if isinstance(part, Text) else part
                          for part in turn.parts)
            turn = Turn("user", parts, path=turn.path)
        turns.append(turn)
    return replace(prompt, turns=tuple(turns))


def join_texts(prompt: Prompt, _target: Target) -> Prompt:
    """Texts in a row, the system's first words, and turns of the user as one: some templates take nothing else."""
    merged: list[tuple[Turn, list[Part]]] = []
    for turn in prompt.turns:
        parts = [replace(part, parts=_joined(part.parts)) if isinstance(part, Result) else part for part in turn.parts]
        if merged and goes_on(merged[-1][0], turn):
            merged[-1][1].extend(parts)
        else:
            merged.append((turn, parts))
    return replace(prompt, turns=tuple(replace(turn, parts=_joined(parts)) for turn, parts in merged))


def _joined(parts: Iterable[Part]) -> Any:
    """Each run of texts as one; a mark of the cache ends a run."""
    runs: list[list[Any]] = []
    for part in parts:
        earlier = runs[-1][-1] if runs else None
        if isinstance(part, Text) and isinstance(earlier, Text) and not earlier.cache:
            runs[-1].append(part)
        else:
            runs.append([part])
    return tuple(run[0] if len(run) == 1 else
                 Text("\n\n".join(text.text for text in run), run[-1].cache, run[0].path) for run in runs)


def go_on(prompt: Prompt, target: Target) -> Prompt:
    """The engine is told to go on from the last message instead of answering it; vLLM wants the two said together."""
    told = {"continue_final_message": msgspec.Raw(b"true")}
    if target.engine == "vllm":
        told["add_generation_prompt"] = msgspec.Raw(b"false")
    return replace(prompt, extras={**prompt.extras, **told})


# --- thinking ---


def tell_budget(prompt: Prompt, target: Target) -> Prompt:
    """A budget as the effort that it stands for, unless an effort is given as well."""
    cap = prompt.output_cap or target.output_max
    effort: Effort = prompt.reasoning.effort or effort_of(prompt.reasoning.budget_tokens, cap)
    return replace(prompt, reasoning=replace(prompt.reasoning, effort=effort, budget_tokens=0))


def drop_budget(prompt: Prompt, _target: Target) -> Prompt:
    """No budget; whether to think at all stays said."""
    return replace(prompt, reasoning=replace(prompt.reasoning, budget_tokens=0))


def drop_effort(prompt: Prompt, _target: Target) -> Prompt:
    """No effort; whether to think at all stays said."""
    return replace(prompt, reasoning=replace(prompt.reasoning, effort=""))


def tell_effort(words: Mapping[Effort, Effort]) -> Rewrite:
    """The nearest effort that the target has a word for; "" for none leaves it to the switch."""

    def rewrite(prompt: Prompt, _target: Target) -> Prompt:
        said = prompt.reasoning.effort
        on = False if said == "none" else prompt.reasoning.on
        return replace(prompt, reasoning=replace(prompt.reasoning, effort=words.get(said, said), on=on))

    return rewrite
