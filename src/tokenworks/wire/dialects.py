"""The dialects that are spoken on both sides, the families they belong to, and the engines that speak them."""

from __future__ import annotations

from typing import Literal

Dialect = Literal["chat", "completions", "responses", "messages", "embeddings"]
Family = Literal["openai", "anthropic"]  # whose error envelope and list shapes apply
Engine = Literal["openai", "anthropic", "vllm", "llamacpp"]  # whose owned fields and usage figures apply

DIALECTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages", "embeddings")
ENGINES: tuple[Engine, ...] = ("openai", "anthropic", "vllm", "llamacpp")

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
