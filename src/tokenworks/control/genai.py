"""What a request was, as OpenTelemetry tells it: the one place that knows the names of its GenAI conventions.

Conventions of semantic-conventions 0.66b2 (status: development): when they change, this file does. What they have no
name for is prefixed with ours. No prompt and no answer is known here, and none is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Literal, NamedTuple

from tokenworks.credit.records import Attempt, Closed, Opened, Refused
from tokenworks.telemetry import Metric
from tokenworks.units import format_amount
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Dialect, Engine

Value = str | int | float | bool
Attributes = dict[str, Value]
Kind = Literal["server", "client", "internal"]

PROVIDER = "tokenworks"  # of the request as its client sees it
OPERATIONS: dict[Dialect, str] = {
    "chat": "chat",
    "responses": "chat",
    "messages": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
PROVIDERS: dict[Engine, str] = {  # where the conventions have another word for it than we do
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "xai": "x_ai",
    "mistral": "mistral_ai",
}
DURATION, FIRST_TOKEN, PER_TOKEN, TOKENS = (
    "gen_ai.server.request.duration", "gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token",
    "gen_ai.client.token.usage")
_TENS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
HISTOGRAMS: dict[str, tuple[str, tuple[float, ...]]] = {  # unit and bounds, as the conventions advise
    DURATION: ("s", _TENS),
    FIRST_TOKEN: ("s", (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)),
    PER_TOKEN: ("s", (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)),
    TOKENS: ("{token}", tuple(float(4**power) for power in range(14))),
}
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class Trace(NamedTuple):
    """Whose trace a request belongs to. `parent` is the client's span, 0 without one."""

    id: int
    parent: int
    sampled: bool


class SpanFacts(NamedTuple):
    """One span. `error` is why it failed, "" when it did not; times are Unix nanoseconds."""

    name: str
    kind: Kind
    trace: Trace
    id: int
    parent: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str = ""


class Measure(NamedTuple):
    """One value of a histogram."""

    name: str
    value: float
    attributes: Attributes


def find_trace(request: str, why: Mapping[str, object], percent: int) -> Trace:
    """The client's trace if it sent one (W3C traceparent), else one of the request's own, kept in `percent` of all."""
    found = _PARENT.fullmatch(str(why.get("traceparent", "")))
    if found and not found[0].startswith("ff") and int(found[1], 16) and int(found[2], 16):
        return Trace(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & 1))
    digest = blake2b(request.encode(), digest_size=16).digest()
    return Trace(int.from_bytes(digest, "big"), 0, int.from_bytes(digest[8:], "big") * 100 < percent << 64)


def tell_request(
    opened: Opened, closed: Closed, trace: Trace, engine_of: Callable[[str], Engine | None]
) -> list[SpanFacts]:
    """The request, its admission, and each attempt at a deployment."""
    operation = OPERATIONS.get(opened.dialect, "chat")  # type: ignore[call-overload]
    top = _span_id(closed.request, "request")
    end_ns = max(closed.at_ns, opened.at_ns)
    error = "" if closed.outcome == "ok" else closed.reason or closed.outcome
    whole = SpanFacts(f"{operation} {opened.model}", "server", trace, top, trace.parent, opened.at_ns, end_ns,
                      _of_request(opened, operation) | _of_end(opened, closed) | _of_error(error), error)
    first_ns = min((one.started_at_ns for one in closed.attempts if one.started_at_ns), default=end_ns)
    admitted = {f"tokenworks.admission.{_word(name)}": value for name, value in opened.why.items()
                if name != "traceparent"}
    admission = SpanFacts("admission", "internal", trace, _span_id(closed.request, "admission"), top, opened.at_ns,
                          max(opened.at_ns, min(first_ns, end_ns)), {**admitted, "tokenworks.held":
                          format_amount(opened.held_minor, opened.unit), "tokenworks.unit": opened.unit})
    return [whole, admission, *(_attempt(opened, one, (trace, top), engine_of) for one in closed.attempts)]


def tell_refusal(refused: Refused, trace: Trace) -> list[SpanFacts]:
    """A request that was refused at the door: a span without a length."""
    operation = OPERATIONS.get(refused.dialect, "chat")  # type: ignore[call-overload]
    why = {f"tokenworks.admission.{_word(name)}": value for name, value in refused.why.items()
           if name != "traceparent"}
    attributes: Attributes = {
        "gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER, "gen_ai.request.model": refused.model,
        "tokenworks.request.id": refused.request, "tokenworks.account.id": refused.account,
        "tokenworks.key.id": refused.key, "tokenworks.dialect": refused.dialect, "tokenworks.outcome": "refused",
        "http.response.status_code": refused.status, **_of_error(refused.refusal), **why}
    return [SpanFacts(f"{operation} {refused.model}", "server", trace, _span_id(refused.request, "request"),
                      trace.parent, refused.at_ns, refused.at_ns, attributes, refused.refusal)]


