"""Chat completions to the vocabulary: messages of five roles, and what engines added to the interface beside OpenAI.

Reasoning is read in every word that it has: `reasoning_effort`, `chat_template_kwargs`, `enable_thinking`, `thinking`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenworks.wire.prompt.chat_messages import read_messages
from tokenworks.wire.prompt.reading import (
    Misread,
    Reading,
    is_sent,
    is_text,
    read_count,
    read_flag,
    read_items,
    read_number,
    read_object,
    read_text,
    require,
    take_text,
)
from tokenworks.wire.prompt.vocabulary import Choice, Effort, Foreign, Format, Prompt, Reasoning, Sampling, Tool
from tokenworks.wire.refusals import Malformed

EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TEMPLATE_SWITCHES = frozenset({"enable_thinking", "thinking"})
# What the vocabulary has words for; everything else at the top level stays in `extras`.
READ = frozenset({
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "response_format",
    "reasoning_effort", "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "stop",
    "logprobs", "top_logprobs", "logit_bias", "max_tokens", "max_completion_tokens", "n", "user", "prompt_cache_key",
    "metadata", "verbosity", "enable_thinking", "thinking_budget",
})  # fmt: skip


def read_prompt(fields: Mapping[str, msgspec.Raw]) -> Prompt | Malformed:
    """The request that a chat body makes; what is wrong in it is named by its path."""
    try:
        return _read_all(fields)
    except Misread as wrong:
        return wrong.fault


def _read_all(fields: Mapping[str, msgspec.Raw]) -> Prompt:
    reading = Reading()
    turns = read_messages(fields["messages"], reading)
    tools, hosted = _read_tools(fields, reading)
    caps = [cap for key in ("max_completion_tokens", "max_tokens") if (cap := read_count(fields, key)) is not None]
    options = reading.members(fields["stream_options"], "stream_options") if is_sent(fields, "stream_options") else {}
    return Prompt(
        model=read_text(fields, "model", ""),
        turns=turns,
        stream=bool(read_flag(fields, "stream")),
        tools=tools,
        choice=_read_choice(fields, reading),
        parallel=read_flag(fields, "parallel_tool_calls"),
        format=_read_format(fields, reading),
        reasoning=_read_reasoning(fields, reading),
        sampling=read_sampling(fields, _read_logprobs(fields)),
        output_cap=min(caps, default=None),
        choices=read_count(fields, "n") or 1,
        include_usage=bool(read_flag(options, "include_usage", "stream_options")),
        user=read_text(fields, "user", "") or read_text(fields, "safety_identifier", ""),
        cache_key=read_text(fields, "prompt_cache_key", ""),
        metadata=read_object(fields, "metadata"),
        verbosity=read_text(fields, "verbosity", ""),
        extras={key: raw for key, raw in fields.items() if _extra(key, fields, reading)},
        hosted=hosted,
        left=tuple(reading.left),
    )


def _extra(key: str, fields: Mapping[str, msgspec.Raw], reading: Reading) -> bool:
    """Whether a field is none that was read. A template's settings are read whole, or stay whole."""
    if key == "chat_template_kwargs" and is_sent(fields, key):
        return not reading.members(fields[key], key).keys() <= TEMPLATE_SWITCHES
    if key == "thinking":
        return not _is_switch(fields[key], reading)
    if key == "safety_identifier":  # what has become of `user`
        return is_sent(fields, "user")
    return key not in READ


def read_sampling(fields: Mapping[str, msgspec.Raw], logprobs: int | None) -> Sampling:
    """How tokens are drawn, in the words that chat and completions share."""
    return Sampling(
        temperature=read_number(fields, "temperature"),
        top_p=read_number(fields, "top_p"),
        top_k=read_count(fields, "top_k"),
        seed=read_count(fields, "seed"),
        presence_penalty=read_number(fields, "presence_penalty"),
        frequency_penalty=read_number(fields, "frequency_penalty"),
        stop=_read_stop(fields),
        logprobs=logprobs,
        logit_bias=read_object(fields, "logit_bias"),
    )


def _read_stop(fields: Mapping[str, msgspec.Raw]) -> tuple[str, ...]:
    if not is_sent(fields, "stop"):
        return ()
    if is_text(fields["stop"]):
        return (read_text(fields, "stop", ""),)
    return tuple(take_text(raw, path) for raw, path in read_items(fields["stop"], "stop"))


def _read_logprobs(fields: Mapping[str, msgspec.Raw]) -> int | None:
    most = read_count(fields, "top_logprobs")
    return (most or 0) if read_flag(fields, "logprobs") else None


