"""The OpenAPI 3.1 document, made from the operations: what is written there is what is served."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tokenworks.api.own import OWN_PATHS
from tokenworks.api.problem import KINDS, Problem
from tokenworks.operations.catalogue import OPERATIONS
from tokenworks.operations.fields import describe_field
from tokenworks.operations.operation import Operation
from tokenworks.operations.routes import PREFIX, ROUTES, Route

_PARAMETER = re.compile(r"{(\w+)(?::path)?}")
_JSON = "application/json"


_COUNTS = ("hour_ns", "engine_prompt", "engine_completion", "metered_prompt", "metered_completion", "resets", "ppm")
_LEAKAGE = {"type": "object", "required": ["data"], "properties": {"data": {"type": "array", "items": {
    "type": "object", "required": ["deployment", *_COUNTS],
    "properties": {"deployment": {"type": "string"}, **{name: {"type": "integer"} for name in _COUNTS}}}}}}
HOST_PATHS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "/requests/live": ("Requests of this host as they open and end, one JSON object a line.", "application/x-ndjson",
                       {"type": "object", "required": ["event", "request", "at_ns", "account"]}),
    "/leakage": ("Engine counters as this host sees them against what was metered, by all hosts where they share the "
                 "engine, per deployment and hour (hour_ns 0: all the time).", _JSON, _LEAKAGE),
}


def build_document(version: str) -> dict[str, Any]:
    """The whole document as plain values."""
    kinds = [kind for operation in OPERATIONS.values() for kind in (operation.takes, operation.gives)]
    kinds += [Problem, *(shape for _, shape in OWN_PATHS.values())]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip(map(str, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = PREFIX + _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_kind)
    paths |= {PREFIX + path: {"get": _host(path, *row)} for path, row in HOST_PATHS.items()}
    paths |= {path: {"get": _own(path, about, by_kind[str(shape)])} for path, (about, shape) in OWN_PATHS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tokenworks", "version": version,
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                 "description": "Everything an operator does. Amounts are decimal strings, times RFC 3339 in UTC."},
        "servers": [{"url": "http://127.0.0.1:8400"}],
        "security": [{"admin": []}],
        "paths": paths,
        "components": {"schemas": components,
                       "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"},
                                           "key": {"type": "http", "scheme": "bearer"}},
                       "responses": {"Problem": {
                           "description": "RFC 9457. `code` is one of " + ", ".join(KINDS) + ".",
                           "content": {"application/problem+json": {"schema": by_kind[str(Problem)]}}}}},
    }


def _operation(route: Route, by_kind: dict[str, Any]) -> dict[str, Any]:
    operation = OPERATIONS[route.operation]
    in_path = _PARAMETER.findall(route.path)
    names = [field.encode_name for field in msgspec.structs.fields(operation.takes)]
    document: dict[str, Any] = {
        "operationId": route.operation.replace(".", "_").replace("-", "_"),
        "tags": [route.operation.partition(".")[0]],
        "summary": operation.summary,
        "description": operation.about,
        "parameters": [_parameter(operation, name, "path") for name in in_path],
        "responses": {str(route.status): {"description": operation.summary,
                                          "content": {_JSON: {"schema": by_kind[str(operation.gives)]}}},
                      "default": {"$ref": "#/components/responses/Problem"}},
    }
    if route.method in ("GET", "DELETE"):
        document["parameters"] += [_parameter(operation, name, "query") for name in names if name not in in_path]
    else:
        document["requestBody"] = {"content": {_JSON: {"schema": _body_schema(operation, in_path)}}}
    if route.method == "POST":
        document["parameters"].append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"},
                                       "description": "The same key with the same request is done once."})
    return document


def _host(path: str, about: str, kind: str, shape: dict[str, Any]) -> dict[str, Any]:
    """A path that tells what this host alone knows, and the books do not."""
    back = {"name": "back", "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0,
            "maximum": 1000, "default": 0}, "description": "so many of the rows before now come first"}
    return {
        "operationId": path.strip("/").replace("/", "_"), "tags": ["gateway"], "summary": about, "description": about,
        "parameters": [back] if path.endswith("/live") else [],
        "responses": {"200": {"description": about, "content": {kind: {"schema": shape}}},
                      "default": {"$ref": "#/components/responses/Problem"}}}


def _own(path: str, about: str, shape: dict[str, Any]) -> dict[str, Any]:
    """A path of buyers, which an API key opens instead of the admin token."""
    return {
        "operationId": "own" if path.endswith("/own") else "own_request", "tags": ["own"], "summary": about,
        "description": about, "security": [{"key": []}],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"},
                        "description": describe_field("request.explain", name)} for name in _PARAMETER.findall(path)],
        "responses": {"200": {"description": about, "content": {_JSON: {"schema": shape}}},
                      "default": {"$ref": "#/components/responses/Problem"}}}


def _parameter(operation: Operation, name: str, place: str) -> dict[str, Any]:
    field = next(field for field in msgspec.structs.fields(operation.takes) if field.encode_name == name)
    return {"name": name, "in": place, "required": place == "path" or field.required,
            "description": describe_field(operation.name, name), "schema": msgspec.json.schema(field.type)}


def _body_schema(operation: Operation, in_path: list[str]) -> dict[str, Any]:
    """The struct's schema without what stands in the path, written out in place."""
    (schema,), components = msgspec.json.schema_components([operation.takes],
                                                           ref_template="#/components/schemas/{name}")
    body: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return {**body, "properties": {name: {"description": describe_field(operation.name, name), **part}
                                   for name, part in body["properties"].items() if name not in in_path},
            "required": [name for name in body.get("required", []) if name not in in_path]}
