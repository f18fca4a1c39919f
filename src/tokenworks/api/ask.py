"""From an HTTP request to what an operation takes: path, query and body in one typed struct, or the field at fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from starlette.requests import Request

from tokenworks.api.problem import Refused
from tokenworks.limits import API_BODY_BYTES_MAX

_PLACE = re.compile(r"(.*?)(?: - at `([^`]*)`)?$", re.S)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


async def read_body(request: Request) -> bytes:
    """The body, at most API_BODY_BYTES_MAX; raises Refused."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > API_BODY_BYTES_MAX:
            raise Refused("body_too_large", f"At most {API_BODY_BYTES_MAX} bytes.", "")
    return body


def read_ask(takes: Any, request: Request, body: bytes) -> Any:
    """What the operation takes; raises Refused naming the field and the remedy."""
    given = read_object(request, body) if request.method in ("POST", "PUT", "PATCH") else _read_query(request)
    for name, text in request.path_params.items():
        if given.setdefault(name, text) != text:
            raise Refused("invalid", f"{name} stands in the path already. Leave it out of the body.", name)
    return convert_ask(takes, given, lax=request.method in ("GET", "DELETE"))


def convert_ask(takes: Any, given: Mapping[str, object], lax: bool = False) -> Any:
    """A mapping as the struct `takes`; raises Refused. `lax`: numbers and flags may come as text."""
    try:
        return msgspec.convert(given, takes, strict=not lax)
    except msgspec.ValidationError as error:
        raise _explain(takes, str(error)) from None


def read_object(request: Request, body: bytes) -> dict[str, Any]:
    """The body as one JSON object; an empty body is an empty object."""
    if not body:
        return {}
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("media_type", f"The body is {kind}; this API takes application/json.", "")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed_json", f"The body is not JSON: {error}.", "") from None
    if not isinstance(found, dict):
        raise Refused("malformed_json", "The body is JSON, but not an object.", "")
    return found


def _read_query(request: Request) -> dict[str, Any]:
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise Refused("invalid", f"{name} stands twice in the query. Send it once.", name)
    return dict(request.query_params)


def _explain(takes: Any, message: str) -> Refused:
    """msgspec's sentence with the field it speaks of, and the nearest right name for one that is not known."""
    match = _PLACE.fullmatch(message)
    text, place = (match.group(1), match.group(2) or "") if match else (message, "")
    field = place.removeprefix("$").lstrip(".")
    if unknown := _UNKNOWN.search(text):
        right = [known.encode_name for known in msgspec.structs.fields(_struct_at(takes, field))]
        near = difflib.get_close_matches(unknown.group(1), right, 1)
        name = ".".join(filter(None, (field, unknown.group(1))))
        known = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(right)}."
        return Refused("invalid", f"There is no field {name}. {known}", name)
    missing = re.search(r"missing required field `([^`]*)`", text)
    if missing:
        field = ".".join(filter(None, (field, missing.group(1))))
        return Refused("invalid", f"{field} is required.", field)
    return Refused("invalid", f"{field or 'body'}: {text}.", field)


def _struct_at(takes: Any, place: str) -> Any:
    """The struct that a place like `models[...]` speaks of; `takes` itself where it cannot be told."""
    kind = takes
    for name in re.findall(r"(\w+)(?:\[[^\]]*\])*", place):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        found = fields.get(name)
        inner = [part for part in (found, *get_args(found))
                 if isinstance(part, type) and issubclass(part, msgspec.Struct)]
        if not inner:
            return takes
        kind = inner[-1]
    return kind
