"""The engine's own counters, against which our meter is held (DESIGN 4.6), and the sight of a restart in them.

llama.cpp (as of b11549) counts every token it has worked on: `prompt_tokens_total` without those taken from a cache,
`prompt_tokens_cached_total` those, `tokens_predicted_total` what was generated. Embeddings move the first one.
"""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

from tokenworks.errors import UpstreamError
from tokenworks.supply.fetch import Target, fetch

_PROMPT, _CACHED, _COMPLETION = (
    re.compile(rf"^llamacpp:{name} ([0-9.eE+]+)$", re.M)
    for name in ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total"))


class EngineCounts(NamedTuple):
    """Tokens since the engine's start: prompt tokens worked on (`usage.input`), generated ones (`output` with
    `reasoning`), prompt tokens taken from its cache (`cache_read`)."""

    prompt: int
    completion: int
    cached: int = 0


class Growth(NamedTuple):
    """What came since the last look. After a `reset` it is what the new start has counted; what the old one counted
    after that look is unknown."""

    prompt: int
    completion: int
    cached: int
    reset: bool


def parse_counts(text: str) -> EngineCounts | None:
    """Counters of a Prometheus page; None when it is no llama.cpp's."""
    found = [pattern.search(text) for pattern in (_PROMPT, _COMPLETION, _CACHED)]
    if found[0] is None or found[1] is None:
        return None
    return EngineCounts(*(_whole(match.group(1)) if match else 0 for match in found))


def _whole(text: str) -> int:
    """A counter's value; beyond six digits llama.cpp may write 1.23457e+06."""
    return int(text) if text.isdigit() else round(float(text))


def read_counts(url: str, credential: str) -> EngineCounts | None:
    """The counters now; None when the engine does not answer or has none. Blocks: not for an event loop."""
    try:
        answer = asyncio.run(fetch(Target(url, credential), "/metrics"))
    except UpstreamError:
        return None
    return parse_counts(answer.body.decode("utf-8", "replace")) if answer.status == 200 else None


class CountWatch:
    """Follows one engine's counters. A counter that went back means that the engine has started anew."""

    def __init__(self) -> None:
        self._last = EngineCounts(0, 0, 0)
        self._incarnation: object = None
        self.resets = 0

    def see(self, counts: EngineCounts, incarnation: object = None) -> Growth:
        """What came since the last look; the first look counts from the engine's start.

        `incarnation` is anything that differs between two starts (its pid, its start time): with it a restart is seen
        even when the new counters have already passed the old ones.
        """
        renewed = incarnation != self._incarnation and self._incarnation is not None
        reset = renewed or any(now < before for now, before in zip(counts, self._last, strict=True))
        base = EngineCounts(0, 0, 0) if reset else self._last
        self._last, self._incarnation = counts, incarnation
        self.resets += reset
        return Growth(counts.prompt - base.prompt, counts.completion - base.completion, counts.cached - base.cached,
                      reset)
