"""Ollama: OpenAI's and Anthropic's objects. Older versions tell of no cache, and some say 0 for a cached prompt.

No prompt is empty, so a prompt of 0 before an answer is that mistake and no figure. Sources: pull request 17943 of
ollama/ollama (what is told since), issues 5370 and 3427 (the mistake).
"""

from __future__ import annotations

from collections.abc import Callable

from tokenworks.errors import UsageError
from tokenworks.usage.anthropic import read_message
from tokenworks.usage.openai import read_chat, read_response
from tokenworks.usage.vector import Usage


def _with_prompt(read: Callable[[bytes], Usage]) -> Callable[[bytes], Usage]:
    def read_checked(raw: bytes) -> Usage:
        usage = read(raw)
        if usage.completion and not usage.prompt:
            raise UsageError("the prompt counts 0 tokens: this version of Ollama leaves out what was cached")
        return usage

    return read_checked


read_ollama = _with_prompt(read_chat)
read_ollama_response = _with_prompt(read_response)
read_ollama_message = _with_prompt(read_message)
