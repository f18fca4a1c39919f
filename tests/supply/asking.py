"""Asking the engine over plain HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tokenworks.supply.engine.facts import EngineFacts


def ask(facts: EngineFacts, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> tuple[int, bytes]:
    """(status, body); GET without a body."""
    connection = http.client.HTTPConnection(facts.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {facts.key if key is None else key}", "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def ask_json(facts: EngineFacts, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The decoded body of a request that succeeds."""
    status, data = ask(facts, path, body)
    assert status == 200, data
    found: dict[str, Any] = json.loads(data)
    return found
