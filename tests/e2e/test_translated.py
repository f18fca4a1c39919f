"""Any client, any model: the official SDKs at deployments of the real engine that speak one dialect each.

Whatever the client speaks and whatever is spoken upstream: the answer has the client's types, and its usage is what is
billed, which is the engine's own object, to the token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from tests.e2e.sources import time_policy
from tests.e2e.utility import MODEL, Utility
from tests.wire import sdk

from tokenworks.usage.normalise import normalise
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.prompt.translate import REACHES

SPOKEN: tuple[Dialect, ...] = ("chat", "responses", "messages")
PAIRS: list[tuple[Dialect, Dialect]] = [(client, spoken) for client, reached in REACHES.items() for spoken in reached]
QUESTION = "What is the capital of France?"
ASKED = {False: QUESTION, True: "What is the weather in Paris?"}
MOST = {False: 40, True: 200}  # output tokens: a forced call takes the tiny model a while
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
CALLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": CITY}}],
    "responses": [{"type": "function", "name": "get_weather", "description": "Weather", "parameters": CITY,
                   "strict": False}],
    "messages": [{"name": "get_weather", "description": "Weather", "input_schema": CITY}],
}


class Answer(NamedTuple):
    """One answer as its client has it: text, calls (name, arguments), usage as a JSON object, id in the books."""

    text: str
    calls: list[tuple[str, Any]]
    usage: dict[str, Any]
    request: str
    end: str


class Clients:
    """Both SDKs, as a developer has them."""

    def __init__(self, utility: Utility) -> None:
        self.openai = openai.OpenAI(base_url=f"{utility.url}/v1", api_key=utility.key, max_retries=0, timeout=60)
        self.claude = anthropic.Anthropic(base_url=utility.url, api_key=utility.key, max_retries=0, timeout=60)

    def chat(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["chat"], "tool_choice": "required"} if tools else {}
        raw = self.openai.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": ASKED[tools]}], max_tokens=MOST[tools], temperature=0,
            **given)
        answer = raw.parse()
        (choice,) = answer.choices
        calls = [(one.function.name, json.loads(one.function.arguments)) for one in choice.message.tool_calls or ()]
        return Answer(choice.message.content or "", calls, answer.usage.to_dict(), raw.headers["x-request-id"],
                      choice.finish_reason)

    def chat_stream(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["chat"], "tool_choice": "required"} if tools else {}
        with self.openai.chat.completions.stream(
            model=model, messages=[{"role": "user", "content": ASKED[tools]}], max_tokens=MOST[tools], temperature=0,
            stream_options={"include_usage": True}, **given,
        ) as stream:
            for _ in stream:
                pass
            answer, request = stream.get_final_completion(), stream._response.headers["x-request-id"]
        (choice,) = answer.choices
        calls = [(one.function.name, json.loads(one.function.arguments)) for one in choice.message.tool_calls or ()]
        return Answer(choice.message.content or "", calls, answer.usage.to_dict(), request, choice.finish_reason)

    def completions(self, model: str, tools: bool) -> Answer:
        raw = self.openai.completions.with_raw_response.create(
            model=model, prompt=QUESTION, max_tokens=40, temperature=0)
        answer = raw.parse()
        return Answer(answer.choices[0].text, [], answer.usage.to_dict(), raw.headers["x-request-id"],
                      answer.choices[0].finish_reason)

    def completions_stream(self, model: str, tools: bool) -> Answer:
        stream = self.openai.completions.create(model=model, prompt=QUESTION, max_tokens=40, temperature=0, stream=True,
                                                stream_options={"include_usage": True})
        chunks = list(stream)
        text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
        end = next(chunk.choices[0].finish_reason for chunk in reversed(chunks) if chunk.choices)
        return Answer(text, [], chunks[-1].usage.to_dict(), stream.response.headers["x-request-id"], end)

    def responses(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["responses"], "tool_choice": "required"} if tools else {}
        raw = self.openai.responses.with_raw_response.create(
            model=model, input=ASKED[tools], max_output_tokens=MOST[tools], temperature=0, **given)
        return self._response(model, raw.parse(), raw.headers["x-request-id"])

    def responses_stream(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["responses"], "tool_choice": "required"} if tools else {}
        stream = self.openai.responses.create(
            model=model, input=ASKED[tools], max_output_tokens=MOST[tools], temperature=0, stream=True, **given)
        events = list(stream)
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert events[-1].type in ("response.completed", "response.incomplete")
        return self._response(model, events[-1].response, stream.response.headers["x-request-id"])

    def _response(self, model: str, answer: Any, request: str) -> Answer:
        calls = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
        if model != "only-responses":  # which is relayed as it comes
            assert answer.store is False, "nothing is kept that could be gone on from"
        return Answer(answer.output_text, calls, answer.usage.to_dict(), request, answer.status)

    def messages(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["messages"], "tool_choice": {"type": "any"}} if tools else {}
        raw = self.claude.messages.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": ASKED[tools]}], max_tokens=MOST[tools],
            extra_body={"temperature": 0}, **given)
        return self._message(raw.parse(), raw.headers["request-id"])

    def messages_stream(self, model: str, tools: bool) -> Answer:
        given = {"tools": CALLS["messages"], "tool_choice": {"type": "any"}} if tools else {}
        with self.claude.messages.stream(
            model=model, messages=[{"role": "user", "content": ASKED[tools]}], max_tokens=MOST[tools],
            extra_body={"temperature": 0}, **given,
        ) as stream:
            for _ in stream:
                pass
            return self._message(stream.get_final_message(), stream.response.headers["request-id"])

    def _message(self, answer: Any, request: str) -> Answer:
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
        return Answer(text, calls, answer.usage.to_dict(), request, answer.stop_reason)


@pytest.fixture(scope="module")
def clients(utility: Utility) -> Iterator[Clients]:
    """The embedded engine sold three times, each time in one dialect alone."""
    for spoken in SPOKEN:
        utility.client.call("PUT", f"/models/only-{spoken}", {"context_tokens": 4096, "output_tokens_max": 2048})
        utility.client.call("POST", "/deployments", {
            "deployment": f"only-{spoken}", "model": f"only-{spoken}", "url": "embedded:", "engine": "llamacpp",
            "own": True, "allow_private": True, "upstream_model": MODEL, "dialects": [spoken],
            "share_prefix_cache": True})
    time_policy(utility)
    yield Clients(utility)


def totals(client: Dialect, usage: dict[str, Any]) -> tuple[int, int]:
    """Prompt and output tokens as a client's usage object says them."""
    if client == "messages":
        read = usage.get("cache_read_input_tokens") or 0
        return usage["input_tokens"] + read + (usage.get("cache_creation_input_tokens") or 0), usage["output_tokens"]
    if client == "responses":
        return usage["input_tokens"], usage["output_tokens"]
    return usage["prompt_tokens"], usage["completion_tokens"]


