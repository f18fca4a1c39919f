"""Records in OpenTelemetry's words, as a table."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.control.telling import BEGUN, CLOSED, MS, OPENED, REFUSED

from tokenworks.control import genai
from tokenworks.control.genai import Trace, find_trace, measure_request, name_metric, read_series, tell_refusal
from tokenworks.telemetry import METRICS, series
from tokenworks.wire.dialects import Engine

ENGINES: dict[str, Engine] = {"d0": "vllm", "d1": "gemini"}
TRACE = Trace(7, 0, True)
CLIENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_request() -> None:
    whole, admission, first, second = genai.tell_request(OPENED, CLOSED, TRACE, ENGINES.get)
    assert (whole.name, whole.kind, whole.parent, whole.error) == ("chat qwen3", "server", 0, "")
    assert (whole.start_ns, whole.end_ns) == (BEGUN, BEGUN + 1000 * MS)
    assert whole.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "tokenworks", "gen_ai.request.model": "qwen3",
        "gen_ai.request.stream": True, "gen_ai.usage.input_tokens": 107, "gen_ai.usage.output_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 90, "gen_ai.usage.cache_creation.input_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 60, "gen_ai.response.time_to_first_chunk": 0.16,
        "http.response.status_code": 200, "tokenworks.request.id": "req_1", "tokenworks.account.id": "acme",
        "tokenworks.key.id": "key_1", "tokenworks.dialect": "messages", "tokenworks.card": "standard@3",
        "tokenworks.unit": "CNY", "tokenworks.usage.basis": "reported", "tokenworks.usage.searches": 2,
        "tokenworks.outcome": "ok", "tokenworks.deployment": "d1", "tokenworks.rated": "2.00",
        "tokenworks.charged": "2.00", "tokenworks.waived": "0.00", "tokenworks.overrun": "0.00",
        "tokenworks.notes.0": "seed: dropped"}
    assert (admission.parent, admission.start_ns, admission.end_ns) == (whole.id, BEGUN, BEGUN + 2 * MS)
    assert admission.attributes == {"tokenworks.admission.route": "only", "tokenworks.admission.passed_over_d0": "down",
                                    "tokenworks.held": "5.00", "tokenworks.unit": "CNY"}
    assert (first.name, first.error, first.kind) == ("attempt d0", "overloaded", "client")
    assert first.attributes["error.type"] == "overloaded" and first.attributes["gen_ai.provider.name"] == "vllm"
    assert (second.start_ns, second.end_ns) == (BEGUN + 40 * MS, BEGUN + 940 * MS)
    assert second.attributes["gen_ai.provider.name"] == "gcp.gemini"
    assert (second.attributes["tokenworks.dialect"], second.attributes["tokenworks.cost"]) == ("chat", "1.50")
    ids = {span.id for span in (whole, admission, first, second)}
    assert len(ids) == 4 and {span.trace for span in (whole, admission, first, second)} == {TRACE}


def test_how_it_ended() -> None:
    cut = msgspec.structs.replace(CLOSED, outcome="cut", reason="credit", ttft_ms=-1, attempts=())
    whole, admission = genai.tell_request(OPENED, cut, TRACE, ENGINES.get)
    assert whole.error == whole.attributes["error.type"] == "credit"
    assert "gen_ai.response.time_to_first_chunk" not in whole.attributes
    assert admission.end_ns == whole.end_ns
    gone = msgspec.structs.replace(CLOSED, outcome="client_gone", at_ns=BEGUN - 5)
    whole = genai.tell_request(OPENED, gone, TRACE, lambda name: None)[0]
    assert whole.error == "client_gone" and whole.end_ns == whole.start_ns, "a clock that was set back"


def test_a_refusal() -> None:
    (span,) = tell_refusal(REFUSED, TRACE)
    assert (span.name, span.error, span.start_ns, span.end_ns) == ("chat qwen3", "credit_exhausted", BEGUN, BEGUN)
    assert span.attributes["tokenworks.outcome"] == "refused" and span.attributes["http.response.status_code"] == 429
    assert span.attributes["tokenworks.admission.need"] == "5.00"


def test_measures() -> None:
    found = {(one.name, one.attributes.get("gen_ai.token.type")): one for one in measure_request(OPENED, CLOSED)}
    assert found[genai.DURATION, None].value == 1.0 and found[genai.FIRST_TOKEN, None].value == 0.16
    assert found[genai.PER_TOKEN, None].value == pytest.approx(0.84 / 99)
    assert (found[genai.TOKENS, "input"].value, found[genai.TOKENS, "output"].value) == (107, 100)
    assert set(genai.HISTOGRAMS) == {name for name, _ in found}
    failed = msgspec.structs.replace(CLOSED, outcome="upstream_failed", ttft_ms=-1)
    found = {(one.name, one.attributes.get("gen_ai.token.type")): one for one in measure_request(OPENED, failed)}
    assert found[genai.DURATION, None].attributes["error.type"] == "upstream_failed"
    assert (genai.FIRST_TOKEN, None) not in found and (genai.PER_TOKEN, None) not in found


def test_whose_trace() -> None:
    own = find_trace("req_1", {}, 100)
    assert own.parent == 0 and own.sampled and own == find_trace("req_1", {"traceparent": "nonsense"}, 100)
    assert own.id != find_trace("req_2", {}, 100).id > 0
    theirs = find_trace("req_1", {"traceparent": CLIENT}, 0)
    assert (theirs.id, theirs.parent, theirs.sampled) == (
        0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, True)
    assert not find_trace("req_1", {"traceparent": CLIENT[:-1] + "0"}, 100).sampled, "its client keeps none of it"


@pytest.mark.parametrize("text", [
    "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
    "ff" + CLIENT[2:], CLIENT.upper(), CLIENT + "x", ""])
def test_what_is_no_trace(text: str) -> None:
    assert find_trace("req_1", {"traceparent": text}, 100).parent == 0


@given(st.integers(1, 99), st.integers(0, 2**32))
def test_samples(percent: int, start: int) -> None:
    """About so many of all, and always the same ones."""
    names = [f"req_{start + number}" for number in range(400)]
    kept = [name for name in names if find_trace(name, {}, percent).sampled]
    assert abs(len(kept) / 4 - percent) < 20
    assert all(find_trace(name, {}, percent + 1).sampled for name in kept)
    assert not any(find_trace(name, {}, 0).sampled for name in names)


def test_names_of_our_own_metrics() -> None:
    ours = [metric for metric in METRICS if metric.kind != "histogram"]
    names = [name_metric(metric) for metric in ours]
    assert len(set(names)) == len(names) and all(name.startswith("tokenworks.") for name in names)
    assert "tokenworks.requests" in names and "tokenworks.loop_stall" in names


@given(st.dictionaries(st.sampled_from(["model", "outcome", "a_b"]), st.text()))
def test_series(labels: dict[str, str]) -> None:
    assert read_series(series("tokenworks_requests_total", **labels)) == ("tokenworks_requests_total", labels)
