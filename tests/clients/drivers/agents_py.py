"""OpenAI's agents library: its runner does the tool loop by itself, over responses or chat completions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents.items import ToolCallItem
from frame import SAY, TOOL, WEATHER, main, usage
from openai import AsyncOpenAI
from pydantic import BaseModel

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)

set_tracing_disabled(True)


class Place(BaseModel):
    city: str
    people: int


@function_tool(name_override=TOOL)
def look_up(city: str) -> str:
    """The weather in a city"""
    return WEATHER


class Driver:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.client = AsyncOpenAI(base_url=f"{url}/v1", api_key=key, timeout=30)
        self.kind = OpenAIResponsesModel if way == "responses" else OpenAIChatCompletionsModel

    def agent(self, name: str, **options: Any) -> Any:
        return Agent(name="Clerk", instructions="Be brief.", model=self.kind(name, self.client),
                     model_settings=ModelSettings(include_usage=True), **options)

    def whole(self, name: str) -> dict[str, Any]:
        return told(Runner.run_sync(self.agent(name), SAY))

    def stream(self, name: str) -> dict[str, Any]:
        return told(self.streamed(self.agent(name)))

    def tool(self, name: str) -> dict[str, Any]:
        return with_call(Runner.run_sync(self.agent(name, tools=[look_up]), SAY))

    def tool_stream(self, name: str) -> dict[str, Any]:
        return with_call(self.streamed(self.agent(name, tools=[look_up])))

    def structured(self, name: str) -> dict[str, Any]:
        return {"value": Runner.run_sync(self.agent(name, output_type=Place), SAY).final_output.model_dump()}

    @staticmethod
    def streamed(agent: Any) -> Any:
        async def play() -> Any:
            result = Runner.run_streamed(agent, SAY)
            async for _ in result.stream_events():
                pass
            return result

        return asyncio.run(play())


def told(result: Any) -> dict[str, Any]:
    found = result.raw_responses[-1].usage
    return {"text": result.final_output,
            "usage": usage(found.input_tokens, found.output_tokens, found.input_tokens_details.cached_tokens)}


def with_call(result: Any) -> dict[str, Any]:
    call = next(item.raw_item for item in result.new_items if isinstance(item, ToolCallItem))
    return {"name": call.name, "arguments": json.loads(call.arguments), **told(result)}


main(Driver)
