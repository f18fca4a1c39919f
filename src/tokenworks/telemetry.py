"""What is counted and logged, behind one small interface: every metric stands in METRICS, every log line is redacted.

Values are integers. A series is the metric's name and its labels as Prometheus writes them, so that the figures of
several processes are added by key and printed as they are.
"""

from __future__ import annotations

import logging
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, MutableMapping
from itertools import accumulate
from typing import Any, Literal, NamedTuple, TextIO

import structlog

Kind = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric. A value is kept in units of 1/`scale` of what is exposed: milliseconds with 1000 read as seconds."""

    name: str
    kind: Kind
    help: str
    scale: int = 1
    bounds: tuple[int, ...] = ()


TIME_BOUNDS_MS = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 30000, 60000, 300000)
TOKEN_BOUNDS_US = (100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000)

# GenAI semantic names (OpenTelemetry, status: development) where they exist; our own are prefixed with our name.
METRICS: tuple[Metric, ...] = (
    Metric("gen_ai_server_time_to_first_token_seconds", "histogram", "From the request's head to the first output.",
           1000, TIME_BOUNDS_MS),
    Metric("gen_ai_server_time_per_output_token_seconds", "histogram", "After the first, per output token.",
           1_000_000, TOKEN_BOUNDS_US),
    Metric("gen_ai_server_request_duration_seconds", "histogram", "From the request's head to the last byte.",
           1000, TIME_BOUNDS_MS),
    Metric("tokenworks_requests_total", "counter", "Requests ended, by model, dialect, outcome and status."),
    Metric("tokenworks_refusals_total", "counter", "Requests refused at the door, by refusal."),
    Metric("tokenworks_input_counts_total", "counter", "Questions about the input of a request that were answered."),
    Metric("tokenworks_tokens_total", "counter", "Tokens metered, by model, class and basis."),
    Metric("tokenworks_attempts_total", "counter", "Tries at a deployment, by deployment and outcome."),
    Metric("tokenworks_streams_cut_total", "counter", "Streams ended for want of credit, or beyond their cap."),
    Metric("tokenworks_connections", "gauge", "Client connections open now."),
    Metric("tokenworks_requests_running", "gauge", "Requests running now."),
    Metric("tokenworks_upstream_connections", "gauge", "Upstream connections, by state."),
    Metric("tokenworks_upstream_running", "gauge", "Requests running at a deployment now."),
    Metric("tokenworks_upstream_up", "gauge", "1 when the deployment answers, 0 when it is down."),
    Metric("tokenworks_buffer_bytes", "gauge", "Bytes of bodies held in memory now."),
    Metric("tokenworks_holds", "gauge", "Holds open now."),
    Metric("tokenworks_leases", "gauge", "Leases in purses now."),
    Metric("tokenworks_journal_bytes_total", "counter", "Bytes written to journals."),
    Metric("tokenworks_journal_lag_bytes", "gauge", "Bytes written and not yet posted."),
    Metric("tokenworks_journal_quarantined_total", "counter", "Records with a bad checksum that were set aside."),
    Metric("tokenworks_posted_records_total", "counter", "Journal records posted to the books."),
    Metric("tokenworks_posting_alarms_total", "counter", "Postings that differ from what a gateway said."),
    Metric("tokenworks_watch_dropped_total", "counter", "Posted records left out of traces: too many wait."),
    Metric("tokenworks_suspense_records", "gauge", "Records that could not be posted and wait for a person."),
    Metric("tokenworks_leakage_ppm", "gauge", "Tokens the engine counted and the meter did not, parts per million."),
    Metric("tokenworks_policy_version", "gauge", "Version of the policy a worker holds."),
    Metric("tokenworks_loop_stall_seconds_max", "gauge", "Longest pause of a worker's loop in the last minute.",
           1_000_000),
    Metric("tokenworks_worker_restarts_total", "counter", "Children started again, by part."),
)
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}


def series(name: str, **labels: str) -> str:
    """The key of one series: `name{label="value"}`, labels in order of their names."""
    if not labels:
        return name
    pairs = ",".join(f'{label}="{_escape(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Histogram:
    """Counts of values by bucket, and their sum, in the metric's own small unit. One bisection a value."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def observe(self, value: int, times: int = 1) -> None:
        """Put one value in, or the same value several times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def flat(self, key: str) -> dict[str, int]:
        """As counters: cumulative buckets, sum and count."""
        name, _, rest = key.partition("{")
        labels = rest.removesuffix("}")
        sums = accumulate(self.counts)
        tops = [*map(str, self.bounds), "+Inf"]
        head, tail = f"{name}_bucket{{{labels}," if labels else f"{name}_bucket{{", f"{{{labels}}}" if labels else ""
        flat = {f'{head}le="{top}"}}': count for top, count in zip(tops, sums, strict=True)}
        return {**flat, f"{name}_sum{tail}": self.total, f"{name}_count{tail}": sum(self.counts)}


class Meters:
    """The figures of one process. Keys are made once by `series` and kept, so that counting costs one dict step."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.gauges: dict[str, int] = {}
        self.histograms: dict[str, Histogram] = {}

    def add(self, key: str, by: int = 1) -> None:
        """Count `by` more on a series."""
        self.counters[key] = self.counters.get(key, 0) + by

    def put(self, key: str, value: int) -> None:
        """Set a gauge."""
        self.gauges[key] = value

    def histogram(self, key: str) -> Histogram:
        """The histogram of a series, made on first use with the bounds of its metric."""
        if key not in self.histograms:
            self.histograms[key] = Histogram(BY_NAME[key.partition("{")[0]].bounds)
        return self.histograms[key]

    def figures(self) -> dict[str, int]:
        """All counters, histograms among them, as one flat dictionary since the start of the process."""
        figures = dict(self.counters)
        for key, histogram in self.histograms.items():
            figures |= histogram.flat(key)
        return figures


