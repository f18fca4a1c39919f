"""LlamaIndex: OpenAILike (chat completions), OpenAIResponses and Anthropic."""

from __future__ import annotations

from typing import Any

from frame import SAY, TOOL, WEATHER, main, usage
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field


class Place(BaseModel):
    """A place"""

    city: str = Field(description="its name")
    people: int = Field(description="how many live there")


def look_up(city: str) -> str:
    """The weather in a city"""
    return WEATHER


WEATHER_TOOL = FunctionTool.from_defaults(look_up, name=TOOL)


class Driver:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.url, self.key, self.way = url, key, way

    def model(self, name: str) -> Any:
        if self.way == "messages":
            return Anthropic(model=name, base_url=self.url, api_key=self.key, max_tokens=64, timeout=30)
        common = {"model": name, "api_base": f"{self.url}/v1", "api_key": self.key, "timeout": 30,
                  "context_window": 100_000}
        if self.way == "responses":
            return OpenAIResponses(**common)
        return OpenAILike(is_chat_model=True, is_function_calling_model=True, should_use_structured_outputs=True,
                          **common)

    def whole(self, name: str) -> dict[str, Any]:
        answer = self.model(name).chat([ChatMessage(SAY)])
        return {"text": answer.message.content, "usage": figures(answer.raw)}

    def stream(self, name: str) -> dict[str, Any]:
        parts = list(self.model(name).stream_chat([ChatMessage(SAY)]))
        return {"text": "".join(part.delta or "" for part in parts)}

    def tool(self, name: str) -> dict[str, Any]:
        model = self.model(name)
        first = model.chat_with_tools([WEATHER_TOOL], user_msg=SAY)
        return self.finish(model, first)

    def tool_stream(self, name: str) -> dict[str, Any]:
        model = self.model(name)
        *_, first = model.stream_chat_with_tools([WEATHER_TOOL], user_msg=SAY)
        return self.finish(model, first)

    def structured(self, name: str) -> dict[str, Any]:
        return {"value": self.model(name).as_structured_llm(Place).chat([ChatMessage(SAY)]).raw.model_dump()}

    @staticmethod
    def finish(model: Any, first: Any) -> dict[str, Any]:
        call = model.get_tool_calls_from_response(first)[0]
        result = ChatMessage(look_up(**call.tool_kwargs), role=MessageRole.TOOL,
                             additional_kwargs={"tool_call_id": call.tool_id})
        last = model.chat_with_tools([WEATHER_TOOL], chat_history=[ChatMessage(SAY), first.message, result])
        return {"name": call.tool_name, "arguments": call.tool_kwargs, "text": last.message.content,
                "usage": figures(last.raw)}


def figures(raw: Any) -> Any:
    found = raw["usage"] if isinstance(raw, dict) else raw.usage
    found = found if isinstance(found, dict) else found.model_dump()
    if "prompt_tokens" in found:
        return usage(found["prompt_tokens"], found["completion_tokens"])
    cached = found.get("cache_read_input_tokens") or 0  # Anthropic's figures, which leave out what was cached
    return usage(found["input_tokens"] + cached, found["output_tokens"])


main(Driver)
