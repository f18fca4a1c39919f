"""Traces at a real receiver, and a sealed credential at a real upstream with an address of its own, through `up`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from openai import OpenAI
from tests.control.otlp import Receiver, attributes, receiving
from tests.e2e.utility import MODEL, Utility, wait_for

ANSWER = {
    "id": "20251125", "object": "chat.completion", "created": 1764000000, "model": "glm-4.6",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500,
              "prompt_tokens_details": {"cached_tokens": 800}}}


@contextmanager
def upstream() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A vendor's server: its address, and (path, authorization, body) of what it was asked."""
    asked: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, self.headers.get("authorization", ""), body))
            answer = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Utility, Receiver]]:
    with receiving() as receiver:
        state = tmp_path_factory.mktemp("state")
        (state / "tokenworks.toml").write_text(f'[otel]\nendpoint = "{receiver.url}"\ninterval_s = 1\n')
        utility = Utility(state, workers=1)
        try:
            yield utility.start(), receiver
        finally:
            utility.stop()


def test_a_request_is_told(told: tuple[Utility, Receiver]) -> None:
    """The span has the tokens and the price that the books have; metrics come, too."""
    utility, receiver = told
    client = OpenAI(base_url=f"{utility.url}/v1", api_key=utility.key)
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, max_tokens=8, messages=[{"role": "user", "content": "Say something."}])
    request, usage = raw.headers["x-request-id"], raw.parse().usage
    assert usage is not None
    wait_for(lambda: any(attributes(span).get("tokenworks.request.id") == request for span in receiver.spans()), 20,
             lambda: f"{len(receiver.spans())} spans, none of {request}")
    top = next(span for span in receiver.spans() if attributes(span).get("tokenworks.request.id") == request)
    found = attributes(top)
    assert found["gen_ai.usage.input_tokens"] == usage.prompt_tokens
    assert found["gen_ai.usage.output_tokens"] == usage.completion_tokens
    assert found["tokenworks.charged"] == utility.booked(request)["request"]["charged"]["amount"]
    mine = [span for span in receiver.spans() if span.trace_id == top.trace_id]
    assert {span.name.partition(" ")[0] for span in mine} == {"chat", "admission", "attempt"}
    assert all(top.start_time_unix_nano <= span.start_time_unix_nano for span in mine)
    assert "Say something" not in str(receiver.traces)
    wait_for(lambda: bool(receiver.points("gen_ai.client.token.usage")), 20, lambda: "no metrics")
    wait_for(lambda: bool(receiver.points("tokenworks.posted_records")), 20, lambda: "no metrics of our own")


def test_a_clients_trace_goes_on(told: tuple[Utility, Receiver]) -> None:
    """The span of a stream is a child of its client's."""
    utility, receiver = told
    client = OpenAI(base_url=f"{utility.url}/v1", api_key=utility.key)
    list(client.chat.completions.create(
        model=MODEL, max_tokens=8, stream=True, messages=[{"role": "user", "content": "Say something."}],
        extra_headers={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}))
    trace = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
    wait_for(lambda: any(span.trace_id == trace for span in receiver.spans()), 20, lambda: "not in the client's trace")
    mine = {span.name.partition(" ")[0]: span for span in receiver.spans() if span.trace_id == trace}
    assert set(mine) == {"chat", "admission", "attempt"}
    assert mine["chat"].parent_span_id == bytes.fromhex("00f067aa0ba902b7")
    assert mine["attempt"].parent_span_id == mine["chat"].span_id


def test_a_sealed_credential(told: tuple[Utility, Receiver]) -> None:
    """It reaches its upstream, under the path that stands in place of /v1; nothing on the disk has it."""
    utility, _ = told
    with upstream() as (url, asked):
        utility.client.call("PUT", "/secrets/zhipu", {"value": "sk-zhipu-live-77", "host": url})
        utility.client.call("PUT", "/models/glm", {"context_tokens": 8192})
        utility.client.call("POST", "/deployments", {
            "deployment": "glm", "model": "glm", "upstream_model": "glm-4.6", "engine": "zhipu",
            "url": f"{url}/api/paas/v4", "secret": "sealed:zhipu", "allow_private": True})
        client = OpenAI(base_url=f"{utility.url}/v1", api_key=utility.key, max_retries=8)
        time.sleep(1.5)
        raw = client.chat.completions.with_raw_response.create(
            model="glm", max_completion_tokens=50, messages=[{"role": "user", "content": "Hi"}])
        assert raw.parse().choices[0].message.content == "hello"
        path, authorization, body = asked[0]
        assert path == "/api/paas/v4/chat/completions" and authorization == "Bearer sk-zhipu-live-77"
        sent = json.loads(body)
        assert sent["max_tokens"] == 50 and "max_completion_tokens" not in sent and sent["model"] == "glm-4.6"
        usage = utility.booked(raw.headers["x-request-id"])["request"]["usage"]
        assert (usage["input"], usage["cache_read"], usage["output"]) == (400, 800, 300)
        utility.client.call("POST", "/secrets/rotation", {})
        time.sleep(1.5)
        client.chat.completions.create(model="glm", messages=[{"role": "user", "content": "Hi again"}])
        assert asked[1][1] == "Bearer sk-zhipu-live-77"
    for file in (path for path in Path(utility.state).rglob("*") if path.is_file()):
        assert b"sk-zhipu-live-77" not in file.read_bytes(), file
