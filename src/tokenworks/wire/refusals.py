"""Every way in which a request is refused, as a table: status, type and code per family, and what a retry can do.

The statuses and codes are those that the official SDKs and coding agents act upon. What a retry cannot help carries
`x-should-retry: false`, because without it agents retry for minutes. Members stand in the order of the checks.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from tokenworks.wire.dialects import Family

Headers = list[tuple[bytes, bytes]]


class Refusal(Enum):
    """Why a request is not served; the order is the order of the checks, so the first that applies is the answer."""

    BAD_REQUEST = "bad_request"
    PATH_UNKNOWN = "path_unknown"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_SUPPORTED = "not_supported"
    KEY_IN_QUERY = "key_in_query"
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"
    ACCOUNT_INACTIVE = "account_inactive"
    DRAINING = "draining"
    DISK_FULL = "disk_full"
    POLICY_STALE = "policy_stale"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    RATE_LIMITED = "rate_limited"
    MALFORMED_JSON = "malformed_json"
    FIELD_INVALID = "field_invalid"
    MODEL_UNKNOWN = "model_unknown"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    DIALECT_UNSUPPORTED = "dialect_unsupported"
    FEATURE_UNSUPPORTED = "feature_unsupported"
    OBJECT_UNKNOWN = "object_unknown"
    CONTEXT_TOO_LONG = "context_too_long"
    CREDIT_EXHAUSTED = "credit_exhausted"
    NO_CAPACITY = "no_capacity"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    INTERNAL = "internal"


class Row(msgspec.Struct, frozen=True):
    """One refusal: (status, type, code) for OpenAI's envelope, (status, type) for Anthropic's, and the retry hint.

    `retry` False: `x-should-retry: false`. None: the client decides by the status. `wait_ms`: the usual `retry-after`.
    Agents that do not know `x-should-retry` try a 429 or a 5xx five to nine times, whatever it says; without a
    `retry-after` they take over a minute for it (opencode, Cline, Qwen Code; the last heeds it at 429 and 503 only).
    """

    openai: tuple[int, str, str]
    anthropic: tuple[int, str]
    message: str
    retry: bool | None = False
    wait_ms: int = 0


_BAD = "invalid_request_error"
REFUSALS: dict[Refusal, Row] = {
    Refusal.BAD_REQUEST: Row((400, _BAD, "bad_request"), (400, _BAD), "The request is not valid HTTP."),
    Refusal.PATH_UNKNOWN: Row(
        (404, _BAD, "unknown_url"), (404, "not_found_error"),
        "There is no such path. Use /v1/chat/completions, /v1/responses, /v1/messages, /v1/completions, "
        "/v1/embeddings or /v1/models."),
    Refusal.METHOD_NOT_ALLOWED: Row(
        (405, _BAD, "method_not_supported"), (405, _BAD),
        "This path does not answer that method. See the Allow header."),
    Refusal.NOT_SUPPORTED: Row(
        (501, _BAD, "not_supported"), (501, "not_supported"), "This endpoint of the interface is not offered here."),
    Refusal.KEY_IN_QUERY: Row(
        (401, _BAD, "invalid_api_key"), (401, "authentication_error"),
        "A key in the address ends up in logs. Send it as `Authorization: Bearer KEY`, and replace this one."),
    Refusal.KEY_MISSING: Row(
        (401, _BAD, "invalid_api_key"), (401, "authentication_error"),
        "There is no API key in the request. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`."),
    Refusal.KEY_UNKNOWN: Row(
        (401, _BAD, "invalid_api_key"), (401, "authentication_error"),
        "This API key is not known. Check that it was copied whole, or create a new one."),
    Refusal.KEY_REVOKED: Row(
        (401, _BAD, "invalid_api_key"), (401, "authentication_error"),
        "This API key has been revoked. Create a new one."),
    Refusal.KEY_EXPIRED: Row(
        (401, _BAD, "invalid_api_key"), (401, "authentication_error"), "This API key has expired. Create a new one."),
    Refusal.ACCOUNT_INACTIVE: Row(
        (403, _BAD, "account_deactivated"), (403, "permission_error"),
        "This account is not active. Ask your operator to open it again."),
    Refusal.DRAINING: Row(
        (503, "server_error", "server_is_overloaded"), (529, "overloaded_error"),
        "This gateway is shutting down. Try again.", None, 500),
    Refusal.DISK_FULL: Row(
        (503, "server_error", "server_is_overloaded"), (529, "overloaded_error"),
        "This gateway takes no work now, because its disk is full. Try again later.", None, 5_000),
    Refusal.POLICY_STALE: Row(
        (503, "server_error", "server_is_overloaded"), (529, "overloaded_error"),
        "This gateway has lost touch with its books. Try again later.", None, 2_000),
    Refusal.BODY_TOO_LARGE: Row(
        (413, _BAD, "request_too_large"), (413, "request_too_large"), "The request body is too large. Send less."),
    Refusal.BODY_TOO_SLOW: Row(
        (408, _BAD, "request_timeout"), (408, "timeout_error"), "The request did not arrive in time.", None),
    Refusal.RATE_LIMITED: Row(
        (429, "requests", "rate_limit_exceeded"), (429, "rate_limit_error"),
        "Too much is in flight for this account.", None, 1_000),
    Refusal.MALFORMED_JSON: Row(
        (400, _BAD, "invalid_json"), (400, _BAD), "The request body is not valid JSON. Send one JSON object."),
    Refusal.FIELD_INVALID: Row((400, _BAD, "invalid_value"), (400, _BAD), "A field of the request is not valid."),
    Refusal.MODEL_UNKNOWN: Row(
        (404, _BAD, "model_not_found"), (404, "not_found_error"),
        "There is no such model. List them with GET /v1/models."),
    Refusal.MODEL_NOT_ALLOWED: Row(
        (403, _BAD, "model_not_found"), (403, "permission_error"),
        "This API key may not use that model. List what it may use with GET /v1/models."),
    Refusal.DIALECT_UNSUPPORTED: Row(
        (400, _BAD, "unsupported_endpoint"), (400, _BAD), "This model is not offered at this endpoint."),
    Refusal.FEATURE_UNSUPPORTED: Row(
        (400, _BAD, "unsupported_parameter"), (400, _BAD), "The request asks for something that is not offered."),
    Refusal.OBJECT_UNKNOWN: Row(
        (404, _BAD, "not_found"), (404, "not_found_error"), "There is no such object for this account."),
    Refusal.CONTEXT_TOO_LONG: Row(
        (400, _BAD, "context_length_exceeded"), (400, _BAD), "prompt is too long for this model. Shorten it."),
    Refusal.CREDIT_EXHAUSTED: Row(
        (429, "insufficient_quota", "insufficient_quota"), (402, "billing_error"),
        "The balance of this account does not cover the request. Top it up and try again.", False, 1_000),
    Refusal.NO_CAPACITY: Row(
        (503, "server_error", "server_is_overloaded"), (529, "overloaded_error"),
        "There is no capacity for this model now. Try again shortly.", None, 1_000),
    Refusal.UPSTREAM_REFUSED: Row((400, _BAD, "invalid_value"), (400, _BAD), "The model's server refused the request."),
    Refusal.UPSTREAM_FAILED: Row(
        (503, "server_error", "upstream_failed"), (502, "api_error"),
        "The model's server failed. Nothing was charged; try again.", None, 1_000),
    Refusal.UPSTREAM_TIMEOUT: Row(
        (504, "server_error", "upstream_timeout"), (504, "timeout_error"),
        "The model's server did not answer in time. Nothing was charged; try again.", None, 1_000),
    Refusal.INTERNAL: Row(
        (500, "server_error", "internal_error"), (500, "api_error"), "Something went wrong here; try again.", None,
        1_000),
}


class Malformed(msgspec.Struct, frozen=True):
    """A request that is refused for what it says: `param` is the path of the field, the message names the remedy."""

    refusal: Refusal
    message: str
    param: str | None = None


def refusal_status(refusal: Refusal, family: Family) -> int:
    """The HTTP status of a refusal in a family."""
    row = REFUSALS[refusal]
    return row.openai[0] if family == "openai" else row.anthropic[0]


def context_message(family: Family, tokens: int, tokens_max: int) -> str:
    """The sentence that clients look for when a prompt is too long; Claude Code compacts when it sees it."""
    if family == "anthropic":
        return f"prompt is too long: {tokens} tokens > {tokens_max} maximum"
    return (
        f"This model's maximum context length is {tokens_max} tokens. "
        f"However, your messages resulted in {tokens} tokens. Please reduce the length of the messages."
    )


def render_refusal(
    refusal: Refusal, family: Family, request_id: str, message: str = "", param: str | None = None, wait_ms: int = -1
) -> tuple[int, Headers, bytes]:
    """(status, headers, body) in the family's envelope. `wait_ms` below 0 takes the row's own hint; 0 gives none."""
    row = REFUSALS[refusal]
    text = message or row.message
    wait_ms = row.wait_ms if wait_ms < 0 else wait_ms
    if refusal is Refusal.RATE_LIMITED and family == "openai" and wait_ms:
        text += f" Please try again in {wait_ms / 1000:g}s."
    body = error_body(refusal, family, text, request_id, param)
    return refusal_status(refusal, family), _headers(row, request_id, wait_ms), body


def error_body(refusal: Refusal, family: Family, message: str, request_id: str, param: str | None = None) -> bytes:
    """The error envelope alone, as whole answers carry it; error events in streams wrap the same object."""
    return msgspec.json.encode(error_object(refusal, family, message, request_id, param))


def error_object(
    refusal: Refusal, family: Family, message: str, request_id: str, param: str | None = None
) -> dict[str, object]:
    """The envelope as a mapping: OpenAI's {error:{...}} or Anthropic's {type:"error", error:{...}, request_id}."""
    row = REFUSALS[refusal]
    if family == "openai":
        _, kind, code = row.openai
        return {"error": {"message": message, "type": kind, "param": param, "code": code}}
    error: dict[str, object] = {"type": row.anthropic[1], "message": message}
    if refusal is Refusal.CREDIT_EXHAUSTED:
        error["details"] = {"error_code": "credit_balance_exhausted"}
    return {"type": "error", "error": error, "request_id": request_id}


def _headers(row: Row, request_id: str, wait_ms: int) -> Headers:
    identity = request_id.encode()
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", identity),
        (b"request-id", identity),
    ]
    if row.retry is not None:
        headers.append((b"x-should-retry", b"true" if row.retry else b"false"))
    if wait_ms:
        headers.append((b"retry-after", b"%d" % -(-wait_ms // 1000)))
        headers.append((b"retry-after-ms", b"%d" % wait_ms))
    return headers
