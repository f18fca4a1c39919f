"""The one way from a provider's usage object to the vector: tables of dialects and engines, one reader each.

Figures that break `input + cache_read + cache_write = prompt`, are negative, or are missing raise UsageError: the
caller treats the usage as missing (estimated, then amended), because a wrong figure is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tokenworks.errors import UsageError
from tokenworks.usage.anthropic import merge_message, read_message
from tokenworks.usage.dashscope import read_dashscope, read_dashscope_response
from tokenworks.usage.deepseek import read_deepseek
from tokenworks.usage.gemini import read_gemini
from tokenworks.usage.llamacpp import read_timings
from tokenworks.usage.mistral import read_mistral
from tokenworks.usage.moonshot import read_moonshot
from tokenworks.usage.ollama import read_ollama, read_ollama_message, read_ollama_response
from tokenworks.usage.openai import read_chat, read_embeddings, read_response
from tokenworks.usage.sglang import read_sglang
from tokenworks.usage.vector import Usage
from tokenworks.usage.vllm import read_chunk
from tokenworks.usage.xai import read_xai, read_xai_response
from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.fields import PACED

Reader = Callable[[bytes], Usage]

# The shape of the object follows the dialect, whoever speaks it.
READERS: dict[Dialect, Reader] = {
    "chat": read_chat,
    "completions": read_chat,
    "responses": read_response,
    "messages": read_message,
    "embeddings": read_embeddings,
}
# Where an engine's final figures differ from its dialect's; each file says how. All others are read as the dialect
# says: what vLLM and llama.cpp say of cached tokens in /v1/messages differs in words, not in sums, and TensorRT-LLM,
# MindIE, LMDeploy, Zhipu, MiniMax and Bedrock write OpenAI's and Anthropic's objects with figures that nobody needs.
FINAL: dict[tuple[Engine, Dialect], Reader] = {
    ("sglang", "chat"): read_sglang,
    ("sglang", "completions"): read_sglang,
    ("ollama", "chat"): read_ollama,
    ("ollama", "completions"): read_ollama,
    ("ollama", "responses"): read_ollama_response,
    ("ollama", "messages"): read_ollama_message,
    ("deepseek", "chat"): read_deepseek,
    ("gemini", "chat"): read_gemini,
    ("dashscope", "chat"): read_dashscope,
    ("dashscope", "responses"): read_dashscope_response,
    ("moonshot", "chat"): read_moonshot,
    ("xai", "chat"): read_xai,
    ("xai", "responses"): read_xai_response,
    ("mistral", "chat"): read_mistral,
}
# Cumulative figures in mid-stream, by the engine that gives them. llama.cpp's /v1/messages gives none.
PROGRESS: dict[tuple[Engine, Dialect], Reader] = {
    **{(engine, dialect): read_chunk for engine in PACED for dialect in ("chat", "completions")},
    ("gemini", "chat"): read_gemini,
    **{("llamacpp", dialect): read_timings for dialect in ("chat", "completions", "responses", "messages")},
}


def find_reader(engine: Engine, dialect: Dialect) -> Reader:
    """Who reads a raw usage object; the reader raises UsageError and msgspec.DecodeError."""
    return FINAL.get((engine, dialect)) or READERS[dialect]


def normalise(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a raw usage object (the JSON object that is the value of `usage`); raises UsageError."""
    return _read(find_reader(engine, dialect), raw)


def normalise_progress(engine: Engine, dialect: Dialect, raw: bytes) -> Usage:
    """The vector of a cumulative figure in mid-stream: a chunk's `usage`, llama.cpp's `timings` object.

    Raises UsageError, also for an engine that reports no progress in that dialect.
    """
    reader = PROGRESS.get((engine, dialect))
    if reader is None:
        raise UsageError(f"{engine} reports no progress in {dialect} streams")
    return _read(reader, raw)


def merge_raw(earlier: bytes, later: bytes) -> bytes:
    """Two partial usage objects as one: `later` wins where it has a figure (message_start, then message_delta)."""
    try:
        return merge_message(earlier, later)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UsageError(fault) from None


def _read(reader: Reader, raw: bytes) -> Usage:
    try:
        return reader(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UsageError(fault) from None
