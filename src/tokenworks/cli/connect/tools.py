"""Every tool that `connect` knows, as a table."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Literal, NamedTuple

from tokenworks.cli.connect import agents, sdks
from tokenworks.cli.connect.agents import KEY_VARIABLE
from tokenworks.cli.connect.setup import Edit, Setup
from tokenworks.cli.exits import USAGE, failed

ToolName = Literal["openai", "anthropic", "claude", "codex", "opencode", "qwen", "cline", "aider", "llm", "langchain",
                   "llamaindex", "litellm", "ai-sdk"]  # as the command line completes and checks it
Spoken = Literal["chat", "responses", "messages"]
Language = Literal["sh", "python", "javascript"]


class Tool(NamedTuple):
    """One tool: `dialect` is what it speaks, and one of three says how it is set up.

    `files`: its settings files. `auth`: its own command that writes them. `snippet`: lines for a program or shell.
    `start` is how it is started then; {model} stands for the model.
    """

    name: str
    title: str
    dialect: Spoken
    files: Callable[[Setup], tuple[Edit, ...]] | None = None
    auth: Callable[[Setup], tuple[str, ...]] | None = None
    snippet: tuple[Language, Callable[[Setup], str]] | None = None
    start: str = ""
    variable: str = ""  # must hold the key when the tool runs, because its settings only name it


_ALL = (
    Tool("openai", "OpenAI SDKs", "responses", snippet=("sh", sdks.show_openai)),
    Tool("anthropic", "Anthropic SDKs", "messages", snippet=("sh", sdks.show_anthropic)),
    Tool("claude", "Claude Code", "messages", agents.write_claude, start="claude"),
    Tool("codex", "Codex", "responses", agents.write_codex, start="codex", variable=KEY_VARIABLE),
    Tool("opencode", "opencode", "chat", agents.write_opencode, start="opencode"),
    Tool("qwen", "Qwen Code", "chat", agents.write_qwen, start="qwen"),
    Tool("cline", "Cline", "chat", auth=agents.auth_cline, start="cline -P openai -m {model}"),
    Tool("aider", "aider", "chat", agents.write_aider, start="aider"),
    Tool("llm", "llm", "chat", agents.write_llm, start="llm -m tokenworks/{model} Hello"),
    Tool("langchain", "LangChain", "chat", snippet=("python", sdks.show_langchain)),
    Tool("llamaindex", "LlamaIndex", "chat", snippet=("python", sdks.show_llamaindex)),
    Tool("litellm", "LiteLLM's client", "chat", snippet=("python", sdks.show_litellm)),
    Tool("ai-sdk", "Vercel AI SDK", "chat", snippet=("javascript", sdks.show_ai_sdk)),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _ALL}


def find_tool(name: str) -> Tool:
    """The tool of a name; raises Failed with the nearest one."""
    if name in TOOLS:
        return TOOLS[name]
    near = difflib.get_close_matches(name.lower(), TOOLS, 1, 0.5)
    known = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(TOOLS)}."
    raise failed(f"There is no tool {name}. {known}", USAGE, code="tool_unknown")
