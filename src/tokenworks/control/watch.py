"""Whoever wants to hear of requests after they are in the books: nothing of it is on the way of a request.

The poster hands over what it has posted and goes on; a thread of its own tells it to an exporter. When that does not
keep up, what comes is left out and counted: books and gateways never wait for it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import NamedTuple, Protocol

import structlog

from tokenworks.control.facts import FactsBook
from tokenworks.credit.records import Closed, Opened, Record, Refused, Served
from tokenworks.credit.rows import Damage
from tokenworks.errors import TokenworksError
from tokenworks.limits import WATCH_OPEN_MAX, WATCH_RECORDS_MAX
from tokenworks.operations.secret import SecretBook
from tokenworks.store.ports import Store
from tokenworks.wire.dialects import Engine

Items = Sequence[tuple[int, Record | Damage]]
END_S = 5.0

_LOG = structlog.get_logger()


class Exporter(Protocol):
    """Takes what has happened; called on the watch's thread alone."""

    def tell_end(self, opened: Opened, closed: Closed) -> None:
        """A request has ended."""
        ...

    def tell_refusal(self, refused: Refused) -> None:
        """A request was refused at the door."""
        ...

    def close(self, wait_s: float) -> None:
        """Send what is left, for so long."""
        ...


class WatchParts(NamedTuple):
    """What an exporter may be built from. `engine_of` tells a deployment's engine."""

    store: Store
    facts: FactsBook
    secrets: SecretBook
    engine_of: Callable[[str], Engine | None]
    host: str
    version: str


MakeExporter = Callable[[WatchParts], Exporter]


class Watch:
    """The handover. `take` is called on the poster's thread and costs it one append a record."""

    def __init__(self, exporter: Exporter, parts: WatchParts) -> None:
        self._exporter, self._parts = exporter, parts
        self._queue: deque[Record] = deque()
        self._open: OrderedDict[str, Opened] = OrderedDict()
        self._wake, self._ending = Event(), False
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, items: Items) -> None:
        """What was posted just now."""
        for _, record in items:
            if isinstance(record, Opened | Closed | Served | Refused):
                if len(self._queue) >= WATCH_RECORDS_MAX:
                    self._parts.facts.meters.add("tokenworks_watch_dropped_total")
                    continue
                self._queue.append(record)
        self._wake.set()

    def stop(self) -> None:
        """Tell what is left, then the end; blocks for END_S at most."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(END_S)
        self._exporter.close(END_S)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                record = self._queue.popleft()
                try:
                    self._tell(record)
                except (TokenworksError, ValueError, KeyError) as error:
                    _LOG.warning("watch_not_told", request=getattr(record, "request", ""), why=str(error))
            if self._ending:
                return

    def _tell(self, record: Record) -> None:
        if isinstance(record, Served):
            self._exporter.tell_end(record.opened, record.closed)
        elif isinstance(record, Opened):
            self._open[record.request] = record
            if len(self._open) > WATCH_OPEN_MAX:
                self._open.popitem(last=False)
        elif isinstance(record, Closed):
            known = record.request in self._open
            opened = self._open.pop(record.request) if known else self._find(record.request)
            self._exporter.tell_end(opened, record)
        elif isinstance(record, Refused):
            self._exporter.tell_refusal(record)

    def _find(self, request: str) -> Opened:
        """A beginning that this process has not seen: the books know it."""
        row = self._parts.store.requests.get(request).row
        return Opened(row.id, row.account, row.key, row.opened_at_ns, row.dialect, row.model, row.deployment, row.unit,
                      row.card, row.stream, row.held_minor, row.crash, row.why)
