"""A prompt as a body of /v1/messages. Whatever it cannot say has been refused, dropped or rewritten before.

The interface is strict where others are not, and its rules are kept here: turns alternate and begin with the user, what
tools came to stands first in the user's turn, no text is blank, the last words of the assistant (which the model goes
on from) end with no space, thinking leaves room for an answer, and there is always a cap.
What the system says in the middle of a conversation becomes a marked text of the user's: role `system` there is taken
by the newest models alone and by no cloud's or engine's version of the interface.
"""

from __future__ import annotations

import base64

import msgspec

from tokenworks.wire import loose
from tokenworks.wire.dialects import Engine
from tokenworks.wire.prompt.media import plain_type
from tokenworks.wire.prompt.plain import Ids, budget_of, pair_results, remind, shorten
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Declined,
    Document,
    Effort,
    Foreign,
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
ADAPTIVE: frozenset[Engine] = frozenset({"anthropic", "bedrock"})  # engines whose models think as much as they like
BUDGET_MIN = 1024  # Anthropic's least
USER_CHARS_MAX = 256  # of metadata.user_id, by the API reference
NO_SCHEMA = msgspec.Raw(b'{"type":"object","properties":{}}')
_EFFORTS: dict[Effort, str] = {"minimal": "low"}  # words that this interface has not
_OPENING = "The assistant speaks first."
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def write_prompt(prompt: Prompt, target: Target) -> Object:
    """The members of the body."""
    cap = target.output_max if prompt.output_cap is None else prompt.output_cap
    system, turns = _split(prompt.turns)
    body: Object = {"model": prompt.model, "max_tokens": cap}
    if blocks := _Blocks().write(Turn("user", system)):
        body["system"] = blocks
    body["messages"] = _messages(turns)
    if prompt.stream:
        body["stream"] = True
    body |= _drawing(prompt)
    body |= _tools(prompt)
    body |= _output(prompt, target, min(cap, target.output_max))  # a higher cap is lowered to that before it goes
    if prompt.user:
        body["metadata"] = {"user_id": shorten(prompt.user, USER_CHARS_MAX)}
    return {**prompt.extras, **body}


def _split(turns: tuple[Turn, ...]) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
    """(what the system says before all else, everything after); the system's words alone become the user's."""
    first = next((index for index, turn in enumerate(turns) if turn.role != "system"), len(turns))
    leading = tuple(part for turn in turns[:first] for part in turn.parts)
    if first == len(turns):
        return (), (Turn("user", leading),)
    return leading, turns[first:]


def _messages(turns: tuple[Turn, ...]) -> list[Object]:
    merged: list[tuple[str, list[Object]]] = []
    blocks = _Blocks()
    for turn in pair_results(turns):
        role = "assistant" if turn.role == "assistant" else "user"
        written = blocks.write(turn)
        if not written:
            continue
        if merged and merged[-1][0] == role:
            merged[-1][1].extend(written)
        else:
            merged.append((role, written))
    if merged and merged[0][0] == "assistant":
        merged.insert(0, ("user", [{"type": "text", "text": remind(_OPENING)}]))
    if merged and merged[-1][0] == "assistant":
        _trim(merged)
    return [{"role": role, "content": content} for role, content in merged]


def _trim(merged: list[tuple[str, list[Object]]]) -> None:
    """The words that the model is to go on from end with no space."""
    last = merged[-1][1][-1]
    if last["type"] == "text":
        last["text"] = str(last["text"]).rstrip()


class _Blocks:
    """Parts as blocks; ids of calls stay the same from turn to turn."""

    def __init__(self) -> None:
        self._ids = Ids()

    def write(self, turn: Turn) -> list[Object]:
        """The blocks of a turn, what tools came to first."""
        parts = turn.parts
        if turn.role == "user" and any(isinstance(part, Result) for part in parts):
            parts = tuple(sorted(parts, key=lambda part: not isinstance(part, Result)))
        return [block for part in parts if (block := self._block(part, turn.role == "system")) is not None]

    def _block(self, part: Part, marked: bool = False) -> Object | None:
        if isinstance(part, Thought):
            return _thought(part)
        if isinstance(part, Foreign):
            return dict(loose.read_pairs(part.raw) or {})
        if isinstance(part, Text | Declined):
            if not part.text.strip():
                return None
            text = remind(part.text) if marked else part.text
            return {"type": "text", "text": text, **(_mark(part.cache) if isinstance(part, Text) else {})}
        return {**self._whole(part), **_mark(part.cache)}

    def _whole(self, part: Image | Document | Call | Result) -> Object:
        if isinstance(part, Image):
            return {"type": "image", "source": _picture(part)}
        if isinstance(part, Document):
            return {"type": "document", "source": _source(part), **({"title": part.name} if part.name else {})}
        if isinstance(part, Call):
            return {"type": "tool_use", "id": self._ids.issue(part.id), "name": part.name, "input": _arguments(part)}
        return self._result(part)

    def _result(self, result: Result) -> Object:
        content = [made for part in result.parts if (made := self._block(part)) is not None]
        block: Object = {"type": "tool_result", "tool_use_id": self._ids.find(result.id)}
        if content:
            block["content"] = content
        if result.failed:
            block["is_error"] = True
        return block


def _mark(cache: bytes) -> Object:
    """The mark that the prompt is to be cached up to here; OpenAI's, which has a mode, is another word for it."""
    if not cache:
        return {}
    return {"cache_control": {"type": "ephemeral"} if b'"mode"' in cache else msgspec.Raw(cache)}


