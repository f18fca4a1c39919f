"""Usage: tokens and money summed over requests."""

from __future__ import annotations

import msgspec

from tokenworks.errors import Invalid
from tokenworks.operations.desk import Desk
from tokenworks.operations.operation import define
from tokenworks.operations.view import Money, read_time, show_money, show_time
from tokenworks.store.shapes import GROUPS, UsageQuery
from tokenworks.usage.vector import Usage


class SumUsage(msgspec.Struct, forbid_unknown_fields=True):
    """`by` is one or more of account, model, key, day, with commas. Times are RFC 3339, of when requests ended."""

    by: str = "model"
    account: str = ""
    key: str = ""
    model: str = ""
    since: str | None = None
    until: str | None = None


class UsageView(msgspec.Struct, kw_only=True):
    """One group's sums. charged + waived + overrun = rated."""

    account: str
    model: str
    key: str
    day: str
    requests: int
    usage: Usage
    rated: Money
    charged: Money
    waived: Money
    overrun: Money


class UsageReport(msgspec.Struct):
    """Sums over requests that ended; complete for what ended before `books_complete_until`."""

    data: list[UsageView]
    as_of: str | None
    books_complete_until: str | None


def sum_usage(desk: Desk, ask: SumUsage) -> UsageReport:
    """Sum up usage. Exact sums over requests, by model unless asked otherwise."""
    by = tuple(filter(None, (part.strip() for part in ask.by.split(","))))
    if not by or not set(by) <= set(GROUPS):
        raise Invalid("by", f"use some of {', '.join(GROUPS)}, with commas")
    query = UsageQuery(by, ask.account, ask.key, ask.model, read_time(ask.since, "since"),
                       read_time(ask.until, "until"))
    views = [UsageView(account=row.account, model=row.model, key=row.key, day=row.day, requests=row.requests,
                       usage=row.usage, rated=show_money(row.rated_minor, row.unit),
                       charged=show_money(row.charged_minor, row.unit), waived=show_money(row.waived_minor, row.unit),
                       overrun=show_money(row.overrun_minor, row.unit)) for row in desk.store.requests.usage(query)]
    now_ns = desk.clock.now_ns()
    return UsageReport(views, show_time(now_ns), show_time(desk.store.writers.complete(now_ns)))


USAGE = (define("usage.sum", sum_usage),)
