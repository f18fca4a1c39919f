"""The agents: how each is started without a person, what it speaks, and what it may do when it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.agents.mind import SENTENCE

RUN_S = 60  # no run may take longer, whatever happens: a run that does is a hang
NOTHING: Mapping[str, str] = MappingProxyType({})


class Agent(NamedTuple):
    """`command(model, job)` starts it headless in the project's folder, after `tokenworks connect TOOL --write`.

    `words`: what it says itself where it does not show what the gateway says, by failure.
    """

    name: str
    title: str
    package: str
    speaks: str
    command: Callable[[str, str], list[str]]
    env: Mapping[str, str]
    words: Mapping[str, str] = NOTHING


AGENTS = (
    Agent("claude", "Claude Code", "@anthropic-ai/claude-code", "messages",
          lambda model, job: ["claude", "-p", job, "--allowedTools", "Bash", "Write"],
          {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}),
    Agent("codex", "Codex", "@openai/codex", "responses",
          lambda model, job: ["codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", job], {},
          {"no_credit": "Quota exceeded. Check your plan and billing details."}),
    Agent("opencode", "opencode", "opencode-ai", "chat",
          lambda model, job: ["opencode", "run", "-m", f"tokenworks/{model}", job],
          {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}),
    Agent("qwen", "Qwen Code", "@qwen-code/qwen-code", "chat",
          lambda model, job: ["qwen", "-y", "-p", job], {"QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}),
    Agent("cline", "Cline", "cline", "chat",
          lambda model, job: ["cline", "-P", "openai", "-m", model, "--auto-approve", "true", "-t", "50", job], {}),
)
# What a run has to show, by case. `{}` cases are those in which the gateway or the upstream refuses.
SENTENCES = {
    "job": SENTENCE,
    "unknown_key": "This API key is not known",
    "no_credit": "does not cover the request",
    "rate_limited": "Too many bytes of requests are in flight for this account",
    "overloaded": "There is no capacity for this model now",
    "credit_ends": "",
    "upstream_dies": "The model's server failed in the middle of the answer",
    "upstream_gone": "The model's server failed. Nothing was charged",
}
FAILURES = tuple(case for case in SENTENCES if case != "job")
