"""LangChain's chat models: ChatOpenAI (chat completions and responses) and ChatAnthropic."""

from __future__ import annotations

from typing import Any

from frame import PLACE, SAY, TOOL, WEATHER, main, usage
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool(TOOL)
def look_up(city: str) -> str:
    """The weather in a city"""
    return WEATHER


class Driver:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.url, self.key, self.way = url, key, way

    def model(self, name: str) -> Any:
        if self.way == "messages":
            return ChatAnthropic(model=name, base_url=self.url, api_key=self.key, max_tokens=64, timeout=30)
        return ChatOpenAI(model=name, base_url=f"{self.url}/v1", api_key=self.key, timeout=30, stream_usage=True,
                          use_responses_api=self.way == "responses")

    def whole(self, name: str) -> dict[str, Any]:
        answer = self.model(name).invoke(SAY)
        return {"text": answer.text, "usage": figures(answer)}

    def stream(self, name: str) -> dict[str, Any]:
        return told(self.join(self.model(name), SAY))

    def tool(self, name: str) -> dict[str, Any]:
        model = self.model(name).bind_tools([look_up])
        return self.loop(lambda messages: model.invoke(messages))

    def tool_stream(self, name: str) -> dict[str, Any]:
        model = self.model(name).bind_tools([look_up])
        return self.loop(lambda messages: self.join(model, messages))

    def structured(self, name: str) -> dict[str, Any]:
        schema = {"title": "Place", "description": "A place", **PLACE}
        return {"value": self.model(name).with_structured_output(schema, method="json_schema").invoke(SAY)}

    @staticmethod
    def join(model: Any, messages: Any) -> Any:
        parts = list(model.stream(messages))
        whole = parts[0]
        for part in parts[1:]:
            whole = whole + part
        return whole

    @staticmethod
    def loop(ask: Any) -> dict[str, Any]:
        first = ask([HumanMessage(SAY)])
        call = first.tool_calls[0]
        last = ask([HumanMessage(SAY), first, ToolMessage(look_up.invoke(call["args"]), tool_call_id=call["id"])])
        return {"name": call["name"], "arguments": call["args"], **told(last)}


def told(answer: Any) -> dict[str, Any]:
    return {"text": answer.text, "usage": figures(answer)}


def figures(answer: Any) -> Any:
    found = answer.usage_metadata
    if not found:
        return None
    return usage(found["input_tokens"], found["output_tokens"], found.get("input_token_details", {}).get("cache_read"))


main(Driver)
