"""The vocabulary to chat completions, in the words that the target's engine has for thinking and caps.

Chat lets the results of tools be text alone: images and files of a result follow in a message of the user, named by
the call that they belong to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

import msgspec

from tokenworks.wire.dialects import Engine
from tokenworks.wire.prompt.plain import join_data, pair_results, shorten, tell_document
from tokenworks.wire.prompt.vocabulary import (
    Call,
    Choice,
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

# How an engine is told to think or not to: through its chat template, by an object, by a flag. Others know effort only.
BY_TEMPLATE: frozenset[Engine] = frozenset({"vllm", "sglang", "llamacpp", "trtllm", "mindie", "lmdeploy"})
BY_OBJECT: frozenset[Engine] = frozenset({"deepseek", "zhipu", "moonshot"})
BY_FLAG: frozenset[Engine] = frozenset({"dashscope"})
# The word in which earlier reasoning goes back; vLLM has given up the usual one (vllm-project/vllm#33402).
REASONING_WORDS: dict[Engine, str] = {"vllm": "reasoning", "ollama": "reasoning", "openai": ""}
# Gemini wants its signature back with every call. Calls that come from elsewhere have none, which it lets pass in this
# word (ai.google.dev, "Thought signatures").
UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}

ID_CHARS_MAX = 40
_NINE = re.compile(r"[A-Za-z0-9]{9}")


def write_prompt(prompt: Prompt, target: Target) -> Object:
    """The members of a chat body."""
    body: Object = {"model": prompt.model, "messages": write_messages(pair_results(prompt.turns), target.engine)}
    if prompt.stream:
        body["stream"] = True
    if prompt.stream and prompt.include_usage:
        body["stream_options"] = {"include_usage": True}
    if prompt.tools or prompt.hosted:
        body["tools"] = [_write_tool(tool) for tool in prompt.tools] + [_raw(tool.raw) for tool in prompt.hosted]
        body |= _write_choice(prompt)
    if prompt.output_cap is not None:
        body["max_completion_tokens" if target.engine == "openai" else "max_tokens"] = prompt.output_cap
    if prompt.format is not None:
        body["response_format"] = _write_format(prompt.format)
    body |= write_sampling(prompt)
    body |= _write_reasoning(prompt, target.engine)
    body |= _write_beside(prompt, target)
    return {**prompt.extras, **body}


def _write_beside(prompt: Prompt, target: Target) -> Object:
    user = shorten(prompt.user) if target.engine == "openai" else prompt.user
    said: Object = {"user": user, "prompt_cache_key": prompt.cache_key, "verbosity": prompt.verbosity}
    if prompt.metadata:
        said["metadata"] = _raw(prompt.metadata)
    return {key: value for key, value in said.items() if value}


def _raw(value: bytes) -> msgspec.Raw:
    return msgspec.Raw(value)


# --- messages ---


def write_messages(turns: Sequence[Turn], engine: Engine) -> list[Object]:
    """The turns as messages. What results have beside text waits until all results in a row are told."""
    messages: list[Object] = []
    waiting: list[Object] = []
    for turn in turns:
        rest: list[Part] = []
        for part in turn.parts:
            if isinstance(part, Result):
                messages.append(_write_result(part, waiting, engine))
            else:
                rest.append(part)
        if turn.role == "assistant":
            _flush(messages, waiting)
            messages.append(_write_spoken(turn, engine))
        elif rest or not turn.parts:
            content = [_write_part(part) for part in rest]
            named: Object = {"name": turn.name} if turn.name else {}
            role = "developer" if turn.developer else turn.role
            messages.append({"role": role, **named, "content": _plain([*waiting, *content])})
            waiting.clear()
    _flush(messages, waiting)
    return messages


def _flush(messages: list[Object], waiting: list[Object]) -> None:
    if waiting:
        messages.append({"role": "user", "content": list(waiting)})
        waiting.clear()


def _write_result(result: Result, waiting: list[Object], engine: Engine) -> Object:
    identity = fit_id(result.id, engine)
    texts = [_write_part(part) for part in result.parts if isinstance(part, Text | Foreign)]
    others = [_write_part(part) for part in result.parts if isinstance(part, Image | Document)]
    if others:
        waiting += [{"type": "text", "text": f"What the tool call {identity} gave beside text:"}, *others]
    content = _plain(texts) if texts else "It follows in the next message." if others else ""
    return {"role": "tool", "tool_call_id": identity, "content": content, **_write_cache(result.cache)}


def _write_spoken(turn: Turn, engine: Engine) -> Object:
    message: Object = {"role": "assistant"}
    if turn.name:
        message["name"] = turn.name
    word = REASONING_WORDS.get(engine, "reasoning_content")
    thoughts = [part.text for part in turn.parts if isinstance(part, Thought) and part.text]
    if thoughts and word:
        message[word] = "\n".join(thoughts)
    message["content"] = _plain([_write_part(part) for part in turn.parts if isinstance(part, Text | Image | Document |
                                                                                       Foreign)]) or None
    declined = [part.text for part in turn.parts if isinstance(part, Declined)]
    if declined:
        message["refusal"] = "\n".join(declined)
    mark: Object = {"extra_content": UNSIGNED} if engine == "gemini" else {}
    calls = [{**_write_call(part, engine), **mark} for part in turn.parts if isinstance(part, Call)]
    if calls:
        message["tool_calls"] = calls
    elif message["content"] is None and not declined:
        message["content"] = ""
    return message


def fit_id(identity: str, engine: Engine) -> str:
    """The id of a call as an engine takes it: OpenAI up to 40 characters, Mistral nine letters and digits."""
    digest = hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()
    if engine == "mistral":
        return identity if _NINE.fullmatch(identity) else digest[:9]
    return identity if engine != "openai" or len(identity) <= ID_CHARS_MAX else f"call_{digest[:32]}"


def _write_call(call: Call, engine: Engine) -> Object:
    identity = fit_id(call.id, engine)
    if call.custom:
        return {"id": identity, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": identity, "type": "function", "function": function}


def _write_part(part: Part) -> Object:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **_write_cache(part.cache)}
    if isinstance(part, Image):
        image = {"url": part.url or join_data(part.media_type, part.data)}
        if part.detail:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image, **_write_cache(part.cache)}
    if isinstance(part, Document):
        return _write_document(part)
    assert isinstance(part, Foreign)
    whole: Object = msgspec.json.decode(part.raw)
    return whole


def _write_document(part: Document) -> Object:
    if part.text:
        return {"type": "text", "text": tell_document(part), **_write_cache(part.cache)}
    file: Object = {"file_id": part.file} if part.file else {}
    if part.data:
        file["file_data"] = join_data(part.media_type, part.data)
    if part.name or part.data:
        file["filename"] = part.name or "document"
    return {"type": "file", "file": file, **_write_cache(part.cache)}


def _write_cache(mark: bytes) -> Object:
    """OpenAI's mark has a mode, Anthropic's, which others take in chat too, a type."""
    if not mark:
        return {}
    return {"prompt_cache_breakpoint" if b'"mode"' in mark else "cache_control": _raw(mark)}


def _plain(content: list[Object]) -> str | list[Object]:
    """One text without a mark is written as a string: every engine's template takes it."""
    if not content:
        return ""
    first = content[0]
    return str(first["text"]) if len(content) == 1 and first.keys() == {"type", "text"} else content


