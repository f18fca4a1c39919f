"""Which clients are tried, in which dialects, with which cases; and what each case has to come to."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.clients.drivers import frame
from tests.clients.scripted import GREETING, TOLD

PLAIN = ("plain", "plain_stream")
TINY = ("chat", "messages")  # llama.cpp's own responses lack members that the libraries' types require
WORK = ("whole", "stream", "tool", "tool_stream", "structured")
FAILURES = ("unknown_key", "no_credit", "unknown_model")


class Client(NamedTuple):
    """A client: its locked environment, its driver, and the dialects in which it can ask.

    `known` names a reason when its models must have names that it knows: it then asks for others.
    """

    name: str
    title: str
    driver: str
    ways: tuple[str, ...]
    work: tuple[str, ...] = WORK
    plain: tuple[str, ...] = PLAIN
    known: tuple[str, ...] = ()  # the dialects in which it takes only names of models that it knows
    patient: tuple[str, ...] = ()  # failures in which it goes on trying for long: met once, in its own dialect


CLIENTS = (
    Client("openai-py", "openai (Python)", "openai_py.py", ("chat", "responses")),
    Client("openai-py-previous", "openai (Python), previous major", "openai_py.py", ("chat", "responses")),
    Client("anthropic-py", "anthropic (Python)", "anthropic_py.py", ("messages",)),
    Client("anthropic-py-previous", "anthropic (Python), previous major", "anthropic_py.py", ("messages",)),
    Client("openai-js", "openai (JavaScript)", "openai_js.mjs", ("chat", "responses")),
    Client("anthropic-js", "@anthropic-ai/sdk (JavaScript)", "anthropic_js.mjs", ("messages",)),
    Client("langchain", "LangChain", "langchain_py.py", ("chat", "responses", "messages")),
    Client("llamaindex", "LlamaIndex", "llamaindex_py.py", ("chat", "responses", "messages"), known=("messages",)),
    Client("litellm", "LiteLLM's client", "litellm_py.py", ("chat", "responses", "messages")),
    Client("openai-agents", "openai-agents", "agents_py.py", ("chat", "responses")),
    Client("ai-sdk", "Vercel AI SDK", "ai_sdk.mjs", ("chat", "responses", "messages")),
    Client("llm", "llm", "llm_py.py", ("chat", "responses")),
    Client("aider", "aider", "aider_py.py", ("chat",), ("whole", "stream", "edit"), (), (), ("no_credit",)),
)
# What the scripted upstream's figures come to for the one question that all drivers ask: input, output, cached.
FIGURES = {"whole": (47, 10, 7), "stream": (47, 10, 7), "tool": (49, 10, 8), "tool_stream": (49, 10, 8)}
METHODS = {"plain": "whole", "plain_stream": "stream", "unknown_key": "whole", "no_credit": "whole",
           "unknown_model": "stream"}
# Names of models that LlamaIndex's Anthropic class knows, under which the scripted deployments are sold as well.
KNOWN_NAMES = {"chat": "claude-sonnet-5-5", "messages": "claude-opus-5-5", "responses": "claude-haiku-5-5"}
STATUSES = {"unknown_key": {401}, "no_credit": {402, 429}, "unknown_model": {404}}
SENTENCES = {"unknown_key": "This API key is not known", "no_credit": "does not cover the request",
             "unknown_model": "There is no model"}
# Clients that try again although `x-should-retry: false` says that it cannot help: how often, at most.
ATTEMPTS = {"llamaindex": 3, "ai-sdk": 3, "aider": 40}
FAILURE_S_MAX = {"aider": 150}  # it tries again for a minute, whatever it is told; others are done in seconds
USUAL_S_MAX = 10


def judge(client: Client, case: str, told: dict[str, Any]) -> str:
    """"" when the case came to what it has to; else what is wrong."""
    if case in FAILURES:
        return _judge_failure(client, case, told)
    if "error" in told:
        return f"{told['error']['classes'][:1]} {told['error']['message']}"
    facts = told["facts"]
    wanted = {"text": TOLD + frame.WEATHER if case.startswith("tool") else GREETING}
    if case.startswith("tool"):
        wanted |= {"name": frame.TOOL, "arguments": {"city": "Paris"}}
    if case == "structured":
        wanted = {"value": {"city": "Paris", "people": 7}}
    if case == "edit":
        wanted = {"edited": "hello from aider\n"}
    if case in PLAIN:
        return "" if facts["text"] else "the model said nothing"
    wrong = {name: facts.get(name) for name, value in wanted.items() if facts.get(name) != value}
    if wrong:
        return f"got {wrong}, wanted {wanted}"
    return _judge_figures(case, facts.get("usage"))


def _judge_figures(case: str, shown: dict[str, Any] | None) -> str:
    """A client that shows figures shows those of the upstream; what it does not show is not judged."""
    if shown is None or case not in FIGURES:
        return ""
    wanted = dict(zip(("input", "output", "cached"), FIGURES[case], strict=True))
    wrong = {name: value for name, value in shown.items() if value is not None and value != wanted[name]}
    return f"shows {wrong}, not {wanted}" if wrong else ""


def _judge_failure(client: Client, case: str, told: dict[str, Any]) -> str:
    if "error" not in told:
        return "it did not fail"
    error, attempts = told["error"], told["attempts"]
    if error["status"] not in STATUSES[case] and client.name != "aider":  # it shows the words alone
        return f"status {error['status']}: {error}"
    if SENTENCES[case] not in " ".join(error["message"].split()):
        return f"our sentence is not shown: {error['message']}"
    if not 1 <= attempts <= ATTEMPTS.get(client.name, 1):
        return f"{attempts} attempts"
    return f"{told['seconds']} s" if told["seconds"] > FAILURE_S_MAX.get(client.name, USUAL_S_MAX) else ""
