"""`llm`: the model stands in its extra-openai-models.yaml, as its users have it; then its own interface."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import llm
from frame import PLACE, SAY, TOOL, WEATHER, main, usage


class Driver:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.url, self.key, self.way = url, key, way

    def model(self, name: str) -> Any:
        place = Path(os.environ["LLM_USER_PATH"])
        place.mkdir(parents=True, exist_ok=True)
        row = {"model_id": "tw", "model_name": name, "api_base": f"{self.url}/v1", "api_key_name": "tokenworks",
               "supports_tools": True, "supports_schema": True, "responses": self.way == "responses"}
        (place / "extra-openai-models.yaml").write_text(json.dumps([row]))  # JSON is YAML
        (place / "keys.json").write_text(json.dumps({"tokenworks": self.key}))
        return llm.get_model("tw")

    def whole(self, name: str) -> dict[str, Any]:
        return told(self.model(name).prompt(SAY, stream=False))

    def stream(self, name: str) -> dict[str, Any]:
        return told(self.model(name).prompt(SAY, stream=True))

    def tool(self, name: str) -> dict[str, Any]:
        return self.loop(name, False)

    def tool_stream(self, name: str) -> dict[str, Any]:
        return self.loop(name, True)

    def structured(self, name: str) -> dict[str, Any]:
        return {"value": json.loads(self.model(name).prompt(SAY, schema=PLACE, stream=False).text())}

    def loop(self, name: str, stream: bool) -> dict[str, Any]:
        def look_up(city: str) -> str:
            """The weather in a city"""
            return WEATHER

        look_up.__name__ = TOOL
        first, last = list(self.model(name).chain(SAY, tools=[look_up], stream=stream).responses())
        call = first.tool_calls()[0]
        return {"name": call.name, "arguments": call.arguments, **told(last)}


def told(answer: Any) -> dict[str, Any]:
    text = answer.text()
    found = answer.usage()
    return {"text": text, "usage": usage(found.input, found.output) if found.input is not None else None}


main(Driver)