def check_booked(utility: Utility, client: Dialect, spoken: Dialect, answer: Answer) -> None:
    """What the client was shown is what was billed is what the engine said."""
    story = utility.booked(answer.request)
    usage = story["usage"]
    prompt = sum(usage.get(name, 0) for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h"))
    assert (prompt, usage.get("output", 0) + usage.get("reasoning", 0)) == totals(client, answer.usage)
    assert story["basis"] == "reported" and story["request"]["dialect"] == client
    said = normalise("llamacpp", spoken, json.dumps(story["raw_usage"]).encode())
    assert (said.prompt, said.completion) == totals(client, answer.usage)
    assert [attempt["spoken"] for attempt in story["attempts"]] == [spoken]
    assert story["admission"]["spoken"] == spoken


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_text(utility: Utility, clients: Clients, client: Dialect, spoken: Dialect, streamed: bool) -> None:
    ask: Callable[[str, bool], Answer] = getattr(clients, f"{client}_stream" if streamed else client)
    answer = ask(f"only-{spoken}", False)
    assert answer.text and not answer.calls
    assert answer.end in ("stop", "length", "end_turn", "max_tokens", "completed", "incomplete")
    check_booked(utility, client, spoken, answer)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("client", "spoken"), [pair for pair in PAIRS if pair[0] != "completions"])
def test_tools(utility: Utility, clients: Clients, client: Dialect, spoken: Dialect, streamed: bool) -> None:
    ask: Callable[[str, bool], Answer] = getattr(clients, f"{client}_stream" if streamed else client)
    answer = ask(f"only-{spoken}", True)
    assert answer.calls and answer.calls[0][0] == "get_weather" and isinstance(answer.calls[0][1]["city"], str)
    assert answer.end in ("tool_calls", "tool_use", "completed")
    check_booked(utility, client, spoken, answer)


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_same_usage(utility: Utility, clients: Clients, client: Dialect) -> None:
    """One question costs the same to the token in whichever dialect the engine is asked."""
    found = {totals(client, getattr(clients, client)(model, False).usage)
             for model in (MODEL, *(f"only-{spoken}" for spoken in SPOKEN))}
    assert len(found) == 1, found


