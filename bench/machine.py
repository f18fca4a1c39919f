"""Where the bench runs: everything pinned to one core at real-time priority, and what processes cost there.

One core, because wake-ups across the cores of a virtual machine cost more than what is compared here; real-time,
because neighbours otherwise write the figures. Absolute numbers are this machine's; the ratios are the result.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CORE = 0
PROC = Path("/proc")
PINNED = ("taskset", "-c", str(CORE), "chrt", "-r", "1")


@dataclass(frozen=True)
class Pin:
    """How processes are started: the words before the command, and what a reader of the figures must know."""

    words: tuple[str, ...]
    note: str


@cache
def pin() -> Pin:
    """The strongest pinning that this machine permits."""
    if _works(PINNED):
        return Pin(PINNED, f"all processes on core {CORE} at real-time priority 1 (round robin)")
    if _works(PINNED[:3]):
        return Pin(PINNED[:3], f"all processes on core {CORE}; real-time priority not permitted, neighbours disturb")
    return Pin((), "not pinned: neither taskset nor chrt is permitted here, expect noise above 20 %")


def _works(words: tuple[str, ...]) -> bool:
    try:
        return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def place(pids: list[int]) -> None:
    """Pins processes that started themselves, all their threads, as `pin` would have."""
    for task in (int(task.name) for pid in pids for task in (PROC / str(pid) / "task").iterdir()):
        if pin().words:
            os.sched_setaffinity(task, {CORE})
        if pin().words == PINNED:
            os.sched_setscheduler(task, os.SCHED_RR, os.sched_param(1))


def offspring(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for task in (PROC / str(pid) / "task").glob("*/children"):
        for child in task.read_text().split():
            found += offspring(int(child))
    return found


def cpu_ns(pids: list[int]) -> int:
    """CPU time, user and system, of all threads of these processes, in nanoseconds."""
    tasks = [task for pid in pids for task in (PROC / str(pid) / "task").iterdir()]
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    except FileNotFoundError:  # a kernel without scheduler statistics: ticks of 10 ms
        return sum(_ticks(pid) for pid in pids) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def _ticks(pid: int) -> int:
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def pss_kb(pids: list[int]) -> int:
    """Memory of these processes in KB, shared pages counted by share."""
    texts = [(PROC / str(pid) / "smaps_rollup").read_text() for pid in pids]
    return sum(int(size) for text in texts for size in re.findall(r"^Pss:\s+(\d+) kB", text, re.M))


def describe() -> dict[str, str]:
    """What a reader needs to place the figures."""
    model = re.search(r"model name\s*: (.*)", (PROC / "cpuinfo").read_text())
    return {"cpu": f"{os.cpu_count()} x {model[1] if model else platform.machine()}", "kernel": platform.release(),
            "python": platform.python_version(), "pinning": pin().note,
            "load_before": " ".join(f"{load:.2f}" for load in os.getloadavg())}