# --- tools and what the answer has to be ---


def _write_tool(tool: Tool) -> Object:
    inner: Object = {"name": tool.name}
    if tool.description:
        inner["description"] = tool.description
    if tool.custom:
        inner |= {"format": _raw(tool.grammar)} if tool.grammar else {}
        return {"type": "custom", "custom": inner, **_write_cache(tool.cache)}
    if tool.schema:
        inner["parameters"] = _raw(tool.schema)
    if tool.strict is not None:
        inner["strict"] = tool.strict
    return {"type": "function", "function": inner, **_write_cache(tool.cache)}


def _write_choice(prompt: Prompt) -> Object:
    said: Object = {} if prompt.parallel is None else {"parallel_tool_calls": prompt.parallel}
    choice = prompt.choice
    if choice.names:
        named = list(_name_tools(choice, prompt.tools))
        if choice.mode == "these" and len(named) == 1:
            return {**said, "tool_choice": named[0]}
        mode = "required" if choice.mode == "these" else "auto"
        return {**said, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}}
    word = "required" if choice.mode == "some" else choice.mode
    return {**said, "tool_choice": word} if choice != Choice() else said


def _name_tools(choice: Choice, tools: Iterable[Tool]) -> Iterable[Object]:
    customs = {tool.name for tool in tools if tool.custom}
    functions = {tool.name for tool in tools} - customs
    for name in choice.names:
        kind = "custom" if name in customs else "function" if name in functions else name
        yield {"type": kind, kind: {"name": name}} if kind != name or name in functions else {"type": kind}


def _write_format(wanted: Format) -> Object:
    if wanted.kind == "json":
        return {"type": "json_object"}
    inner: Object = {"name": wanted.name or "answer", "schema": _raw(wanted.schema)}
    if wanted.description:
        inner["description"] = wanted.description
    if wanted.strict is not None:
        inner["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": inner}


def write_sampling(prompt: Prompt) -> Object:
    """How tokens are drawn, in OpenAI's words."""
    drawn = prompt.sampling
    said: Object = {key: _raw(value) for key in ("temperature", "top_p", "presence_penalty", "frequency_penalty",
                                                "logit_bias") if (value := getattr(drawn, key))}
    said |= {key: value for key in ("top_k", "seed") if (value := getattr(drawn, key)) is not None}
    if drawn.stop:
        said["stop"] = list(drawn.stop)
    if drawn.logprobs is not None:
        said["logprobs"] = True
        said |= {"top_logprobs": drawn.logprobs} if drawn.logprobs else {}
    return {**said, "n": prompt.choices} if prompt.choices > 1 else said


def _write_reasoning(prompt: Prompt, engine: Engine) -> Object:
    """Effort where it is known, and the switch of the engine: a template's settings, an object, a flag."""
    wanted = prompt.reasoning
    silent = wanted.on is False and wanted.effort != "none"  # models without a switch would refuse the word
    effort: Object = {"reasoning_effort": wanted.effort} if wanted.effort and not silent else {}
    if engine in BY_TEMPLATE:
        settings: Object = {} if wanted.on is None else {"enable_thinking": wanted.on, "thinking": wanted.on}
        if engine == "llamacpp" and wanted.budget_tokens:
            effort["thinking_budget_tokens"] = wanted.budget_tokens
        earlier = prompt.extras.get("chat_template_kwargs")
        settings |= msgspec.json.decode(earlier) if earlier is not None else {}
        return effort | ({"chat_template_kwargs": settings} if settings else {})
    if engine in BY_OBJECT and wanted.on is not None:
        return effort | {"thinking": {"type": "enabled" if wanted.on else "disabled"}}
    if engine in BY_FLAG and wanted.on is not None:
        budget: Object = {"thinking_budget": wanted.budget_tokens} if wanted.on and wanted.budget_tokens else {}
        return effort | {"enable_thinking": wanted.on, **budget}
    return effort
