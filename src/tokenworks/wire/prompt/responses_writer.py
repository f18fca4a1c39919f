"""A prompt as a body of /v1/responses. Whatever it cannot say has been refused, dropped or rewritten before.

Nothing is to be stored at the upstream: whoever asks in another interface could never ask for it. Messages of the
assistant are written as strings and every item with its type, which engines insist on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.prompt.plain import effort_of, join_data, shorten, tell_document
from tokenworks.wire.prompt.responses import LOGPROBS, SEALED
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Foreign,
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

Object = dict[str, object]
SUMMARIES = ("auto", "concise", "detailed")
NO_SCHEMA = msgspec.Raw(b'{"type":"object","properties":{}}')
FAILED = "The tool failed."


def write_prompt(prompt: Prompt, target: Target) -> Object:
    """The members of the body."""
    turns = prompt.turns
    body: Object = {"model": prompt.model}
    if turns and (instructions := _instructions(turns[0])):
        body["instructions"] = instructions
        turns = turns[1:]
    body["input"] = [item for turn in turns for item in _items(turn, target)]
    if prompt.stream:
        body["stream"] = True
    body["store"] = False
    if prompt.output_cap is not None:
        body["max_output_tokens"] = prompt.output_cap
    body |= _drawing(prompt)
    body |= _tools(prompt)
    body |= _output(prompt, target)
    if prompt.user:
        body["user"] = shorten(prompt.user)
    if prompt.cache_key:
        body["prompt_cache_key"] = prompt.cache_key
    if prompt.metadata:
        body["metadata"] = msgspec.Raw(prompt.metadata)
    return {**prompt.extras, **body}


def _instructions(turn: Turn) -> str:
    """The first turn as instructions, where it is the system's and text alone."""
    if turn.role != "system" or turn.developer or not all(isinstance(part, Text) for part in turn.parts):
        return ""
    return "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))


def _items(turn: Turn, target: Target) -> Iterator[Object]:
    if turn.role == "assistant":
        for part in turn.parts:
            yield from _spoken(part, target)
        return
    role = "developer" if turn.developer else turn.role
    content: list[Object] = []
    for part in turn.parts:
        if isinstance(part, Text | Image | Document | Declined):
            content.append(_part(part))
            continue
        if content:
            yield {"type": "message", "role": role, "content": content}
            content = []
        yield _result(part) if isinstance(part, Result) else _raw(part)
    if content:
        yield {"type": "message", "role": role, "content": content}


def _spoken(part: Part, target: Target) -> Iterator[Object]:
    """What the model said, an item each."""
    said: Object = {"type": "message", "role": "assistant"}
    if isinstance(part, Text) or (isinstance(part, Declined) and target.engine != "openai"):
        yield {**said, "content": part.text}  # engines know no refusals
    elif isinstance(part, Declined):
        yield {**said, "content": [{"type": "refusal", "refusal": part.text}]}
    elif isinstance(part, Image | Document):
        yield {**said, "content": [_part(part)]}
    elif isinstance(part, Call):
        yield _call(part)
    elif isinstance(part, Thought):
        if (item := _thought(part, target)) is not None:
            yield item
    else:
        yield _result(part) if isinstance(part, Result) else _raw(part)


def _raw(part: Part) -> Object:
    return dict(loose.read_pairs(part.raw) or {}) if isinstance(part, Foreign) else {}


def _call(call: Call) -> Object:
    said: Object = {"type": "custom_tool_call" if call.custom else "function_call", "call_id": shorten(call.id)}
    said |= {"name": call.name}
    said |= {"input": call.arguments} if call.custom else {"arguments": call.arguments or "{}"}
    return {**said, "namespace": call.group} if call.group else said


def _result(result: Result) -> Object:
    kind = "custom_tool_call_output" if result.custom else "function_call_output"
    return {"type": kind, "call_id": shorten(result.id), "output": _told(result)}


def _told(result: Result) -> str | list[Object]:
    """What a tool came to; one text is a string. There is no word for a failure, unless nothing else says it."""
    parts = result.parts
    if not parts:
        return FAILED if result.failed else ""
    if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].cache:
        return parts[0].text
    return [_raw(part) if isinstance(part, Foreign) else _part(part) for part in parts]


def _thought(thought: Thought, target: Target) -> Object | None:
    """Reasoning goes back word for word to its family; what nobody has sealed, to engines that read it."""
    if thought.sealed:
        return dict(loose.read_pairs(thought.raw) or {}) if thought.family == "openai" else None
    if target.engine == "openai" or not thought.text:
        return None
    content = [{"type": "reasoning_text", "text": thought.text}]
    return {"type": "reasoning", "id": "rs_earlier", "summary": [], "content": content}


