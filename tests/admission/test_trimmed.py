"""Server-side tools without a price: out where they are only declared, refused where the client insists on one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.admission.test_admit import decide, offer

from tokenworks.admission.admit import Admitted, Denied
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.refusals import Refusal

SEARCH = {"type": "web_search"}
CALL = {"type": "function", "name": "f"}
CLAUDE = {"type": "web_search_20260318", "name": "web_search"}
OWN = {"name": "f", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(("dialect", "tools", "choice", "kept"), [
    ("responses", [CALL, SEARCH], None, [CALL]), ("responses", [CALL, SEARCH], "required", [CALL]),
    ("responses", [SEARCH, CALL], {"type": "function", "name": "f"}, [CALL]),
    ("responses", [SEARCH], "auto", None), ("responses", [SEARCH], None, None),
    ("messages", [OWN, CLAUDE], {"type": "tool", "name": "f"}, [OWN]), ("messages", [CLAUDE], {"type": "auto"}, None),
    ("chat", [{"type": "function", "function": {"name": "f"}}, SEARCH], None,
     [{"type": "function", "function": {"name": "f"}}]),
])
def test_taken_out(dialect: Dialect, tools: list[Any], choice: Any, kept: list[Any] | None) -> None:
    more = {"tools": tools, **({} if choice is None else {"tool_choice": choice}), "max_tokens": 9}
    if dialect == "responses":
        del more["max_tokens"]
    found = decide(offer("a", dialects=(dialect,)), offer("b", dialects=(dialect,)), dialect=dialect, **more)
    assert isinstance(found, Admitted) and [one.deployment.id for one in found.offers] == ["a", "b"]
    asked = found.told["a"]
    assert asked is found.told["b"] and asked.asked is None and asked.facts.dialect == dialect
    body = json.loads(asked.body)
    assert body.get("tools") == kept and body["model"] == "m" and (kept or "tool_choice" not in body)
    (note,) = asked.notes
    assert note.startswith(f"tools: {(tools[0] if tools[0] in (SEARCH, CLAUDE) else tools[1])['type']} dropped")


@pytest.mark.parametrize(("dialect", "tools", "choice"), [
    ("responses", [CALL, SEARCH], SEARCH), ("responses", [SEARCH], "required"),
    ("responses", [CALL, SEARCH], {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]}),
    ("messages", [OWN, CLAUDE], {"type": "tool", "name": "web_search"}), ("messages", [CLAUDE], {"type": "any"}),
])
def test_insisted_on(dialect: Dialect, tools: list[Any], choice: Any) -> None:
    more = {} if dialect == "responses" else {"max_tokens": 9}
    found = decide(offer(dialects=(dialect,)), dialect=dialect, tools=tools, tool_choice=choice, **more)
    assert isinstance(found, Denied) and (found.refusal, found.param) == (Refusal.FEATURE_UNSUPPORTED, "tools")


def test_who_sells_it_serves() -> None:
    """Nothing is taken out while somebody may be asked the whole of it."""
    maker = offer("maker", engine="anthropic", dialects=("messages",))
    other = offer("other", dialects=("messages",))
    found = decide(other, maker, dialect="messages", max_tokens=9, tools=[CLAUDE], priced=("searches",))
    assert isinstance(found, Admitted) and found.offers == (maker,) and not found.told


def test_other_faults_stay() -> None:
    found = decide(offer(dialects=("responses",)), dialect="responses", tools=[SEARCH], service_tier="priority")
    assert isinstance(found, Denied)
    found = decide(offer(dialects=("responses",), enabled=False), dialect="responses", tools=[SEARCH])
    assert isinstance(found, Denied) and found.refusal is Refusal.NO_CAPACITY
    found = decide(offer(dialects=("embeddings",)), dialect="responses", tools=[SEARCH])
    assert isinstance(found, Denied) and found.refusal is Refusal.DIALECT_UNSUPPORTED


def test_key_that_reads_otherwise() -> None:
    """A body whose parts make no request any more is refused as it was."""
    found = decide(offer(dialects=("messages",)), dialect="messages", max_tokens=9, tools=[CLAUDE],
                   messages=[{"role": "user", "content": "hi"}], mcp_servers=[{"url": "x"}])
    assert isinstance(found, Denied)
