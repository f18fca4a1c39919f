"""The refusals table as the official SDKs and agents read it: status, envelope, retry headers."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import msgspec
import openai
import pytest

from tokenworks.wire.dialects import Family
from tokenworks.wire.refusals import REFUSALS, Refusal, context_message, error_body, refusal_status, render_refusal

TRANSIENT = {
    Refusal.DRAINING, Refusal.DISK_FULL, Refusal.POLICY_STALE, Refusal.BODY_TOO_SLOW, Refusal.RATE_LIMITED,
    Refusal.NO_CAPACITY, Refusal.UPSTREAM_FAILED, Refusal.UPSTREAM_TIMEOUT, Refusal.INTERNAL,
}
RETRIED = {408, 409, 429, 500, 502, 503, 504, 529}  # by both SDKs without being told


def test_every_refusal_has_its_row() -> None:
    assert list(REFUSALS) == list(Refusal)


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("family", ["openai", "anthropic"])
def test_envelopes(refusal: Refusal, family: Family) -> None:
    status, headers, body = render_refusal(refusal, family, "req_1", param="model")
    shown = msgspec.json.decode(body)
    assert status == refusal_status(refusal, family) and 400 <= status < 600
    assert dict(headers)[b"content-type"] == b"application/json"
    assert dict(headers)[b"x-request-id"] == dict(headers)[b"request-id"] == b"req_1"
    message = shown["error"]["message"]
    assert message[0].isupper() or message.startswith("prompt is too long")
    assert message.endswith((".", "again"))
    if family == "openai":
        assert set(shown) == {"error"} and set(shown["error"]) == {"message", "type", "param", "code"}
        assert shown["error"]["param"] == "model"
    else:
        assert shown["type"] == "error" and shown["request_id"] == "req_1" and shown["error"]["type"]


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("family", ["openai", "anthropic"])
def test_retries(refusal: Refusal, family: Family) -> None:
    """What a retry cannot help says so; what it can help is retried by its status, and soon enough for the SDKs."""
    status, headers, _ = render_refusal(refusal, family, "req_1")
    found = dict(headers)
    if refusal in TRANSIENT:
        assert status in RETRIED and b"x-should-retry" not in found
    else:
        assert found[b"x-should-retry"] == b"false"
        assert (b"retry-after" in found) == (refusal is Refusal.CREDIT_EXHAUSTED), "agents retry its 429 all the same"
    if b"retry-after" in found:
        wait_s, wait_ms = int(found[b"retry-after"]), int(found[b"retry-after-ms"])
        assert 0 < wait_s <= 60 and wait_ms <= wait_s * 1000


@pytest.mark.parametrize(("refusal", "openai_status", "code", "anthropic_status", "kind"), [
    (Refusal.KEY_UNKNOWN, 401, "invalid_api_key", 401, "authentication_error"),
    (Refusal.MODEL_UNKNOWN, 404, "model_not_found", 404, "not_found_error"),
    (Refusal.CREDIT_EXHAUSTED, 429, "insufficient_quota", 402, "billing_error"),
    (Refusal.RATE_LIMITED, 429, "rate_limit_exceeded", 429, "rate_limit_error"),
    (Refusal.NO_CAPACITY, 503, "server_is_overloaded", 529, "overloaded_error"),
    (Refusal.CONTEXT_TOO_LONG, 400, "context_length_exceeded", 400, "invalid_request_error"),
    (Refusal.BODY_TOO_LARGE, 413, "request_too_large", 413, "request_too_large"),
    (Refusal.NOT_SUPPORTED, 501, "not_supported", 501, "not_supported"),
])
def test_what_clients_act_on(
    refusal: Refusal, openai_status: int, code: str, anthropic_status: int, kind: str
) -> None:
    status, _, body = render_refusal(refusal, "openai", "r")
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (openai_status, code)
    status, _, body = render_refusal(refusal, "anthropic", "r")
    assert (status, msgspec.json.decode(body)["error"]["type"]) == (anthropic_status, kind)


def test_waits() -> None:
    _, headers, body = render_refusal(Refusal.RATE_LIMITED, "openai", "r", wait_ms=1_200)
    assert b"Please try again in 1.2s." in body
    assert dict(headers)[b"retry-after"] == b"2" and dict(headers)[b"retry-after-ms"] == b"1200"
    _, headers, body = render_refusal(Refusal.RATE_LIMITED, "openai", "r", wait_ms=0)
    assert b"try again in" not in body and b"retry-after" not in dict(headers)
    assert dict(render_refusal(Refusal.NO_CAPACITY, "anthropic", "r")[1])[b"retry-after-ms"] == b"1000"


def test_context_sentences() -> None:
    assert context_message("anthropic", 9_000, 4_096) == "prompt is too long: 9000 tokens > 4096 maximum"
    assert "maximum context length is 4096 tokens" in context_message("openai", 9_000, 4_096)


def test_texts_are_escaped() -> None:
    body = error_body(Refusal.FIELD_INVALID, "openai", 'he said "no"\n\x00', "r", "a.b")
    assert msgspec.json.decode(body)["error"]["message"] == 'he said "no"\n\x00'


@pytest.mark.parametrize(("refusal", "kind"), [
    (Refusal.CREDIT_EXHAUSTED, openai.RateLimitError), (Refusal.KEY_REVOKED, openai.AuthenticationError),
    (Refusal.MODEL_NOT_ALLOWED, openai.PermissionDeniedError), (Refusal.FIELD_INVALID, openai.BadRequestError),
    (Refusal.MODEL_UNKNOWN, openai.NotFoundError), (Refusal.NO_CAPACITY, openai.InternalServerError),
])
def test_openai_exceptions(refusal: Refusal, kind: type[openai.APIStatusError]) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1")
    status, headers, body = render_refusal(refusal, "openai", "req_1")
    assert type(_raised(client, status, headers, body)) is kind


@pytest.mark.parametrize(("refusal", "name"), [
    (Refusal.CREDIT_EXHAUSTED, "PaymentRequiredError"), (Refusal.NO_CAPACITY, "OverloadedError"),
    (Refusal.RATE_LIMITED, "RateLimitError"), (Refusal.KEY_EXPIRED, "AuthenticationError"),
    (Refusal.BODY_TOO_LARGE, "ContentTooLargeError"), (Refusal.UPSTREAM_TIMEOUT, "GatewayTimeoutError"),
])
def test_anthropic_exceptions(refusal: Refusal, name: str) -> None:
    client = anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:1")
    status, headers, body = render_refusal(refusal, "anthropic", "req_1")
    assert type(_raised(client, status, headers, body)).__name__ == name


def _raised(client: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Exception:
    """The exception that an SDK makes of an answer."""
    request = httpx2.Request("POST", "http://127.0.0.1:1/v1/x")
    answer = httpx2.Response(status, headers=headers, content=body, request=request)
    return client._make_status_error_from_response(answer)