def _part(part: Text | Image | Document | Declined) -> Object:
    if isinstance(part, Text | Declined):
        said: Object = {"type": "input_text", "text": part.text}
    elif isinstance(part, Image):
        said = {"type": "input_image", "detail": part.detail or "auto"}
        if part.file:
            said["file_id"] = part.file
        else:
            said["image_url"] = part.url or join_data(part.media_type, part.data)
    else:
        said = _file(part)
    mark = b"" if isinstance(part, Declined) else part.cache
    return {**said, "prompt_cache_breakpoint": msgspec.Raw(mark)} if b'"mode"' in mark else said


def _file(document: Document) -> Object:
    if document.text:
        return {"type": "input_text", "text": tell_document(document)}
    said: Object = {"type": "input_file"}
    if document.file:
        said["file_id"] = document.file
    elif document.url:
        said["file_url"] = document.url
    else:
        said["file_data"] = join_data(document.media_type or "application/pdf", document.data)
    if document.name or document.data:
        said["filename"] = document.name or "document.pdf"
    return said


def _drawing(prompt: Prompt) -> Object:
    drawn = prompt.sampling
    said: Object = {}
    if drawn.temperature:
        said["temperature"] = msgspec.Raw(drawn.temperature)
    if drawn.top_p:
        said["top_p"] = msgspec.Raw(drawn.top_p)
    if drawn.top_k is not None:
        said["top_k"] = drawn.top_k
    if drawn.logprobs:
        said["top_logprobs"] = drawn.logprobs
    return said


def _tools(prompt: Prompt) -> Object:
    tools = [*_grouped(prompt.tools), *(_raw(hosted) for hosted in prompt.hosted)]
    if not tools:
        return {}
    said: Object = {"tools": tools}
    if (choice := _choice(prompt)) is not None:
        said["tool_choice"] = choice
    if prompt.parallel is not None:
        said["parallel_tool_calls"] = prompt.parallel
    return said


def _grouped(tools: Iterable[Tool]) -> list[Object]:
    """The tools; those of one namespace stand in it, at the place of the first."""
    written: list[Object] = []
    groups: dict[str, list[Object]] = {}
    for tool in tools:
        if not tool.group:
            written.append(_tool(tool))
        elif tool.group in groups:
            groups[tool.group].append(_tool(tool))
        else:
            groups[tool.group] = [_tool(tool)]
            said: Object = {"type": "namespace", "name": tool.group, "description": tool.group_about}
            written.append({**said, "tools": groups[tool.group]})
    return written


def _tool(tool: Tool) -> Object:
    said: Object = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if tool.custom:
        return {**said, "format": msgspec.Raw(tool.grammar)} if tool.grammar else said
    said["parameters"] = msgspec.Raw(tool.schema) if tool.schema else NO_SCHEMA
    said["strict"] = bool(tool.strict)  # left out it would mean true here, which the other interfaces mean nowhere
    return said


def _choice(prompt: Prompt) -> object:
    choice = prompt.choice
    if choice.names:
        kinds = {tool.name: "custom" if tool.custom else "function" for tool in prompt.tools}
        named: list[Object] = [
            {"type": kinds[name], "name": name} if name in kinds else {"type": name} for name in choice.names
        ]
        if choice.mode == "these" and len(named) == 1:
            return named[0]
        return {"type": "allowed_tools", "mode": "required" if choice.mode == "these" else "auto", "tools": named}
    if choice.mode == "some":
        return "required"
    return choice.mode if choice.mode != "auto" or choice.path else None


def _output(prompt: Prompt, target: Target) -> Object:
    said: Object = {}
    text: Object = {}
    if prompt.format is not None:
        text["format"] = _format(prompt.format)
    if prompt.verbosity:
        text["verbosity"] = prompt.verbosity
    if text:
        said["text"] = text
    if reasoning := _reasoning(prompt, target):
        said["reasoning"] = reasoning
    include = [SEALED] if prompt.reasoning.sealed else []
    include += [LOGPROBS] if prompt.sampling.logprobs is not None else []
    if (others := prompt.extras.get("include")) is not None:
        include += msgspec.json.decode(others, type=list[str])
    if include:
        said["include"] = include
    return said


def _format(form: Format) -> Object:
    if form.kind == "json":
        return {"type": "json_object"}
    said: Object = {"type": "json_schema", "name": form.name or "answer", "schema": msgspec.Raw(form.schema)}
    if form.description:
        said["description"] = form.description
    if form.strict is not None:
        said["strict"] = form.strict
    return said


def _reasoning(prompt: Prompt, target: Target) -> Object:
    """Effort where one was asked for: many models have no word for not thinking at all, and refuse it."""
    asked = prompt.reasoning
    said: Object = {}
    effort = asked.effort if asked.on is not False or asked.effort == "none" else ""
    if not effort and asked.on and asked.budget_tokens:
        effort = effort_of(asked.budget_tokens, prompt.output_cap or target.output_max)
    if effort:
        said["effort"] = effort
    if asked.path and asked.shown and asked.on is not False:
        said["summary"] = asked.detail if asked.detail in SUMMARIES else "auto"
    return said
