"""The agents: how each is started without a person, what it speaks, and what it may do when it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.agents.mind import SENTENCE

HANG_S = 120  # a run that takes longer is a hang, and is ended
RUN_S = 60  # what a refused run may take, on a machine that does other things too
NOTHING: Mapping[str, str] = MappingProxyType({})
NOTHING_S: Mapping[str, int] = MappingProxyType({})


class Agent(NamedTuple):
    """`command(model, job)` starts it headless in the project's folder, after `tokenworks connect TOOL --write`.

    `request_kb`: about how large its first request is. `words`: what it says itself where it does not show what the
    gateway says, by failure. `patience`: seconds that it may take where it tries again by a rule of its own that no
    setting changes, by failure.
    """

    name: str
    title: str
    package: str
    speaks: str
    command: Callable[[str, str], list[str]]
    env: Mapping[str, str]
    request_kb: int
    words: Mapping[str, str] = NOTHING
    patience: Mapping[str, int] = NOTHING_S


AGENTS = (
    Agent("claude", "Claude Code", "@anthropic-ai/claude-code", "messages",
          lambda model, job: ["claude", "-p", job, "--allowedTools", "Bash", "Write"],
          {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}, 50),
    Agent("codex", "Codex", "@openai/codex", "responses",
          lambda model, job: ["codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", job], {}, 41,
          {"no_credit": "Quota exceeded. Check your plan and billing details.",
           "rate_limited": "exceeded retry limit, last status: 429 Too Many Requests",
           "overloaded": "Selected model is at capacity. Please try a different model."}),
    Agent("opencode", "opencode", "opencode-ai", "chat",
          lambda model, job: ["opencode", "run", "-m", f"tokenworks/{model}", job],
          {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}, 34,
          patience={"upstream_dies": 100}),  # a broken stream has no retry-after: 2, 4, 8, 16 and 30 s
    Agent("qwen", "Qwen Code", "@qwen-code/qwen-code", "chat",
          lambda model, job: ["qwen", "-y", "-p", job], {"QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}, 78),
    Agent("cline", "Cline", "cline", "chat",
          lambda model, job: ["cline", "-P", "openai", "-m", model, "--auto-approve", "true", "-t", "50", job], {}, 24),
)
# What a run has to show, by case: one of these. Which of two depends on whether the agent asks once more.
SENTENCES: dict[str, tuple[str, ...]] = {
    "job": (SENTENCE,),
    "unknown_key": ("This API key is not known",),
    "no_credit": ("does not cover the request",),
    "rate_limited": ("Too many bytes of requests are in flight for this account",),
    "overloaded": ("There is no capacity for this model now",),
    "upstream_dies": ("The model's server failed", "There is no capacity for this model now"),
    "upstream_gone": ("The model's server failed", "There is no capacity for this model now"),
    "credit_ends": ("",),  # a clean end at a limit, as the dialect has it
}
FAILURES = tuple(case for case in SENTENCES if case != "job")
