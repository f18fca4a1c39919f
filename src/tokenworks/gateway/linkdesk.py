"""The worker's end of the private link: each message of the control process goes to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import structlog

from tokenworks.credit.messages import (
    Answer,
    Hello,
    Offer,
    Order,
    Owned,
    Probed,
    Recall,
    Renewed,
    ToControl,
    ToWorker,
)
from tokenworks.credit.policy import Change, Snapshot
from tokenworks.gateway.shared import Shared
from tokenworks.link.client import LinkClient

log = structlog.get_logger()


class LinkDesk:
    """Callbacks of a LinkClient. `obey` carries out an Order."""

    def __init__(self, shared: Shared, path: str, pid: int, obey: Callable[[Literal["drain", "reload"]], None]) -> None:
        self._shared, self._path, self._pid, self._obey = shared, path, pid, obey
        self._gap = False
        self._link = self._make_link()
        shared.link_send = self._send

    def start(self) -> None:
        """Dial, from inside the running loop."""
        self._link.start()

    def close(self) -> None:
        """Hang up for good."""
        self._link.close()

    def _send(self, message: ToControl) -> bool:
        return self._link.send(message)

    def _make_link(self) -> LinkClient:
        return LinkClient(self._path, self._hello, self._take, self._changed)

    def _hello(self) -> Hello:
        shared = self._shared
        version = 0 if self._gap else shared.book.version
        return Hello(shared.writer, self._pid, version, shared.desk.granted(), shared.book.books_epoch)

    def _changed(self, connected: bool) -> None:
        shared = self._shared
        shared.connected = connected
        shared.heard_ns = shared.clock.mono_ns()
        shared.desk.link_changed(connected)
        if not connected:
            shared.owners.link_lost()
        log.info("control_link", connected=connected)

    def _take(self, message: ToWorker) -> None:
        shared = self._shared
        shared.heard_ns = shared.clock.mono_ns()
        match message:
            case Answer():
                shared.desk.take_answer(message)
            case Offer():
                shared.desk.take_offer(message)
            case Renewed():
                shared.desk.take_renewed(message)
            case Recall():
                shared.desk.take_recall(message)
            case Owned():
                shared.owners.take_owned(message)
            case Probed():
                shared.book.outlets.revive(message.well)
            case Snapshot():
                self._gap = False
                shared.book.load(message)
                self._note_policy()
            case Change():
                self._apply(message)
            case Order():
                self._obey(message.what)

    def _apply(self, change: Change) -> None:
        """An increment for another version means that something was missed: a new Hello brings all of it, and until
        then the policy held goes on."""
        if self._shared.book.apply(change):
            self._note_policy()
            return
        log.warning("policy_gap", held=self._shared.book.version, after=change.after)
        if self._gap:
            return
        self._gap = True
        old, self._link = self._link, self._make_link()
        old.close()
        self._link.start()

    def _note_policy(self) -> None:
        book, shared = self._shared.book, self._shared
        if book.books_epoch:
            shared.journal.books_epoch = book.books_epoch
            shared.desk.adopt_epoch(book.books_epoch)
