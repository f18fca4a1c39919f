"""How a prompt is changed into one that the target can say: what is left out, and what is said in another way."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from tokenworks.wire import loose
from tokenworks.wire.prompt.finders import CAP_MIN, DRAWN, NAMES, forced_tool, goes_on, is_writing
from tokenworks.wire.prompt.plain import effort_of, remind, tell_document
from tokenworks.wire.prompt.strict import suits_claude
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
    Declined,
    Document,
    Effort,
    Format,
    Image,
    Part,
    Prompt,
    Result,
    Target,
    Text,
    Thought,
    Tool,
    Turn,
)

Rewrite = Callable[[Prompt, Target], Prompt]

NAME_CHARS_MAX = 64  # of a tool: what the strictest interface takes
SCHEMA_TOOL = "answer"  # the tool whose call is the structured answer
FREE_TEXT = (
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
FAILED = "The tool failed."
ANY_OBJECT = b'{"type":"object"}'
_SIGNS = re.compile(r"[^A-Za-z0-9_-]")
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
    for turn in prompt.turns:
        if turn.role == "system" and any(earlier.role != "system" for earlier in turns):
            parts = tuple(replace(part, text=remind(part.text)) if isinstance(part, Text) else part
                          for part in turn.parts)
            turn = Turn("user", parts, path=turn.path)
        turns.append(turn)
    return replace(prompt, turns=tuple(turns))


def join_texts(prompt: Prompt, _target: Target) -> Prompt:
    """Texts in a row, the system's first words, and turns of the user as one: some templates take nothing else."""
    turns: list[Turn] = []
    for turn in prompt.turns:
        earlier = turns[-1] if turns else None
        if earlier is not None and goes_on(earlier, turn):
            turns[-1] = replace(earlier, parts=_joined((*earlier.parts, *turn.parts)))
        else:
            inner = tuple(replace(part, parts=_joined(part.parts)) if isinstance(part, Result) else part
                          for part in turn.parts)
            turns.append(replace(turn, parts=_joined(inner)))
    return replace(prompt, turns=tuple(turns))


def _joined(parts: tuple[Part, ...]) -> Any:
    joined: list[Part] = []
    for part in parts:
        earlier = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(earlier, Text) and not earlier.cache:
            joined[-1] = replace(part, text=f"{earlier.text}\n\n{part.text}", path=earlier.path)
        else:
            joined.append(part)
    return tuple(joined)


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


# --- tools ---


def flat_names(prompt: Prompt, grouped: bool) -> dict[tuple[str, str], str]:
    """(namespace, name) of each tool that needs another name, with the one that it is sent under.

    Those are the tools whose names not everybody takes, and if `grouped` those of namespaces.
    """
    found = [(tool.group, tool.name) for tool in prompt.tools]
    found += [(part.group, part.name) for turn in prompt.turns for part in turn.parts if isinstance(part, Call)]
    pairs = [(group, name) for group, name in dict.fromkeys(found)
             if (grouped if group else not NAMES.fullmatch(name))]
    taken = {name for group, name in found if (group, name) not in pairs and not group}
    names: dict[tuple[str, str], str] = {}
    for group, name in pairs:
        plain = cut = _SIGNS.sub("_", f"{group}__{name}" if group else name or "_")[-NAME_CHARS_MAX:]
        number = 1
        while plain in taken:
            number += 1
            plain = f"{cut[:NAME_CHARS_MAX - 4]}_{number}"
        taken.add(plain)
        names[group, name] = plain
    return names


def rename_tools(grouped: bool) -> Rewrite:
    """Tools under names that everybody takes; with `grouped` those of namespaces under one name each."""

    def rewrite(prompt: Prompt, _target: Target) -> Prompt:
        names = flat_names(prompt, grouped)

        def change(part: Part) -> Part:
            if isinstance(part, Call) and (part.group, part.name) in names:
                return replace(part, name=names[part.group, part.name], group="")
            return part

        tools = tuple(replace(tool, name=names[tool.group, tool.name], group="") if (tool.group, tool.name) in names
                      else tool for tool in prompt.tools)
        alone = {name: flat for (_, name), flat in names.items()}
        known = {tool.name for tool in prompt.tools if not tool.group and ("", tool.name) not in names}
        chosen = tuple(name if name in known else alone.get(name, name) for name in prompt.choice.names)
        return replace(map_parts(prompt, change), tools=tools, choice=replace(prompt.choice, names=chosen))

    return rewrite


def wrap_customs(prompt: Prompt, _target: Target) -> Prompt:
    """Tools that take free text as functions with one member `input`, and their calls alike."""

    def change(part: Part) -> Part:
        if isinstance(part, Call) and part.custom:
            return replace(part, arguments=msgspec.json.encode({"input": part.arguments}).decode(), custom=False)
        return replace(part, custom=False) if isinstance(part, Result) and part.custom else part

    tools = tuple(_function_of(tool) if tool.custom else tool for tool in prompt.tools)
    return replace(map_parts(prompt, change), tools=tools)


