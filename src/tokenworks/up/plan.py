"""What the supervisor is to start, as data: a table of parts, each a command with the files it inherits."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PartName = Literal["control", "engine", "gateway", "task"]

# A malloc that keeps large blocks instead of mapping and returning them: halves the cost of bodies over 128 KB.
MALLOC_ENV = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "1048576",
}
STOP_ORDER: tuple[tuple[PartName, ...], ...] = (("task", "gateway"), ("engine",), ("control",))


@dataclass(frozen=True)
class Part:
    """One child. `socket` is the index of the listening socket it inherits; a `task` runs once and is not restarted."""

    name: PartName
    label: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    socket: int = -1
    once: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `up` was asked for, in plain values. `flags` are handed on to every part, so that all read one setting."""

    state_dir: str
    host: str
    port: int
    workers: int
    drain_s: int
    tls: bool = False
    engine: bool = True
    flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[tuple[str, ...], ...] = ()


def list_parts(plan: Plan) -> list[Part]:
    """Control first: it alone can refuse the state. Then the engine, the workers, and what runs once."""
    parts = [Part("control", "control", command("control", plan.flags))]
    if plan.engine:
        parts.append(Part("engine", "engine", command("engine", plan.flags)))
    parts += [
        Part("gateway", f"gateway-{index}", command("gateway", plan.flags, "--index", str(index)),
             MALLOC_ENV, socket=index)
        for index in range(plan.workers)
    ]
    parts += [Part("task", words[0], command(*words, plan.flags), once=True) for words in plan.tasks]
    return parts


def command(*words: str | tuple[str, ...]) -> tuple[str, ...]:
    """`python -m tokenworks …` with the interpreter that runs us."""
    flat = [part for word in words for part in (word if isinstance(word, tuple) else (word,))]
    return (sys.executable, "-m", "tokenworks", *flat)


def restart_delay(failures: int) -> int:
    """Milliseconds before the next start after so many quick failures: 100, 200, 400 … at most 5,000."""
    return min(5000, 100 << min(failures, 6)) if failures else 0
