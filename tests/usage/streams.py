"""What a stream of a provider comes to, for the tests of the providers."""

from __future__ import annotations

import json
from typing import Any

from tests.goldens import stream

from tokenworks.usage.meter import Show, StreamMeter
from tokenworks.usage.vector import Usage


def meter_stream(name: str, *, shown: bool = False) -> tuple[StreamMeter, bytes]:
    """The meter at the end of a golden stream, and what the client got of it."""
    golden = stream(name)
    meter = StreamMeter(golden.dialect, golden.engine, "visible", Show(shown))
    return meter, meter.feed(golden.data) + meter.flush()


def usage_of(name: str) -> Usage:
    """The usage that a golden stream reports; the client, who asked for none, is shown none."""
    meter, got = meter_stream(name)
    assert meter.report is not None and meter.report.basis == "reported"
    assert meter.output_seen == meter.report.usage.completion
    if name.endswith("/chat_stream"):
        assert b'"usage":{' not in got
    return meter.report.usage


def shown_to(got: bytes) -> list[dict[str, Any]]:
    """The usage objects in what a client got."""
    events = [json.loads(line[6:]) for line in got.decode().splitlines() if line.startswith("data: {")]
    return [event["usage"] for event in events if event.get("usage")]
