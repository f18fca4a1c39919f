"""The official Anthropic library for Python; its own types judge every event."""

from __future__ import annotations

from typing import Any

import anthropic
from frame import ABOUT, CITY, SAY, TOOL, WEATHER, main, usage
from pydantic import BaseModel

TOOLS: list[Any] = [{"name": TOOL, "description": ABOUT, "input_schema": CITY}]


class Place(BaseModel):
    city: str
    people: int


def judged(event: Any) -> Any:
    """The event, once its class has found no fault in it: the library itself does not look."""
    type(event).model_validate(event.to_dict())
    return event


class Messages:
    def __init__(self, url: str, key: str, _: str) -> None:
        self.messages = anthropic.Anthropic(base_url=url, api_key=key, timeout=30).messages

    def whole(self, model: str) -> dict[str, Any]:
        answer = judged(self.messages.create(model=model, messages=say(), max_tokens=64))
        return {"text": text_of(answer), "usage": figures(answer.usage), "finish": answer.stop_reason}

    def stream(self, model: str) -> dict[str, Any]:
        events = [judged(event) for event in self.messages.create(
            model=model, messages=say(), max_tokens=64, stream=True)]
        kinds = [event.type for event in events]
        assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
        text = "".join(event.delta.text for event in events
                       if event.type == "content_block_delta" and event.delta.type == "text_delta")
        with self.messages.stream(model=model, messages=say(), max_tokens=64) as stream:
            final = stream.get_final_message()
        return {"text": text, "usage": figures(final.usage), "events": len(events)}

    def tool(self, model: str) -> dict[str, Any]:
        first = judged(self.messages.create(model=model, messages=say(), tools=TOOLS, max_tokens=64))
        last = judged(self.messages.create(model=model, messages=after(first), tools=TOOLS, max_tokens=64))
        return told(first, last)

    def tool_stream(self, model: str) -> dict[str, Any]:
        for event in self.messages.create(model=model, messages=say(), tools=TOOLS, max_tokens=64, stream=True):
            judged(event)
        with self.messages.stream(model=model, messages=say(), tools=TOOLS, max_tokens=64) as stream:
            first = stream.get_final_message()
        with self.messages.stream(model=model, messages=after(first), tools=TOOLS, max_tokens=64) as stream:
            last = stream.get_final_message()
        return told(first, last)

    def structured(self, model: str) -> dict[str, Any]:
        answer = self.messages.parse(model=model, messages=say(), max_tokens=64, output_format=Place)
        return {"value": answer.parsed_output.model_dump()}


def say() -> list[Any]:
    return [{"role": "user", "content": SAY}]


def after(first: Any) -> list[Any]:
    call = call_of(first)
    return [*say(), {"role": "assistant", "content": [block.to_dict() for block in first.content]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": WEATHER}]}]


def call_of(message: Any) -> Any:
    assert message.stop_reason == "tool_use", message.stop_reason
    return next(block for block in message.content if block.type == "tool_use")


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def told(first: Any, last: Any) -> dict[str, Any]:
    call = call_of(first)
    return {"name": call.name, "arguments": call.input, "text": text_of(last), "usage": figures(last.usage)}


def figures(found: Any) -> dict[str, Any]:
    cached = found.cache_read_input_tokens or 0
    return usage(found.input_tokens + cached + (found.cache_creation_input_tokens or 0), found.output_tokens, cached)


main(Messages)
