"""run/engine.json: where the embedded engine serves and with which key, for the control process of this host alone."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class EngineFacts(msgspec.Struct, frozen=True):
    """A running engine. `version` is the package's: llama.cpp itself reports none."""

    url: str
    key: str
    pid: int
    model: str
    context_tokens: int
    output_tokens_max: int
    version: str
    started_at_ns: int


def facts_path(state_dir: str) -> Path:
    """Where the facts of this state's engine lie."""
    return Path(state_dir) / "run" / "engine.json"


def write_facts(state_dir: str, facts: EngineFacts) -> None:
    """Replace the file in one step; it is never readable by others, not even while it is new."""
    path = facts_path(state_dir)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(f".{facts.pid}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(facts))
    new.rename(path)


def read_facts(state_dir: str) -> EngineFacts | None:
    """The engine that runs now; None when there is none, also when a killed one left its file behind."""
    try:
        facts = msgspec.json.decode(facts_path(state_dir).read_bytes(), type=EngineFacts)
        os.kill(facts.pid, 0)
    except (FileNotFoundError, ProcessLookupError, msgspec.DecodeError):
        return None
    except PermissionError:  # it lives, under another user
        return facts
    return facts


def drop_facts(state_dir: str, pid: int) -> None:
    """Remove the file if it is still ours: a successor may have written its own."""
    facts = read_facts(state_dir)
    if facts is not None and facts.pid == pid:
        facts_path(state_dir).unlink(missing_ok=True)
