"""A body of /v1/messages as a prompt (Anthropic API reference, "Messages", versions 2023-06-01 and 2026-10-21).

A block that no other interface knows is kept as it came; one that nobody knows is refused. Claude Code's first system
block (`x-anthropic-billing-header: ...`) is bookkeeping between it and Anthropic, whom translated requests do not
reach: it is left out, and would spoil every prefix cache, because it is another one in each session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tokenworks.wire.prompt import blocks
from tokenworks.wire.prompt.reading import Misread, Reading, is_text, read_items, take_text
from tokenworks.wire.prompt.shape import Shape, is_object, refuse, shape_of
from tokenworks.wire.prompt.vocabulary import (
    Choice,
    Foreign,
    Format,
    Part,
    Prompt,
    Reasoning,
    Role,
    Sampling,
    Text,
    Tool,
    Turn,
)
from tokenworks.wire.refusals import Malformed

BILLING = "x-anthropic-billing-header:"
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
SHOWN = ("summarized", "omitted")
THINKING = ("adaptive", "enabled", "disabled", "between_tools")
CHOICES = ("auto", "any", "tool", "none")


def read_prompt(fields: Mapping[str, msgspec.Raw]) -> Prompt | Malformed:
    """The prompt that a body says; or which of its members is not what it must be, with the remedy."""
    try:
        return _Reader(Shape(fields)).read()
    except Misread as wrong:
        return wrong.fault


class _Reader:
    """One body being read; `left` collects members that have no word."""

    def __init__(self, top: Shape) -> None:
        self._top = top
        self._left = Reading()

    def read(self) -> Prompt:
        top = self._top
        turns = (*self._system(), *self._turns())
        tools, hosted = self._tools()
        choice, parallel = self._choice(hosted)
        form, reasoning = self._output()
        return Prompt(
            model=top.text("model", ""),
            turns=turns,
            stream=bool(top.flag("stream")),
            tools=tools,
            choice=choice,
            parallel=parallel,
            format=form,
            reasoning=reasoning,
            sampling=Sampling(
                temperature=top.number("temperature"),
                top_p=top.number("top_p"),
                top_k=top.count("top_k"),
                stop=top.texts("stop_sequences"),
            ),
            output_cap=top.count("max_tokens"),
            user=self._user(),
            extras=top.rest(),
            hosted=hosted,
            left=tuple(self._left.left),
        )

    def _system(self) -> tuple[Turn, ...]:
        raw = self._top.given("system")
        if raw is None:
            return ()
        if is_text(raw):
            parts: tuple[Part, ...] = (Text(take_text(raw, "system"), path="system"),)
        else:
            parts = self._content(raw, "system", "system")
        kept = tuple(part for part in parts if not (isinstance(part, Text) and part.text.startswith(BILLING)))
        if len(kept) < len(parts):
            self._left.leave(f"system[].{BILLING[:-1]}")
        return (Turn("system", kept, path="system"),) if kept else ()

    def _turns(self) -> list[Turn]:
        self._top.needed("messages")
        turns = []
        for raw, path in self._top.items("messages"):
            said = shape_of(raw, path)
            role = ROLES[said.word("role", tuple(ROLES))]
            parts = self._content(said.needed("content"), said.place("content"), role)
            turns.append(Turn(role, parts, path=path))
            said.leave(self._left)
        return turns

    def _content(self, raw: msgspec.Raw, path: str, role: Role) -> tuple[Part, ...]:
        if is_text(raw):
            return (Text(take_text(raw, path), path=path),)
        parts: list[Part] = []
        for item, place in read_items(raw, path):
            parts += blocks.read_block(shape_of(item, place), role, self._left)
        return tuple(parts)

    def _tools(self) -> tuple[tuple[Tool, ...], tuple[Foreign, ...]]:
        tools, hosted = [], []
        for raw, path in self._top.items("tools"):
            said = shape_of(raw, path)
            kind = said.text("type", "custom")
            if kind != "custom":
                hosted.append(Foreign(kind, bytes(raw), path))
                continue
            schema = said.needed("input_schema")
            if not is_object(schema):
                refuse(said.place("input_schema"), ' must be a JSON schema, an object such as {"type": "object"}.')
            tools.append(
                Tool(
                    name=said.text("name"),
                    description=said.text("description", ""),
                    schema=bytes(schema),
                    strict=said.flag("strict"),
                    cache=blocks.mark_of(said),
                    path=path,
                )
            )
            said.leave(self._left)
        return tuple(tools), tuple(hosted)

    def _choice(self, hosted: tuple[Foreign, ...]) -> tuple[Choice, bool | None]:
        """(how the tools are to be used, several at once); a hosted tool is named here, and known by its type."""
        said = self._top.inner("tool_choice")
        if said is None:
            return Choice(), None
        kind = said.word("type", CHOICES)
        alone = said.flag("disable_parallel_tool_use")
        parallel = None if alone is None else not alone
        choice = _CHOICES[kind](said)
        if choice.names and (types := [tool.kind for tool in hosted if _name_of(tool) in choice.names]):
            choice = msgspec.structs.replace(choice, names=tuple(types))
        said.leave(self._left)
        return choice, parallel

    def _output(self) -> tuple[Format | None, Reasoning]:
        config = self._top.inner("output_config")
        form = self._top.inner("output_format")  # where the format stood in 2025
        effort = ""
        if config is not None:
            effort = config.word("effort", EFFORTS, "")
            form = config.inner("format") or form
            config.leave(self._left)
        return self._format(form), self._reasoning(effort)

    def _format(self, said: Shape | None) -> Format | None:
        if said is None:
            return None
        said.word("type", ("json_schema",))
        schema = said.needed("schema")
        said.leave(self._left)
        return Format("schema", schema=bytes(schema), path=said.path)

    def _reasoning(self, effort: str) -> Reasoning:
        said = self._top.inner("thinking")
        if said is None:
            return msgspec.convert({"effort": effort, "path": "output_config.effort" if effort else ""}, Reasoning)
        kind = said.word("type", THINKING)
        budget = said.count("budget_tokens") or 0
        if kind == "enabled" and not budget:
            refuse(said.place("budget_tokens"), ": field required. Say how many tokens may be thought for.")
        detail = said.word("display", SHOWN, "")
        if kind == "between_tools":
            self._left.leave("thinking.type")
        said.leave(self._left)
        on = kind != "disabled"
        told = {"effort": effort, "budget_tokens": budget if on else 0, "on": on, "detail": detail, "path": "thinking"}
        return msgspec.convert({**told, "shown": on and detail != "omitted"}, Reasoning)

    def _user(self) -> str:
        said = self._top.inner("metadata")
        if said is None:
            return ""
        user = said.text("user_id", "")
        said.leave(self._left)
        return user


def _name_of(tool: Foreign) -> str:
    return shape_of(msgspec.Raw(tool.raw), tool.path).text("name", "")


_CHOICES: dict[str, Callable[[Shape], Choice]] = {
    "auto": lambda said: Choice("auto", path=said.path),
    "any": lambda said: Choice("some", path=said.path),
    "tool": lambda said: Choice("these", (said.text("name"),), said.path),
    "none": lambda said: Choice("none", path=said.path),
}
