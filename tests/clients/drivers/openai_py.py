"""The official OpenAI library for Python: chat completions and responses; its own types judge every event."""

from __future__ import annotations

import json
from typing import Any

import openai
from frame import ABOUT, CITY, SAY, TOOL, WEATHER, main, usage
from pydantic import BaseModel


class Place(BaseModel):
    city: str
    people: int


CHAT_TOOL = {"type": "function", "function": {"name": TOOL, "description": ABOUT, "parameters": CITY, "strict": True}}
FLAT_TOOL = {"type": "function", "name": TOOL, "description": ABOUT, "parameters": CITY, "strict": True}


def judged(event: Any) -> Any:
    """The event, once its class has found no fault in it: the library itself does not look."""
    type(event).model_validate(event.to_dict())
    return event


class Chat:
    def __init__(self, client: openai.OpenAI) -> None:
        self.client = client

    def whole(self, model: str) -> dict[str, Any]:
        answer = judged(self.client.chat.completions.create(model=model, messages=say(), max_tokens=64))
        return {"text": answer.choices[0].message.content, "usage": figures(answer.usage),
                "finish": answer.choices[0].finish_reason}

    def stream(self, model: str) -> dict[str, Any]:
        chunks = [judged(chunk) for chunk in self.client.chat.completions.create(
            model=model, messages=say(), max_tokens=64, stream=True, stream_options={"include_usage": True})]
        return {"text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
                "usage": figures(chunks[-1].usage), "events": len(chunks)}

    def tool(self, model: str) -> dict[str, Any]:
        first = judged(self.client.chat.completions.create(model=model, messages=say(), tools=[CHAT_TOOL]))
        message = first.choices[0].message
        call = message.tool_calls[0]
        last = self.client.chat.completions.create(model=model, tools=[CHAT_TOOL], messages=[
            *say(), message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": WEATHER}])
        return told(call.function.name, call.function.arguments, last.choices[0].message.content, last.usage)

    def tool_stream(self, model: str) -> dict[str, Any]:
        with self.client.chat.completions.stream(
                model=model, messages=say(), tools=[CHAT_TOOL], stream_options={"include_usage": True}) as stream:
            for event in stream:
                if event.type == "chunk":
                    judged(event.chunk)
            message = stream.get_final_completion().choices[0].message
        call = message.tool_calls[0]
        with self.client.chat.completions.stream(
                model=model, tools=[CHAT_TOOL], stream_options={"include_usage": True}, messages=[
                    *say(), {"role": "assistant", "tool_calls": [{
                        "id": call.id, "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments}}]},
                    {"role": "tool", "tool_call_id": call.id, "content": WEATHER}]) as stream:
            last = stream.get_final_completion()
        return told(call.function.name, call.function.arguments, last.choices[0].message.content, last.usage)

    def structured(self, model: str) -> dict[str, Any]:
        answer = self.client.chat.completions.parse(model=model, messages=say(), response_format=Place)
        return {"value": answer.choices[0].message.parsed.model_dump()}


class Responses:
    def __init__(self, client: openai.OpenAI) -> None:
        self.client = client

    def whole(self, model: str) -> dict[str, Any]:
        answer = judged(self.client.responses.create(model=model, input=SAY, max_output_tokens=64))
        return {"text": answer.output_text, "usage": figures(answer.usage), "finish": answer.status}

    def stream(self, model: str) -> dict[str, Any]:
        events = [judged(event) for event in self.client.responses.create(
            model=model, input=SAY, max_output_tokens=64, stream=True)]
        numbers = [event.sequence_number for event in events]
        assert numbers == sorted(set(numbers)), f"sequence numbers: {numbers}"
        assert events[-1].type in ("response.completed", "response.incomplete"), events[-1].type
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert text == events[-1].response.output_text, "the last event repeats what was said"
        return {"text": text, "usage": figures(events[-1].response.usage), "events": len(events)}

    def tool(self, model: str) -> dict[str, Any]:
        first = judged(self.client.responses.create(model=model, input=SAY, tools=[FLAT_TOOL]))
        call = next(item for item in first.output if item.type == "function_call")
        last = judged(self.client.responses.create(model=model, tools=[FLAT_TOOL], input=self._after(first, call)))
        return told(call.name, call.arguments, last.output_text, last.usage)

    def tool_stream(self, model: str) -> dict[str, Any]:
        for event in self.client.responses.create(model=model, input=SAY, tools=[FLAT_TOOL], stream=True):
            judged(event)
        with self.client.responses.stream(model=model, input=SAY, tools=[FLAT_TOOL]) as stream:
            first = stream.get_final_response()
        call = next(item for item in first.output if item.type == "function_call")
        with self.client.responses.stream(model=model, tools=[FLAT_TOOL], input=self._after(first, call)) as stream:
            last = stream.get_final_response()
        return told(call.name, call.arguments, last.output_text, last.usage)

    def structured(self, model: str) -> dict[str, Any]:
        return {"value": self.client.responses.parse(model=model, input=SAY, text_format=Place).output_parsed
                .model_dump()}

    @staticmethod
    def _after(first: Any, call: Any) -> list[Any]:
        return [{"role": "user", "content": SAY},
                *(item.to_dict() for item in first.output if item.type != "function_call"),
                {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
                {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}]


def say() -> list[Any]:
    return [{"role": "user", "content": SAY}]


def figures(found: Any) -> dict[str, Any]:
    if hasattr(found, "prompt_tokens"):
        details = found.prompt_tokens_details
        return usage(found.prompt_tokens, found.completion_tokens, details.cached_tokens if details else None)
    return usage(found.input_tokens, found.output_tokens, found.input_tokens_details.cached_tokens)


def told(name: str, arguments: str, text: str, found: Any) -> dict[str, Any]:
    return {"name": name, "arguments": json.loads(arguments), "text": text, "usage": figures(found)}


def driver(url: str, key: str, way: str) -> Any:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=30)
    return {"chat": Chat, "responses": Responses}[way](client)


main(driver)
