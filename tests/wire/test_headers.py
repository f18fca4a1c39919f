"""Headers both ways: keys, smuggling shapes, heads that go upstream, and what comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.wire.dialects import DIALECTS, ENGINES, Dialect, Engine
from tokenworks.wire.headers import (
    ANTHROPIC_VERSION,
    HeadWriter,
    client_headers,
    pass_betas,
    read_key,
    whole_block,
)


@pytest.mark.parametrize(("headers", "key"), [
    ([(b"authorization", b"Bearer sk-1")], b"sk-1"), ([(b"authorization", b"bearer  sk-1 ")], b"sk-1"),
    ([(b"x-api-key", b"sk-2")], b"sk-2"), ([(b"api-key", b"sk-3")], b"sk-3"), ([], None),
    ([(b"api-key", b"sk-3"), (b"x-api-key", b"sk-2"), (b"authorization", b"Bearer sk-1")], b"sk-1"),
    ([(b"x-api-key", b"sk-2"), (b"authorization", b"Basic eDp5")], b"sk-2"),
    ([(b"authorization", b"sk-1")], None), ([(b"authorization", b"Bearer ")], None),
    ([(b"authorization", b"Bearer "), (b"x-api-key", b"sk-2")], b"sk-2"), ([(b"x-api-key", b"")], None),
])
def test_keys(headers: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert read_key(dict(headers)) == key


def lines_of(head: bytes) -> list[bytes]:
    assert head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
    return head[:-4].split(b"\r\n")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_heads(engine: Engine, dialect: Dialect) -> None:
    """Our credential, never the client's; nothing of the client's besides the version and the betas."""
    client = {
        b"host": b"gateway", b"authorization": b"Bearer tw_client", b"x-api-key": b"tw_client", b"content-length": b"9",
        b"transfer-encoding": b"chunked", b"cookie": b"c=tw_client", b"accept-encoding": b"gzip", b"forwarded": b"f",
        b"anthropic-version": b"2026-10-21", b"anthropic-beta": b"x-1", b"openai-organization": b"org"}
    lines = lines_of(HeadWriter("https://up.example:8443/api/", engine, "sk-up", False).head(dialect, 42, client))
    assert lines[0].startswith(b"POST /api/v1/") and lines[0].endswith(b" HTTP/1.1")
    found = dict(line.split(b": ", 1) for line in lines[1:])
    assert len(found) == len(lines) - 1
    named = engine == "anthropic" and dialect == "messages"
    vendor = named or (engine == "bedrock" and dialect == "messages")
    expected = {
        b"host": b"up.example:8443", b"user-agent": b"tokenworks", b"content-type": b"application/json",
        b"accept": b"application/json, text/event-stream", b"accept-encoding": b"identity", b"content-length": b"42",
        **({b"x-api-key": b"sk-up"} if named else {b"authorization": b"Bearer sk-up"}),
        **({b"anthropic-version": b"2026-10-21"} if dialect == "messages" else {}),
        **({b"anthropic-beta": b"x-1"} if vendor else {}),
    }
    assert found == expected


@pytest.mark.parametrize(("url", "dialect", "line"), [
    ("https://generativelanguage.googleapis.com/v1beta/openai", "chat", b"/v1beta/openai/chat/completions"),
    ("https://generativelanguage.googleapis.com/v1beta/openai/", "embeddings", b"/v1beta/openai/embeddings"),
    ("https://open.bigmodel.cn/api/paas/v4", "chat", b"/api/paas/v4/chat/completions"),
    ("https://dashscope.aliyuncs.com/compatible-mode", "chat", b"/compatible-mode/v1/chat/completions"),
    ("https://api.minimax.io/anthropic", "messages", b"/anthropic/v1/messages"),
    ("https://bedrock-mantle.us-east-1.api.aws/anthropic", "messages", b"/anthropic/v1/messages"),
    ("https://api.deepseek.com", "chat", b"/v1/chat/completions"),
    ("https://gateway.example/vault/v2x", "chat", b"/vault/v2x/v1/chat/completions"),
])
def test_addresses_with_a_version_of_their_own(url: str, dialect: Dialect, line: bytes) -> None:
    """A version in the address stands in place of /v1; anything else stands before it."""
    head = HeadWriter(url, "openai", "k", False).head(dialect, 5, {})
    assert lines_of(head)[0] == b"POST " + line + b" HTTP/1.1"


def test_head_of_an_own_engine() -> None:
    writer = HeadWriter("http://127.0.0.1:9000", "llamacpp", "", True)
    head = writer.head("messages", 5, {b"anthropic-beta": b"x-1"}, beta=True)
    assert lines_of(head)[0] == b"POST /v1/messages HTTP/1.1"
    assert b"authorization" not in head and b"x-1" not in head
    assert b"anthropic-version: " + ANTHROPIC_VERSION in head


def test_beta_address() -> None:
    writer = HeadWriter("https://api.example", "anthropic", "k", False)
    assert lines_of(writer.head("messages", 5, {}, beta=True))[0] == b"POST /v1/messages?beta=true HTTP/1.1"
    assert lines_of(writer.head("messages", 5, {}))[0] == b"POST /v1/messages HTTP/1.1"
    assert lines_of(writer.head("chat", 5, {}, beta=True))[0] == b"POST /v1/chat/completions HTTP/1.1"


@pytest.mark.parametrize("version", [b"", b"2023-06-01\x01", b"a b", "é".encode(), b"x: y"])
def test_odd_versions(version: bytes) -> None:
    writer = HeadWriter("https://api.example", "anthropic", "k", False)
    head = writer.head("messages", 5, {b"anthropic-version": version})
    assert b"anthropic-version: " + ANTHROPIC_VERSION + b"\r\n" in head


@pytest.mark.parametrize(("sent", "passed"), [
    (b"", b""), (b"interleaved-thinking-2025-05-14", b"interleaved-thinking-2025-05-14"),
    (b"context-1m-2025-08-07", b""), (b"a-1, context-1m-2025-08-07 ,b-2", b"a-1,b-2"), (b"Fast-Mode-2026-02-01", b""),
    (b"server-side-fallback-2026-07-01,user-profiles-2026-03-24", b""), (b",,", b""), (b"x" * 5000, b""),
    (b"a-1,b\x01,c d,\xff", b"a-1"),
])
def test_betas(sent: bytes, passed: bytes) -> None:
    assert pass_betas(sent) == passed


@pytest.mark.parametrize(("url", "credential"), [
    ("https://up.example", "a b"), ("https://up.example", "a\r\nx: y"), ("https://up.example", "schlüssel"),
    ("https://up example", "k"), ("https://up.example/a b", "k"), ("https://user:pw@up.example", "k"),
    ("up.example", "k"), ("https://up.example/?x=1", "k"), ("https://up.example/#x", "k"), ("https://", "k"),
])
def test_what_cannot_stand_in_a_head(url: str, credential: str) -> None:
    with pytest.raises(ValueError, match="address"):
        HeadWriter(url, "openai", credential, False)


UPSTREAM = [
    (b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"7"), (b"set-cookie", b"a=b"),
    (b"server", b"uvicorn"), (b"x-ratelimit-limit-tokens", b"1"), (b"anthropic-ratelimit-requests-limit", b"1"),
    (b"openai-organization", b"org-secret"), (b"anthropic-organization-id", b"o"), (b"request-id", b"theirs"),
    (b"x-request-id", b"theirs"), (b"cf-ray", b"1"), (b"x-should-retry", b"true"), (b"retry-after", b"9"),
    (b"transfer-encoding", b"chunked"), (b"alt-svc", b"h3"), (b"location", b"https://elsewhere"),
]


def test_client_headers() -> None:
    """Of all that an upstream says of itself, its quota and its ids, nothing is left."""
    assert client_headers(UPSTREAM, "req_1", False) == [
        (b"content-type", b"application/json; charset=utf-8"), (b"x-request-id", b"req_1"), (b"request-id", b"req_1")]
    assert client_headers(UPSTREAM, "req_1", True) == [
        (b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"),
        (b"x-request-id", b"req_1"), (b"request-id", b"req_1")]


@pytest.mark.parametrize("kind", [b"text/html", b"", b"application/json\r\nx: y", b"application/jsonp", b"text/plain"])
def test_odd_content_types(kind: bytes) -> None:
    assert client_headers([(b"content-type", kind)], "r", False)[0] == (b"content-type", b"application/json")


@given(st.dictionaries(st.sampled_from([b"host", b"x-a", b"anthropic-beta", b"anthropic-version"]), st.binary()))
def test_no_client_header_breaks_a_head(fields: dict[bytes, bytes]) -> None:
    """Whatever the client's headers hold, the head has exactly the lines that it should."""
    lines = lines_of(HeadWriter("https://up.example", "anthropic", "k", False).head("messages", 1, fields))
    names = [line.partition(b":")[0] for line in lines[1:]]
    assert len(names) == len(set(names)) and len(names) in (8, 9)


@pytest.mark.parametrize("kind", [b"application/json", b"application/json; charset=utf-8", b"text/html", b""])
def test_whole_block(kind: bytes) -> None:
    """The same headers as lines."""
    row = (b"content-type", kind)
    for headers in ([(b"server", b"x"), row], [row, (b"content-type", b"x")], []):
        lines = [b"%b: %b\r\n" % pair for pair in client_headers(headers, "req_1", False)]
        assert whole_block(headers, "req_1") == b"".join(lines)
