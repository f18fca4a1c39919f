"""What becomes of a writer's leases and open requests: lost, found again, read to its end, or forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from tokenworks.credit.rows import EndView, LeaseDelta, LeaseRow, Plan


def end_writer(view: EndView) -> Plan:
    """A dead writer's journal has been read to its end: open requests are billed by their last progress (or waived, by
    their account's `crash`), holds expire, and what its leases have left returns to their lots. Idempotent."""
    raise NotImplementedError


def forget_writer(view: EndView) -> Plan:
    """Give up on a writer in doubt: its leases return to their lots unread. Its requests stay open: records that still
    come are charged to the overrun of their account. Needs leases and lots, no requests."""
    raise NotImplementedError


def lose_writer(leases: Iterable[LeaseRow]) -> list[LeaseDelta]:
    """A writer has not been heard of: its valid leases are in doubt."""
    raise NotImplementedError


def find_writer(leases: Iterable[LeaseRow]) -> list[LeaseDelta]:
    """A writer is back: its leases in doubt are valid again."""
    raise NotImplementedError
