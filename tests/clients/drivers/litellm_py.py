"""LiteLLM's client: its chat call over chat completions and messages, and its responses call."""

from __future__ import annotations

import json
from typing import Any

import litellm
from frame import ABOUT, CITY, PLACE, SAY, TOOL, WEATHER, main, usage

litellm.suppress_debug_info = True
FUNCTION = {"name": TOOL, "description": ABOUT, "parameters": CITY}
TOOLS = [{"type": "function", "function": FUNCTION}]
USER = {"role": "user", "content": SAY}


class Chat:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.options = {"api_base": url if way == "messages" else f"{url}/v1", "api_key": key, "timeout": 30,
                        "max_tokens": 64}
        self.prefix = "anthropic" if way == "messages" else "openai"

    def ask(self, name: str, messages: list[Any], **options: Any) -> Any:
        return litellm.completion(model=f"{self.prefix}/{name}", messages=messages, **self.options, **options)

    def join(self, name: str, messages: list[Any], **options: Any) -> Any:
        parts = list(self.ask(name, messages, stream=True, stream_options={"include_usage": True}, **options))
        return litellm.stream_chunk_builder(parts, messages=messages)

    def whole(self, name: str) -> dict[str, Any]:
        return told(self.ask(name, [USER]))

    def stream(self, name: str) -> dict[str, Any]:
        return told(self.join(name, [USER]))

    def tool(self, name: str) -> dict[str, Any]:
        return self.loop(lambda messages: self.ask(name, messages, tools=TOOLS))

    def tool_stream(self, name: str) -> dict[str, Any]:
        return self.loop(lambda messages: self.join(name, messages, tools=TOOLS))

    def structured(self, name: str) -> dict[str, Any]:
        form = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE, "strict": True}}
        return {"value": json.loads(self.ask(name, [USER], response_format=form).choices[0].message.content)}

    @staticmethod
    def loop(ask: Any) -> dict[str, Any]:
        message = ask([USER]).choices[0].message
        call = message.tool_calls[0]
        last = ask([USER, message.model_dump(exclude_none=True),
                    {"role": "tool", "tool_call_id": call.id, "content": WEATHER}])
        return {"name": call.function.name, "arguments": json.loads(call.function.arguments), **told(last)}


class Responses:
    def __init__(self, url: str, key: str, _: str) -> None:
        self.options = {"api_base": f"{url}/v1", "api_key": key, "timeout": 30}

    def ask(self, name: str, given: Any, **options: Any) -> Any:
        return litellm.responses(model=f"openai/{name}", input=given, **self.options, **options)

    def join(self, name: str, given: Any, **options: Any) -> Any:
        *_, last = self.ask(name, given, stream=True, **options)
        assert last.type == "response.completed", last
        return last.response

    def whole(self, name: str) -> dict[str, Any]:
        return told_response(self.ask(name, SAY))

    def stream(self, name: str) -> dict[str, Any]:
        return told_response(self.join(name, SAY))

    def tool(self, name: str) -> dict[str, Any]:
        return self.loop(lambda given: self.ask(name, given, tools=[{"type": "function", **FUNCTION}]))

    def tool_stream(self, name: str) -> dict[str, Any]:
        return self.loop(lambda given: self.join(name, given, tools=[{"type": "function", **FUNCTION}]))

    def structured(self, name: str) -> dict[str, Any]:
        form = {"format": {"type": "json_schema", "name": "place", "schema": PLACE, "strict": True}}
        return {"value": json.loads(told_response(self.ask(name, SAY, text=form))["text"])}

    @staticmethod
    def loop(ask: Any) -> dict[str, Any]:
        call = next(item for item in ask(SAY).output if field(item, "type") == "function_call")
        name, arguments, place = (field(call, part) for part in ("name", "arguments", "call_id"))
        last = ask([USER, {"type": "function_call", "call_id": place, "name": name, "arguments": arguments},
                    {"type": "function_call_output", "call_id": place, "output": WEATHER}])
        return {"name": name, "arguments": json.loads(arguments), **told_response(last)}


def field(item: Any, name: str) -> Any:
    return item[name] if isinstance(item, dict) else getattr(item, name)


def told(answer: Any) -> dict[str, Any]:
    found = answer.usage
    details = found.prompt_tokens_details
    return {"text": answer.choices[0].message.content,
            "usage": usage(found.prompt_tokens, found.completion_tokens, details.cached_tokens if details else None)}


def told_response(answer: Any) -> dict[str, Any]:
    text = "".join(field(part, "text") for item in answer.output if field(item, "type") == "message"
                   for part in field(item, "content"))
    return {"text": text, "usage": usage(answer.usage.input_tokens, answer.usage.output_tokens)}


def driver(url: str, key: str, way: str) -> Any:
    return (Responses if way == "responses" else Chat)(url, key, way)


main(driver)
