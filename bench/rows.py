"""What is measured: one row per promise, each a load and the figure that is read off it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bench.contestants import Contestant
from bench.machine import cpu_ns, pss_kb
from bench.tools import Load, Mock, good, load

Figures = dict[str, float]
Compared = Literal["ratio to nginx", "above direct", "alone"]
STREAMS = 200
CHUNKS = 100
PACE = f"rate={CHUNKS // 2},first_ms=10"  # 50 chunks a second
RAMP_MS = 20  # starts spread over one chunk's interval, so that every chunk is a wake-up of its own
LIFE_MS = 1990  # of a stream, less a bit: starts spread over it come one by one, with all their chunks at other times
OPEN_STREAMS = 1000
MIXED_BODIES = "1000,10000,100000,300000,1000000"
MIXED_RATE = 50  # bodies a second beside the streams


@dataclass(frozen=True)
class Row:
    """One line of the table. `figure` is what is compared, `limit` how much of it is promised at most."""

    name: str
    title: str
    figure: str
    unit: str
    compared: Compared
    limit: float
    measure: Callable[[Contestant, Mock, float], Figures]
    fresh: bool = False  # on a contestant just started: memory and maxima have a history


def cpu_of(contestant: Contestant, mock: Mock, per: Literal["requests", "chunks"], settings: dict[str, Any]) -> Figures:
    """CPU microseconds per request or chunk, on the way and beside it, of one load."""
    contestant.settled()
    connections, asked = mock.stats()["connections"], mock.stats()["progress_asked"]
    way_ns, beside_ns = cpu_ns(contestant.gateway()), cpu_ns(contestant.beside())
    found = load(contestant.port, contestant.key, **settings)
    way_ns = cpu_ns(contestant.gateway()) - way_ns
    contestant.settled()
    beside_ns = cpu_ns(contestant.beside()) - beside_ns
    stats = mock.stats()
    return {
        "cpu_us": way_ns / found[per] / 1000,
        "beside_us": beside_ns / found[per] / 1000,
        "per_second": found[per] / found["seconds"],
        "latency_us_p99": found["latency_us"]["p99"],
        "chunk_us_p50": found["chunk_us"]["p50"],
        "chunk_us_p99": found["chunk_us"]["p99"],
        "connections": stats["connections"] - connections,  # upstream connections that had to be opened
        "progress_asked": stats["progress_asked"] - asked,  # requests for which the mock was asked for progress figures
        "progress_seen": found["usage_events"] + found["timing_events"],  # figures the client saw and did not ask for
    }


def whole(body_bytes: int, conns: int, seconds: float) -> Callable[[Contestant, Mock, float], Figures]:
    """A closed loop of whole answers."""
    def measure(contestant: Contestant, mock: Mock, scale: float) -> Figures:
        settings = {"conns": conns, "bodies": body_bytes, "chunks": 20}
        load(contestant.port, contestant.key, seconds=0.3 * scale, **settings)
        return cpu_of(contestant, mock, "requests", settings | {"seconds": seconds * scale})
    return measure


def streamed(contestant: Contestant, mock: Mock, scale: float) -> Figures:
    """Paced streams, two per connection."""
    settings = {"conns": STREAMS, "stream": True, "chunks": CHUNKS, "ask": PACE, "ramp_ms": RAMP_MS}
    load(contestant.port, contestant.key, requests=STREAMS, **settings | {"chunks": 5})
    return cpu_of(contestant, mock, "chunks", settings | {"requests": max(STREAMS, int(2 * STREAMS * scale))})


def latency(contestant: Contestant, mock: Mock, scale: float) -> Figures:
    """An open loop of 500 small requests a second."""
    load(contestant.port, contestant.key, conns=64, rate=500, seconds=0.3)
    found = load(contestant.port, contestant.key, conns=64, rate=500, seconds=8 * scale)
    return {f"{name}_us": found["latency_us"][name] for name in ("p50", "p99", "max")}


def memory(contestant: Contestant, mock: Mock, scale: float) -> Figures:
    """KB that one more open stream takes, on a gateway just started and warmed by small requests."""
    pids = contestant.gateway()
    load(contestant.port, contestant.key, conns=64, requests=2000)
    idle_kb = pss_kb(pids)
    count = max(100, int(OPEN_STREAMS * scale))
    streams = Load(contestant.port, contestant.key, conns=count, requests=count, stream=True, chunks=100, ask="rate=1",
                   ramp_ms=count, hold=True)
    streams.wait_open()
    time.sleep(1)
    open_kb = pss_kb(pids)
    streams.cut()
    return {"stream_kb": (open_kb - idle_kb) / count, "idle_kb": idle_kb, "open_kb": open_kb}


def mixed(contestant: Contestant, mock: Mock, scale: float) -> Figures:
    """What a chunk waits for while bodies up to 1 MB pass beside it; also the worst stall the gateway itself saw."""
    seconds = max(0.5, 6 * scale)
    streams = Load(contestant.port, contestant.key, conns=STREAMS, seconds=seconds, stream=True, chunks=CHUNKS,
                   ask=PACE, ramp_ms=LIFE_MS)
    bodies = load(contestant.port, contestant.key, conns=16, rate=MIXED_RATE, seconds=seconds + 1, bodies=MIXED_BODIES)
    found = good(streams.result())
    figures = {f"chunk_us_{name}": found["chunk_us"][name] for name in ("p50", "p99", "max")}
    return figures | {"body_us_p99": bodies["latency_us"]["p99"]} | contestant.figures()


ROWS = (
    Row("small", "small request (600 B, 64 connections)", "cpu_us", "µs CPU", "ratio to nginx", 2.2, whole(600, 64, 2)),
    Row("chunk", "SSE chunk (200 streams, 50 chunks/s each)", "cpu_us", "µs CPU", "ratio to nginx", 1.4, streamed),
    Row("large", "request of 200 KB (16 connections)", "cpu_us", "µs CPU", "ratio to nginx", 2.2,
        whole(200_000, 16, 1.5)),
    Row("latency", "p99 at 500 requests/s", "p99_us", "µs", "above direct", 1000, latency),
    Row("mixed", "chunk p99, 200 streams beside bodies to 1 MB", "chunk_us_p99", "µs", "alone", 2000, mixed,
        fresh=True),
    Row("memory", "memory per open stream (1,000 open)", "stream_kb", "KB", "alone", 100, memory, fresh=True),
)
