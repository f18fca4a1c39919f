"""Embeddings: usage, and nothing built of the vectors."""

from __future__ import annotations

from tests.goldens import body

from tokenworks.wire.embeddings import Reader
from tokenworks.wire.events import ENDED, Failed, ProgressSeen, Timings, UsageSeen


def test_body() -> None:
    events = Reader().read_body(body("openai/embeddings_whole").data) or []
    assert events[1:] == [UsageSeen(b'{"prompt_tokens":8,"total_tokens":8}', 0), ENDED]
    timed = Reader().read_body(b'{"timings":{"prompt_n":3}}') or []
    assert timed[1:] == [ProgressSeen(Timings(0, 3, 0)), ENDED]
    assert Reader().read_body(b"{") is None and Reader().read_body(b'{"error":{}}') == [Failed(b'{"error":{}}')]


def test_no_stream() -> None:
    assert Reader().read(b"{}") is None
