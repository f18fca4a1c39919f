"""A body of /v1/responses as a prompt (OpenAI API reference, "Responses"); its items are read in items.py.

What stands in a row and comes from the model (reasoning, messages, calls) is one turn. Fields that concern objects
stored at an upstream stay in `extras`: whether they may be said at all is not for a reader to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tokenworks.wire.prompt.items import read_items
from tokenworks.wire.prompt.reading import Misread, Reading, is_text, take_text
from tokenworks.wire.prompt.shape import Shape, is_object, refuse, shape_of
from tokenworks.wire.prompt.vocabulary import (
    Choice,
    Foreign,
    Format,
    Prompt,
    Sampling,
    Text,
    Tool,
    Turn,
)
from tokenworks.wire.prompt.vocabulary import Reasoning as Thinking
from tokenworks.wire.refusals import Malformed

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SEALED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
_MODES: dict[str, Literal["auto", "none", "some"]] = {"auto": "auto", "none": "none", "required": "some"}
FORMATS = ("text", "json_object", "json_schema")


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
        turns = (*self._instructions(), *self._turns())
        tools, hosted = self._tools()
        form, verbosity = self._text()
        include, others = self._include()
        most = top.count("top_logprobs")
        user = top.text("user", "")
        return Prompt(
            model=top.text("model", ""),
            turns=turns,
            stream=bool(top.flag("stream")),
            tools=tools,
            choice=self._choice(),
            parallel=top.flag("parallel_tool_calls"),
            format=form,
            reasoning=self._reasoning(SEALED in include),
            sampling=Sampling(
                temperature=top.number("temperature"),
                top_p=top.number("top_p"),
                top_k=top.count("top_k"),
                logprobs=(most or 0) if most or LOGPROBS in include else None,
            ),
            output_cap=top.count("max_output_tokens"),
            include_usage=True,
            user=user or top.text("safety_identifier", ""),
            cache_key=top.text("prompt_cache_key", ""),
            metadata=self._metadata(),
            verbosity=verbosity,
            extras={**top.rest(), **others},
            hosted=hosted,
            left=tuple(self._left.left),
        )

    def _instructions(self) -> tuple[Turn, ...]:
        text = self._top.text("instructions", "")
        return (Turn("system", (Text(text, path="instructions"),), path="instructions"),) if text else ()

    def _turns(self) -> tuple[Turn, ...]:
        raw = self._top.given("input")
        if raw is None:
            return ()
        if is_text(raw):
            return (Turn("user", (Text(take_text(raw, "input"), path="input"),), path="input"),)
        return read_items(raw, "input", self._left)

    def _metadata(self) -> bytes:
        said = self._top.inner("metadata")
        return b"" if said is None else said.raw

    def _include(self) -> tuple[frozenset[str], dict[str, msgspec.Raw]]:
        """(what is wanted beside the answer, the part of the field that has no word)."""
        asked = self._top.texts("include")
        others = [word for word in asked if word not in (SEALED, LOGPROBS)]
        return frozenset(asked), {"include": msgspec.Raw(msgspec.json.encode(others))} if others else {}

    def _tools(self) -> tuple[tuple[Tool, ...], tuple[Foreign, ...]]:
        tools: list[Tool] = []
        hosted: list[Foreign] = []
        for raw, path in self._top.items("tools"):
            said = shape_of(raw, path)
            kind = said.text("type")
            if kind == "namespace":
                name, about = said.text("name"), said.text("description", "")
                for inner, place in said.items("tools"):
                    tools.append(self._tool(shape_of(inner, place), name, about))
                said.leave(self._left)
            elif kind in ("function", "custom"):
                tools.append(self._tool(said))
            else:
                hosted.append(Foreign(kind, bytes(raw), path))
        return tuple(tools), tuple(hosted)

    def _tool(self, said: Shape, group: str = "", about: str = "") -> Tool:
        custom = said.word("type", ("function", "custom")) == "custom"
        schema = None if custom else said.given("parameters")
        if schema is not None and not is_object(schema):
            refuse(said.place("parameters"), ' must be a JSON schema, an object such as {"type": "object"}.')
        grammar = said.inner("format") if custom else None
        tool = Tool(
            name=said.text("name"),
            description=said.text("description", ""),
            schema=b"" if schema is None else bytes(schema),
            strict=None if custom else said.flag("strict"),
            custom=custom,
            grammar=b"" if grammar is None else grammar.raw,
            group=group,
            group_about=about,
            path=said.path,
        )
        said.leave(self._left)
        return tool

    def _choice(self) -> Choice:
        key = "tool_choice"
        raw = self._top.given(key)
        if raw is None:
            return Choice()
        if is_text(raw):
            word = self._top.word(key, tuple(_MODES))
            return Choice(_MODES[word], path=key)
        said = shape_of(raw, key)
        if said.text("type") != "allowed_tools":
            return Choice("these", (_named(said),), key)
        required = said.word("mode", ("auto", "required"), "auto") == "required"
        names = tuple(_named(shape_of(item, path)) for item, path in said.items("tools"))
        return Choice("these" if required else "auto", names, key)

    def _text(self) -> tuple[Format | None, str]:
        said = self._top.inner("text")
        if said is None:
            return None, ""
        verbosity = said.text("verbosity", "")
        wanted = said.inner("format")
        said.leave(self._left)
        return (None if wanted is None else self._format(wanted)), verbosity

    def _format(self, said: Shape) -> Format | None:
        kind = said.word("type", FORMATS)
        if kind == "text":
            return None
        if kind == "json_object":
            return Format("json", path=said.path)
        schema = said.needed("schema")
        form = Format(
            "schema", said.text("name"), bytes(schema), said.text("description", ""), said.flag("strict"), said.path
        )
        said.leave(self._left)
        return form

    def _reasoning(self, sealed: bool) -> Thinking:
        said = self._top.inner("reasoning")
        if said is None:
            return Thinking(sealed=sealed)
        effort = said.word("effort", EFFORTS, "")
        detail = said.text("summary", "") or said.text("generate_summary", "")
        said.skip("generate_summary")
        said.leave(self._left)
        told = {"effort": effort, "shown": bool(detail), "detail": detail, "sealed": sealed, "path": "reasoning"}
        return msgspec.convert({**told, "on": False if effort == "none" else None}, Thinking)


def _named(said: Shape) -> str:
    """The tool that is named: by its name, one that the upstream runs by its type."""
    kind = said.text("type")
    return said.text("name") if kind in ("function", "custom") else kind
