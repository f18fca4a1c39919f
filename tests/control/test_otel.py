"""Traces and metrics at a real receiver: the SDK's own protobuf, decoded."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
import structlog
from tests.control.otlp import Receiver, attributes, receiving
from tests.control.telling import BEGUN, CLOSED, MS, OPENED, REFUSED
from tests.control.test_watch import parts_of

from tokenworks.control.facts import FactsBook
from tokenworks.control.otel import OtelConfig, OtelExporter, make_exporter, read_headers
from tokenworks.control.watch import Watch
from tokenworks.errors import CallerError, Invalid
from tokenworks.operations.secret import SecretBook
from tokenworks.telemetry import series


def exported(receiver: Receiver, facts: FactsBook | None = None, **more: object) -> None:
    """Three records, told and flushed."""
    parts = parts_of(facts=facts)._replace(secrets=SecretBook({"TOKENWORKS_SECRET_O": "Authorization=Bearer%20x,A=b"}),
                                           engine_of={"d1": "gemini"}.get)  # type: ignore[arg-type]
    config = OtelConfig(endpoint=receiver.url, headers="env:TOKENWORKS_SECRET_O", interval_s=3600,
                        **more)  # type: ignore[arg-type]
    watch = Watch(make_exporter(config, parts), parts)
    watch.start()
    watch.take([(1, OPENED), (2, CLOSED), (3, REFUSED)])
    watch.stop()


def test_traces() -> None:
    with receiving() as receiver:
        exported(receiver)
    spans = {span.name: span for span in receiver.spans()}
    assert sorted(span.name for span in receiver.spans()) == [
        "admission", "attempt d0", "attempt d1", "chat qwen3", "chat qwen3"]
    assert receiver.resource() == {"service.name": "tokenworks", "service.version": "1", "service.instance.id": "h"}
    request = next(span for span in receiver.spans() if attributes(span).get("tokenworks.request.id") == "req_1")
    assert (request.start_time_unix_nano, request.end_time_unix_nano) == (BEGUN, BEGUN + 1000 * MS)
    assert request.kind == 2 and spans["attempt d1"].kind == 3 and not request.parent_span_id
    for child in ("admission", "attempt d0", "attempt d1"):
        assert spans[child].parent_span_id == request.span_id and spans[child].trace_id == request.trace_id
    found = attributes(request)
    assert found["gen_ai.usage.input_tokens"] == 107 and found["tokenworks.charged"] == "2.00"
    assert attributes(spans["attempt d1"])["gen_ai.provider.name"] == "gcp.gemini"
    assert (spans["attempt d0"].status.code, spans["attempt d0"].status.message) == (2, "overloaded")
    refused = next(span for span in receiver.spans() if attributes(span).get("tokenworks.request.id") == "req_2")
    assert refused.status.code == 2 and refused.trace_id != request.trace_id
    assert {head["authorization"] for head in receiver.heads} == {"Bearer x"}
    assert {head["a"] for head in receiver.heads} == {"b"}


def test_metrics() -> None:
    facts = FactsBook()
    facts.meters.add(series("tokenworks_requests_total", model="qwen3", outcome="ok"), 7)
    facts.meters.put("tokenworks_loop_stall_seconds_max", 1500)
    with receiving() as receiver:
        exported(receiver, facts)
    (duration,) = receiver.points("gen_ai.server.request.duration")
    assert (duration.count, duration.sum) == (1, 1.0) and list(duration.explicit_bounds)[:2] == [0.01, 0.02]
    assert attributes(duration)["gen_ai.request.model"] == "qwen3"
    tokens = {attributes(point)["gen_ai.token.type"]: point.sum
              for point in receiver.points("gen_ai.client.token.usage")}
    assert tokens == {"input": 107, "output": 100}
    (requests,) = receiver.points("tokenworks.requests")
    assert requests.as_int == 7 and attributes(requests) == {"model": "qwen3", "outcome": "ok"}
    assert receiver.points("tokenworks.loop_stall")[0].as_double == 0.0015


@pytest.mark.parametrize(("more", "traces", "metrics"), [
    ({"traces": False}, 0, True), ({"metrics": False}, 5, False), ({"sample_percent": 0}, 0, True)])
def test_what_is_switched_off(more: dict[str, object], traces: int, metrics: bool) -> None:
    with receiving() as receiver:
        exported(receiver, **more)
    assert len(receiver.spans()) == traces and bool(receiver.metrics) is metrics


def test_the_trace_of_a_client() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with receiving() as receiver:
        exporter = OtelExporter(OtelConfig(endpoint=receiver.url, metrics=False), parts_of(), {})
        exporter.tell_end(msgspec.structs.replace(OPENED, why={"traceparent": parent}), CLOSED)
        exporter.close(5)
    top = next(span for span in receiver.spans() if span.kind == 2)
    assert top.trace_id.hex() == parent[3:35] and top.parent_span_id.hex() == parent[36:52]
    assert "tokenworks.admission.traceparent" not in {name for span in receiver.spans() for name in attributes(span)}


@pytest.mark.parametrize("fault", ["away", "refuses"])
def test_a_receiver_that_is_not_there(fault: str) -> None:
    """Telling costs what it costs with one; the end does not wait long; it is said in our own log."""
    with receiving() as receiver:
        receiver.status = 400
        url = receiver.url if fault == "refuses" else "http://127.0.0.1:1"
        with structlog.testing.capture_logs() as lines:
            exporter = OtelExporter(OtelConfig(endpoint=url), parts_of(), {})
            took = timed(lambda: [exporter.tell_end(OPENED, CLOSED) for _ in range(200)])
            ended = timed(lambda: exporter.close(1))
    assert took < 2 and ended < 3
    assert any(line["event"] == "otel" and line["log_level"] == "warning" for line in lines)


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_headers() -> None:
    assert read_headers("") == {} and read_headers("A=b%20c, X-Y = z ") == {"a": "b c", "x-y": "z"}
    for bad in ("nothing", "=x", "a=b,c"):
        with pytest.raises(Invalid, match=r"otel\.headers"):
            read_headers(bad)
    with pytest.raises(CallerError, match="TOKENWORKS_SECRET_MISSING"):
        make_exporter(OtelConfig(endpoint="http://x", headers="env:TOKENWORKS_SECRET_MISSING"), parts_of())
