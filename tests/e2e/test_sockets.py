"""The sockets of a running gateway, with bytes that no HTTP library would send."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from tests.e2e.sources import Source, selling
from tests.e2e.utility import Utility
from tests.e2e.wire import SAY, Line, ask
from tests.gateway.upstream import answer_whole, chat_whole

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
ENOUGH = 32 * 1024 * 1024
BODY = {"model": "sockets", "messages": SAY, "max_tokens": 8}


@pytest.fixture(scope="module")
def source(utility: Utility) -> Iterator[Source]:
    with selling(utility, "sockets", answer_whole(chat_whole("hi", 10, 2)), known={"context_tokens": 10**8}) as source:
        yield source


class Slow(threading.Thread):
    """A client that sends its head byte by byte, while other tests go on."""

    def __init__(self, utility: Utility) -> None:
        super().__init__()
        self.line, self.took_s, self.status = Line(utility), 0.0, 0

    def run(self) -> None:
        began_s = time.monotonic()
        self.line.sock.settimeout(0.25)
        self.line.send(b"POST /v1/chat/completions HTTP/1.1\r\nx-slow: ")
        while not self.line.rest and time.monotonic() - began_s < 14:
            try:
                self.line.rest += self.line.send(b"a").sock.recv(4096)
            except TimeoutError:
                continue
        self.took_s = time.monotonic() - began_s
        self.status = self.line.reply().status
        self.line.sock.close()


@pytest.fixture(scope="module", autouse=True)
def slow(utility: Utility) -> Slow:
    client = Slow(utility)
    client.start()
    return client


def filled(size: int) -> bytes:
    """A request of exactly `size` bytes."""
    frame = json.dumps({**BODY, "messages": [{"role": "user", "content": "@"}]}).encode()
    return frame.replace(b"@", b"x" * (size - len(frame) + 1))


def test_body_of_32_mib(utility: Utility, source: Source) -> None:
    _, key = utility.buyer("100000.00")
    body = filled(ENOUGH)
    reply = ask(utility, CHAT, body, key)
    assert reply.status == 200, reply.body[:500]
    sent = source.seen[-1].json["messages"]
    assert sent == json.loads(body)["messages"], "it reached the upstream as it was"
    source.seen[-1].body = b""


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_body_over_32_mib(utility: Utility, source: Source, path: str, chunked: bool) -> None:
    body, asked = filled(ENOUGH + 1), len(source.seen)
    with Line(utility) as line:
        if chunked:
            line.send(line.head_of(path, None, "POST", "transfer-encoding: chunked"))
            line.send(b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        else:
            line.send(line.head_of(path, len(body)) + body)
        reply = line.reply()
    assert reply.status == 413 and reply.headers["x-should-retry"] == "false"
    error = reply.json["error"]
    assert error["type" if path == MESSAGES else "code"] == "request_too_large"
    assert ("type" in reply.json) == (path == MESSAGES)
    assert "32" in error["message"] or "33554432" in error["message"], f"how much is allowed: {error['message']}"
    assert len(source.seen) == asked


def test_pipelined(utility: Utility, source: Source) -> None:
    """Answers come in the order of the requests, refusals among them."""
    source.play(*(answer_whole(chat_whole(f"answer {number}", 10, 2), delay_s=0.05 if number == 0 else 0)
                  for number in range(3)), answer_whole(chat_whole("hi", 10, 2)))
    with Line(utility) as line:
        good, bad = json.dumps(BODY).encode(), b"{"
        line.send(b"".join(line.head_of(CHAT, len(data)) + data for data in (good, bad, good, good)))
        replies = [line.reply() for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 400, 200, 200]
    texts = [reply.json["choices"][0]["message"]["content"] for reply in replies if reply.status == 200]
    assert texts == ["answer 0", "answer 1", "answer 2"]
    assert len({reply.request for reply in replies}) == 4


def test_expect_continue(utility: Utility, source: Source) -> None:
    data = json.dumps(BODY).encode()
    with Line(utility) as line:
        line.send(line.head_of(CHAT, len(data), "POST", "expect: 100-continue"))
        assert line.head()[0] == 100
        assert line.send(data).reply().status == 200
    with Line(utility, "tw_live_nobody") as line:
        line.send(line.head_of(CHAT, len(data), "POST", "expect: 100-continue"))
        assert line.head()[0] == 401, "refused before the body is sent"


def test_chunked_upload(utility: Utility, source: Source) -> None:
    data = json.dumps(BODY).encode()
    with Line(utility) as line:
        line.send(line.head_of(CHAT, None, "POST", "transfer-encoding: chunked"))
        for at in range(0, len(data), 7):
            line.send(b"%x;name=value\r\n%b\r\n" % (len(data[at : at + 7]), data[at : at + 7]))
        line.send(b"0\r\nx-trailer: authorization\r\n\r\n")
        assert line.reply().status == 200
        assert line.ask(CHAT, BODY).status == 200, "the connection goes on"
    assert source.seen[-2].json["messages"] == SAY
    assert "x-trailer" not in source.seen[-2].headers and "transfer-encoding" not in source.seen[-2].headers


def test_head_and_options(utility: Utility) -> None:
    with Line(utility) as line:
        whole = line.get("/v1/models")
        short = line.get("/v1/models", "HEAD")
        assert whole.status == short.status == 200 and short.headers["content-length"] == str(len(whole.body))
        options = line.get(CHAT, "OPTIONS")
        assert options.status in (200, 204) and "POST" in options.headers["allow"]
        refused = line.get(CHAT, "HEAD")
        assert refused.status == 405 and "POST" in refused.headers["allow"]
        assert line.get("/healthz", "HEAD").status == 200
        assert line.get("/healthz").status == 200, "nothing of a HEAD answer's body was sent"


SMUGGLED = {
    "content-length and transfer-encoding": b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
    "two content-lengths": b"content-length: 5\r\ncontent-length: 5\r\n",
    "two different content-lengths": b"content-length: 5\r\ncontent-length: 6\r\n",
    "a list of content-lengths": b"content-length: 5, 5\r\n",
    "a signed content-length": b"content-length: +5\r\n",
    "a content-length in hex": b"content-length: 0x5\r\n",
    "two hosts": b"host: other\r\ncontent-length: 5\r\n",
    "two keys": b"authorization: Bearer tw_live_other\r\ncontent-length: 5\r\n",
    "a lone CR in a value": b"x-a: one\rx-b: two\r\ncontent-length: 5\r\n",
    "a NUL in a value": b"x-a: one\x00two\r\ncontent-length: 5\r\n",
    "a folded line": b"x-a: one\r\n two\r\ncontent-length: 5\r\n",
    "a space before the colon": b"content-length : 5\r\n",
    "a space in the name": b"x a: 5\r\ncontent-length: 5\r\n",
    "an unknown transfer-encoding": b"transfer-encoding: xchunked\r\n",
    "chunked twice": b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    "chunked and another": b"transfer-encoding: chunked, identity\r\n",
    "a lone LF": b"x-a: one\ncontent-length: 5\r\n",
}


@pytest.mark.parametrize("shape", list(SMUGGLED))
def test_smuggling(utility: Utility, source: Source, shape: str) -> None:
    """Refused with 400, the connection closed, and what came behind it never taken for a request."""
    asked = len(source.seen)
    with Line(utility) as line:
        head = line.head_of(CHAT, None).removesuffix(b"\r\n")
        inner = json.dumps(BODY).encode()
        behind = line.head_of(CHAT, len(inner)) + inner
        line.send(head + SMUGGLED[shape] + b"\r\n" + b"0\r\n\r\n" + behind)
        reply = line.reply()
        assert reply.status == 400, reply
        assert reply.json["error"]["message"] and reply.headers["connection"] == "close"
        assert line.closed()
    assert len(source.seen) == asked


def test_header_values_go_nowhere(utility: Utility, source: Source) -> None:
    """No header of the client's reaches the upstream, apart from the few of the interface."""
    ask(utility, CHAT, BODY, "", "x-forwarded-for: 1.2.3.4", "cookie: a=b", "x-api-key: tw_live_second",
        "openai-organization: org-1", "user-agent: spy")
    assert set(source.seen[-1].headers) - {""} <= {"host", "content-type", "content-length", "accept-encoding",
                                                   "accept", "user-agent", "authorization", "connection"}
    assert "spy" not in str(source.seen[-1].headers) and utility.key not in str(source.seen[-1].headers)


def test_head_limits(utility: Utility) -> None:
    with Line(utility) as line:
        line.send(line.head_of("/v1/models", None, "GET", "x-a: " + "y" * 70_000))
        assert line.reply().status in (400, 431) and line.closed()
    with Line(utility) as line:
        line.send(line.head_of("/v1/models", None, "GET", *(f"x-{number}: y" for number in range(101))))
        assert line.reply().status in (400, 431) and line.closed()
    with Line(utility) as line:
        line.send(line.head_of("/v1/models/" + "m" * 9000, None, "GET"))
        assert line.reply().status in (400, 414) and line.closed()


def test_half_closed(utility: Utility, source: Source) -> None:
    """A client that has said all and closes its side still gets its answer."""
    with Line(utility) as line:
        line.post(CHAT, BODY).sock.shutdown(1)
        assert line.reply().status == 200 and line.closed()


def test_slow_head(utility: Utility, slow: Slow) -> None:
    """A head that trickles is cut after ten seconds, however often a byte comes."""
    slow.join()
    assert 8 < slow.took_s < 13 and slow.status == 408
