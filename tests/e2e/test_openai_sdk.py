"""The developer who buys tokens changes `base_url` and key in the official OpenAI SDK, and it works."""

from __future__ import annotations

import json

import httpx2
import openai
import pytest
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent
from tests.e2e.utility import MODEL, Utility

SAY = [{"role": "user", "content": "What is the capital of France?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": CITY,
    },
}


class Sdk:
    """An OpenAI client that counts the attempts it makes."""

    def __init__(self, utility: Utility, key: str | None = None, **options: object) -> None:
        self.attempts = 0
        http = httpx2.Client(event_hooks={"request": [self._count]}, timeout=60)
        self.client = openai.OpenAI(
            base_url=f"{utility.url}/v1", api_key=key or utility.key, http_client=http, **options
        )

    def _count(self, _request: httpx2.Request) -> None:
        self.attempts += 1


@pytest.fixture
def sdk(utility: Utility) -> Sdk:
    return Sdk(utility)


def test_chat_whole(sdk: Sdk, utility: Utility) -> None:
    raw = sdk.client.chat.completions.with_raw_response.create(model=MODEL, messages=SAY, max_tokens=16)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.usage is not None and answer.usage.prompt_tokens > 0
    booked = utility.booked(raw.headers["x-request-id"])
    usage = booked["usage"]
    prompt = sum(usage.get(name, 0) for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h"))
    assert prompt == answer.usage.prompt_tokens
    assert usage.get("output", 0) + usage.get("reasoning", 0) == answer.usage.completion_tokens
    assert booked["basis"] == "reported"


def test_several_answers(sdk: Sdk, utility: Utility) -> None:
    """The engine's own usage speaks of one of them; billed and shown are all, and the prompt once."""
    raw = sdk.client.chat.completions.with_raw_response.create(model=MODEL, messages=SAY, max_tokens=8, n=3)
    answer = raw.parse()
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert all(choice.message.content for choice in answer.choices)
    one = sdk.client.chat.completions.create(model=MODEL, messages=SAY, max_tokens=8)
    assert answer.usage is not None and one.usage is not None
    assert answer.usage.prompt_tokens == one.usage.prompt_tokens
    assert 8 < answer.usage.completion_tokens <= 24
    booked = utility.booked(raw.headers["x-request-id"])
    assert booked["usage"]["output"] == answer.usage.completion_tokens and booked["basis"] == "reported"
    stream = sdk.client.chat.completions.create(
        model=MODEL, messages=SAY, max_tokens=8, n=2, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert {choice.index for chunk in chunks for choice in chunk.choices} == {0, 1}
    assert chunks[-1].usage is not None
    booked = utility.booked(stream.response.headers["x-request-id"])
    assert booked["usage"]["output"] == chunks[-1].usage.completion_tokens > 8


def test_stream_without_usage(sdk: Sdk, utility: Utility) -> None:
    with sdk.client.chat.completions.with_raw_response.create(
        model=MODEL, messages=SAY, max_tokens=16, stream=True
    ).parse() as stream:
        request = stream.response.headers["x-request-id"]
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks), "usage was not asked for"
    assert not any("timings" in (chunk.model_extra or {}) for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason in {"stop", "length"}
    booked = utility.booked(request)
    assert booked["basis"] == "reported" and booked["usage"]["output"] > 0, "metered although not asked for"


def test_stream_with_usage(sdk: Sdk, utility: Utility) -> None:
    stream = sdk.client.chat.completions.create(
        model=MODEL, messages=SAY, max_tokens=16, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].usage is not None and not chunks[-1].choices
    booked = utility.booked(stream.response.headers["x-request-id"])
    assert booked["usage"]["output"] == chunks[-1].usage.completion_tokens


def test_tools_whole(sdk: Sdk) -> None:
    answer = sdk.client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        tool_choice="required",
        max_tokens=200,
        temperature=0,
    )
    calls = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls" and calls
    assert calls[0].function.name == "get_weather"
    assert "city" in json.loads(calls[0].function.arguments)


def test_tools_streamed(sdk: Sdk) -> None:
    stream = sdk.client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        tool_choice="required",
        max_tokens=200,
        temperature=0,
        stream=True,
    )
    parts = [call for chunk in stream for call in (chunk.choices[0].delta.tool_calls or [])]
    assert parts[0].function is not None and parts[0].function.name == "get_weather"
    assert "city" in json.loads("".join(part.function.arguments or "" for part in parts if part.function))


