"""The other hosts that use an engine of ours: what they metered is in the books, and what we metered for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from tokenworks.control.reach import Reach
from tokenworks.errors import BooksUnreachable
from tokenworks.store.ports import Metering
from tokenworks.store.shapes import WorkSum

_LOG = structlog.get_logger()


class Told(NamedTuple):
    """What the books have: of this host, and of all others."""

    own: list[WorkSum]
    others: list[WorkSum]


class Fellows:
    """Blocks: not for an event loop. Books that are away are no error: the next look makes it good."""

    def __init__(self, host: str, metering: Metering, reach: Reach) -> None:
        self._host, self._metering, self._reach = host, metering, reach

    def hear(self) -> Told | None:
        """None while the books cannot be reached."""
        call, metering = self._reach.call, self._metering
        try:
            return Told(call(metering.own, self._host), call(metering.others, self._host))
        except BooksUnreachable as error:
            _LOG.warning("other_hosts_not_heard", why=str(error))
            return None

    def tell(self, sums: Sequence[WorkSum], least_ns: int) -> None:
        """Puts what has changed of our own; hours that began before `least_ns` go."""
        if not sums:
            return
        try:
            self._reach.call(self._metering.put, self._host, sums, least_ns)
        except BooksUnreachable as error:
            _LOG.warning("other_hosts_not_told", why=str(error))
