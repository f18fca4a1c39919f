"""What is told after posting: beginnings find their ends, nobody waits, and what goes wrong is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import structlog
from tests.control.telling import CLOSED, OPENED, REFUSED
from tests.control.test_poster import Bench, closed, opened

from tokenworks.control import watch
from tokenworks.control.facts import FactsBook
from tokenworks.control.watch import Watch, WatchParts
from tokenworks.credit.records import Closed, Opened, Record, Refused, Served
from tokenworks.errors import NotFound
from tokenworks.operations.secret import SecretBook
from tokenworks.store.memory.open import open_memory
from tokenworks.store.ports import Store


class Heard:
    """An exporter that keeps what it hears; `slow` is called before."""

    def __init__(self, slow: Callable[[], None] = lambda: None) -> None:
        self.ends: list[tuple[Opened, Closed]] = []
        self.refusals: list[Refused] = []
        self.closed = 0.0
        self._slow = slow

    def tell_end(self, opened: Opened, closed: Closed) -> None:
        self._slow()
        self.ends.append((opened, closed))

    def tell_refusal(self, refused: Refused) -> None:
        self.refusals.append(refused)

    def close(self, wait_s: float) -> None:
        self.closed = wait_s


def parts_of(store: Store | None = None, facts: FactsBook | None = None) -> WatchParts:
    return WatchParts(store or open_memory(), facts or FactsBook(), SecretBook({}), lambda name: None, "h", "1")


def told(records: list[Record], exporter: Heard, parts: WatchParts | None = None) -> Heard:
    found = Watch(exporter, parts or parts_of())
    found.start()
    found.take(list(enumerate(records)))
    found.stop()
    return exporter


def test_beginnings_find_their_ends() -> None:
    other = msgspec.structs.replace(OPENED, request="req_9")
    heard = told([OPENED, other, REFUSED, CLOSED, Served(other, msgspec.structs.replace(CLOSED, request="req_9"))],
                 Heard())
    assert [(opened.request, closed.request) for opened, closed in heard.ends] == [
        ("req_1", "req_1"), ("req_9", "req_9")]
    assert heard.refusals == [REFUSED] and heard.closed > 0


def test_the_books_know_a_beginning_of_before() -> None:
    """Control was started anew in the middle of a stream."""
    bench = Bench()
    writer = bench.writer()
    lease = bench.lease("h/0/1")
    begun, ended = opened("req_1"), closed("req_1", lease)
    for record in (begun, ended):
        writer.append(record)
    bench.run()
    heard = told([ended], Heard(), parts_of(bench.store))
    assert heard.ends == [(begun, ended)]


def test_what_cannot_be_told_is_said() -> None:
    def broken() -> None:
        raise ValueError("odd figures")

    with structlog.testing.capture_logs() as lines:
        told([CLOSED], Heard())  # nobody knows its beginning
        heard = told([OPENED, CLOSED, REFUSED], Heard(broken))
    assert [line["request"] for line in lines] == ["req_1", "req_1"]
    assert "req_1" in lines[0]["why"] and lines[1]["why"] == "odd figures" and heard.refusals == [REFUSED]
    with pytest.raises(NotFound):
        open_memory().requests.get("req_1")


def test_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow exporter: the poster goes on at once, and what is too much is left out and counted."""
    monkeypatch.setattr(watch, "WATCH_RECORDS_MAX", 10)
    monkeypatch.setattr(watch, "WATCH_OPEN_MAX", 3)
    facts = FactsBook()
    found = Watch(Heard(), parts_of(facts=facts))
    items: list[Any] = [(number, msgspec.structs.replace(OPENED, request=f"req_{number}")) for number in range(25)]
    began = time.monotonic()
    found.take(items)
    assert time.monotonic() - began < 1
    assert facts.counters()["tokenworks_watch_dropped_total"] == 15
    found.start()
    found.stop()
    assert list(found._open) == ["req_7", "req_8", "req_9"], "only the newest beginnings are kept"
