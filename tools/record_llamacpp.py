"""Records real streams of the embedded engine, per dialect, into tests/golden/llamacpp/, each beside its request.

Run it after an upgrade of the engine and read the difference: `python tools/record_llamacpp.py STATE_DIR`, where an
engine of that state runs.
"""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path
from typing import Any

from tokenworks.supply.engine.facts import EngineFacts, read_facts

GOLDEN = Path("tests/golden/llamacpp")
ASKED = "What is the capital of France?"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Get the weather of a city",
                                              "parameters": WEATHER}}
TURN = [{"role": "user", "content": ASKED}]
TOOL_TURN = [{"role": "user", "content": "What is the weather in Paris?"}]
RESPONSES_TOOL = {"type": "function", "name": "get_weather", "description": "Get the weather of a city",
                  "parameters": WEATHER}
MESSAGES_TOOL = {"name": "get_weather", "description": "Get the weather of a city", "input_schema": WEATHER}

Case = tuple[str, dict[str, Any]]
BASE: dict[str, dict[str, Any]] = {
    "chat": {"messages": TURN, "max_tokens": 40},
    "completions": {"prompt": "Once upon a time", "max_tokens": 12},
    "responses": {"input": ASKED, "max_output_tokens": 40},
    "messages": {"messages": TURN, "max_tokens": 40},
}
PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "responses": "/v1/responses",
         "messages": "/v1/messages", "embeddings": "/v1/embeddings"}
TOOLS: dict[str, dict[str, Any]] = {
    "chat": {"messages": TOOL_TURN, "tools": [CHAT_TOOL], "max_tokens": 60},
    "responses": {"input": "What is the weather in Paris?", "tools": [RESPONSES_TOOL], "max_output_tokens": 60},
    "messages": {"messages": TOOL_TURN, "tools": [MESSAGES_TOOL], "max_tokens": 60},
}
USAGE = {"stream_options": {"include_usage": True}}
CUT = {"chat": {"max_tokens": 4}, "completions": {"max_tokens": 4}, "responses": {"max_output_tokens": 4},
       "messages": {"max_tokens": 4}}


def cases(dialect: str) -> list[Case]:
    """(name, request) of a dialect."""
    if dialect == "embeddings":
        return [("whole", {"input": "hello world"}), ("many", {"input": ["hello world", "a b c"]}),
                ("base64", {"input": "hello world", "encoding_format": "base64"}),
                ("too_large", {"input": "hello " * 600})]
    base = BASE[dialect]
    long = {key: "word " * 2000 if key in ("prompt", "input") else [{"role": "user", "content": "word " * 2000}]
            for key in base if key in ("prompt", "input", "messages")}
    found: list[Case] = [("whole", base), ("plain", {**base, "stream": True}), ("too_long", {**base, **long}),
                         ("timings", {**base, "stream": True, "timings_per_token": True}),
                         ("cut", {**base, **CUT[dialect], "stream": True, "timings_per_token": True, **USAGE}),
                         ("whole_cut", {**base, **CUT[dialect]})]
    if dialect in ("chat", "completions"):
        found += [("usage", {**base, "stream": True, **USAGE}),
                  ("usage_timings", {**base, "stream": True, "timings_per_token": True, **USAGE}),
                  ("two", {**base, "stream": True, "n": 2, **USAGE}), ("whole_two", {**base, "n": 2}),
                  ("logprobs", {**base, "stream": True, "logprobs": True if dialect == "chat" else 2})]
    if dialect in TOOLS:
        tools = TOOLS[dialect]
        found += [("whole_tools", tools), ("tools", {**tools, "stream": True}),
                  ("tools_timings", {**tools, "stream": True, "timings_per_token": True, **USAGE})]
    if dialect == "chat":
        found.append(("cached", {**base, "cache_prompt": True, "stream": True, "timings_per_token": True, **USAGE}))
        found.append(("whole_cached", {**base, "cache_prompt": True}))
    return found


def call(facts: EngineFacts, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    """One request; a stream comes back as its bytes."""
    connection = http.client.HTTPConnection(facts.url.removeprefix("http://"), timeout=60)
    connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {facts.key}",
                                                        "Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def record(facts: EngineFacts) -> None:
    """All cases, at temperature 0 with a fixed seed."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for dialect, path in PATHS.items():
        for name, request in cases(dialect):
            body = {"model": facts.model, "temperature": 0, "seed": 1, **request}
            if name == "cached":
                call(facts, path, {**body, "stream": False})
            status, answer = call(facts, path, body)
            kind = "sse" if body.get("stream") and status == 200 else "json"
            made = {"path": path, "status": status, "body": body}
            (GOLDEN / f"{dialect}_{name}.request.json").write_text(json.dumps(made, indent=1) + "\n")
            (GOLDEN / f"{dialect}_{name}.{kind}").write_bytes(answer)
            print(f"{dialect}_{name}.{kind}: {status}, {len(answer)} bytes")


def main() -> None:
    """Command line."""
    facts = read_facts(sys.argv[1])
    if facts is None:
        sys.exit(f"no engine runs in {sys.argv[1]}: start one with `tokenworks engine --state {sys.argv[1]}`")
    record(facts)


if __name__ == "__main__":
    main()