def _read_tools(fields: Mapping[str, msgspec.Raw], reading: Reading) -> tuple[tuple[Tool, ...], tuple[Foreign, ...]]:
    tools: list[Tool] = []
    hosted: list[Foreign] = []
    for raw, path in read_items(fields["tools"], "tools") if is_sent(fields, "tools") else ():
        tool = reading.members(raw, path)
        kind = read_text(tool, "type", path, "function")
        if kind not in ("function", "custom"):
            hosted.append(Foreign(kind, bytes(raw), path))
            continue
        reading.compare(tool, path, frozenset({"type", kind, "cache_control"}))
        place = f"{path}.{kind}"
        require(tool, kind, path)
        known = {"name", "description", "parameters", "strict", "format", "cache_control"}
        inner = reading.members(tool[kind], place, frozenset(known))
        tools.append(Tool(
            read_text(inner, "name", place, None),
            read_text(inner, "description", place),
            bytes(inner.get("parameters", b"")),
            read_flag(inner, "strict", place),
            custom=kind == "custom",
            grammar=bytes(inner.get("format", b"")),
            cache=bytes(tool.get("cache_control") or inner.get("cache_control") or b""),
            path=path,
        ))  # fmt: skip
    return tuple(tools), tuple(hosted)


def _read_choice(fields: Mapping[str, msgspec.Raw], reading: Reading) -> Choice:
    key = "tool_choice"
    if not is_sent(fields, key):
        return Choice()
    if is_text(fields[key]):
        word = read_text(fields, key, "")
        if word in ("auto", "none"):
            return Choice("none" if word == "none" else "auto", path=key)
        if word in ("required", "any"):
            return Choice("some", path=key)
        raise Misread(key, f"{key} must be auto, none, required, or an object that names a tool; got {word!r}.")
    said = reading.members(fields[key], key)
    kind = read_text(said, "type", key, None)
    if kind == "allowed_tools":
        inner = reading.members(said.get(kind, msgspec.Raw(b"{}")), f"{key}.{kind}")
        names = [_read_name(raw, path, reading) for raw, path in
                 read_items(inner.get("tools", msgspec.Raw(b"[]")), f"{key}.{kind}.tools")]
        required = read_text(inner, "mode", f"{key}.{kind}", "auto") == "required"
        return Choice("these" if required else "auto", tuple(names), key)
    return Choice("these", (_read_name(fields[key], key, reading),), key)


def _read_name(raw: msgspec.Raw, path: str, reading: Reading) -> str:
    """The tool that an object of `tool_choice` names; one that the upstream runs goes by its type."""
    said = reading.members(raw, path)
    kind = read_text(said, "type", path, None)
    if kind not in ("function", "custom"):
        return kind
    if kind not in said:
        return read_text(said, "name", path, None)
    return read_text(reading.members(said[kind], f"{path}.{kind}"), "name", f"{path}.{kind}", None)


def _read_format(fields: Mapping[str, msgspec.Raw], reading: Reading) -> Format | None:
    key = "response_format"
    if not is_sent(fields, key):
        return None
    said = reading.members(fields[key], key, frozenset({"type", "json_schema"}))
    kind = read_text(said, "type", key, None)
    if kind == "text":
        return None
    if kind == "json_object":
        return Format("json", path=key)
    if kind != "json_schema":
        raise Misread(f"{key}.type", f"{key}.type must be text, json_object or json_schema, got {kind!r}.")
    place = f"{key}.{kind}"
    require(said, kind, key)
    inner = reading.members(said[kind], place, frozenset({"name", "schema", "description", "strict"}))
    return Format(
        "schema",
        read_text(inner, "name", place),
        bytes(inner.get("schema", b"{}")),
        read_text(inner, "description", place),
        read_flag(inner, "strict", place),
        place,
    )


def _read_reasoning(fields: Mapping[str, msgspec.Raw], reading: Reading) -> Reasoning:
    key = "reasoning_effort"
    said = read_text(fields, key, "")
    effort: Effort = next((known for known in EFFORTS if known == said), "")
    if said and not effort:
        raise Misread(key, f"{key} must be one of {', '.join(EFFORTS)}; got {said!r}.")
    on, path = read_flag(fields, "enable_thinking"), key if said else "enable_thinking"
    budget = read_count(fields, "thinking_budget") or 0
    if is_sent(fields, "chat_template_kwargs"):
        settings = reading.members(fields["chat_template_kwargs"], "chat_template_kwargs")
        for switch in TEMPLATE_SWITCHES & settings.keys():
            on, path = read_flag(settings, switch, "chat_template_kwargs"), path if said else "chat_template_kwargs"
    if "thinking" in fields and _is_switch(fields["thinking"], reading):
        thinking = reading.members(fields["thinking"], "thinking")
        on, path = read_text(thinking, "type", "thinking") != "disabled", path if said else "thinking"
        budget = read_count(thinking, "budget_tokens") or budget
    if effort == "none":
        on = False
    return Reasoning(effort, budget, on, shown=on is not False, path=path if said or on is not None or budget else "")


def _is_switch(raw: msgspec.Raw, reading: Reading) -> bool:
    """Whether `thinking` is the object that several vendors share: {"type": "enabled"}."""
    return memoryview(raw)[0] == 0x7B and "type" in reading.members(raw, "thinking")
