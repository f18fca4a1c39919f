"""The developer who buys tokens changes `base_url` and key in the official Anthropic SDK, and it works."""

from __future__ import annotations

import anthropic
import httpx2
import pytest
from tests.e2e.utility import MODEL, Utility

SAY = [{"role": "user", "content": "What is the capital of France?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": CITY,
}


class Sdk:
    """An Anthropic client that counts the attempts it makes."""

    def __init__(self, utility: Utility, key: str | None = None, path: str = "", **options: object) -> None:
        self.attempts = 0
        http = httpx2.Client(event_hooks={"request": [self._count]}, timeout=60)
        self.client = anthropic.Anthropic(
            base_url=utility.url + path, api_key=key or utility.key, http_client=http, **options
        )

    def _count(self, _request: httpx2.Request) -> None:
        self.attempts += 1


@pytest.fixture
def sdk(utility: Utility) -> Sdk:
    return Sdk(utility)


@pytest.mark.parametrize("path", ["", "/anthropic"])
def test_messages_whole(utility: Utility, path: str) -> None:
    raw = Sdk(utility, path=path).client.messages.with_raw_response.create(model=MODEL, messages=SAY, max_tokens=16)
    answer = raw.parse()
    assert answer.content[0].type == "text" and answer.usage.output_tokens > 0
    booked = utility.booked(raw.headers["request-id"])
    assert booked["usage"]["output"] == answer.usage.output_tokens
    assert booked["usage"].get("input", 0) == answer.usage.input_tokens
    assert booked["usage"].get("cache_read", 0) == (answer.usage.cache_read_input_tokens or 0)


def test_messages_streamed(sdk: Sdk, utility: Utility) -> None:
    with sdk.client.messages.stream(model=MODEL, messages=SAY, max_tokens=16) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
        request = stream.response.headers["request-id"]
    assert text and final.stop_reason in {"end_turn", "max_tokens"}
    assert utility.booked(request)["usage"]["output"] == final.usage.output_tokens


def test_tools(sdk: Sdk) -> None:
    answer = sdk.client.messages.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        tool_choice={"type": "any"},
        max_tokens=200,
    )
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use" and calls
    assert calls[0].name == "get_weather" and "city" in calls[0].input


def test_models(sdk: Sdk) -> None:
    assert MODEL in [model.id for model in sdk.client.models.list()]
    assert sdk.client.models.retrieve(MODEL).id == MODEL


def test_unknown_key(utility: Utility) -> None:
    sdk = Sdk(utility, key="tw_live_wrong")
    with pytest.raises(anthropic.AuthenticationError):
        sdk.client.messages.create(model=MODEL, messages=SAY, max_tokens=4)
    assert sdk.attempts == 1


def test_unknown_model(sdk: Sdk) -> None:
    with pytest.raises((anthropic.NotFoundError, anthropic.BadRequestError)) as caught:
        sdk.client.messages.create(model=MODEL + "x", messages=SAY, max_tokens=4)
    assert MODEL in str(caught.value) and sdk.attempts == 1


def test_empty_wallet(utility: Utility) -> None:
    sdk = Sdk(utility, key=utility.poor_key())
    with pytest.raises(anthropic.PaymentRequiredError):
        sdk.client.messages.create(model=MODEL, messages=SAY, max_tokens=4)
    assert sdk.attempts == 1


def test_context_too_long(sdk: Sdk) -> None:
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        sdk.client.messages.create(model=MODEL, messages=[{"role": "user", "content": "word " * 40_000}], max_tokens=4)
    assert sdk.attempts == 1


def test_missing_max_tokens(utility: Utility) -> None:
    answer = httpx2.post(
        f"{utility.url}/v1/messages",
        headers={"x-api-key": utility.key, "anthropic-version": "2023-06-01"},
        json={"model": MODEL, "messages": SAY},
    )
    body = answer.json()
    assert answer.status_code == 400 and body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error" and "max_tokens" in body["error"]["message"]


def test_upstream_down_retried(utility: Utility) -> None:
    sdk = Sdk(utility, max_retries=2)
    with pytest.raises(anthropic.InternalServerError):
        sdk.client.messages.create(model=utility.dead_model(), messages=SAY, max_tokens=4)
    assert sdk.attempts == 3
