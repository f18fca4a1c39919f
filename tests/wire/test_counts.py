"""Questions about a request's input: what goes up, where to, and which answers are a figure."""

from __future__ import annotations

import json

import pytest

from tokenworks.wire.counts import MEMBERS, SUFFIX, ask_count, count_head, read_count, render_count
from tokenworks.wire.dialects import Dialect
from tokenworks.wire.headers import HeadWriter
from tokenworks.wire.request import RequestFacts, read_request


def facts_of(dialect: Dialect, body: bytes) -> RequestFacts:
    found = read_request(dialect, body, counting=True)
    assert isinstance(found, RequestFacts)
    return found


def test_own_question_goes_as_it_came() -> None:
    body = b'{ "model":"m", "messages":[], "later":{"a":1} }'
    pieces = ask_count(body, facts_of("messages", body), "theirs", False)
    assert b"".join(pieces) == body.replace(b'"m"', b'"theirs"')


def test_translated_question() -> None:
    """Of a request that was translated, what would be refused in a question stays away."""
    body = b'{"model":"m","max_tokens":9,"stream":true,"temperature":0,"messages":[{"role":"user","content":"hi"}]}'
    asked = json.loads(b"".join(ask_count(body, facts_of("messages", body), "theirs", True)))
    assert asked == {"model": "theirs", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("way", SUFFIX)
def test_members_known(way: tuple[str, Dialect]) -> None:
    assert "model" in MEMBERS[way[1]]


def test_head() -> None:
    head = HeadWriter("https://up.example/api", "anthropic", "sk", False).head("messages", 5, {})
    asked = count_head(head, b"/count_tokens")
    assert asked.startswith(b"POST /api/v1/messages/count_tokens HTTP/1.1\r\n")
    assert asked.partition(b"\r\n")[2] == head.partition(b"\r\n")[2]


@pytest.mark.parametrize(("body", "tokens"), [
    (b'{"input_tokens":12}', 12), (b'{"object":"response.input_tokens","input_tokens":0}', 0), (b"{}", -1),
    (b'{"input_tokens":"12"}', -1), (b'{"input_tokens":-5}', -1), (b"<html>", -1), (b'{"input_tokens":1.5}', -1),
    (b"\xff", -1),
])
def test_figures(body: bytes, tokens: int) -> None:
    assert read_count(body) == tokens


def test_told() -> None:
    assert json.loads(render_count("messages", 7)) == {"input_tokens": 7}
    assert json.loads(render_count("responses", 7)) == {"object": "response.input_tokens", "input_tokens": 7}
