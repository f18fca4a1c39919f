"""Golden streams and bodies: recorded from llama.cpp, written by hand in the documented shapes of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, cast

from tokenworks.wire.dialects import ENGINES, Dialect, Engine
from tokenworks.wire.sse import Splitter

ROOT = Path(__file__).parent / "golden"


class Golden(NamedTuple):
    """One recorded answer."""

    engine: Engine
    dialect: Dialect
    name: str
    data: bytes

    @property
    def blocks(self) -> list[bytes]:
        return Splitter().feed(self.data)


def _load(suffix: str) -> list[Golden]:
    found = []
    for engine in ENGINES:
        for path in sorted((ROOT / engine).glob(f"*{suffix}")):
            request = path.with_suffix(".request.json")
            refused = request.exists() and json.loads(request.read_text()).get("status", 200) != 200
            if not path.name.endswith(".request.json") and not refused:
                dialect = cast(Dialect, path.name.split("_")[0])
                found.append(Golden(engine, dialect, f"{engine}/{path.name}", path.read_bytes()))
    return found


STREAMS = _load(".sse")
BODIES = _load(".json")


def stream(name: str) -> Golden:
    """The stream of that name, such as `openai/chat_text`."""
    return next(golden for golden in STREAMS if golden.name == name + ".sse")


def body(name: str) -> Golden:
    """The body of that name."""
    return next(golden for golden in BODIES if golden.name == name + ".json")