def _picture(image: Image) -> Object:
    if image.file:
        return {"type": "file", "file_id": image.file}
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": plain_type(image.media_type), "data": image.data}


def _source(document: Document) -> Object:
    if document.file:
        return {"type": "file", "file_id": document.file}
    if document.url:
        return {"type": "url", "url": document.url}
    if document.text or not document.data:
        return {"type": "text", "media_type": "text/plain", "data": document.text}
    if document.media_type.startswith("text/"):
        text = base64.b64decode(document.data).decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": document.media_type or "application/pdf", "data": document.data}


def _arguments(call: Call) -> object:
    """What a tool was called with, as an object; a model's broken JSON is shown as it was written."""
    try:
        return _KEYS.decode(call.arguments or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"arguments": call.arguments}


def _thought(thought: Thought) -> Object | None:
    """Thinking goes back word for word to those who can tell that it is theirs, or not at all."""
    if thought.family != "anthropic" or not thought.sealed:
        return None
    if thought.kind == "redacted":
        return {"type": "redacted_thinking", "data": thought.sealed}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.sealed}


def _drawing(prompt: Prompt) -> Object:
    drawn = prompt.sampling
    said: Object = {}
    if drawn.temperature:
        said["temperature"] = msgspec.Raw(drawn.temperature)
    if drawn.top_p:
        said["top_p"] = msgspec.Raw(drawn.top_p)
    if drawn.top_k is not None:
        said["top_k"] = drawn.top_k
    if stops := [stop for stop in drawn.stop if stop.strip()]:  # blank ones are refused
        said["stop_sequences"] = stops
    return said


def _tools(prompt: Prompt) -> Object:
    """The tools and how they are to be used. Tools that were called earlier are declared, or the calls are refused."""
    choice = prompt.choice
    some = frozenset(choice.names if choice.mode == "auto" or len(choice.names) > 1 else ())
    tools = [_tool(tool) for tool in prompt.tools if not some or tool.name in some]
    tools += [dict(loose.read_pairs(hosted.raw) or {}) for hosted in prompt.hosted]
    if not tools:
        called = dict.fromkeys(part.name for turn in prompt.turns for part in turn.parts if isinstance(part, Call))
        if not called:
            return {}
        return {
            "tools": [{"name": name, "input_schema": NO_SCHEMA} for name in called],
            "tool_choice": {"type": "none"},
        }
    said: Object = {"tools": tools}
    if choice.mode == "none":
        said["tool_choice"] = {"type": "none"}
    elif choice.mode != "auto" or choice.path or prompt.parallel is not None:
        word = {"auto": "auto", "some": "any", "these": "any" if len(choice.names) > 1 else "tool"}[choice.mode]
        told: Object = {"type": word}
        if word == "tool":
            told["name"] = choice.names[0]
        if prompt.parallel is not None:
            told["disable_parallel_tool_use"] = not prompt.parallel
        said["tool_choice"] = told
    return said


def _tool(tool: Tool) -> Object:
    said: Object = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    said["input_schema"] = _schema(tool.schema)
    if tool.strict:
        said["strict"] = True
    return {**said, **_mark(tool.cache)}


def _schema(schema: bytes) -> object:
    """A schema that says that the arguments are an object, as this interface wants it said."""
    members = loose.read_pairs(schema) if schema else None
    if members is None:
        return NO_SCHEMA
    return msgspec.Raw(schema) if "type" in members else {"type": "object", **members}


def _output(prompt: Prompt, target: Target, cap: int) -> Object:
    said: Object = {}
    config: Object = {}
    if (thinking := _thinking(prompt, target, cap)) is not None:
        said["thinking"] = thinking
    effort = prompt.reasoning.effort
    if effort not in ("", "none") and target.engine in ADAPTIVE:
        config["effort"] = _EFFORTS.get(effort, effort)
    if prompt.format is not None and prompt.format.kind == "schema":
        config["format"] = {"type": "json_schema", "schema": msgspec.Raw(prompt.format.schema)}
    if config:
        said["output_config"] = config
    return said


def _thinking(prompt: Prompt, target: Target, cap: int) -> Object | None:
    """How it is to be thought; nothing where thinking would be refused: with a forced call, before words given."""
    asked = prompt.reasoning
    if asked.on is False or asked.effort == "none":
        return {"type": "disabled"}
    if not (asked.on or asked.budget_tokens or (asked.effort and asked.path != "output_config.effort")):
        return None
    if prompt.choice.mode in ("some", "these") or (prompt.turns and prompt.turns[-1].role == "assistant"):
        return None
    shown: Object = {"display": "summarized" if asked.shown else "omitted"} if asked.detail or asked.shown else {}
    if not asked.budget_tokens and target.engine in ADAPTIVE:
        return {"type": "adaptive", **shown}
    budget = min(asked.budget_tokens or budget_of(asked.effort, cap), cap - 1)
    if budget < BUDGET_MIN or _mute(prompt.turns):
        return None
    return {"type": "enabled", "budget_tokens": budget, **shown}


def _mute(turns: tuple[Turn, ...]) -> bool:
    """Whether the model is in the middle of using tools and had not thought: with a budget it may not begin to."""
    if not turns or not any(isinstance(part, Result) for part in turns[-1].parts):
        return False
    calling = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    first = next(iter(calling.parts), None) if calling is not None else None
    return not (isinstance(first, Thought) and first.family == "anthropic" and first.sealed)
