"""What is started, in which order, with what."""

from __future__ import annotations

from tokenworks.up.plan import Plan, list_parts, restart_delay


def test_parts_listed() -> None:
    flags, tasks = ("--state", "/s"), (("demo", "-x"),)
    plan = Plan(state_dir="/s", host="::1", port=1, workers=2, drain_s=3, flags=flags, tasks=tasks)
    parts = list_parts(plan)
    assert [part.label for part in parts] == ["control", "engine", "gateway-0", "gateway-1", "demo"]
    assert [part.socket for part in parts] == [-1, -1, 0, 1, -1]
    assert parts[3].argv[1:] == ("-m", "tokenworks", "gateway", "--state", "/s", "--index", "1")
    assert parts[4].argv[3:] == ("demo", "-x", "--state", "/s")
    assert parts[4].once
    assert "MALLOC_TRIM_THRESHOLD_" in parts[2].env


def test_engine_left_out() -> None:
    plan = Plan(state_dir="/s", host="::1", port=1, workers=1, drain_s=3, engine=False)
    assert [part.name for part in list_parts(plan)] == ["control", "gateway"]


def test_delay_grows() -> None:
    assert [restart_delay(count) for count in (0, 1, 2, 5, 6, 99)] == [0, 200, 400, 3200, 5000, 5000]
