"""How tools, and what the answer has to be, are said to a target that has other words for them.

What is sent under another name or in another form is told back by what `translate` makes of it (asked.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from tokenworks.wire import loose
from tokenworks.wire.prompt.finders import NAMES, forced_tool
from tokenworks.wire.prompt.rewrites import Rewrite, map_parts
from tokenworks.wire.prompt.strict import suits_claude
from tokenworks.wire.prompt.vocabulary import Call, Choice, Format, Part, Prompt, Result, Target, Text, Tool, Turn

NAME_CHARS_MAX = 64  # of a tool: what the strictest interface takes
SCHEMA_TOOL = "answer"  # the tool whose call is the structured answer
FREE_TEXT = (
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
ANY_OBJECT = b'{"type":"object"}'
_SIGNS = re.compile(r"[^A-Za-z0-9_-]")


def flat_names(prompt: Prompt, grouped: bool) -> dict[tuple[str, str], str]:
    """(namespace, name) of each tool that needs another name, with the one that it is sent under.

    Those are the tools whose names not everybody takes, and if `grouped` those of namespaces.
    """
    found = [(tool.group, tool.name) for tool in prompt.tools]
    found += [(part.group, part.name) for turn in prompt.turns for part in turn.parts if isinstance(part, Call)]
    pairs = [(group, name) for group, name in dict.fromkeys(found)
             if (grouped if group else not NAMES.fullmatch(name))]
    taken = {name for group, name in found if not group} - {name for group, name in pairs if not group}
    names: dict[tuple[str, str], str] = {}
    numbers: dict[str, int] = {}  # the last one behind each name: what was found taken is not tried again
    for group, name in pairs:
        plain = cut = _SIGNS.sub("_", f"{group}__{name}" if group else name or "_")[-NAME_CHARS_MAX:]
        while plain in taken:
            numbers[cut] = numbers.get(cut, 1) + 1
            behind = f"_{numbers[cut]}"
            plain = cut[: NAME_CHARS_MAX - len(behind)] + behind
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
    choice, names = prompt.choice, frozenset(prompt.choice.names)
    tools = tuple(tool for tool in prompt.tools if tool.name in names)
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
