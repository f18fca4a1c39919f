"""Targets as clients really write them, and what must not be reached by writing them oddly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.dialects import DIALECTS, FAMILY, Dialect
from tokenworks.wire.paths import INFERENCE, KEY_NAMES, Route, resolve_target, route_family

ENDPOINT: dict[Dialect, str] = {dialect: path for path, dialect in INFERENCE.items()}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("prefix", ["/v1", "/v1/v1", "/openai/v1", "/anthropic/v1", "/openai/v1/v1"])
@pytest.mark.parametrize("tail", ["", "/", "//", "?", "?beta=true", "/?api-version=2026-01-01"])
def test_inference(dialect: Dialect, prefix: str, tail: str) -> None:
    route = resolve_target((prefix + ENDPOINT[dialect] + tail).encode())
    assert (route.kind, route.dialect, route.family) == ("inference", dialect, FAMILY[dialect])
    assert route.allow == ("POST", "OPTIONS") and not route.key_in_query
    assert route.beta == (dialect == "messages" and tail == "?beta=true")


@pytest.mark.parametrize(("target", "kind", "family"), [
    (b"/v1/models", "models", None), (b"/openai/v1/models/", "models", "openai"),
    (b"/anthropic/v1/models?limit=1000", "models", "anthropic"), (b"/v1/models?client_version=0.169.0", "models", None),
    (b"/v1/messages/count_tokens?beta=true", "count", "anthropic"), (b"/v1/responses/resp_1", "unserved", "openai"),
    (b"/v1/responses/input_tokens", "count", "openai"), (b"/anthropic/v1/messages/count_tokens/", "count", "anthropic"),
    (b"/v1/messages/batches", "unserved", "anthropic"), (b"/v1/messages/input_tokens", "unknown", None),
    (b"/v1/responses/resp_1/cancel", "unserved", "openai"), (b"/v1/audio/speech", "unserved", "openai"),
    (b"/v1/files", "unserved", "openai"), (b"/v1/batches/b1", "unserved", "openai"),
    (b"/v1/chat", "unknown", None), (b"/v1", "unknown", None), (b"/anthropic/v1/nothing", "unknown", "anthropic"),
    (b"/healthz", "healthz", None), (b"/readyz/", "readyz", None), (b"/healthz/x", "other", None),
    (b"/", "other", None), (b"/api/v1/keys", "other", None), (b"/v1x/chat/completions", "other", None),
    (b"*", "other", None), (b"", "other", None), (b"//v1/chat/completions", "other", None),
    (b"/v1/%63hat/completions", "unknown", None), (b"/v1/../v1/chat/completions", "unknown", None),
    (b"http://example.org/v1/chat/completions", "inference", "openai"), (b"http://example.org", "other", None),
])
def test_meanings(target: bytes, kind: str, family: str | None) -> None:
    route = resolve_target(target)
    assert (route.kind, route.family) == (kind, family)


@pytest.mark.parametrize(("target", "model"), [
    (b"/v1/models/qwen3-coder", "qwen3-coder"), (b"/v1/models/org/model", "org/model"),
    (b"/v1/models/org%2Fmodel%20x", "org/model x"), (b"/v1/models/m/?beta=true", "m"),
])
def test_model_names(target: bytes, model: str) -> None:
    route = resolve_target(target)
    assert (route.kind, route.model, route.allow) == ("model", model, ("GET", "HEAD", "OPTIONS"))


@pytest.mark.parametrize("name", [*sorted(KEY_NAMES), "KEY", "Api_Key"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m", "/v1/chat/completions", "/v1/messages",
                                  "/v1/messages/count_tokens"])
def test_keys_in_query(path: str, name: str) -> None:
    assert resolve_target(f"{path}?a=1&{name}=secret".encode()).key_in_query
    assert resolve_target(f"{path}?{name}".encode()).key_in_query
    assert not resolve_target(f"{path}?x{name}=1".encode()).key_in_query


def test_family_by_client() -> None:
    route = resolve_target(b"/v1/models")
    assert route_family(route, True) == "anthropic" and route_family(route, False) == "openai"
    assert route_family(resolve_target(b"/v1/chat/completions"), True) == "openai"


@given(st.binary(max_size=80))
def test_any_bytes(target: bytes) -> None:
    assert isinstance(resolve_target(target), Route)


@given(st.text("/v1openaihcmpletsr.%?", max_size=40))
def test_inference_only_where_named(path: str) -> None:
    """Nothing but the endpoints themselves is inference, however the pieces of their names are put together."""
    route = resolve_target(("/v1/" + path).encode())
    if route.kind == "inference":
        bare = ("/" + path.partition("?")[0].rstrip("/")).removeprefix("/v1")
        assert bare in INFERENCE