@pytest.mark.parametrize("spoken", SPOKEN)
def test_conversation(utility: Utility, clients: Clients, spoken: Dialect) -> None:
    """A tool's call and its result go there and back, each in the words of its interface."""
    model = f"only-{spoken}"
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    answer = clients.openai.chat.completions.create(model=model, max_tokens=8, tools=CALLS["chat"], messages=[
        {"role": "system", "content": "You are brief."}, {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}])  # type: ignore[list-item]
    assert answer.usage is not None and answer.usage.prompt_tokens > 40
    message = clients.claude.messages.create(model=model, max_tokens=8, system="You are brief.",
                                             tools=CALLS["messages"], messages=[
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather",
                                           "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]}])
    assert message.usage.output_tokens > 0
    response = clients.openai.responses.create(model=model, max_output_tokens=8, instructions="You are brief.",
                                               tools=CALLS["responses"], input=[
        {"role": "user", "content": "Weather in Paris?"},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}])
    assert response.usage is not None and response.usage.output_tokens > 0
    prompts = {answer.usage.prompt_tokens, response.usage.input_tokens, message.usage.input_tokens
               + (message.usage.cache_read_input_tokens or 0)}
    assert len(prompts) == 1, "one conversation, whoever tells it"


@pytest.mark.parametrize("spoken", SPOKEN)
def test_events_validate(utility: Utility, clients: Clients, spoken: Dialect) -> None:
    """Every event of a translated stream has its type in the SDKs, strictly."""
    for client, path, body in (
        ("chat", "/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 9}),
        ("responses", "/v1/responses", {"input": QUESTION, "max_output_tokens": 16}),
        ("messages", "/v1/messages", {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 9}),
    ):
        if client == spoken:
            continue
        http = clients.openai._client
        reply = http.post(f"{utility.url}{path}", headers={"authorization": f"Bearer {utility.key}"},
                          json={"model": f"only-{spoken}", "stream": True, **body})
        assert reply.status_code == 200 and reply.headers["x-request-id"] == reply.headers["request-id"]
        assert sdk.check(client, reply.content)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [MODEL, "only-chat", "only-responses", "only-messages"])
def test_counts(utility: Utility, clients: Clients, model: str) -> None:
    """What a request would be billed is what it is billed: with a system prompt, tools, results, in both interfaces."""
    asked: dict[str, Any] = {"model": model, "system": "You are brief. Café.", "tools": CALLS["messages"], "messages": [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather",
                                           "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]}]}
    counted = clients.claude.messages.count_tokens(**asked).input_tokens
    answer = clients.claude.messages.create(**asked, max_tokens=2)
    assert counted == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)
    question: dict[str, Any] = {"model": model, "input": QUESTION, "instructions": "You are brief.",
                                "tools": CALLS["responses"]}
    counted = clients.openai.responses.input_tokens.count(**question).input_tokens
    response = clients.openai.responses.create(**question, max_output_tokens=16)
    assert response.usage is not None and counted == response.usage.input_tokens


def test_not_counted_where_unknown(utility: Utility, clients: Clients) -> None:
    with pytest.raises(anthropic.HTTPNotImplementedError):
        utility.client.call("PUT", "/models/uncounted", {"context_tokens": 4096})
        utility.client.call("POST", "/deployments", {
            "deployment": "uncounted", "model": "uncounted", "url": "http://127.0.0.1:1", "engine": "vllm",
            "own": True, "allow_private": True, "dialects": ["chat"]})
        time_policy(utility)
        clients.claude.messages.count_tokens(model="uncounted", messages=[{"role": "user", "content": "hi"}])


# The engine's chat takes a schema; its other two interfaces take none, which is why a deployment of it speaks chat.
TAKES_SCHEMA = [MODEL, "only-chat"]


@pytest.mark.parametrize("model", TAKES_SCHEMA)
def test_forced(clients: Clients, model: str) -> None:
    """A tool that has to be called is called, also where the engine would rather talk."""
    message = clients.claude.messages.create(
        model=model, max_tokens=200, messages=[{"role": "user", "content": QUESTION}], tools=CALLS["messages"],
        tool_choice={"type": "tool", "name": "get_weather"}, extra_body={"temperature": 0})
    assert [(block.type, block.name) for block in message.content] == [("tool_use", "get_weather")]
    assert isinstance(message.content[0].input["city"], str) and message.stop_reason == "tool_use"
    response = clients.openai.responses.create(
        model=model, max_output_tokens=200, input=QUESTION, tools=CALLS["responses"], temperature=0,
        tool_choice={"type": "function", "name": "get_weather"})
    assert [(item.type, item.name) for item in response.output] == [("function_call", "get_weather")]
    assert "city" in json.loads(response.output[0].arguments)


@pytest.mark.parametrize("model", TAKES_SCHEMA)
def test_structured(clients: Clients, model: str) -> None:
    """Output of a schema is that, whichever interface asks for it."""
    say = [{"role": "user", "content": QUESTION}]
    answer = clients.openai.chat.completions.create(
        model=model, max_tokens=200, messages=say, temperature=0, response_format={  # type: ignore[arg-type]
            "type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}})
    assert set(json.loads(answer.choices[0].message.content or "")) == {"city"}
    response = clients.openai.responses.create(
        model=model, max_output_tokens=200, input=QUESTION, temperature=0,
        text={"format": {"type": "json_schema", "name": "place", "schema": CITY, "strict": True}})
    assert set(json.loads(response.output_text)) == {"city"}
    message = clients.claude.messages.create(
        model=model, max_tokens=200, messages=say, extra_body={  # type: ignore[arg-type]
            "temperature": 0, "output_config": {"format": {"type": "json_schema", "schema": CITY}}})
    assert set(json.loads(message.content[0].text)) == {"city"}
