"""The official SDKs as judges of our bytes: their event types, and their clients reading a stream from us."""

from __future__ import annotations

import json
from typing import Any, get_args

import anthropic
import httpx2
import openai
from anthropic.types import Message, RawMessageStreamEvent
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from tokenworks.wire.dialects import Dialect
from tokenworks.wire.sse import Splitter, read_event


def _by_type(union: Any) -> dict[str, Any]:
    members = get_args(get_args(union)[0])
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


RESPONSES = _by_type(ResponseStreamEvent)
MESSAGES = _by_type(RawMessageStreamEvent)


def events(data: bytes) -> list[tuple[str, bytes]]:
    """(name, data) of a stream of ours."""
    splitter = Splitter()
    blocks = splitter.feed(data)
    assert splitter.rest == b"", "a stream ends with whole events"
    return [(name, text) for name, text in map(read_event, blocks) if text]


def check(dialect: Dialect, data: bytes) -> list[Any]:
    """The events as the SDK's types, after strict validation; raises where a client would stumble."""
    found: list[Any] = []
    for name, text in events(data):
        if text == b"[DONE]":
            assert dialect in ("chat", "completions")
            continue
        said = json.loads(text)
        if dialect == "chat":
            found.append(ChatCompletionChunk.model_validate(said))
        elif dialect == "completions":
            for choice in said["choices"]:  # the type is that of whole bodies: running chunks of every vendor say null
                choice["finish_reason"] = choice["finish_reason"] or "stop"
            found.append(Completion.model_validate(said))
        else:
            assert name == said["type"], "the event's name is its type"
            if name == "ping":
                continue
            found.append((RESPONSES if dialect == "responses" else MESSAGES)[name].model_validate(said))
    return found


def check_body(dialect: Dialect, data: bytes) -> Any:
    """A whole body as the SDK's type."""
    kinds: dict[str, Any] = {
        "chat": ChatCompletion, "completions": Completion, "responses": Response, "messages": Message}
    return kinds[dialect].model_validate(json.loads(data))


class Upstream(httpx2.BaseTransport):
    """Answers every request with the stream that is set."""

    data = b""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self.data)


UPSTREAM = Upstream()
CLAUDE = anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=UPSTREAM), max_retries=0)
OPENAI = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=UPSTREAM), max_retries=0)


def consume(dialect: Dialect, data: bytes) -> list[Any]:
    """What the official client makes of a stream; raises its exceptions."""
    UPSTREAM.data = data
    say: Any = [{"role": "user", "content": "x"}]
    if dialect == "messages":
        with CLAUDE.messages.stream(model="m", max_tokens=9, messages=say) as stream:
            for _ in stream:
                pass
            return [stream.get_final_message()]
    if dialect == "chat":
        return list(OPENAI.chat.completions.create(model="m", messages=say, stream=True))
    if dialect == "completions":
        return list(OPENAI.completions.create(model="m", prompt="x", stream=True))
    return list(OPENAI.responses.create(model="m", input="x", stream=True))
