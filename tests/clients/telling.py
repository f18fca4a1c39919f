"""The answers of a model in each of three dialects, whole and streamed, in the shapes of the vendors' own servers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.clients.reading import Asked

COUNTER = itertools.count(1)  # ids are never used twice: clients take two things of one id for the same
Event = tuple[str, Any]  # name of the SSE event ("" for none), payload; a str goes out as it is


@dataclass
class Call:
    """A tool's call: `arguments` is JSON, or plain text for a custom tool."""

    name: str
    arguments: str
    custom: bool = False
    space: str = ""


@dataclass
class Told:
    """What the model says, and what it costs: disjoint counts."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    fresh: int = 20
    cached: int = 7
    output: int = 5
    id: str = field(default_factory=lambda: f"{next(COUNTER):08d}")

    def pieces(self) -> list[str]:
        """The text, a word at a time."""
        return [word if number == 0 else " " + word for number, word in enumerate(self.text.split(" "))]


def halves(text: str) -> list[str]:
    """Arguments come in fragments that split anywhere."""
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]


# --- chat completions ---


def chat_usage(told: Told) -> dict[str, Any]:
    prompt = told.fresh + told.cached
    return {"prompt_tokens": prompt, "completion_tokens": told.output, "total_tokens": prompt + told.output,
            "prompt_tokens_details": {"cached_tokens": told.cached}}


def chat_call(place: str, call: Call, arguments: str) -> dict[str, Any]:
    if call.custom:
        return {"id": place, "type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"id": place, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def chat_whole(asked: Asked, told: Told) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": told.text or None, "refusal": None}
    if told.calls:
        message["tool_calls"] = [chat_call(f"call_{told.id}_{number}", call, call.arguments)
                                 for number, call in enumerate(told.calls)]
    return {"id": f"chatcmpl-{told.id}", "object": "chat.completion", "created": 1_700_000_000, "model": asked.model,
            "choices": [{"index": 0, "message": message, "logprobs": None,
                         "finish_reason": "tool_calls" if told.calls else "stop"}],
            "usage": chat_usage(told)}


def chat_stream(asked: Asked, told: Told) -> Iterator[Event]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> Event:
        return "", {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    base = {"id": f"chatcmpl-{told.id}", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": asked.model}
    yield chunk({"role": "assistant", "content": ""})
    for piece in told.pieces() if told.text else []:
        yield chunk({"content": piece})
    for number, call in enumerate(told.calls):
        yield chunk({"tool_calls": [{"index": number, **chat_call(f"call_{told.id}_{number}", call, "")}]})
        for part in halves(call.arguments):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": part}}]})
    yield chunk({}, "tool_calls" if told.calls else "stop")
    if asked.usage:
        yield "", {**base, "choices": [], "usage": chat_usage(told)}
    yield "", "[DONE]"


# --- messages ---


def messages_usage(told: Told) -> dict[str, Any]:
    return {"input_tokens": told.fresh, "cache_creation_input_tokens": 0, "cache_read_input_tokens": told.cached,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": told.output, "service_tier": "standard"}


def messages_blocks(told: Told) -> list[dict[str, Any]]:
    texts = [{"type": "text", "text": told.text}] if told.text else []
    return texts + [{"type": "tool_use", "id": f"toolu_{told.id}_{number}", "name": call.name,
                     "input": json.loads(call.arguments)} for number, call in enumerate(told.calls)]


def messages_whole(asked: Asked, told: Told) -> dict[str, Any]:
    return {"id": f"msg_{told.id}", "type": "message", "role": "assistant", "model": asked.model,
            "content": messages_blocks(told), "stop_reason": "tool_use" if told.calls else "end_turn",
            "stop_sequence": None, "usage": messages_usage(told)}


def messages_stream(asked: Asked, told: Told) -> Iterator[Event]:
    def event(kind: str, **fields: Any) -> Event:
        return kind, {"type": kind, **fields}

    opening = Told(fresh=told.fresh, cached=told.cached, output=1, id=told.id)
    start = {**messages_whole(asked, opening), "stop_reason": None}
    yield event("message_start", message=start)
    yield event("ping")
    for index, block in enumerate(messages_blocks(told)):
        tool = block["type"] == "tool_use"
        yield event("content_block_start", index=index,
                    content_block={**block, "input": {}} if tool else {**block, "text": ""})
        if tool:
            deltas = [{"type": "input_json_delta", "partial_json": part}
                      for part in ["", *halves(json.dumps(block["input"]))]]
        else:
            deltas = [{"type": "text_delta", "text": piece} for piece in told.pieces()]
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": "tool_use" if told.calls else "end_turn",
                                        "stop_sequence": None}, usage=messages_usage(told))
    yield event("message_stop")


# --- responses ---


def responses_usage(told: Told) -> dict[str, Any]:
    prompt = told.fresh + told.cached
    return {"input_tokens": prompt, "input_tokens_details": {"cached_tokens": told.cached, "cache_write_tokens": 0},
            "output_tokens": told.output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + told.output}


def responses_items(told: Told) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if told.text:
        ids = {"id": f"msg_{told.id}", "status": "completed"}
        items.append({**ids, "type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": told.text, "annotations": [], "logprobs": []}]})
    for number, call in enumerate(told.calls):
        ids = {"id": f"fc_{told.id}_{number}", "call_id": f"call_{told.id}_{number}", "name": call.name,
               "status": "completed", **({"namespace": call.space} if call.space else {})}
        items.append({**ids, "type": "custom_tool_call", "input": call.arguments} if call.custom
                     else {**ids, "type": "function_call", "arguments": call.arguments})
    return items


def responses_whole(asked: Asked, told: Told, status: str = "completed") -> dict[str, Any]:
    done = status == "completed"
    return {"id": f"resp_{told.id}", "object": "response", "created_at": 1_700_000_000, "status": status, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "model": asked.model,
            "output": responses_items(told) if done else [], "parallel_tool_calls": True, "temperature": 1.0,
            "tool_choice": "auto", "tools": [], "top_p": 1.0, "store": False,
            "usage": responses_usage(told) if done else None}


def responses_stream(asked: Asked, told: Told) -> Iterator[Event]:
    for number, (kind, fields) in enumerate(_responses_events(asked, told)):
        yield kind, {"type": kind, "sequence_number": number, **fields}


def _responses_events(asked: Asked, told: Told) -> Iterator[tuple[str, dict[str, Any]]]:
    running = responses_whole(asked, told, "in_progress")
    yield "response.created", {"response": running}
    yield "response.in_progress", {"response": running}
    for index, item in enumerate(responses_items(told)):
        place = {"output_index": index}
        at = {**place, "item_id": item["id"]}
        if item["type"] == "message":
            yield "response.output_item.added", {**place, "item": {**item, "status": "in_progress", "content": []}}
            yield from _responses_text(told, at, item["content"][0])
        else:
            yield from _responses_call(place, at, item)
        yield "response.output_item.done", {**place, "item": item}
    yield "response.completed", {"response": responses_whole(asked, told)}


def _responses_text(told: Told, at: dict[str, Any], part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    at = {**at, "content_index": 0}
    yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
    for piece in told.pieces():
        yield "response.output_text.delta", {**at, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**at, "text": told.text, "logprobs": []}
    yield "response.content_part.done", {**at, "part": part}


def _responses_call(place: dict[str, Any], at: dict[str, Any], item: dict[str, Any],
                    ) -> Iterator[tuple[str, dict[str, Any]]]:
    word, kind = ("input", "custom_tool_call_input") if item["type"] == "custom_tool_call" else (
        "arguments", "function_call_arguments")
    yield "response.output_item.added", {**place, "item": {**item, "status": "in_progress", word: ""}}
    for part in halves(item[word]):
        yield f"response.{kind}.delta", {**at, "delta": part}
    named = {} if word == "input" else {"name": item["name"]}
    yield f"response.{kind}.done", {**at, word: item[word], **named}


WHOLE = {"chat": chat_whole, "messages": messages_whole, "responses": responses_whole}
STREAM = {"chat": chat_stream, "messages": messages_stream, "responses": responses_stream}
