"""What every Python driver shares: the cases, and one line of JSON for each. It needs nothing but the language.

A driver is a class made with (address, key, way) that has the methods of CASES; each takes a model's name and returns
facts. What a case raises is told as the classes of the exception, its status and its words.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any

SAY = "What is the weather in Paris?"
TOOL = "get_weather"
ABOUT = "The weather in a city"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": False}
PLACE = {"type": "object", "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
         "required": ["city", "people"], "additionalProperties": False}
WEATHER = "sunny in Paris"


def usage(prompt: int, output: int, cached: int | None = None) -> dict[str, Any]:
    """Figures as every driver tells them: `input` with what was cached."""
    return {"input": prompt, "output": output, "cached": cached}


def main(driver: Any) -> None:
    """Plays what the environment asks for."""
    env = os.environ
    for line in json.loads(env["TW_CASES"]):
        case, method, key, model = line["case"], line["method"], line["key"], line["model"]
        began_s = time.monotonic()
        try:
            facts = getattr(driver(env["TW_URL"], key, env["TW_WAY"]), method)(model)
            told = {"facts": facts}
        except Exception as error:
            told = {"error": tell_error(error)}
        print(json.dumps({"case": case, "seconds": round(time.monotonic() - began_s, 2), **told}), flush=True)
    sys.stdout.flush()
    os._exit(0)  # some libraries leave threads that do not end


def tell_error(error: BaseException) -> dict[str, Any]:
    """Classes (its own first), status and words of an exception."""
    found: dict[str, Any] = {"classes": [one.__name__ for one in type(error).__mro__[:-3]], "message": str(error),
                             "status": getattr(error, "status_code", None)}
    if found["status"] is None:
        found["trace"] = traceback.format_exc()[-1500:]
    return found
