"""What the meter found, record by record: tokens per deployment, whoever pays, also of attempts that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from tokenworks.credit.records import Amended, Closed, Opened, Progressed, Record, Served
from tokenworks.credit.rows import Damage
from tokenworks.usage.vector import Usage


class Tokens(NamedTuple):
    """Tokens that a deployment worked on; negative where a later count is lower. Cached prompt tokens are no work."""

    deployment: str
    at_ns: int
    prompt: int
    completion: int


class Running(msgspec.Struct, array_like=True):
    """A request that is open, or closed by an estimate that may be amended: what is known of it so far."""

    writer: str
    deployment: str
    prompt: int = 0
    completion: int = 0


class Metered(msgspec.Struct):
    """What is between two records of one request."""

    open: dict[str, Running] = {}
    estimated: dict[str, Running] = {}


def fold_records(state: Metered, records: Iterable[Record | Damage], writer: str, over: bool) -> Iterator[Tokens]:
    """The tokens that these records account for. `over`: the writer is dead, its open requests end as they stand."""
    for record in records:
        if isinstance(record, Opened):
            state.open[record.request] = Running(writer, record.deployment)
        elif isinstance(record, Progressed) and record.request in state.open:
            running = state.open[record.request]
            running.prompt, running.completion = count_work(record.usage)
        elif isinstance(record, Closed | Served):
            yield from _close(state, record.closed if isinstance(record, Served) else record, writer)
        elif isinstance(record, Amended) and record.request in state.estimated:
            before = state.estimated.pop(record.request)
            prompt, completion = count_work(record.usage)
            yield Tokens(before.deployment, record.at_ns, prompt - before.prompt, completion - before.completion)
    if over:
        for request in [request for request, running in state.open.items() if running.writer == writer]:
            left = state.open.pop(request)
            yield Tokens(left.deployment, 0, left.prompt, left.completion)
        for request in [request for request, running in state.estimated.items() if running.writer == writer]:
            del state.estimated[request]


def count_work(usage: Usage) -> tuple[int, int]:
    """Prompt and completion tokens that an engine has worked on."""
    return usage.input + usage.cache_write_5m + usage.cache_write_1h, usage.completion


def _close(state: Metered, record: Closed, writer: str) -> Iterator[Tokens]:
    state.open.pop(record.request, None)
    prompt, completion = count_work(record.usage)
    lost_prompt, lost_completion = count_work(record.cut_loss)
    if record.deployment:
        yield Tokens(record.deployment, record.at_ns, prompt + lost_prompt, completion + lost_completion)
    for attempt in record.attempts:
        if attempt.outcome != "served" and attempt.deployment:
            yield Tokens(attempt.deployment, record.at_ns, *count_work(attempt.usage))
    if record.basis == "estimated":
        state.estimated[record.request] = Running(writer, record.deployment, prompt, completion)
