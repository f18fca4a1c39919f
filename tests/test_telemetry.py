"""Metrics add up across processes and print as Prometheus reads them; log lines carry no secret."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from tokenworks.telemetry import METRICS, Meters, add_series, redact_line, render_metrics, series, set_level, start_logs


def test_series_escapes() -> None:
    assert series("x") == "x"
    assert series("x", b='q"', a="1\n") == 'x{a="1\\n",b="q\\""}'


def test_workers_add() -> None:
    one, two = Meters(), Meters()
    key = series("tokenworks_tokens_total", model="m", **{"class": "input"})
    one.add(key, 3)
    two.add(key, 4)
    assert add_series([one.figures(), two.figures()]) == {key: 7}


@pytest.mark.parametrize("labels", [{}, {"model": "m"}])
def test_histogram_renders(labels: dict[str, str]) -> None:
    meters = Meters()
    histogram = meters.histogram(series("gen_ai_server_time_to_first_token_seconds", **labels))
    for value_ms in (0, 2, 3, 999_999):
        histogram.observe(value_ms)
    lines = render_metrics(meters.figures(), {}).splitlines()
    shown = 'model="m",' if labels else ""
    tail = '{model="m"}' if labels else ""
    name = "gen_ai_server_time_to_first_token_seconds"
    assert lines[1] == f"# TYPE {name} histogram"
    assert lines[2:5] == [f'{name}_bucket{{{shown}le="{le}"}} {count}' for le, count in
                          (("0.001", 1), ("0.002", 2), ("0.005", 3))]
    assert f'{name}_bucket{{{shown}le="+Inf"}} 4' in lines
    assert f"{name}_sum{tail} 1000.004" in lines
    assert f"{name}_count{tail} 4" in lines


def test_gauge_scales() -> None:
    meters = Meters()
    meters.put("tokenworks_loop_stall_seconds_max", 1234)
    meters.put("tokenworks_holds", 2)
    text = render_metrics({}, meters.gauges)
    assert "tokenworks_loop_stall_seconds_max 0.001234\n" in text
    assert "tokenworks_holds 2\n" in text


def test_metric_names_unique() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    assert all(metric.help.endswith(".") for metric in METRICS)


def test_lines_redacted() -> None:
    event = redact_line(None, "info", {"api_key": "x", "messages": "hi", "note": "got tw_live_abc", "status": 200})
    assert event == {"api_key": "***", "messages": "***", "note": "got tw_live_***", "status": 200}


def test_logs_are_json() -> None:
    stream = io.StringIO()
    start_logs("gateway", "warning", stream)
    try:
        structlog.get_logger().info("quiet")
        structlog.get_logger().warning("loud", authorization="Bearer x")
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
    (line,) = [json.loads(row) for row in stream.getvalue().splitlines()]
    assert (line["event"], line["level"], line["part"], line["authorization"]) == ("loud", "warning", "gateway", "***")


def test_level_changes() -> None:
    """A running part hears of another level; how lines look and where they go stays."""
    stream = io.StringIO()
    start_logs("gateway", "error", stream)
    try:
        log = structlog.get_logger()
        log.info("before")
        set_level("info")
        log.info("after")
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
    assert [json.loads(row)["event"] for row in stream.getvalue().splitlines()] == ["after"]
