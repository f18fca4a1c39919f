"""A receiver of OTLP over HTTP: a real server that decodes the real protobuf, and keeps what it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def plain(value: Any) -> Any:
    """An AnyValue as a Python value."""
    return getattr(value, value.WhichOneof("value"))


class Receiver:
    """What has come. `status` is what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.heads: list[dict[str, str]] = []
        self.traces: list[Any] = []
        self.metrics: list[Any] = []

    def take(self, path: str, body: bytes, head: dict[str, str]) -> None:
        """One export; raises for what is not OTLP."""
        self.heads.append(head)
        assert head["content-type"] == "application/x-protobuf"
        if path.endswith("/v1/traces"):
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        elif path.endswith("/v1/metrics"):
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        else:
            raise AssertionError(path)

    def spans(self) -> list[Any]:
        """All spans so far."""
        return [span for one in self.traces for resource in one.resource_spans for scope in resource.scope_spans
                for span in scope.spans]

    def resource(self) -> dict[str, Any]:
        """Of the first export."""
        return {pair.key: plain(pair.value) for pair in self.traces[0].resource_spans[0].resource.attributes}

    def points(self, name: str) -> list[Any]:
        """The points of a metric in the newest export that has it."""
        for one in reversed(self.metrics):
            found = [point for resource in one.resource_metrics for scope in resource.scope_metrics
                     for metric in scope.metrics if metric.name == name
                     for point in getattr(metric, metric.WhichOneof("data")).data_points]
            if found:
                return found
        return []


def attributes(thing: Any) -> dict[str, Any]:
    """Of a span or a point."""
    return {pair.key: plain(pair.value) for pair in thing.attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if receiver.status == 200:
                receiver.take(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()