def test_completions(sdk: Sdk) -> None:
    whole = sdk.client.completions.create(model=MODEL, prompt="The capital of", max_tokens=8)
    assert whole.usage is not None and whole.usage.completion_tokens > 0
    parts = list(sdk.client.completions.create(model=MODEL, prompt="The capital of", max_tokens=8, stream=True))
    assert len(parts) >= 2 and all(part.usage is None for part in parts)


def test_responses_whole(sdk: Sdk, utility: Utility) -> None:
    raw = sdk.client.responses.with_raw_response.create(model=MODEL, input="Say hello.", max_output_tokens=16)
    answer = raw.parse()
    assert answer.output_text and answer.usage is not None
    booked = utility.booked(raw.headers["x-request-id"])
    assert booked["usage"]["output"] == answer.usage.output_tokens


def test_responses_streamed(sdk: Sdk) -> None:
    events = list(sdk.client.responses.create(model=MODEL, input="Say hello.", max_output_tokens=16, stream=True))
    assert any(isinstance(event, ResponseTextDeltaEvent) for event in events)
    assert isinstance(events[-1], ResponseCompletedEvent) or events[-1].type == "response.incomplete"


@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings(sdk: Sdk, utility: Utility, form: str) -> None:
    raw = sdk.client.embeddings.with_raw_response.create(model=MODEL, input=["one", "two"], encoding_format=form)
    answer = raw.parse()
    assert len(answer.data) == 2 and answer.usage.prompt_tokens > 0
    assert utility.booked(raw.headers["x-request-id"])["usage"]["input"] == answer.usage.prompt_tokens


def test_models(sdk: Sdk) -> None:
    assert MODEL in [model.id for model in sdk.client.models.list()]
    assert sdk.client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        sdk.client.models.retrieve("no-such-model")


def test_unknown_key(utility: Utility) -> None:
    sdk = Sdk(utility, key="tw_live_wrong")
    with pytest.raises(openai.AuthenticationError) as caught:
        sdk.client.chat.completions.create(model=MODEL, messages=SAY)
    assert caught.value.code == "invalid_api_key" and sdk.attempts == 1
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_unknown_model(sdk: Sdk) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.client.chat.completions.create(model=MODEL + "x", messages=SAY)
    assert caught.value.code == "model_not_found" and sdk.attempts == 1
    assert MODEL in str(caught.value), "the message names the nearest model"


def test_empty_wallet(utility: Utility) -> None:
    sdk = Sdk(utility, key=utility.poor_key())
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.client.chat.completions.create(model=MODEL, messages=SAY)
    assert caught.value.code == "insufficient_quota" and sdk.attempts == 1


def test_context_too_long(sdk: Sdk) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 40_000}])
    assert caught.value.code == "context_length_exceeded" and sdk.attempts == 1


def test_wrong_type(sdk: Sdk) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.client.chat.completions.create(model=MODEL, messages=SAY, max_tokens="many")  # type: ignore[call-overload]
    assert "max_tokens" in str(caught.value)


def test_upstream_down_retried(utility: Utility) -> None:
    sdk = Sdk(utility, max_retries=2)
    with pytest.raises(openai.InternalServerError):
        sdk.client.chat.completions.create(model=utility.dead_model(), messages=SAY)
    assert sdk.attempts == 3, "an upstream that is down may be tried again"