def add_series(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several processes' series, by key."""
    total: dict[str, int] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0) + value
    return total


def render_metrics(counters: Mapping[str, int], gauges: Mapping[str, int]) -> str:
    """The Prometheus text format (version 0.0.4), metrics in the order of METRICS, series in order of their labels."""
    by_metric: dict[str, list[tuple[str, int]]] = {}
    for key, value in [*counters.items(), *gauges.items()]:
        by_metric.setdefault(_metric_name(key), []).append((key, value))
    lines: list[str] = []
    for metric in METRICS:
        rows = by_metric.get(metric.name, [])
        if rows:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [_sample(metric, key, value) for key, value in sorted(rows, key=_row_order)]
    return "\n".join(lines) + "\n"


def _metric_name(key: str) -> str:
    name = key.partition("{")[0]
    for suffix in ("_bucket", "_sum", "_count"):
        if name.removesuffix(suffix) in BY_NAME and name not in BY_NAME:
            return name.removesuffix(suffix)
    return name


def _row_order(row: tuple[str, int]) -> tuple[str, int]:
    """Buckets of one set of labels stand together, by their bound."""
    key = row[0]
    head, le, rest = key.partition('le="')
    bound, _, tail = rest.partition('"')
    return (head + tail, 2**63 if bound == "+Inf" else int(bound)) if le else (key, 0)


def _sample(metric: Metric, key: str, value: int) -> str:
    head, le, rest = key.partition('le="')
    if le and not rest.startswith("+Inf"):
        bound, _, tail = rest.partition('"')
        key = f'{head}le="{_scaled(int(bound), metric.scale)}"{tail}'
    plain = metric.scale == 1 or "_bucket{" in key or _is_count(metric, key)
    return f"{key} {value if plain else _scaled(value, metric.scale)}"


def _is_count(metric: Metric, key: str) -> bool:
    return key.partition("{")[0] == f"{metric.name}_count"


def _scaled(value: int, scale: int) -> str:
    """`value / scale` as an exact decimal; scale is a power of ten."""
    places = len(str(scale)) - 1
    digits = str(abs(value)).rjust(places + 1, "0")
    fraction = digits[-places:].rstrip("0")
    return ("-" if value < 0 else "") + digits[:-places] + (f".{fraction}" if fraction else "")


# What must never be written: credentials, and what people send and receive.
SECRET_WORDS = ("authorization", "api_key", "apikey", "credential", "password", "pepper", "secret", "cookie")
CONTENT_WORDS = ("prompt", "messages", "input_text", "output_text", "body", "content")
REDACTED = "***"


def redact_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the values of telling keys, and API keys inside any text, are masked."""
    for name, value in event.items():
        lowered = name.lower()
        if any(word in lowered for word in SECRET_WORDS) or lowered in CONTENT_WORDS:
            event[name] = REDACTED
        elif isinstance(value, str) and "tw_live_" in value:
            event[name] = value[: value.index("tw_live_")] + "tw_live_" + REDACTED
    return event


def start_logs(part: str, level: str = "info", stream: TextIO = sys.stderr) -> None:
    """One JSON object a line on `stream`: time, level, part, event and its fields."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_line,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=_wrapper(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(part=part)


def set_level(level: str) -> None:
    """The least level logged from now on; everything else about the logs stays."""
    structlog.configure(wrapper_class=_wrapper(level))


def _wrapper(level: str) -> Any:
    return structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])
