"""What input a request would have: who says so exactly, what is asked, and how the figure is told.

Only the endpoints of those who also bill it are asked, because a figure that is nearly right is worse than none. The
real engine's are held against what it reports afterwards in tests/e2e/test_translated.py.
"""

from __future__ import annotations

import msgspec

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.request import Pieces, RequestFacts, splice

# What stands behind the path of the dialect itself.
SUFFIX: dict[tuple[Engine, Dialect], bytes] = {
    ("anthropic", "messages"): b"/count_tokens",
    ("openai", "responses"): b"/input_tokens",
    ("llamacpp", "messages"): b"/count_tokens",
    ("llamacpp", "responses"): b"/input_tokens",
    ("llamacpp", "chat"): b"/input_tokens",
}
# The members of a request that become input or decide what it is: all that such a question may say.
MEMBERS: dict[Dialect, frozenset[str]] = {
    "messages": frozenset({
        "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control",
        "context_management",
    }),
    "responses": frozenset({
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text",
        "truncation",
    }),
    "chat": frozenset({
        "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
        "chat_template_kwargs",
    }),
}  # fmt: skip


class _Said(msgspec.Struct):
    input_tokens: int


_SAID = msgspec.json.Decoder(_Said)


def ask_count(body: bytes, facts: RequestFacts, model: str, translated: bool) -> Pieces:
    """The body of the question, as pieces; `model` is the upstream's name.

    A client's own question goes as it came but for the model; of a translated request goes what may stand in one.
    """
    name = msgspec.json.encode(model)
    if not translated:
        return splice(body, facts, {"model": name})
    members = MEMBERS[facts.dialect]
    kept = {key: raw for key, raw in facts.fields.items() if key in members}
    return [msgspec.json.encode({**kept, "model": msgspec.Raw(name)})]


def count_head(head: bytes, suffix: bytes) -> bytes:
    """A dialect's head, sent to the endpoint behind its path instead."""
    return head.replace(b" HTTP/1.1\r\n", suffix + b" HTTP/1.1\r\n", 1)


def read_count(body: bytes) -> int:
    """The figure in an upstream's answer, -1 when there is none."""
    try:
        found = _SAID.decode(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError):
        return -1
    return max(-1, found)


def render_count(dialect: Dialect, tokens: int) -> bytes:
    """The figure as the dialect says it."""
    if dialect == "responses":
        return b'{"object":"response.input_tokens","input_tokens":%d}' % tokens
    return b'{"input_tokens":%d}' % tokens
