"""What a request asks of a model, whichever of the three dialects it speaks: enough to choose a fitting answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

PATHS = {"/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/responses": "responses"}


@dataclass
class Asked:
    """One request. `results`: what tools have said so far; `forced`: a tool, or "any"."""

    dialect: str
    model: str = ""
    stream: bool = False
    usage: bool = False  # chat only: whether the last chunk is to carry the figures
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: JSON schema
    customs: set[str] = field(default_factory=set)  # names of tools that take text instead of JSON
    spaces: dict[str, str] = field(default_factory=dict)  # name of a tool: the namespace in which it is declared
    forced: str = ""
    schema: dict[str, Any] | None = None
    said: str = ""
    results: list[str] = field(default_factory=list)
    system: str = ""
    body: dict[str, Any] = field(default_factory=dict)


def read_asked(path: str, body: dict[str, Any]) -> Asked:
    """The request in this room's words."""
    dialect = PATHS[path.partition("?")[0]]
    asked = Asked(dialect, body["model"], bool(body.get("stream")), body=body)
    READERS[dialect](asked, body)
    return asked


def _read_chat(asked: Asked, body: dict[str, Any]) -> None:
    asked.usage = bool((body.get("stream_options") or {}).get("include_usage"))
    for tool in body.get("tools") or []:
        if tool["type"] == "custom":
            asked.customs.add(tool["custom"]["name"])
            asked.tools[tool["custom"]["name"]] = {}
        else:
            asked.tools[tool["function"]["name"]] = tool["function"].get("parameters") or {}
    choice = body.get("tool_choice")
    asked.forced = "any" if choice == "required" else choice["function"]["name"] if isinstance(choice, dict) else ""
    form = body.get("response_format") or {}
    asked.schema = (form.get("json_schema") or {}).get("schema")
    for message in body["messages"]:
        role, text = message["role"], _text(message.get("content"))
        if role in ("system", "developer"):
            asked.system += text
        elif role == "user":
            asked.said = text
        elif role == "tool":
            asked.results.append(text)


def _read_messages(asked: Asked, body: dict[str, Any]) -> None:
    assert isinstance(body["max_tokens"], int), "this dialect has to name a limit"
    asked.tools = {tool["name"]: tool.get("input_schema") or {} for tool in body.get("tools") or []}
    choice = body.get("tool_choice") or {}
    asked.forced = {"any": "any", "tool": choice.get("name", "")}.get(choice.get("type", ""), "")
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    asked.schema = form.get("schema")
    asked.system = _text(body.get("system"))
    for message in body["messages"]:
        content = message["content"]
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        found = [_text(part.get("content")) for part in parts if part["type"] == "tool_result"]
        text = _text([part for part in parts if part["type"] == "text"])
        if found:
            asked.results += found
        elif message["role"] == "user" and text:
            asked.said = text


def _read_responses(asked: Asked, body: dict[str, Any]) -> None:
    for tool in body.get("tools") or []:
        _read_tool(asked, tool, "")
    choice = body.get("tool_choice")
    asked.forced = "any" if choice == "required" else choice.get("name", "") if isinstance(choice, dict) else ""
    form = (body.get("text") or {}).get("format") or {}
    asked.schema = form.get("schema")
    asked.system = body.get("instructions") or ""
    given = body["input"]
    for item in given if isinstance(given, list) else [{"role": "user", "content": given}]:
        kind, role = item.get("type", "message"), item.get("role")
        if kind in ("function_call_output", "custom_tool_call_output"):
            asked.results.append(_text(item["output"]))
        elif kind == "message" and role in ("system", "developer"):
            asked.system += _text(item["content"])
        elif kind == "message" and role == "user":
            asked.said = _text(item["content"])


def _read_tool(asked: Asked, tool: dict[str, Any], space: str) -> None:
    kind = tool["type"]
    if kind == "namespace":
        for inner in tool["tools"]:
            _read_tool(asked, inner, tool["name"])
        return
    if kind not in ("function", "custom"):
        return  # the upstream's own tools: nothing that a client runs
    asked.tools[tool["name"]] = tool.get("parameters") or {}
    if kind == "custom":
        asked.customs.add(tool["name"])
    if space:
        asked.spaces[tool["name"]] = space


READERS = {"chat": _read_chat, "messages": _read_messages, "responses": _read_responses}


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part if isinstance(part, str) else part.get("text") or part.get("refusal") or ""
                   for part in content)


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """A value that the schema allows."""
    root = schema if root is None else root
    if "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return sample(found, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for group in ("anyOf", "oneOf", "allOf"):
        if schema.get(group):
            return sample(next((one for one in schema[group] if one.get("type") != "null"), schema[group][0]), root)
    kind = schema.get("type", "object")
    kind = next(one for one in kind if one != "null") if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(part, root) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [sample(schema.get("items") or {"type": "string"}, root)]
    return {"string": "Paris", "integer": 7, "number": 1.5, "boolean": True, "null": None}[kind]


def sample_text(schema: dict[str, Any]) -> str:
    """The same as JSON, as a model writes it."""
    return json.dumps(sample(schema))
