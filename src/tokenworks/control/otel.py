"""Traces and metrics to an OTLP receiver, by OpenTelemetry's own SDK. Loaded only where it is asked for.

Spans are built when a request is in the books already (watch.py). The SDK sends them in batches of its own and drops
what a receiver does not take; nothing of that is on the way of a request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any
from urllib.parse import unquote

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tokenworks.control import genai
from tokenworks.control.facts import FactsBook
from tokenworks.control.genai import SpanFacts
from tokenworks.control.watch import WatchParts
from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.errors import Invalid
from tokenworks.limits import WATCH_SPANS_MAX
from tokenworks.operations.upstream import url_host
from tokenworks.telemetry import METRICS, Metric

SEND_S = 10.0  # how long a receiver may take for one batch
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_GAUGES, _COUNTERS = ([one for one in METRICS if one.kind == kind] for kind in ("gauge", "counter"))


@dataclass(frozen=True, kw_only=True)
class OtelConfig:
    """`endpoint` is the receiver without /v1/traces; `headers` a reference to a secret of the form NAME=VALUE,..."""

    endpoint: str
    headers: str = ""
    traces: bool = True
    metrics: bool = True
    sample_percent: int = 100
    interval_s: int = 15


def make_exporter(config: OtelConfig, parts: WatchParts) -> OtelExporter:
    """The exporter of a control process. Raises what keeps the headers' secret from being read."""
    return OtelExporter(config, parts, read_headers(parts.secrets.resolve(config.headers, url_host(config.endpoint))))


class OtelExporter:
    """watch.Exporter by the SDK."""

    def __init__(self, config: OtelConfig, parts: WatchParts, headers: dict[str, str]) -> None:
        _hear_sdk()
        self._percent, self._engine_of = config.sample_percent, parts.engine_of
        self._resource = Resource({"service.name": "tokenworks", "service.version": parts.version,
                                   "service.instance.id": parts.host})
        self._scope = InstrumentationScope("tokenworks", parts.version)
        url = config.endpoint.rstrip("/")
        self._spans = BatchSpanProcessor(
            OTLPSpanExporter(f"{url}/v1/traces", headers=headers, timeout=SEND_S), max_queue_size=WATCH_SPANS_MAX,
            schedule_delay_millis=min(config.interval_s, 5) * 1000) if config.traces else None
        self._meters = MeterProvider([PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{url}/v1/metrics", headers=headers, timeout=SEND_S),
            config.interval_s * 1000)], self._resource, shutdown_on_exit=False) if config.metrics else None
        self._histograms: dict[str, Any] = {}
        if self._meters is not None:
            self._make_instruments(self._meters, parts.facts)

    def tell_end(self, opened: Opened, closed: Closed) -> None:
        """See watch.Exporter."""
        trace = genai.find_trace(closed.request, opened.why, self._percent)
        self._send(genai.tell_request(opened, closed, trace, self._engine_of) if trace.sampled else ())
        for measure in genai.measure_request(opened, closed) if self._histograms else ():
            self._histograms[measure.name].record(measure.value, measure.attributes)

    def tell_refusal(self, refused: Refused) -> None:
        """See watch.Exporter."""
        trace = genai.find_trace(refused.request, refused.why, self._percent)
        self._send(genai.tell_refusal(refused, trace) if trace.sampled else ())

    def close(self, wait_s: float) -> None:
        """See watch.Exporter. With a receiver that is away the SDK tries for longer than that: it is left behind."""
        last = Thread(target=self._shut, args=(wait_s,), name="otel-end", daemon=True)
        last.start()
        last.join(wait_s)

    def _shut(self, wait_s: float) -> None:
        if self._spans is not None:
            self._spans.shutdown()  # type: ignore[no-untyped-call]
        if self._meters is not None:
            self._meters.shutdown(wait_s * 1000)

    def _send(self, spans: Iterable[SpanFacts]) -> None:
        if self._spans is not None:
            for facts in spans:
                self._spans.on_end(self._make_span(facts))

    def _make_span(self, facts: SpanFacts) -> ReadableSpan:
        parent = SpanContext(facts.trace.id, facts.parent, facts.parent == facts.trace.parent, _SAMPLED)
        return ReadableSpan(
            facts.name, SpanContext(facts.trace.id, facts.id, False, _SAMPLED), parent if facts.parent else None,
            self._resource, facts.attributes, kind=_KINDS[facts.kind],
            status=Status(StatusCode.ERROR, facts.error) if facts.error else Status(StatusCode.UNSET),
            start_time=facts.start_ns, end_time=facts.end_ns, instrumentation_scope=self._scope)

    def _make_instruments(self, meters: MeterProvider, facts: FactsBook) -> None:
        """The conventions' histograms, and our own counters and gauges as control knows them."""
        meter = meters.get_meter("tokenworks")
        for name, (unit, bounds) in genai.HISTOGRAMS.items():
            self._histograms[name] = meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=bounds)
        for metric in _COUNTERS:
            meter.create_observable_counter(genai.name_metric(metric), [partial(_observe, metric, facts.counters)],
                                            description=metric.help)
        for metric in _GAUGES:
            meter.create_observable_gauge(genai.name_metric(metric), [partial(_observe, metric, facts.gauges)],
                                          description=metric.help)


def read_headers(text: str) -> dict[str, str]:
    """NAME=VALUE,NAME=VALUE with values as in a URL, the form of OTEL_EXPORTER_OTLP_HEADERS. Raises Invalid."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(name and mark for name, mark, _ in pairs):
        raise Invalid("otel.headers", "the secret must have the form NAME=VALUE,NAME=VALUE")
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}


def _observe(metric: Metric, figures: Any, options: CallbackOptions) -> list[Observation]:
    """One of our metrics, all its series, as of now."""
    found = ((genai.read_series(key), value) for key, value in figures().items())
    return [Observation(value / metric.scale if metric.scale > 1 else value, labels)
            for (name, labels), value in found if name == metric.name]


class _Forward(logging.Handler):
    """What the SDK has to say, in our log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning("otel", why=record.getMessage())


def _hear_sdk() -> None:
    sdk = logging.getLogger("opentelemetry")
    sdk.propagate = False
    sdk.handlers = [_Forward(logging.WARNING)]
