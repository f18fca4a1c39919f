"""The scripted upstream is as good as a vendor's: the official types judge what it says; what it reads is enough."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.agents.mind import COPY, FILE, JOB, SENTENCE, work
from tests.clients.catalogue import CLIENTS
from tests.clients.drivers.frame import CITY, PLACE, SAY, TOOL
from tests.clients.reading import PATHS, read_asked
from tests.clients.scripted import GREETING, TOLD, think
from tests.clients.telling import STREAM, WHOLE, Call, Told

ROADS = {dialect: path for path, dialect in PATHS.items()}
USER = {"role": "user", "content": SAY}
FLAT = {"type": "function", "name": TOOL, "parameters": CITY}
TOOLS: dict[str, Any] = {"chat": [{"type": "function", "function": {"name": TOOL, "parameters": CITY}}],
                         "messages": [{"name": TOOL, "input_schema": CITY}], "responses": [FLAT]}
RESULTS: dict[str, list[Any]] = {
    "chat": [USER, {"role": "assistant", "tool_calls": []}, {"role": "tool", "tool_call_id": "c", "content": "sunny"}],
    "messages": [USER, {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": TOOL, "input": {}}]},
                 {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "sunny"}]}],
    "responses": [USER, {"type": "function_call", "call_id": "c", "name": TOOL, "arguments": "{}"},
                  {"type": "function_call_output", "call_id": "c", "output": "sunny"}]}
FORMS: dict[str, dict[str, Any]] = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": PLACE}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "place", "schema": PLACE}}}}
WHOLE_TYPES: dict[str, Any] = {"chat": ChatCompletion, "messages": Message, "responses": Response}
EVENT_TYPES: dict[str, Any] = {"chat": ChatCompletionChunk, "messages": RawMessageStreamEvent,
                               "responses": ResponseStreamEvent}
SAID = {"text": Told("Good day to you"), "call": Told(calls=[Call(TOOL, '{"city": "Paris"}')]),
        "both": Told("Let me see.", [Call(TOOL, '{"city": "Paris"}'), Call(TOOL, '{"city": "Rome"}')])}


def body(dialect: str, said: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    name = "input" if dialect == "responses" else "messages"
    return {"model": "m", name: said or [USER], **({"max_tokens": 64} if dialect == "messages" else {}), **more}


@pytest.mark.parametrize("told", SAID)
@pytest.mark.parametrize("dialect", ROADS)
def test_shapes(dialect: str, told: str) -> None:
    asked = read_asked(ROADS[dialect], body(dialect, stream=True, stream_options={"include_usage": True}))
    WHOLE_TYPES[dialect].model_validate(WHOLE[dialect](asked, SAID[told]))
    judge = TypeAdapter(EVENT_TYPES[dialect])
    events = [(name, event) for name, event in STREAM[dialect](asked, SAID[told])
              if event != "[DONE]" and name != "ping"]
    for name, event in events:
        judge.validate_python(event)
        assert name == event.get("type", "")
    assert len(events) > 4


@pytest.mark.parametrize("dialect", ROADS)
def test_thoughts(dialect: str) -> None:
    """A greeting; a call where there is a tool, forced or not; what the tool said; JSON of the schema."""
    def ask(*said: Any, **more: Any) -> Told:
        return think(read_asked(ROADS[dialect], body(dialect, *said, **more)))

    assert ask().text == GREETING
    assert [(call.name, json.loads(call.arguments)) for call in ask(tools=TOOLS[dialect]).calls] == [
        (TOOL, {"city": "Paris"})]
    assert ask(RESULTS[dialect], tools=TOOLS[dialect]).text == TOLD + "sunny"
    assert json.loads(ask(**FORMS[dialect]).text) == {"city": "Paris", "people": 7}


@pytest.mark.parametrize("dialect", ROADS)
def test_job(dialect: str) -> None:
    """The job of the agents, step by step, with tools as they declare them."""
    job = JOB.format(folder="/tmp/project")
    write = {"type": "object", "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}}
    run = {"type": "object", "properties": {"command": {"type": "string"}}}
    tools: Any = {
        "chat": [{"type": "function", "function": {"name": name, "parameters": shape}}
                 for name, shape in (("write", write), ("bash", run))],
        "messages": [{"name": name, "input_schema": shape} for name, shape in (("Write", write), ("Bash", run))],
        "responses": [{"type": "function", "name": "exec_command", "parameters": {
            "type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}}]}[dialect]
    said: list[Any] = [{"role": "user", "content": job}]
    told = work(read_asked(ROADS[dialect], body(dialect, said, tools=tools)))
    assert f"/tmp/project/{FILE}" in told.calls[0].arguments
    told = work(read_asked(ROADS[dialect], body(dialect, said + RESULTS[dialect][1:], tools=tools)))
    assert f"/tmp/project/{COPY}" in told.calls[0].arguments
    told = work(read_asked(ROADS[dialect], body(dialect, said + 2 * RESULTS[dialect][1:], tools=tools)))
    assert told.text == SENTENCE and not told.calls


def test_catalogue() -> None:
    """Every client has a driver that is there."""
    assert len({client.name for client in CLIENTS}) == len(CLIENTS)
    assert {way for client in CLIENTS for way in client.ways} == set(ROADS)
