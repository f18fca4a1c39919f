"""Gateways: the workers that sell, each with its journal, as the books know them."""

from __future__ import annotations

import msgspec

from tokenworks.errors import Conflict, NotFound
from tokenworks.limits import FORGET_QUIET_S
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import show_time
from tokenworks.store.shapes import WriterRow


class ListGateways(msgspec.Struct, forbid_unknown_fields=True):
    """`all` lists also those that have ended; `host` those of one machine."""

    host: str = ""
    all: bool = False


class ForgetHost(msgspec.Struct, forbid_unknown_fields=True):
    """A host by its id, the first part of its gateways' names. `force`: also when it was heard a moment ago."""

    host: str
    force: bool = False


class GatewayView(msgspec.Struct):
    """A gateway worker. `lag_bytes` is what stands in its journal and not yet in the books.

    `running` and `connections` are known of the workers of the host that is asked, null of others.
    """

    writer: str
    host: str
    state: str
    running: int | None
    connections: int | None
    position: int
    lag_bytes: int
    started_at: str | None
    seen_at: str | None
    complete_until: str | None


class Gateways(msgspec.Struct):
    """All gateway workers."""

    data: list[GatewayView]
    books_complete_until: str | None


def list_gateways(desk: Desk, ask: ListGateways) -> Gateways:
    """List gateways. Each worker with its state and how far its journal is in the books."""
    rows = desk.store.writers.roster(ask.host, not ask.all)
    return Gateways([_view(desk, row) for row in rows], show_time(desk.store.writers.complete(desk.clock.now_ns())))


def forget_host(desk: Desk, ask: ForgetHost) -> Gateways:
    """Give up a host that is gone for good. Its credit in doubt returns; what its journals still say is overrun.

    Refused while one of its gateways was heard within the last 30 seconds: it sells, and what it sells from then on
    would be at the operator's cost. `force` does it all the same.
    """
    rows = desk.store.writers.roster(ask.host, True)
    if not rows:
        raise NotFound("gateway", ask.host)
    now_ns = desk.clock.now_ns()
    if not ask.force:
        _check_quiet(ask.host, rows, now_ns)
    writers = desk.step(detail="by force" if ask.force else "").store.writers
    marked = [writers.mark(row.writer, "forget", now_ns) for row in rows]
    desk.forget(ask.host)
    return Gateways([_view(desk, row) for row in marked], show_time(desk.store.writers.complete(now_ns)))


def _check_quiet(host: str, rows: list[WriterRow], now_ns: int) -> None:
    seen_ns = max(row.seen_at_ns for row in rows)
    quiet_s = (now_ns - seen_ns) // 1_000_000_000
    if quiet_s < FORGET_QUIET_S:
        raise Conflict(
            f"The host {host!r} was heard {max(0, quiet_s)} s ago: it is there, and what it sells once it is forgotten "
            f"is the operator's loss. Stop it and ask again {FORGET_QUIET_S} s later, or send `force` if it cannot be "
            "stopped and its credit is needed now.")


def _view(desk: Desk, row: WriterRow) -> GatewayView:
    heard = desk.heard().get(row.writer)
    return GatewayView(row.writer, row.host, row.state, heard.running if heard else None,
                       heard.connections if heard else None, row.position, row.lag_bytes,
                       show_time(row.started_at_ns), show_time(row.seen_at_ns), show_time(row.watermark_ns))


GATEWAY = (
    define("gateway.list", list_gateways),
    define("gateway.forget", forget_host),
)