def measure_request(opened: Opened, closed: Closed) -> list[Measure]:
    """What the GenAI metrics count of a request that has ended."""
    operation = OPERATIONS.get(opened.dialect, "chat")  # type: ignore[call-overload]
    common: Attributes = {"gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER,
                          "gen_ai.request.model": opened.model}
    failed = _of_error("" if closed.outcome == "ok" else closed.outcome)
    found = [Measure(DURATION, closed.duration_ms / 1000, common | failed)]
    if closed.ttft_ms >= 0:
        found.append(Measure(FIRST_TOKEN, closed.ttft_ms / 1000, common))
        later = closed.usage.completion - 1
        if opened.stream and later > 0:
            found.append(Measure(PER_TOKEN, (closed.duration_ms - closed.ttft_ms) / 1000 / later, common))
    for kind, count in (("input", closed.usage.prompt), ("output", closed.usage.completion)):
        found.append(Measure(TOKENS, float(count), common | {"gen_ai.token.type": kind}))
    return found


def name_metric(metric: Metric) -> str:
    """One of our own metrics in OpenTelemetry's way of naming: tokenworks_requests_total is tokenworks.requests."""
    return metric.name.removesuffix("_total").removesuffix("_seconds_max").replace("_", ".", 1)


def read_series(key: str) -> tuple[str, dict[str, str]]:
    """Name and labels of a series as `telemetry.series` writes it."""
    name, _, labels = key.partition("{")
    return name, {found[1]: re.sub(r"\\(.)", lambda mark: "\n" if mark[1] == "n" else mark[1], found[2])
                  for found in re.finditer(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)}


def _of_request(opened: Opened, operation: str) -> Attributes:
    return {
        "gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER, "gen_ai.request.model": opened.model,
        "gen_ai.request.stream": opened.stream, "tokenworks.request.id": opened.request,
        "tokenworks.account.id": opened.account, "tokenworks.key.id": opened.key, "tokenworks.dialect": opened.dialect,
        "tokenworks.card": opened.card, "tokenworks.unit": opened.unit}


def _of_end(opened: Opened, closed: Closed) -> Attributes:
    amounts = {"rated": closed.rated_minor, "charged": closed.charged_minor, "waived": closed.waived_minor,
               "overrun": closed.overrun_minor}
    found: Attributes = {
        **_of_usage(closed.usage), "tokenworks.usage.basis": closed.basis, "tokenworks.outcome": closed.outcome,
        "tokenworks.deployment": closed.deployment, "http.response.status_code": closed.status,
        **{f"tokenworks.{name}": format_amount(amount, opened.unit) for name, amount in amounts.items()}}
    if closed.ttft_ms >= 0:
        found["gen_ai.response.time_to_first_chunk"] = closed.ttft_ms / 1000
    return found | {f"tokenworks.notes.{number}": note for number, note in enumerate(closed.notes)}


def _of_usage(usage: Usage) -> Attributes:
    """The conventions' input counts what was cached as well."""
    return {
        "gen_ai.usage.input_tokens": usage.prompt, "gen_ai.usage.output_tokens": usage.completion,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
        **{f"tokenworks.usage.{name}": count for name, count in usage.extras.items()}}


def _attempt(
    opened: Opened, attempt: Attempt, place: tuple[Trace, int], engine_of: Callable[[str], Engine | None]
) -> SpanFacts:
    trace, top = place
    operation = OPERATIONS.get(attempt.spoken or opened.dialect, "chat")  # type: ignore[call-overload]
    engine = engine_of(attempt.deployment)
    start_ns = attempt.started_at_ns or opened.at_ns
    error = "" if attempt.outcome == "served" else attempt.reason or attempt.outcome
    attributes: Attributes = {
        "gen_ai.operation.name": operation, "gen_ai.request.model": opened.model,
        "gen_ai.provider.name": PROVIDERS.get(engine, engine) if engine else PROVIDER, **_of_usage(attempt.usage),
        "tokenworks.deployment": attempt.deployment, "tokenworks.attempt": attempt.number,
        "tokenworks.dialect": attempt.spoken or opened.dialect, "http.response.status_code": attempt.status,
        **_of_error(error)}
    if attempt.cost_unit:
        attributes["tokenworks.cost"] = format_amount(attempt.cost_minor, attempt.cost_unit)
        attributes["tokenworks.cost.unit"] = attempt.cost_unit
    return SpanFacts(f"attempt {attempt.deployment}", "client", trace, _span_id(opened.request, str(attempt.number)),
                     top, start_ns, start_ns + attempt.duration_ms * 1_000_000, attributes, error)


def _of_error(error: str) -> Attributes:
    return {"error.type": error} if error else {}


def _span_id(request: str, part: str) -> int:
    return int.from_bytes(blake2b(f"{request}/{part}".encode(), digest_size=8).digest(), "big") or 1


def _word(name: str) -> str:
    return name.replace(" ", "_")
