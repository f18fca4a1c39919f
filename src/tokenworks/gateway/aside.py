"""Requests whose translation would take long are admitted beside the loop, one at a time, while all others go on.

What is translated costs twenty to forty microseconds per message, part or tool, and a body has room for a million of
them. Usual ones are decided at once: to wait for a thread would take them longer.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from tokenworks.admission.admit import Admitted, Denied
from tokenworks.admission.offer import Offer
from tokenworks.admission.translated import speaks
from tokenworks.limits import TRANSLATED_BYTES_AT_ONCE, TRANSLATED_ITEMS_AT_ONCE
from tokenworks.wire.dialects import Dialect

log = structlog.get_logger()
Decided = Admitted | Denied
Ask = Callable[[], Decided]


def is_heavy(body: bytes) -> bool:
    """Whether a body may take milliseconds to translate: by its size, and by how many objects may stand in it. Keys
    would tell less: they can be left out, and written with escapes."""
    return len(body) > TRANSLATED_BYTES_AT_ONCE or body.count(b"{") > TRANSLATED_ITEMS_AT_ONCE


def is_aside(body: bytes, dialect: Dialect, offers: tuple[Offer, ...]) -> bool:
    """Whether admission of this request may have to translate what takes long."""
    return not all(speaks(offer, dialect) for offer in offers) and is_heavy(body)


class Aside:
    """One thread of a worker. `call_soon` hands over to its loop."""

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self._call_soon = call_soon
        self._thread = ThreadPoolExecutor(1, "admission")

    def ask(self, ask: Ask, then: Callable[[Decided | None], None]) -> None:
        """`then` is called on the loop with what `ask` has decided; None: it raised, or the worker ends."""

        def done(future: Future[Decided]) -> None:
            fault = None if future.cancelled() else future.exception()
            if fault is not None:
                log.error("admission_failed", exc_info=fault)
            self._call_soon(then, None if fault is not None or future.cancelled() else future.result())

        self._thread.submit(ask).add_done_callback(done)

    def close(self) -> None:
        """Takes nothing any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
