"""What a worker counts per request: every key is made once, so that a request costs a few dictionary steps."""

from __future__ import annotations

from tokenworks.credit.records import Closed, Opened, Refused
from tokenworks.telemetry import Histogram, Meters, series
from tokenworks.usage.vector import CLASSES, Basis, Usage

TOGETHER = 64  # ended requests that are counted at a time
LIVE_MAX = 256  # rows of `request tail` per report: above that they are a sample, and keeping more would cost


class ModelKeys:
    """The series of one model and dialect."""

    __slots__ = ("by_end", "duration", "model", "dialect", "per_token", "tokens", "ttft")  # noqa: RUF023

    def __init__(self, meters: Meters, model: str, dialect: str) -> None:
        self.model, self.dialect = model, dialect
        self.by_end: dict[tuple[str, int], str] = {}
        self.tokens: dict[Basis, tuple[str, ...]] = {}
        labels = {"gen_ai_request_model": model}
        self.duration = _histogram(meters, "gen_ai_server_request_duration_seconds", labels)
        self.ttft = _histogram(meters, "gen_ai_server_time_to_first_token_seconds", labels)
        self.per_token = _histogram(meters, "gen_ai_server_time_per_output_token_seconds", labels)


class Tally:
    """Counters and histograms of one worker, and the rows for `request tail`."""

    def __init__(self) -> None:
        self.meters = Meters()
        self.live: list[tuple[Opened, Closed | None] | Refused] = []
        self._models: dict[tuple[str, str], ModelKeys] = {}
        self._refusals: dict[str, str] = {}
        self._attempts: dict[tuple[str, str], str] = {}
        self._ended: list[tuple[ModelKeys, Opened, Closed]] = []
        self._cuts = series("tokenworks_streams_cut_total")

    def keys(self, model: str, dialect: str) -> ModelKeys:
        """The series of a model that is on sale; its name comes from the policy, never from a client."""
        keys = self._models.get((model, dialect))
        if keys is None:
            keys = self._models[(model, dialect)] = ModelKeys(self.meters, model, dialect)
        return keys

    def note_refusal(self, refusal: str) -> None:
        """A request refused at the door."""
        key = self._refusals.get(refusal)
        if key is None:
            key = self._refusals[refusal] = series("tokenworks_refusals_total", refusal=refusal)
        self.meters.add(key)

    def note_end(self, keys: ModelKeys, opened: Opened, closed: Closed) -> None:
        """A request has ended. It is counted with others, which costs a third of counting it now."""
        if len(self.live) < LIVE_MAX:
            self.live.append((opened, closed))
        self._ended.append((keys, opened, closed))
        if len(self._ended) >= TOGETHER:
            self._count_ended()

    def figures(self) -> dict[str, int]:
        """All counters up to now."""
        self._count_ended()
        return self.meters.figures()

    def _count_ended(self) -> None:
        ended, self._ended = self._ended, []
        for keys, opened, closed in ended:
            self._count(keys, opened, closed)

    def _count(self, keys: ModelKeys, opened: Opened, closed: Closed) -> None:
        counters = self.meters.counters
        key = keys.by_end.get((closed.outcome, closed.status))
        if key is None:
            key = keys.by_end[(closed.outcome, closed.status)] = series(
                "tokenworks_requests_total", model=keys.model, dialect=keys.dialect,
                outcome=closed.outcome, status=str(closed.status))
        counters[key] = counters.get(key, 0) + 1
        for attempt in closed.attempts:
            key = self._attempts.get((attempt.deployment, attempt.outcome))
            if key is None:
                key = self._attempts[(attempt.deployment, attempt.outcome)] = series(
                    "tokenworks_attempts_total", deployment=attempt.deployment, outcome=attempt.outcome)
            counters[key] = counters.get(key, 0) + 1
        self._note_tokens(keys, closed.usage, closed.basis)
        keys.duration.observe(closed.duration_ms)
        if closed.ttft_ms >= 0:
            keys.ttft.observe(closed.ttft_ms)
            rest = closed.usage.output + closed.usage.reasoning - 1
            if rest > 0 and opened.stream:
                keys.per_token.observe((closed.duration_ms - closed.ttft_ms) * 1000 // rest)
        if closed.outcome == "cut":
            self.meters.add(self._cuts)

    def note_live(self, row: tuple[Opened, Closed | None] | Refused) -> None:
        """A row for `request tail`, while there is room."""
        if len(self.live) < LIVE_MAX:
            self.live.append(row)

    def _note_tokens(self, keys: ModelKeys, usage: Usage, basis: Basis) -> None:
        names = keys.tokens.get(basis)
        if names is None:
            names = keys.tokens[basis] = tuple(
                series("tokenworks_tokens_total", model=keys.model, **{"class": name}, basis=basis) for name in CLASSES)
        counters = self.meters.counters
        if usage.input:
            counters[names[0]] = counters.get(names[0], 0) + usage.input
        if usage.output:
            counters[names[4]] = counters.get(names[4], 0) + usage.output
        if usage.cache_read or usage.reasoning or usage.cache_write_5m or usage.cache_write_1h:
            for place, name in ((1, "cache_read"), (2, "cache_write_5m"), (3, "cache_write_1h"), (5, "reasoning")):
                if count := getattr(usage, name):
                    counters[names[place]] = counters.get(names[place], 0) + count

    def take_live(self) -> tuple[dict[str, str | int], ...]:
        """The rows since the last report."""
        self._count_ended()
        rows = tuple(_live_row(item) for item in self.live)
        self.live.clear()
        return rows


def _histogram(meters: Meters, name: str, labels: dict[str, str]) -> Histogram:
    return meters.histogram(series(name, **labels))


def _live_row(item: tuple[Opened, Closed | None] | Refused) -> dict[str, str | int]:
    """One row of `request tail`: an opened, a closed or a refused request."""
    if isinstance(item, Refused):
        return {"event": "refused", "request": item.request, "at_ns": item.at_ns, "account": item.account,
                "key": item.key, "dialect": item.dialect, "model": item.model, "reason": item.refusal,
                "status": item.status}
    opened, closed = item
    row: dict[str, str | int] = {
        "event": "opened", "request": opened.request, "at_ns": opened.at_ns, "account": opened.account,
        "key": opened.key, "dialect": opened.dialect, "model": opened.model, "deployment": opened.deployment,
        "stream": int(opened.stream), "held_minor": opened.held_minor, "unit": opened.unit}
    if closed is None:
        return row
    usage = closed.usage
    return {**row, "event": "closed", "at_ns": closed.at_ns, "deployment": closed.deployment or opened.deployment,
            "outcome": closed.outcome, "reason": closed.reason, "status": closed.status, "basis": closed.basis,
            "input": usage.input, "cache_read": usage.cache_read,
            "cache_write": usage.cache_write_5m + usage.cache_write_1h, "output": usage.output,
            "reasoning": usage.reasoning, "charged_minor": closed.charged_minor, "ttft_ms": closed.ttft_ms,
            "duration_ms": closed.duration_ms}
