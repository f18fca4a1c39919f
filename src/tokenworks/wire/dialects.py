"""The dialects that are spoken on both sides, the families they belong to, and the engines that speak them."""

from __future__ import annotations

import re
from typing import Literal, get_args

Dialect = Literal["chat", "completions", "responses", "messages", "embeddings"]
Family = Literal["openai", "anthropic"]  # whose error envelope and list shapes apply
# Whose owned fields and usage figures apply: what serves on chips first, then what is bought.
Engine = Literal[
    "vllm", "sglang", "llamacpp", "trtllm", "mindie", "lmdeploy", "ollama",
    "openai", "anthropic", "deepseek", "gemini", "dashscope", "zhipu", "moonshot", "minimax", "bedrock", "xai",
    "mistral",
]  # fmt: skip

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
ENGINES: tuple[Engine, ...] = get_args(Engine)

FAMILY: dict[Dialect, Family] = {
    "chat": "openai",
    "completions": "openai",
    "responses": "openai",
    "messages": "anthropic",
    "embeddings": "openai",
}

UPSTREAM_PATH: dict[Dialect, bytes] = {
    "chat": b"/v1/chat/completions",
    "completions": b"/v1/completions",
    "responses": b"/v1/responses",
    "messages": b"/v1/messages",
    "embeddings": b"/v1/embeddings",
}

STREAM_TYPE = b"text/event-stream"
WHOLE_TYPE = b"application/json"
_VERSION = re.compile(rb"/v[0-9]+(?:alpha|beta)?[0-9]*(?=/|$)")


def endpoint_path(prefix: bytes, dialect: Dialect) -> bytes:
    """Where a dialect is spoken behind an address's path (without a trailing slash).

    A path with a version of its own, like /api/paas/v4 or /v1beta/openai, stands in place of /v1.
    """
    path = UPSTREAM_PATH[dialect]
    return prefix + (path[3:] if _VERSION.search(prefix) else path)