def _function_of(tool: Tool) -> Tool:
    grammar = _GRAMMARS.decode(tool.grammar or b"{}")
    syntax, definition = grammar.told() if grammar is not None else ("", "")
    written = f"{tool.description}\n\n`input` follows this {syntax} grammar:\n{definition}".strip()
    return replace(tool, description=written if definition else tool.description, schema=FREE_TEXT, custom=False,
                   grammar=b"", strict=None)


class _Inner(msgspec.Struct):
    syntax: str = ""
    definition: str = ""


class _Grammar(_Inner):
    """Chat writes the grammar inside of an object, responses beside the type."""

    grammar: _Inner | None = None

    def told(self) -> tuple[str, str]:
        inner = self.grammar or self
        return inner.syntax, inner.definition


_GRAMMARS = loose.Loose(_Grammar)


def keep_allowed(prompt: Prompt, _target: Target) -> Prompt:
    """Only the tools among which the choice is."""
    choice = prompt.choice
    tools = tuple(tool for tool in prompt.tools if tool.name in choice.names)
    if choice.mode == "these" and len(choice.names) == 1:
        return replace(prompt, tools=tools)
    mode: Any = "some" if choice.mode == "these" else "auto"
    return replace(prompt, tools=tools, choice=Choice(mode, (), choice.path))


def drop_hosted(prompt: Prompt, _target: Target) -> Prompt:
    """No tools that the upstream runs; a choice among none of them is no choice."""
    kinds = {hosted.kind for hosted in prompt.hosted}
    names = tuple(name for name in prompt.choice.names if name not in kinds)
    return replace(prompt, hosted=(), choice=replace(prompt.choice, names=names) if prompt.tools else Choice())


# --- the answer's form ---


def ask_tool(prompt: Prompt, _target: Target) -> Prompt:
    """Structured output as a call that has to be made; among other tools the model may call them first."""
    wanted = prompt.format
    assert wanted is not None
    if prompt.choice.mode in ("some", "these"):  # the answer is a call of the client's own anyway
        return replace(prompt, format=None)
    others = () if prompt.choice.mode == "none" else prompt.tools
    schema = wanted.schema if wanted.kind == "schema" else ANY_OBJECT
    name = schema_tool(prompt)
    about = wanted.description or "Gives the answer in the form that is wanted. Call it to answer."
    choice = Choice("some" if others else "these", () if others else (name,), wanted.path)
    strict = wanted.strict if suits_claude(schema) else None
    tools = (*others, Tool(name, about, schema, strict=strict, path=wanted.path))
    return replace(prompt, format=None, tools=tools, choice=choice, parallel=False)


def drop_strict(suits: Callable[[bytes], bool]) -> Rewrite:
    """Tools without a guarantee that their maker does not give."""

    def rewrite(prompt: Prompt, _target: Target) -> Prompt:
        tools = tuple(replace(tool, strict=None) if tool.strict and tool.schema and not suits(tool.schema) else tool
                      for tool in prompt.tools)
        return replace(prompt, tools=tools)

    return rewrite


def make_strict(prompt: Prompt, _target: Target) -> Prompt:
    """Structured output whose form is guaranteed, for those who do not do so unasked."""
    wanted = prompt.format
    return prompt if wanted is None else replace(prompt, format=replace(wanted, strict=True))


def schema_tool(prompt: Prompt) -> str:
    """The name of the tool whose call is the answer: one that the client has not."""
    names = {tool.name for tool in prompt.tools}
    return next(name for number in range(len(names) + 1) if (name := SCHEMA_TOOL + "_" * number) not in names)


def ask_schema(prompt: Prompt, _target: Target) -> Prompt:
    """A call that has to be made as an answer of its schema: the engine's grammar is sure of that, not of the call."""
    tool = forced_tool(prompt)
    assert tool is not None
    told = f"Answer with the arguments of the function `{tool.name}` as one JSON object, and nothing else."
    if tool.description:
        told += f" What the function does: {tool.description}"
    wanted = Format("schema", tool.name, tool.schema or ANY_OBJECT, tool.description, True, prompt.choice.path)
    first = next((index for index, turn in enumerate(prompt.turns) if turn.role != "system"), len(prompt.turns))
    told_turn = Turn("system", (Text(told, path=prompt.choice.path),), path=prompt.choice.path)
    turns = (*prompt.turns[:first], told_turn, *prompt.turns[first:])
    return replace(prompt, tools=(), choice=Choice(), parallel=None, format=wanted, turns=turns)
